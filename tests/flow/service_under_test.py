"""The service under test: a running stack, all that lies on its topics, and its edges.

Owns writing to the topics and the view on the stream that many scenarios share.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from confluent_kafka import Producer

from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import BearerToken, trusted
from pipelines.local.broker import say_on_stderr
from pipelines.local.development_tokens import issuer_directory
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.settings import Settings, load_settings
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    STREAM,
    Topic,
    topic_name,
)
from tests.flow.edge_callers import EdgeCallers
from tests.flow.stream_event import StreamEvent
from tests.flow.topic_log import TopicLog

_ANSWER_S: Final = 60.0
_SOURCES: Final = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS)
_ENVIRONMENT: Final = {
    "GIFTCERT_PARTITIONS": "3",
    "GIFTCERT_POOL_LOW_MARK": "2",
    # So long that no other number in a log or topic is taken for one.
    "GIFTCERT_CVC_DIGITS": "8",
    # Hundreds of tests are the same few clients.
    "GIFTCERT_RATE_LIMIT": "1000000/minute",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record to write, or written; without a time it is now."""

    topic: Topic
    key: bytes | None
    value: bytes | None
    at_ms: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def running_service(
    bootstrap: str,
    data_dir: Path,
    prefix: str,
    *,
    processors: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Iterator["Service"]:
    """A correlator and processors on a broker that runs, with topics of their own."""
    options = StackOptions(
        data_dir=data_dir,
        broker=bootstrap,
        processors=processors,
        topic_prefix=prefix,
        environment={**_ENVIRONMENT, **(environment or {})},
    )
    with Stack(options, say=say_on_stderr) as stack:
        service = Service(stack, data_dir, prefix)
        yield service
        service.close()
        stack.check()
    assert stack.stopped_cleanly, "a worker had to be killed"


class Service:
    """A running stack, everything on its topics, and a client of each of its edges."""

    def __init__(self, stack: Stack, data_dir: Path, prefix: str) -> None:
        self.stack = stack
        self.data_dir = data_dir
        self.prefix = prefix
        self.settings: Settings = load_settings(
            {
                "bootstrap": stack.bootstrap,
                "topic_prefix": prefix,
                "partitions": int(stack.environment["GIFTCERT_PARTITIONS"]),
                "tls_ca_location": stack.environment.get("GIFTCERT_TLS_CA_LOCATION"),
                "schema_registry_url": stack.environment.get("GIFTCERT_SCHEMA_REGISTRY_URL"),
            }
        )
        self.framing = framing_for(self.settings)
        self.log = TopicLog(stack.bootstrap, prefix)
        self._callers = EdgeCallers(stack)
        self.edges = [
            httpx.Client(
                base_url=url,
                timeout=_ANSWER_S,
                trust_env=False,
                auth=self._callers,
                verify=trusted(self.settings.tls_ca_location),
            )
            for url in stack.http_urls
        ]
        self.revealed: set[str] = set()
        self._producer = Producer(
            {"bootstrap.servers": stack.bootstrap, "partitioner": "murmur2_random", "linger.ms": 0}
        )
        self._events: dict[str, list[StreamEvent]] = {}
        self._decoded = 0

    def close(self) -> None:
        self.log.__exit__()
        self.framing.close()
        for edge in self.edges:
            edge.close()

    def token(self, client: str, scope: str | None = None, *, subject: str | None = None) -> str:
        """A token of the service's own issuer."""
        token = self.stack.token(client, scope, subject=subject)
        self._callers.shown.add(token)
        return token

    def acting_as(
        self, client: str, scope: str | None = None, *, subject: str | None = None
    ) -> BearerToken:
        """For `auth=` of a request that another client makes than would by itself."""
        token = self.token(client, scope, subject=subject)
        return BearerToken(lambda: token)

    def auditor(self) -> str:
        """What an audit shows the processors."""
        return self.token("auditor")

    def secrets(self) -> list[bytes]:
        """What must be nowhere: tokens that were shown, the issuer's key, the clients' secrets."""
        directory = issuer_directory(self.data_dir)
        key = json.loads((directory / "signing-key.json").read_text(encoding="ascii"))
        kept = json.loads((directory / "client-secrets.json").read_text(encoding="ascii"))
        texts = [*self._callers.shown, key["d"], *kept.values()]
        return [text.encode() for text in texts]

    def write(self, *messages: Message) -> None:
        """Write records in this order and wait until Kafka has them."""
        for message in messages:
            place = {} if message.partition is None else {"partition": message.partition}
            self._producer.produce(
                topic_name(message.topic, self.settings),
                key=message.key,
                value=message.value,
                headers=list(message.headers),
                timestamp=message.at_ms or now_ms(),
                **place,
            )
        assert self._producer.flush(_ANSWER_S) == 0, "Kafka did not take the records"

    def events(self, key: str) -> list[StreamEvent]:
        """The events read so far under a key of the stream."""
        fresh = self.log.of(STREAM.name)[self._decoded :]
        self._decoded += len(fresh)
        for record in fresh:
            fields = self.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
            event = StreamEvent(record=record, fields=fields)
            self._events.setdefault(event.key, []).append(event)
        return self._events.get(key, [])

    def settle(self) -> None:
        """Wait until both workers have performed everything, and read all that came of it."""
        settings = self.settings
        self.log.until_drained(
            {
                settings.correlator_group: [
                    topic_name(topic, settings) for topic in (*_SOURCES, FACTS)
                ],
                settings.processor_group: [
                    topic_name(topic, settings) for topic in (COMMANDS, POOL, INDEX)
                ],
            }
        )
