"""Certificates: perform each command on its certificate and publish what happened.

The one writer of a certificate's state. Owns the turning of a transition into records: events on
the stream and in the certificate's history, effects on the pool, entries of the index, the reply,
and the deadlines to watch.
"""

from collections.abc import Iterator

from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.event_record import event_to_record, stream_headers
from pipelines.contracts.framing import Framing
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.notes import UNHEARD, StageNotes
from pipelines.stages.record import (
    LARGEST_KEPT_BYTES,
    DeadlineRecords,
    Incoming,
    Outgoing,
    checked_key,
    kept,
)
from pipelines.stages.replies import reply_output
from pipelines.topics import INDEX, POOL, STREAM
from state.certificate.commands import Authorize, Command, Origin, Redeem, Reserve
from state.certificate.decision import AskPoolAgain, ForgetInPool, PoolEffect, ReturnToPool
from state.certificate.events import Issued, Redeemed, Reserved
from state.certificate.history import entry_of
from state.certificate.record import Certificate, CertificateState, deadlines
from state.certificate.transition import Outcome, Published, Transition, transition
from state.pool.commands import Add, Forget, PoolAction, PoolCommand, TakeNext
from state.stores.codec import CERTIFICATE_STATE, HISTORY_ENTRY, OUTCOME
from state.stores.layout import MAIN, DeadlineEntry, KeyedRecords, history_key, outcome_key


class CertificatesStage:
    """GiftCertificates.Commands to the stream; state: a certificate, its history, its outcomes."""

    def __init__(self, framing: Framing, partitions: int, notes: StageNotes = UNHEARD) -> None:
        self._framing = framing
        self._partitions = partitions
        self._notes = notes

    def __call__(
        self, incoming: Incoming, records: KeyedRecords, deadlines: DeadlineRecords, /
    ) -> list[Outgoing]:
        command = command_from_record(self._framing.decode(RecordName.COMMAND, incoming.value))
        checked_key(incoming, command.certificate_id, self._partitions)
        before = _state(records)
        result = transition(before, _known(records, command), command)
        # Only events change a certificate: a refusal must not write the same record again.
        after = _kept(command, result) if result.published else None
        outputs = list(self._outputs(incoming, command, result))
        if after is not None:
            records.set_bytes(MAIN, after)
            _keep_history(records, command, result)
            _move_deadlines(deadlines, before.certificate, result.state.certificate)
        if result.outcome is not None and not result.repeated:
            key = outcome_key(command.origin, command.command_id)
            records.set_bytes(key, OUTCOME.encode(result.outcome))
        self._notes.command_performed(incoming, command, result)
        return outputs

    def _outputs(
        self, incoming: Incoming, command: Command, result: Transition
    ) -> Iterator[Outgoing]:
        for position, published in enumerate(result.published):
            yield self._event(incoming, command, published, position)
            yield from self._index_entries(incoming, command, published)
        if result.pool is not None:
            yield self._pool_command(incoming, command, result.pool)
        if result.answers and result.outcome is not None and command.reply_to is not None:
            yield reply_output(
                self._framing, incoming, command.reply_to, result.outcome, self._partitions
            )

    def _event(
        self, incoming: Incoming, command: Command, published: Published, position: int
    ) -> Outgoing:
        record = event_to_record(published, command, incoming.event_id(position))
        headers = [
            *stream_headers(record),
            ("certificateId", command.certificate_id.encode()),
            *incoming.trace,
        ]
        return Outgoing(
            topic=STREAM,
            key=incoming.key,
            value=self._framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, record),
            headers=headers,
        )

    def _index_entries(
        self, incoming: Incoming, command: Command, published: Published
    ) -> Iterator[Outgoing]:
        for entry in _entries(command, published):
            record = {
                "entry": entry,
                "certificateId": command.certificate_id,
                "at": command.at_ms,
            }
            yield Outgoing(
                topic=INDEX,
                key=entry.encode(),
                value=self._framing.encode(RecordName.INDEX_ENTRY, record),
                headers=incoming.trace,
            )

    def _pool_command(self, incoming: Incoming, command: Command, effect: PoolEffect) -> Outgoing:
        pool_command = PoolCommand(
            pool=effect.pool, at_ms=command.at_ms, action=_pool_action(command, effect)
        )
        return Outgoing(
            topic=POOL,
            key=effect.pool.encode(),
            value=self._framing.encode(
                RecordName.POOL_COMMAND, pool_command_to_record(pool_command)
            ),
            headers=incoming.trace,
        )


def _state(records: KeyedRecords) -> CertificateState:
    stored = records.get_bytes(MAIN)
    return CertificateState() if stored is None else CERTIFICATE_STATE.decode(stored)


def _kept(command: Command, result: Transition) -> bytes:
    """The certificate to keep. BrokenRecord where it was spent more often than it has place for.

    Captures, expiries and support come after what was let in, so they may use the other half.
    """
    spends = isinstance(command.action, Authorize | Redeem)
    largest = LARGEST_KEPT_BYTES // 2 if spends else LARGEST_KEPT_BYTES
    return kept(CERTIFICATE_STATE, result.state, largest)


def _keep_history(records: KeyedRecords, command: Command, result: Transition) -> None:
    for published in result.published:
        entry = HISTORY_ENTRY.encode(entry_of(published, command))
        records.set_bytes(history_key(published.sequence), entry)


def _known(records: KeyedRecords, command: Command) -> Outcome | None:
    """The kept outcome of the same request. Timers keep none: they may ask again."""
    if command.origin is Origin.TIMER:
        return None
    stored = records.get_bytes(outcome_key(command.origin, command.command_id))
    return None if stored is None else OUTCOME.decode(stored)


def _entries(command: Command, published: Published) -> Iterator[str]:
    """The entries of the index under which a certificate is found from this event on."""
    match published.event:
        case Reserved(reservation=reservation):
            yield f"request:{reservation.reservation_id}"
            if reservation.order_id is not None:
                yield f"order:{reservation.order_id}"
        case Issued() as issued:
            yield f"order:{issued.order_id}"
            yield f"last4:{command.certificate_id[-4:]}"
            if issued.correlation_id is not None:
                yield f"correlation:{issued.correlation_id}"
            if issued.client_id is not None:
                yield f"client:{issued.client_id}"
        case Redeemed(order_id=order_id):
            yield f"order:{order_id}"


def _pool_action(command: Command, effect: PoolEffect) -> PoolAction:
    match effect:
        case ReturnToPool():
            return Add(certificate_id=command.certificate_id)
        case ForgetInPool():
            return Forget(certificate_id=command.certificate_id)
        case AskPoolAgain():
            action = command.action
            assert isinstance(action, Reserve), "only a number the pool offered goes back to it"
            return TakeNext(
                request_id=command.command_id,
                body_digest=command.body_digest,
                channel=action.channel,
                order_id=action.order_id,
                reserved_until_ms=action.until_ms,
                low_mark=0,
                reply_to=command.reply_to,
                actor=command.actor,
                instead_of=command.certificate_id,
            )


def _move_deadlines(
    records: DeadlineRecords, before: Certificate | None, after: Certificate | None
) -> None:
    old, new = deadlines(before), deadlines(after)
    if old == new:
        return
    known = after or before
    assert known is not None, "a deadline belongs to a certificate"

    def entry_of(at_ms: int, kind: str, subject: str) -> DeadlineEntry:
        return DeadlineEntry(
            at_ms=at_ms, message_key=known.certificate_id, kind=kind, subject=subject
        )

    for gone in sorted(old - new):
        records.remove(entry_of(gone.at_ms, gone.kind, gone.subject))
    for come in sorted(new - old):
        records.add(entry_of(come.at_ms, come.kind, come.subject))
