"""The history that the certificates stage keeps: what the stream was told, and what it comes to."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.record import Outgoing
from pipelines.topics import STREAM
from state.certificate.commands import (
    Activate,
    Annul,
    Capture,
    Command,
    ExpireHold,
    Load,
    Lock,
    Origin,
    RevealCvc,
)
from state.certificate.history import HistoryEntry, HistoryLine, as_of, line_of, replayed
from state.stores.codec import CERTIFICATE_STATE, HISTORY_ENTRY
from state.stores.layout import (
    MAIN,
    SEPARATOR,
    history_bounds,
    history_key,
    outcome_key,
    stored_key,
)
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS, StageInMemory, opened, to
from tests.state.certificate.specimens import (
    HOLD_UNTIL_MS,
    NOW_MS,
    NUMBER,
    ORDER,
    POOL,
    authorize_action,
    command,
    issue_action,
    redeem_action,
    reserve_number,
)

KEY = NUMBER.encode()
LOAD = Load(pool=POOL)
RESERVE = reserve_number()
ACTIVATE = Activate(order_id=ORDER)


@pytest.fixture
def stage() -> StageInMemory:
    return StageInMemory(CertificatesStage(FRAMING, PARTITIONS))


def give(stage: StageInMemory, sent: Command) -> list[Outgoing]:
    value = FRAMING.encode(RecordName.COMMAND, command_to_record(sent))
    return stage.give(value, sent.certificate_id.encode())


def stored(stage: StageInMemory) -> dict[bytes, bytes]:
    """All that a partition's store holds of these certificates, by stored key, in byte order."""
    return {
        stored_key(message_key or b"", key): value
        for message_key, records in stage.records.items()
        for key, value in sorted(records.records.items())
    }


def history(stage: StageInMemory) -> list[HistoryEntry]:
    """What one scan of the store finds of the certificate's history."""
    lower, upper = history_bounds(KEY)
    return [HISTORY_ENTRY.decode(row) for key, row in stored(stage).items() if lower <= key < upper]


def as_told(line: HistoryLine) -> dict[str, Any]:
    """The fields of the stream's record that a line of the history shows."""
    entry, reason = line.entry, line.reason

    def amount(amount_minor: int) -> bytes:
        return minor_to_amount(amount_minor, line.currency or "", negative=True)

    return {
        "eventType": line.event_type,
        "status": line.status,
        "channel": line.channel,
        "occurredAt": line.occurred_at_ms,
        "sequence": line.sequence,
        "correlationId": line.correlation_id,
        "causationId": line.causation_id,
        "actor": line.actor,
        "reason": reason and {"code": reason.code, "text": reason.text},
        "entry": entry
        and {
            "kind": entry.kind,
            "amount": amount(entry.amount_minor),
            "remainingBalance": amount(entry.remaining_minor),
            "held": amount(entry.held_minor),
        },
    }


LIFE: tuple[Command, ...] = (
    command(ACTIVATE, "too-early", origin=Origin.FACT),
    command(LOAD, "load", origin=Origin.LOADER, at_ms=NOW_MS + 1),
    command(RESERVE, "reservation", actor="till/cashier-3", at_ms=NOW_MS + 2),
    command(issue_action(), "notification-1", origin=Origin.FACT, correlation_id="correlation-1"),
    command(RevealCvc(key_id="key-1"), "reveal", actor="crm", at_ms=NOW_MS + 4),
    command(ACTIVATE, "activate", origin=Origin.FACT, correlation_id="correlation-1"),
    command(authorize_action(cvc_matches=False), "wrong", at_ms=NOW_MS + 6),
    command(authorize_action(), "hold-1", actor="till/cashier-3", at_ms=NOW_MS + 7),
    command(Capture(authorization_id="hold-1", amount=None), "capture", at_ms=NOW_MS + 8),
    command(redeem_action(100), "redeem", origin=Origin.FACT, correlation_id="correlation-2"),
    command(authorize_action(100), "hold-2", at_ms=NOW_MS + 10),
    command(
        ExpireHold(authorization_id="hold-2"), "expire", origin=Origin.TIMER, at_ms=HOLD_UNTIL_MS
    ),
    command(Lock(reason="lost"), "lock", actor="support/anna", at_ms=HOLD_UNTIL_MS + 1),
    command(Annul(reason="lost"), "annul", actor="support/anna", at_ms=HOLD_UNTIL_MS + 2),
)


def test_history_tells_of_every_event_what_the_stream_tells(stage: StageInMemory) -> None:
    told = [opened(event) for step in LIFE for event in to(STREAM, give(stage, step))]
    assert len(told) >= len(LIFE)
    lines = [line_of(entry, after) for entry, after in replayed(NUMBER, history(stage))]
    for event in told:
        del event["eventId"], event["payload"]
    assert [as_told(line) for line in lines] == told


def test_history_comes_to_the_kept_certificate_at_every_step(stage: StageInMemory) -> None:
    for step in LIFE:
        give(stage, step)
        kept = CERTIFICATE_STATE.decode(stage.of(KEY).records[MAIN])
        assert as_of(NUMBER, history(stage), HOLD_UNTIL_MS + 2) == kept


def test_history_says_who_asked_and_through_what(stage: StageInMemory) -> None:
    for step in LIFE:
        give(stage, step)
    found = {entry.causation_id: (entry.origin, entry.actor) for entry in history(stage)}
    assert found == {step.command_id: (step.origin, step.actor) for step in LIFE}


def test_history_grows_by_one_record_an_event_and_by_none_without(stage: StageInMemory) -> None:
    _, load, reserve, issue, *_ = LIFE
    for step in (load, reserve, issue):
        give(stage, step)
    assert stage.of(KEY).written == [
        MAIN,
        history_key(3),
        history_key(4),
        outcome_key(Origin.FACT, "notification-1"),
    ]
    give(stage, issue)
    assert stage.of(KEY).written == [], "a repeat"
    give(stage, replace(load, command_id="load-again"))
    assert stage.of(KEY).written == [outcome_key(Origin.LOADER, "load-again")], "a refusal"


@pytest.mark.parametrize("sequence", [0x0C, 0x7C, 0x7C63, 0x7C7C, 0x7C63_7C63])
def test_listing_of_certificates_finds_each_once_whatever_its_history_is_numbered(
    stage: StageInMemory, sequence: int
) -> None:
    """As a big-endian number 0x7C63 would end like a main record, and be read as one."""
    give(stage, command(LOAD, "load"))
    before = CERTIFICATE_STATE.decode(stage.of(KEY).records[MAIN])
    stage.of(KEY).records[MAIN] = CERTIFICATE_STATE.encode(replace(before, sequence=sequence - 1))
    give(stage, command(RESERVE, "reservation"))
    assert stored_key(KEY, history_key(sequence)) in stored(stage)
    main = SEPARATOR + MAIN
    (listed,) = [key for key in stored(stage) if key.endswith(main)]
    assert listed == stored_key(KEY, MAIN)
    assert CERTIFICATE_STATE.decode(stored(stage)[listed]).sequence == sequence
