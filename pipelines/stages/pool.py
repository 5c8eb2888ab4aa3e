"""Pool: keep the free numbers of one pool and hand out the next one.

The one writer of a pool's state. Owns the turning of the queue's results into records.
"""

from collections.abc import Iterator

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.event_record import pool_event_record, stream_headers
from pipelines.contracts.framing import Framing
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.notes import UNHEARD, StageNotes
from pipelines.stages.record import DeadlineRecords, Incoming, Outgoing, checked_key
from pipelines.stages.replies import reply_output
from pipelines.topics import COMMANDS, STREAM
from state.certificate.commands import Command, Origin, Reserve
from state.certificate.events import EventType
from state.certificate.record import Status
from state.certificate.transition import Outcome
from state.pool.commands import PoolCommand, TakeNext
from state.pool.queue import Blocked, LowLevel, Offered, PoolHead, PoolResult, Take, apply
from state.stores.codec import (
    POOL_HEAD,
    POOL_TAKE,
    decode_number,
    decode_text,
    encode_number,
    encode_text,
)
from state.stores.layout import MAIN, KeyedRecords, member_key, position_key, take_key


class PoolStage:
    """GiftCertificates.Pool to reservations; state: the queue of free numbers of each pool."""

    def __init__(self, framing: Framing, partitions: int, notes: StageNotes = UNHEARD) -> None:
        self._framing = framing
        self._partitions = partitions
        self._notes = notes

    def __call__(
        self, incoming: Incoming, records: KeyedRecords, _deadlines: DeadlineRecords, /
    ) -> list[Outgoing]:
        fields = self._framing.decode(RecordName.POOL_COMMAND, incoming.value)
        command = pool_command_from_record(fields)
        checked_key(incoming, command.pool, self._partitions)
        results = apply(PoolRecords(records), command)
        outputs = [
            output
            for position, result in enumerate(results)
            for output in self._outputs(incoming, command, result, position)
        ]
        self._notes.pool_performed(results)
        return outputs

    def _outputs(
        self, incoming: Incoming, command: PoolCommand, result: PoolResult, position: int
    ) -> Iterator[Outgoing]:
        take = command.action
        assert isinstance(take, TakeNext), "only taking a number has a result"
        match result:
            case Offered(certificate_id=certificate_id):
                yield self._reserve(incoming, command, take, certificate_id)
            case LowLevel():
                yield self._low_alert(incoming, command, take, result, position)
            case Blocked():
                if result.sequence is not None:
                    yield self._blocked(incoming, command, take, result, position)
                if take.reply_to is not None:
                    outcome = Outcome(
                        command_id=take.request_id,
                        certificate_id="",
                        body_digest=take.body_digest,
                        decided_at_ms=command.at_ms,
                        rejection=result.rejection,
                    )
                    yield reply_output(
                        self._framing, incoming, take.reply_to, outcome, self._partitions
                    )

    def _reserve(
        self, incoming: Incoming, command: PoolCommand, take: TakeNext, certificate_id: str
    ) -> Outgoing:
        reserve = Command(
            command_id=take.request_id,
            at_ms=command.at_ms,
            certificate_id=certificate_id,
            origin=Origin.HTTP,
            action=Reserve(
                pool=command.pool,
                channel=take.channel,
                order_id=take.order_id,
                until_ms=take.reserved_until_ms,
            ),
            actor=take.actor,
            reply_to=take.reply_to,
            body_digest=take.body_digest,
        )
        return Outgoing(
            topic=COMMANDS,
            key=certificate_id.encode(),
            value=self._framing.encode(RecordName.COMMAND, command_to_record(reserve)),
            headers=incoming.trace,
        )

    def _blocked(
        self,
        incoming: Incoming,
        command: PoolCommand,
        take: TakeNext,
        result: Blocked,
        position: int,
    ) -> Outgoing:
        assert result.sequence is not None, "a repeat is not published"
        return self._event(
            incoming,
            pool_event_record(
                event_id=incoming.event_id(position),
                event_type=EventType.ISSUE_BLOCKED,
                status=Status.ISSUE_BLOCKED,
                channel=take.channel.value,
                at_ms=command.at_ms,
                sequence=result.sequence,
                causation_id=take.request_id,
                actor=take.actor,
                code=result.rejection.code.value,
                text=result.rejection.text,
            ),
        )

    def _low_alert(
        self,
        incoming: Incoming,
        command: PoolCommand,
        take: TakeNext,
        result: LowLevel,
        position: int,
    ) -> Outgoing:
        return self._event(
            incoming,
            pool_event_record(
                event_id=incoming.event_id(position),
                event_type=EventType.ALERT,
                status=Status.ALERT,
                channel=None,
                at_ms=command.at_ms,
                sequence=result.sequence,
                causation_id=take.request_id,
                actor="pool",
                code="POOL_LOW",
                text=_low_text(result),
            ),
        )

    def _event(self, incoming: Incoming, record: dict[str, object]) -> Outgoing:
        return Outgoing(
            topic=STREAM,
            key=incoming.key,
            value=self._framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, record),
            headers=[*stream_headers(record), *incoming.trace],
        )


def _low_text(result: LowLevel) -> str:
    """What an operator needs: how many are left, how fast they go, and when they will be gone."""
    window_minutes = max(result.window_ms // 60_000, 1)
    text = f"{result.level} numbers left; {result.taken} taken in {window_minutes} min"
    if result.empty_in_ms is None:
        return text
    return f"{text}; at this rate empty in {result.empty_in_ms // 60_000} min"


class PoolRecords:
    """A pool's records as the queue's rules want to see them."""

    def __init__(self, records: KeyedRecords) -> None:
        self._records = records

    def head(self) -> PoolHead:
        stored = self._records.get_bytes(MAIN)
        return PoolHead() if stored is None else POOL_HEAD.decode(stored)

    def put_head(self, head: PoolHead) -> None:
        self._records.set_bytes(MAIN, POOL_HEAD.encode(head))

    def number_at(self, position: int) -> str | None:
        stored = self._records.get_bytes(position_key(position))
        return None if stored is None else decode_text(stored)

    def put_number(self, position: int, certificate_id: str) -> None:
        self._records.set_bytes(position_key(position), encode_text(certificate_id))
        self._records.set_bytes(member_key(certificate_id), encode_number(position))

    def remove_number(self, position: int, certificate_id: str) -> None:
        self._records.delete(position_key(position))
        self._records.delete(member_key(certificate_id))

    def position_of(self, certificate_id: str) -> int | None:
        stored = self._records.get_bytes(member_key(certificate_id))
        return None if stored is None else decode_number(stored)

    def take_of(self, request_id: str) -> Take | None:
        stored = self._records.get_bytes(take_key(request_id))
        return None if stored is None else POOL_TAKE.decode(stored)

    def put_take(self, request_id: str, take: Take) -> None:
        self._records.set_bytes(take_key(request_id), POOL_TAKE.encode(take))
