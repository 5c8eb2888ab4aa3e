"""The live processors' own records of certificates, read over HTTP page by page.

Owns finding the processors and asking them, as a client whose token has the scope of audits.
Judges nothing, and changes nothing there.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self, TypeVar

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode

from pipelines.addresses import web_address
from pipelines.edge_client import BearerToken, TokenSource, trusted
from pipelines.faults import BrokerRefused, OperatorError
from pipelines.settings import Settings

_PAGE: Final = 5_000
_ANSWER_S: Final = 10.0
_PAUSE_S: Final = 0.2
_COME_AGAIN: Final = frozenset(
    {
        httpx.codes.CONFLICT,
        httpx.codes.SERVICE_UNAVAILABLE,
        httpx.codes.TOO_MANY_REQUESTS,
    }
)
_SCOPE: Final = "certificates:audit"


class ProcessorUnreachable(OperatorError):
    """No live processor answers for a partition."""

    exit_code: ClassVar[int] = 6


class AuditRefused(ProcessorUnreachable):
    """A live processor does not show its records to this caller."""


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


_Body = TypeVar("_Body", bound=Struct)


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
    urls = set()
    for member in members:
        _, _, address = member.client_id.partition("@")
        try:
            urls.add(web_address(address))
        except ValueError:
            continue  # A member of another kind has no edge.
    return sorted(urls)


class LiveStores:
    """The processors at the given addresses, together owning every partition.

    `token` gives what they are shown; `authorities` is the PEM file of those who vouch for them.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        token: TokenSource | None = None,
        authorities: Path | None = None,
        timeout_s: float = 15.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._urls = urls
        self._timeout_s = timeout_s
        self._clock = clock
        self._pause = pause
        # Their addresses are inside the cluster: a proxy for the outside has no business here.
        self._client = httpx.Client(
            timeout=_ANSWER_S,
            transport=transport,
            trust_env=False,
            auth=None if token is None else BearerToken(token),
            verify=trusted(authorities),
        )
        self._owners: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

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
                return _decoded(answer, _Page)
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
            assignment = _decoded(answer, _Assignment)
            count = max(count, assignment.partition_count)
            owners.update(dict.fromkeys(assignment.partitions, url))
        return owners, [number for number in range(count) if number not in owners], said

    def _ask(self, url: str, parameters: dict[str, str]) -> tuple[httpx.Response | None, str]:
        try:
            answer = self._client.get(url, params=parameters)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuditRefused(
                f"{url} answers {answer.status_code}: it shows its records for a token with the "
                f"scope {_SCOPE}; give one (--token, GIFTCERT_TOKEN or GIFTCERT_TOKEN_FILE), or "
                "use --stream-only"
            )
        if answer.status_code != httpx.codes.OK and answer.status_code not in _COME_AGAIN:
            raise ProcessorUnreachable(f"{url} answers {answer.status_code}, not its records")
        return answer, f"{answer.status_code} {answer.reason_phrase}".strip()


def _decoded(answer: httpx.Response, shape: type[_Body]) -> _Body:
    try:
        return decode(answer.content, type=shape)
    except (DecodeError, ValidationError) as error:
        raise ProcessorUnreachable(f"{answer.url.path} answers something else: {error}") from None
