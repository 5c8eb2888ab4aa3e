"""How events look on the stream: status, ledger entry and reason of every event of the tables."""

import pytest

from state.certificate.events import EntryKind, Event, EventType
from state.certificate.headline import LedgerEntry, event_type, headline, ledger_entry, reason_of
from state.certificate.machine import evolve
from state.certificate.record import Certificate, Status
from tests.state.certificate.specimens import HOLD_MINOR, NOMINAL_MINOR, NUMBER
from tests.state.certificate.table import Row
from tests.state.certificate.test_rules import ROWS

NEXT_STATUS = {
    EventType.LOAD: {Status.AVAILABLE},
    EventType.RESERVE: {Status.RESERVED},
    EventType.RELEASE: {Status.AVAILABLE},
    EventType.ISSUE: {Status.ISSUED},
    EventType.ACTIVATE: {Status.ACTIVE},
    EventType.NOTIFICATION_REQUESTED: {Status.NOTIFICATION_REQUESTED},
    EventType.NOTIFICATION_SENT: {Status.NOTIFICATION_SENT},
    EventType.NOTIFICATION_FAILED: {Status.NOTIFICATION_FAILED},
    EventType.REDEEM_PARTIAL: {Status.PARTIALLY_REDEEMED},
    EventType.REDEEM_FULL: {Status.REDEEMED},
    EventType.REFUND_PENDING: {Status.REFUND_PENDING},
    EventType.REFUND_PENDING_DETAILS: {Status.REFUND_PENDING_DETAILS},
    EventType.REFUND: {Status.REFUNDED},
    EventType.LOCK: {Status.LOCKED},
    EventType.UNLOCK: {Status.AVAILABLE, Status.PARTIALLY_REDEEMED},
    EventType.ANNUL: {Status.ANNULLED},
    EventType.ALERT: {Status.ALERT},
    EventType.ERROR: {Status.ERROR},
}
SAY_WHY = {
    EventType.RELEASE: {"RESERVATION_EXPIRED", "ORDER_CANCELLED"},
    EventType.NOTIFICATION_FAILED: {"DELIVERY_FAILED"},
    EventType.REFUND_PENDING_DETAILS: {"REFUND_FAILED", "PARTLY_USED", "OPEN_HOLDS"},
    EventType.REFUND: {"PURCHASE_UNDONE", None},
    EventType.CAPTURE: {"CAPTURE_CONFIRMED", None},
    EventType.LOCK: {"SUPPORT", "WRONG_CVC", "PURCHASE_UNDONE"},
    EventType.UNLOCK: {"SUPPORT"},
    EventType.ANNUL: {"SUPPORT"},
}

Moment = tuple[Certificate | None, Event, Certificate | None]


def moments(row: Row) -> list[Moment]:
    """Each event of a row with the certificate right before and right after it."""
    found: list[Moment] = []
    before = row.given
    for event in row.decision().events:
        after = evolve(before, NUMBER, event)
        found.append((before, event, after))
        before = after
    return found


MOMENTS = [moment for row in ROWS for moment in moments(row)]


def test_event_shows_the_status_of_its_type() -> None:
    """Holds and reveals say nothing new about the certificate: its status stays."""
    for before, event, after in MOMENTS:
        status = headline(event, after)
        expected = NEXT_STATUS.get(event_type(event))
        if expected is None:
            assert before is not None
            assert status is before.status
        else:
            assert status in expected


def test_event_that_changes_money_has_the_entry_that_explains_the_change() -> None:
    """Signed amount, balance and held after it; without a change there is no entry."""
    for before, event, after in MOMENTS:
        entry = ledger_entry(event, after)
        moved = (after.remaining_minor if after else 0) - (before.remaining_minor if before else 0)
        freed = (after.held_minor if after else 0) - (before.held_minor if before else 0)
        if entry is None:
            assert (moved, freed) == (0, 0)
            continue
        assert after is not None
        assert (entry.amount_minor, entry.remaining_minor, entry.held_minor) == (
            moved,
            after.remaining_minor,
            after.held_minor,
        )


def test_every_kind_of_entry_is_reached() -> None:
    entries = [ledger_entry(event, after) for _, event, after in MOMENTS]
    assert {entry.kind for entry in entries if entry} == set(EntryKind)


def test_event_says_why_where_its_type_knows() -> None:
    seen: dict[EventType, set[str | None]] = {}
    for _, event, _ in MOMENTS:
        reason = reason_of(event)
        seen.setdefault(event_type(event), set()).add(reason.code if reason else None)
    errors = seen.pop(EventType.ERROR)
    alerts = seen.pop(EventType.ALERT)
    assert errors == {"WRONG_CVC"}
    assert None not in alerts
    assert seen == {kind: SAY_WHY.get(kind, {None}) for kind in seen}


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        (
            "capture_of_part_of_a_hold_spends_that_and_frees_the_rest",
            [
                (EntryKind.CAPTURE, 0, NOMINAL_MINOR, 0),
                (EntryKind.REDEEM, -50_00, NOMINAL_MINOR - 50_00, 0),
            ],
        ),
        (
            "authorize_of_an_active_certificate_holds_the_amount",
            [(EntryKind.AUTHORIZE, 0, NOMINAL_MINOR, HOLD_MINOR)],
        ),
        (
            "cancel_purchase_of_an_unspent_certificate_refunds_it_and_ends_it",
            [(EntryKind.PURCHASE_UNDONE, -NOMINAL_MINOR, 0, 0)],
        ),
        (
            "annul_ends_the_certificate_and_its_balance_leaves",
            [(EntryKind.ANNUL, -70_00, 0, 0)],
        ),
        ("redeem_that_names_a_capture_only_confirms_it", []),
        ("redeem_unnamed_of_the_sum_of_two_captures_only_confirms_both", []),
        (
            "redeem_unnamed_of_more_than_the_hold_spends_it_and_takes_the_rest_from_the_balance",
            [
                (EntryKind.CAPTURE, 0, NOMINAL_MINOR, 0),
                (EntryKind.REDEEM, -50_00, 50_00, 0),
                (EntryKind.REDEEM, -50_00, 0, 0),
            ],
        ),
        ("cancel_purchase_while_money_is_held_is_refused_and_locks_it", []),
    ],
)
def test_entries_of_a_command_add_up_step_by_step(
    name: str, entries: list[tuple[EntryKind, int, int, int]]
) -> None:
    (row,) = (each for each in ROWS if each.name == name)
    expected = [
        LedgerEntry(kind=kind, amount_minor=amount, remaining_minor=remaining, held_minor=held)
        for kind, amount, remaining, held in entries
    ]
    found = [ledger_entry(event, after) for _, event, after in moments(row)]
    assert [entry for entry in found if entry is not None] == expected
