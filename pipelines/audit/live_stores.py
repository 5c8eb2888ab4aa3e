"""The live processors' own records of certificates, read over HTTP page by page.

Owns finding the processors and asking them, as a client whose token has the scope of audits.
Judges nothing, and changes nothing there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from msgspec.json import decode

from pipelines.faults import BrokerRefused
from pipelines.live_workers import LiveWorkers, ProcessorUnreachable, decoded, edge_urls
from pipelines.settings import Settings

_PAGE: Final = 5_000
_ANSWER_S: Final = 10.0
_PAUSE_S: Final = 0.2


class LiveRecord(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One certificate as its processor keeps it. Amounts are minor units; `holds` by their ids."""

    certificate_id: str
    sequence: int
    pool: str
    status: str
    lifecycle: str
    currency: str | None
    nominal_minor: int
    remaining_minor: int
    held_minor: int
    redeemed_minor: int
    refunded_minor: int
    annulled_minor: int
    holds: dict[str, int]


class _Page(Struct, frozen=True, kw_only=True):
    partition: int
    records: list[LiveRecord]
    next: str | None = None


class _Assignment(Struct, frozen=True, kw_only=True, rename="camel"):
    worker: str
    partitions: list[int]
    partition_count: int


def member_urls(settings: Settings) -> list[str]:
    """Where the edges of the processors in the consumer group listen, by the members' own word.

    A member's client id is `<worker id>@<address of its edge>`.
    """
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    group = settings.processor_group
    try:
        described = admin.describe_consumer_groups([group], request_timeout=_ANSWER_S)
        members = described[group].result().members
    except KafkaException as error:
        raise BrokerRefused(
            f"Kafka at {settings.bootstrap} refused to describe the group {group}: "
            f"{error.args[0].str()}"
        ) from error
    return edge_urls(member.client_id for member in members)


class LiveStores(LiveWorkers[int]):
    """The processors at the given addresses, together owning every partition."""

    shows = "records"
    instead = "--stream-only"
    answer_s = _ANSWER_S
    patience_s = 15.0
    come_again = frozenset(
        {
            httpx.codes.CONFLICT,
            httpx.codes.SERVICE_UNAVAILABLE,
            httpx.codes.TOO_MANY_REQUESTS,
        }
    )

    @property
    def processors(self) -> int:
        """How many processors own partitions."""
        return len(set(self.owners().values()))

    def owners(self) -> Mapping[int, str]:
        """The address that owns each partition. ProcessorUnreachable when one has none."""
        if not self._owners:
            self._find_owners()
        return self._owners

    def records(self, partition: int) -> Iterator[LiveRecord]:
        """Every record of one partition. A record that changes meanwhile comes as it then is."""
        for page in self.pages(partition):
            yield from page

    def pages(self, partition: int) -> Iterator[Sequence[LiveRecord]]:
        """The same in parts, each asked for when the one before it was taken."""
        after: str | None = None
        while True:
            page = self._page(partition, after)
            yield page.records
            if page.next is None:
                return
            after = page.next

    def _page(self, partition: int, after: str | None) -> _Page:
        parameters = {"partition": str(partition), "limit": str(_PAGE)}
        if after is not None:
            parameters["after"] = after
        deadline = self._clock() + self._timeout_s
        while True:
            url = f"{self.owners()[partition]}/internal/certificates"
            answer, said = self._ask(url, parameters)
            if answer is not None and answer.status_code == httpx.codes.OK:
                return decoded(answer, _Page, decode)
            if self._clock() > deadline:
                raise ProcessorUnreachable(f"the records of partition {partition}: {said}")
            # The partition moved, or its owner is gone: ask again who has it.
            self._owners = {}
            self._pause(_PAUSE_S)

    def _find_owners(self) -> None:
        deadline = self._clock() + self._timeout_s
        while True:
            owners, missing, said = self._asked_owners()
            if owners and not missing:
                self._owners = owners
                return
            if self._clock() > deadline or not owners:
                what = f"partitions {', '.join(map(str, missing))}" if owners else "any partition"
                raise ProcessorUnreachable(
                    f"no live processor answers for {what} (asked {', '.join(self._urls)}: "
                    f"{said or 'no more'}); name them all with --http, or use --stream-only"
                )
            self._pause(_PAUSE_S)

    def _asked_owners(self) -> tuple[dict[int, str], list[int], str]:
        """Who owns what, which partitions nobody owns, and what those said who did not tell."""
        owners: dict[int, str] = {}
        count, said = 0, ""
        for url in self._urls:
            answer, complaint = self._ask(f"{url}/internal/assignment", {})
            if answer is None or answer.status_code != httpx.codes.OK:
                said = said or complaint
                continue
            assignment = decoded(answer, _Assignment, decode)
            count = max(count, assignment.partition_count)
            owners.update(dict.fromkeys(assignment.partitions, url))
        return owners, [number for number in range(count) if number not in owners], said
