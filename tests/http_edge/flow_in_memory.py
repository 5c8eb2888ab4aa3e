"""The flow behind the edge without Kafka: the real stages, over stores that are dictionaries.

Owns the fakes of a store and of asking. What the edge asks is performed at once by the stages
themselves, so that its answers are the rules' own and its reads see what they wrote.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from http_edge.api.problems import Problem, refusal
from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.reply_record import Reply, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, Outgoing
from pipelines.topics import COMMANDS, INDEX, POOL, REPLIES, STREAM, Topic
from state.certificate.commands import Action, Command, Origin
from state.certificate.rejections import RejectionCode, reject
from state.pool.commands import PoolCommand
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key, stored_key
from state.stores.reader import StoreClosed

PARTITIONS = 6
AT_MS = 1_735_689_600_123
REPLY_TO = "0123456789abcdef"
FRAMING = SingleObjectFraming()


class StoreInMemory:
    """The partitions of one store that this process holds: all of them, unless told otherwise."""

    def __init__(self) -> None:
        self.records: dict[int, dict[bytes, bytes]] = {each: {} for each in range(PARTITIONS)}
        self.held = set(self.records)
        self.is_moving = False
        self.is_closed = False
        self.scans: list[int] = []

    def partitions(self) -> list[int]:
        return [] if self.is_moving else sorted(self.held)

    def serves(self, partition: int) -> bool:
        return partition in self.held and not self.is_moving

    def moving(self) -> bool:
        return self.is_moving

    def get(self, partition: int, key: bytes) -> bytes | None:
        if self.is_closed or partition not in self.held:
            raise StoreClosed
        return self.records[partition].get(key)

    def scan(
        self, partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if self.is_closed or self.is_moving or partition not in self.held:
            raise StoreClosed
        rows = sorted(self.records[partition].items())
        found = [(key, value) for key, value in rows if lower <= key < upper][:limit]
        self.scans.append(len(found))
        return found


class _KeyedRecords:
    """The records of one message key, as a stage sees them."""

    def __init__(self, records: dict[bytes, bytes], key: bytes) -> None:
        self._records = records
        self._key = key

    def get_bytes(self, key: bytes) -> bytes | None:
        return self._records.get(stored_key(self._key, key))

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self._records[stored_key(self._key, key)] = value

    def delete(self, key: bytes) -> None:
        self._records.pop(stored_key(self._key, key), None)


class _Deadlines:
    """The deadlines of one partition, beside its records as in a real store."""

    def __init__(self, records: dict[bytes, bytes]) -> None:
        self._records = records

    def add(self, entry: DeadlineEntry) -> None:
        self._records[stored_key(DEADLINES, deadline_key(entry))] = b"\x01"

    def remove(self, entry: DeadlineEntry) -> None:
        del self._records[stored_key(DEADLINES, deadline_key(entry))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as the edge sent it."""

    request_id: str
    digest: str
    output: Outgoing
    timeout_s: float

    @property
    def command(self) -> Command:
        assert self.output.topic is COMMANDS
        return command_from_record(FRAMING.decode(RecordName.COMMAND, self.output.value))

    @property
    def pool_command(self) -> PoolCommand:
        assert self.output.topic is POOL
        fields = FRAMING.decode(RecordName.POOL_COMMAND, self.output.value)
        return pool_command_from_record(fields)


@dataclass
class FlowInMemory:
    """Performs what is asked at once, and keeps what was asked and everything that was written."""

    certificates: StoreInMemory = field(default_factory=StoreInMemory)
    pools: StoreInMemory = field(default_factory=StoreInMemory)
    index: StoreInMemory = field(default_factory=StoreInMemory)
    asked: list[Asked] = field(default_factory=list)
    written: list[Outgoing] = field(default_factory=list)
    offset: int = 0
    problem: Problem | None = None
    """What asking meets instead of an answer."""

    def __post_init__(self) -> None:
        self.reply_to = REPLY_TO
        self._stages: dict[Topic, tuple[Any, StoreInMemory]] = {
            COMMANDS: (CertificatesStage(FRAMING, PARTITIONS), self.certificates),
            POOL: (PoolStage(FRAMING, PARTITIONS), self.pools),
            INDEX: (IndexStage(FRAMING, PARTITIONS), self.index),
        }

    async def ask(self, request_id: str, digest: str, output: Outgoing, timeout_s: float) -> Reply:
        """As the edge's own asking: a reply, or the problem of a refusal."""
        self.asked.append(
            Asked(request_id=request_id, digest=digest, output=output, timeout_s=timeout_s)
        )
        if self.problem is not None:
            raise self.problem
        replies = [
            reply
            for reply in self.perform(output)
            if (reply.outcome.command_id, reply.outcome.body_digest) == (request_id, digest)
        ]
        (reply,) = replies
        if reply.outcome.rejection is not None:
            raise refusal(reply.outcome.rejection)
        return reply

    def refuse(self, code: RejectionCode, detail: str = "") -> None:
        """From now on every request is refused."""
        self.problem = refusal(reject(code, detail))

    def perform(self, output: Outgoing) -> list[Reply]:
        """Everything that follows from one record; the replies to our edge."""
        replies: list[Reply] = []
        waiting = deque([output])
        while waiting:
            current = waiting.popleft()
            self.written.append(current)
            if current.topic is REPLIES:
                reply = reply_from_record(FRAMING.decode(RecordName.REPLY, current.value))
                replies += [reply] if reply.reply_to == self.reply_to else []
            elif current.topic in self._stages:
                waiting.extend(self._staged(current))
        return replies

    def _staged(self, output: Outgoing) -> Iterable[Outgoing]:
        stage, store = self._stages[output.topic]
        assert output.key is not None
        partition = partition_of(output.key, PARTITIONS)
        records = store.records[partition]
        self.offset += 1
        incoming = Incoming(
            topic=output.topic.name,
            partition=partition,
            offset=self.offset,
            key=output.key,
            value=output.value,
            headers=output.headers,
            timestamp_ms=AT_MS,
        )
        outputs: list[Outgoing] = stage(
            incoming, _KeyedRecords(records, output.key), _Deadlines(records)
        )
        return outputs

    def command(
        self,
        number: str,
        action: Action,
        command_id: str,
        *,
        origin: Origin = Origin.FACT,
        at_ms: int = AT_MS,
        actor: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        """What others than the edge ask of a certificate."""
        command = Command(
            command_id=command_id,
            at_ms=at_ms,
            certificate_id=number,
            origin=origin,
            action=action,
            actor=actor,
            correlation_id=correlation_id,
        )
        value = FRAMING.encode(RecordName.COMMAND, command_to_record(command))
        self.perform(Outgoing(topic=COMMANDS, key=number.encode(), value=value))

    def events(self, number: str) -> Iterator[dict[str, Any]]:
        """What the stream says of a certificate."""
        for output in self.written:
            if output.topic is STREAM and output.key == number.encode():
                yield FRAMING.decode(RecordName.GIFT_CERTIFICATE_EVENT, output.value)
