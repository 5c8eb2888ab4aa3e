"""A running `giftcert enrich` on topics of its own, what is written to it and what comes of it.

Owns its process, which may be killed and started again, and the view on its output.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from confluent_kafka.admin import AdminClient

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.kafka_admin import KafkaAdmin
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.neighbours.enrich.topics import topics_for
from pipelines.neighbours.records.producer import RecordProducer
from pipelines.neighbours.records.record import SourceRecord
from pipelines.settings import Settings
from pipelines.topics import ALL_PAYMENTS, ALL_SALES_ORDER, WantedTopic, topic_name
from tests.flow.topic_log import LogRecord, TopicLog
from tests.pipelines.local.local_machine import await_condition

ROOT: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = "All_Payments.Enriched"
DEAD_LETTERS: Final = f"{OUTPUT}.DLQ"
PARTITIONS: Final = 3
_END_S: Final = 60.0
FRAMING: Final = SingleObjectFraming()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One payment as it came out."""

    record: LogRecord
    fields: Mapping[str, Any]

    @property
    def marks(self) -> tuple[str | None, str | None, str | None]:
        """Operation, certificate, and why."""
        return (
            self.fields["certificateOperation"],
            self.fields["certificateId"],
            self.record.header("enrichment"),
        )


class EnrichmentUnderTest:
    """The topics of one enrichment, and its process while it runs."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        self.settings = Settings(
            bootstrap=bootstrap, topic_prefix=prefix, partitions=PARTITIONS, worker_id="enrich-0"
        )
        topics = topics_for(self.settings, EnrichSettings())
        self.own = (topics.output, *topics.own)
        self.prefix = prefix
        self.state_dir = directory / "state"
        self.log_path = directory / "enrich.log"
        self.begun: list[subprocess.Popen[str]] = []
        self.process: subprocess.Popen[str] | None = None
        self._said_before = 0
        self.log: TopicLog | None = None

    def make_sources(self) -> None:
        """The topics of others."""
        admin = KafkaAdmin(self.settings, timeout_s=30)
        admin.create(
            WantedTopic(
                name=topic_name(topic, self.settings),
                partitions=PARTITIONS,
                replication_factor=1,
                config={},
            )
            for topic in (ALL_SALES_ORDER, ALL_PAYMENTS)
        )

    def environment(self) -> dict[str, str]:
        """What every program beside it is told."""
        return {
            **os.environ,
            "GIFTCERT_BOOTSTRAP": self.settings.bootstrap,
            "GIFTCERT_TOPIC_PREFIX": self.prefix,
            "GIFTCERT_PARTITIONS": str(PARTITIONS),
            "GIFTCERT_WORKER_ID": self.settings.worker_id,
            "GIFTCERT_STATE_DIR": str(self.state_dir),
            "GIFTCERT_LOG_FORMAT": "console",
        }

    def command(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """`giftcert enrich` with these arguments; what it says goes to the log."""
        with self.log_path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", "enrich", *arguments],
                cwd=ROOT,
                env={**self.environment(), **environment},
                stdout=subprocess.PIPE if arguments else log,
                stderr=log,
                text=True,
            )
        self.begun.append(process)
        return process

    def start(self, **environment: str) -> None:
        """Start it, and wait until its topics are there."""
        self._said_before = len(self.said()) if self.log_path.exists() else 0
        self.process = self.command(**environment)
        if self.log is None:
            admin = AdminClient({"bootstrap.servers": self.settings.bootstrap, "log_level": 0})
            await_condition(lambda: self._made(admin), timeout_s=60)
            self.log = TopicLog(self.settings.bootstrap, self.prefix)

    def _made(self, admin: AdminClient) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        found: Mapping[str, object] = admin.list_topics(timeout=10).topics
        return all(name in found for name in self.own)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, float]:
        """Ask it to end, once it is at work; its exit code and how many seconds it took.

        What is awaited of a process may be there before it is: of one that was killed.
        """
        assert self.process is not None
        await_condition(self._at_work, timeout_s=60)
        began_s = monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_END_S), monotonic() - began_s

    def _at_work(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return "enrichment at work" in self.said()[self._said_before :]

    def said(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def write(self, *records: SourceRecord) -> None:
        """Write records in this order and wait until Kafka has them."""
        with RecordProducer(self.settings, FRAMING, "test") as producer:
            producer.write(*records)

    def told(self) -> list[Told]:
        """The payments that came out so far."""
        assert self.log is not None
        return [
            Told(record=record, fields=FRAMING.decode(RecordName.PAYMENT, record.value))
            for record in self.log.of(OUTPUT)
        ]

    def await_told(self, count: int) -> list[Told]:
        """Wait until so many payments came out; all of them."""
        assert self.log is not None
        self.log.until(
            lambda: len(self.told()) >= count,
            lambda: f"{len(self.told())} payments, not {count}\n{self.said()[-3_000:]}",
        )
        return self.told()

    def all_told(self) -> list[Told]:
        """The payments that ever came out of a process that has ended."""
        assert self.log is not None
        self.log.until_drained({})
        return self.told()

    def dead_letters(self, count: int) -> list[LogRecord]:
        """Wait for so many dead letters."""
        log = self.log
        assert log is not None
        log.until(lambda: len(log.of(DEAD_LETTERS)) >= count, lambda: "there is no dead letter")
        return log.of(DEAD_LETTERS)


@contextmanager
def enrichment_on(bootstrap: str, prefix: str, directory: Path) -> Iterator[EnrichmentUnderTest]:
    """Topics for an enrichment; whatever process of it still runs is killed at the end."""
    enrichment = EnrichmentUnderTest(bootstrap, prefix, directory)
    enrichment.make_sources()
    try:
        yield enrichment
    finally:
        for process in enrichment.begun:
            process.kill()
            process.communicate()
        if enrichment.log is not None:
            enrichment.log.__exit__()
