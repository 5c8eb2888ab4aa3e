"""Correlate: fold the facts of one key and send what they ask of certificates."""

from dataclasses import replace

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.fields import checked_instant
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.stages.record import DeadlineRecords, Incoming, Outgoing, checked_key, kept
from pipelines.topics import COMMANDS
from state.correlation.fold import OutgrownError, fold
from state.correlation.record import Correlation
from state.stores.codec import CORRELATION
from state.stores.layout import MAIN, DeadlineEntry, KeyedRecords

CORRELATION_DEADLINE = "CORRELATION"


class CorrelateStage:
    """GiftCertificates.Facts to commands; state: one record a correlation."""

    def __init__(self, framing: Framing, partitions: int) -> None:
        self._framing = framing
        self._partitions = partitions

    def __call__(
        self, incoming: Incoming, records: KeyedRecords, deadlines: DeadlineRecords, /
    ) -> list[Outgoing]:
        told = fact_from_record(self._framing.decode(RecordName.FACT, incoming.value))
        # Waiting counts from it, and a deadline outside of time could be neither kept nor met.
        received_ms = checked_instant(incoming.timestamp_ms, "the record's timestamp")
        fact = replace(told, received_ms=received_ms)
        checked_key(incoming, fact.correlation_id, self._partitions)
        stored = records.get_bytes(MAIN)
        before = None if stored is None else CORRELATION.decode(stored)
        try:
            step = fold(before, fact)
        except OutgrownError as error:
            raise BrokenRecord(BrokenCode.CONTRACT, str(error)) from error
        after = stored if step.state is before else _kept(step.state)
        headers = incoming.handed_on if step.commands else ()
        outputs = [
            Outgoing(
                topic=COMMANDS,
                key=command.certificate_id.encode(),
                value=self._framing.encode(RecordName.COMMAND, command_to_record(command)),
                headers=headers,
            )
            for command in step.commands
        ]
        if after is None:
            if stored is not None:
                records.delete(MAIN)
        elif step.state is not before:
            records.set_bytes(MAIN, after)
        _move_deadline(deadlines, before, step.state)
        return outputs


def _kept(state: Correlation | None) -> bytes | None:
    return None if state is None else kept(CORRELATION, state)


def _move_deadline(
    deadlines: DeadlineRecords, before: Correlation | None, after: Correlation | None
) -> None:
    old, new = _deadline(before), _deadline(after)
    if old == new:
        return
    if old is not None:
        deadlines.remove(old)
    if new is not None:
        deadlines.add(new)


def _deadline(state: Correlation | None) -> DeadlineEntry | None:
    if state is None or state.deadline_ms is None:
        return None
    return DeadlineEntry(
        at_ms=state.deadline_ms,
        message_key=state.correlation_id,
        kind=CORRELATION_DEADLINE,
        subject="",
    )
