"""The reference model says what the design says, on small tables that can be read at a glance."""

from typing import Any

import pytest

from pipelines.simulation.reference import RULES, Reference
from pipelines.simulation.reference_account import Account
from pipelines.simulation.reference_words import Verdict
from tests.simulation.commands_told import NUMBER, rubles, told

LOAD = told("LOAD", origin="LOADER", pool="ELECTRONIC")
RESERVE = told("RESERVE", pool="ELECTRONIC", channel="POS", orderId="o", reservedUntil=100)
ISSUE = told("ISSUE", origin="FACT", channel="POS", orderId="o", correlationId="k", **rubles(100))
ACTIVATE = told("ACTIVATE", origin="FACT", orderId="o")
REVEAL = told("REVEAL_CVC", cvcKeyId="key")
SOLD = (LOAD, RESERVE, ISSUE, ACTIVATE, REVEAL)


def authorize(command_id: str, minor: int, **fields: Any) -> dict[str, Any]:
    right = {"cvcMatches": True, "cvcVersion": 1, "acceptPartial": False, "expiresAt": 50}
    asked = {"orderId": "b", "channel": "POS", **rubles(minor), **right, **fields}
    return told("AUTHORIZE", command_id, **asked)


def capture(hold: str, minor: int | None = None, **fields: Any) -> dict[str, Any]:
    amount = {} if minor is None else rubles(minor)
    return told("CAPTURE", f"take-{hold}", authorizationId=hold, **amount, **fields)


def redeem(command_id: str, minor: int, **fields: Any) -> dict[str, Any]:
    asked = {"orderId": "b", **rubles(minor), **fields}
    return told("REDEEM", command_id, origin="FACT", **asked)


def refund(command_id: str, minor: int, order: str = "b") -> dict[str, Any]:
    return told("REFUND_TO_CERTIFICATE", command_id, origin="FACT", orderId=order, **rubles(minor))


def cancel(order: str = "o") -> dict[str, Any]:
    return told("CANCEL_PURCHASE", origin="FACT", orderId=order)


def performed(*commands: dict[str, Any]) -> tuple[Account, Verdict]:
    """The account after the commands, and what the last one came to."""
    reference = Reference()
    verdicts = [reference.perform(command) for command in commands]
    return reference.accounts[NUMBER], verdicts[-1]


ROWS = [
    # what happened before, the command, why not, its events, and then lifecycle, balance and held
    ((), LOAD, None, "load", ("AVAILABLE", 0, 0)),
    ((LOAD,), told("LOAD", "again", origin="LOADER"), "DUPLICATE_NUMBER", "", ("AVAILABLE", 0, 0)),
    ((), told("LOCK"), "NOT_FOUND", "", (None, 0, 0)),
    ((LOAD,), RESERVE, None, "reserve", ("RESERVED", 0, 0)),
    ((LOAD, RESERVE), ISSUE, None, "issue notification.requested", ("ISSUED", 100, 0)),
    ((LOAD,), ISSUE, None, "reserve issue notification.requested", ("ISSUED", 100, 0)),
    ((LOAD, RESERVE), {**ISSUE, "channel": "ONLINE_STORE"}, "WRONG_CHANNEL", "error", None),
    ((LOAD, RESERVE), {**ISSUE, "orderId": "x"}, "ORDER_MISMATCH", "alert error", None),
    ((), ISSUE, "NOT_FOUND", "alert error", (None, 0, 0)),
    (SOLD, {**ISSUE, "commandId": "2"}, "ALREADY_ISSUED", "error", ("ACTIVE", 100, 0)),
    (SOLD, {**ISSUE, "commandId": "2", "orderId": "x"}, "NUMBER_GONE", "alert error", None),
    ((LOAD, RESERVE, ISSUE), ACTIVATE, None, "activate", ("ACTIVE", 100, 0)),
    ((LOAD, RESERVE, ISSUE), {**ACTIVATE, "orderId": "x"}, "ORDER_MISMATCH", "error", None),
    (SOLD, {**ACTIVATE, "commandId": "2"}, "ALREADY_ACTIVE", "error", None),
    (SOLD, told("REVEAL_CVC", "2"), "CVC_ALREADY_REVEALED", "", None),
    ((*SOLD, told("REQUEST_NOTIFICATION")), told("REVEAL_CVC", "2"), None, "cvc.revealed", None),
    (SOLD, authorize("h", 60), None, "authorize", ("ACTIVE", 100, 60)),
    (SOLD, authorize("h", 101), "INSUFFICIENT_BALANCE", "", ("ACTIVE", 100, 0)),
    (SOLD, authorize("h", 101, acceptPartial=True), None, "authorize", ("ACTIVE", 100, 100)),
    (SOLD, authorize("h", 60, currency="USD"), "CURRENCY_MISMATCH", "", None),
    (SOLD, authorize("h", 60, cvcMatches=False), "WRONG_CVC", "error", ("ACTIVE", 100, 0)),
    (SOLD, authorize("h", 60, cvcVersion=0), "WRONG_CVC", "error", None),
    ((*SOLD, told("LOCK")), authorize("h", 60), "LOCKED", "", None),
    ((LOAD, RESERVE, ISSUE), authorize("h", 60), "NOT_ACTIVE", "", None),
    (
        (*SOLD, authorize("h", 60)),
        capture("h"),
        None,
        "capture redeem.partial",
        ("PARTIALLY_REDEEMED", 40, 0),
    ),
    ((*SOLD, authorize("h", 60)), capture("h", 50), None, "capture redeem.partial", None),
    ((*SOLD, authorize("h", 60)), capture("h", 61), "HOLD_EXCEEDED", "", ("ACTIVE", 100, 60)),
    (
        (*SOLD, authorize("h", 60)),
        capture("h", channel="ONLINE_STORE"),
        "AUTHORIZATION_NOT_OPEN",
        "",
        ("ACTIVE", 100, 60),
    ),
    ((*SOLD, authorize("h", 100)), capture("h"), None, "capture redeem.full", ("REDEEMED", 0, 0)),
    ((*SOLD, authorize("h", 9)), told("VOID", authorizationId="h"), None, "void", None),
    (
        (*SOLD, authorize("h", 9)),
        told("EXPIRE_HOLD", origin="TIMER", authorizationId="h", at=49),
        "NOT_DUE",
        "",
        ("ACTIVE", 100, 9),
    ),
    (
        (*SOLD, authorize("h", 9)),
        told("EXPIRE_HOLD", origin="TIMER", authorizationId="h", at=50),
        None,
        "hold.expired",
        ("ACTIVE", 100, 0),
    ),
    (SOLD, redeem("r", 30), None, "redeem.partial", ("PARTIALLY_REDEEMED", 70, 0)),
    ((*SOLD, authorize("h", 60), capture("h")), redeem("r", 60), None, "capture", None),
    (
        (*SOLD, authorize("h", 60), capture("h", 50)),
        redeem("r", 60),
        None,
        "capture redeem.partial",
        ("PARTIALLY_REDEEMED", 40, 0),
    ),
    (
        (*SOLD, authorize("h", 60)),
        redeem("r", 60, authorizationId="h"),
        None,
        "capture redeem.partial capture",
        ("PARTIALLY_REDEEMED", 40, 0),
    ),
    (
        (*SOLD, authorize("h", 9)),
        redeem("r", 9, authorizationId="h", orderId="x"),
        "ORDER_MISMATCH",
        "error",
        ("ACTIVE", 100, 9),
    ),
    (SOLD, redeem("r", 101), "INSUFFICIENT_BALANCE", "error", ("ACTIVE", 100, 0)),
    ((*SOLD, redeem("r", 30)), refund("b", 30), None, "refund", ("ACTIVE", 100, 0)),
    ((*SOLD, redeem("r", 30)), refund("b", 31), "REFUND_EXCEEDS_REDEMPTION", "error", None),
    ((*SOLD, redeem("r", 30)), refund("b", 1, "x"), "REFUND_EXCEEDS_REDEMPTION", "error", None),
    (SOLD, cancel(), None, "refund", ("ANNULLED", 0, 0)),
    (SOLD, cancel("x"), "ORDER_MISMATCH", "error", ("ACTIVE", 100, 0)),
    ((*SOLD, redeem("r", 30)), cancel(), None, "lock refund.pendingDetails", None),
    ((*SOLD, authorize("h", 9)), cancel(), "OPEN_HOLDS", "lock refund.pendingDetails error", None),
    (SOLD, told("UNLOCK"), "NOT_LOCKED", "", None),
    ((*SOLD, told("LOCK")), told("UNLOCK"), None, "unlock", ("ACTIVE", 100, 0)),
    (SOLD, told("ANNUL"), None, "annul", ("ANNULLED", 0, 0)),
    ((*SOLD, authorize("h", 9)), told("ANNUL"), "OPEN_HOLDS", "", ("ACTIVE", 100, 9)),
    ((*SOLD, told("ANNUL")), refund("b", 1), "ANNULLED", "error", ("ANNULLED", 0, 0)),
]


@pytest.mark.parametrize(("before", "command", "code", "events", "after"), ROWS)
def test_a_command_comes_to_what_the_design_says(
    before: tuple[dict[str, Any], ...],
    command: dict[str, Any],
    code: str | None,
    events: str,
    after: tuple[str | None, int, int] | None,
) -> None:
    account, verdict = performed(*before, command)
    if verdict.answer is not None:
        assert verdict.answer.code == code
    assert [event.event_type for event in verdict.events] == events.split()
    if after is not None:
        lifecycle, balance_minor, held_minor = after
        shown = (account.lifecycle, account.remaining, account.held)
        assert shown == (lifecycle, balance_minor * 100, held_minor * 100)


def test_every_kind_of_command_has_a_row() -> None:
    shown = {row[1]["type"] for row in ROWS} | {"RESERVE_NUMBER", "RELEASE", "RAISE_ALERT"}
    shown |= {"NOTIFICATION_RESULT", "EXPIRE_RESERVATION", "REQUEST_NOTIFICATION"}
    shown |= {"REFUND_PENDING", "REFUND_PENDING_DETAILS"}
    assert shown == set(RULES)


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (told("RESERVE_NUMBER", channel="POS", reservedUntil=9), "NOT_AVAILABLE"),
        (told("RELEASE", origin="FACT", channel="POS", orderId="o"), "NOT_RESERVED"),
        (told("RAISE_ALERT", origin="FACT"), "alert"),
        (
            told("NOTIFICATION_RESULT", origin="FACT", notificationId="issue", sent=True),
            "notification.sent",
        ),
        (
            told("NOTIFICATION_RESULT", origin="FACT", notificationId="x", sent=True),
            "NOTIFICATION_NOT_OPEN",
        ),
        (told("REQUEST_NOTIFICATION"), "notification.requested"),
        (told("REFUND_PENDING", origin="FACT", orderId="o"), "refund.pending"),
        (told("REFUND_PENDING_DETAILS", origin="FACT", orderId="o"), "refund.pendingDetails"),
    ],
)
def test_a_sold_certificate_answers_the_rest_as_well(command: dict[str, Any], event: str) -> None:
    _, verdict = performed(*SOLD, command)
    code = None if verdict.answer is None else verdict.answer.code
    assert event in (code, *(each.event_type for each in verdict.events))


@pytest.mark.parametrize(
    ("at", "code", "word"), [(99, "NOT_RESERVED", None), (100, None, ("ADD", "ELECTRONIC"))]
)
def test_a_reservation_ends_at_its_millisecond(
    at: int, code: str | None, word: tuple[str, str] | None
) -> None:
    expire = told("EXPIRE_RESERVATION", origin="TIMER", reservationId="reserve", at=at)
    account, verdict = performed(LOAD, RESERVE, expire)
    assert (account.lifecycle == "AVAILABLE") == (code is None)
    assert verdict.pool == word


def test_the_pool_hears_of_every_number_that_comes_and_goes() -> None:
    scanned = told("RESERVE_NUMBER", channel="POS", reservedUntil=9)
    locked = (LOAD, told("LOCK"))
    assert performed(LOAD)[1].pool == ("ADD", "ELECTRONIC")
    assert performed(LOAD, scanned)[1].pool == ("FORGET", "ELECTRONIC")
    assert performed(LOAD, ISSUE)[1].pool == ("FORGET", "ELECTRONIC")
    assert performed(LOAD, told("ANNUL"))[1].pool == ("FORGET", "ELECTRONIC")
    assert performed(*locked, RESERVE)[1].pool == ("TAKE_NEXT", "ELECTRONIC")
    assert performed(*locked, told("UNLOCK"))[1].pool == ("ADD", "ELECTRONIC")


def test_a_number_passed_on_stays_passed_on_for_its_request() -> None:
    busy = {**RESERVE, "commandId": "second"}
    account, again = performed(LOAD, RESERVE, busy, busy)
    assert account.sequence == 2
    assert (again.answer, again.pool, again.repeated) == (None, ("TAKE_NEXT", "ELECTRONIC"), True)


def test_a_request_repeated_gets_its_first_answer_and_changes_nothing() -> None:
    hold = {**authorize("h", 60), "bodyDigest": "as asked"}
    account, first = performed(*SOLD, hold)
    _, again = performed(*SOLD, hold, capture("h"), hold)
    assert again.answer == first.answer
    assert again.repeated
    assert not again.events
    assert account.held == 6_000


def test_a_request_with_another_content_is_refused() -> None:
    hold = {**authorize("h", 60), "bodyDigest": "as asked"}
    _, other = performed(*SOLD, hold, {**hold, "bodyDigest": "otherwise"})
    assert other.answer is not None
    assert other.answer.code == "REQUEST_REUSED"
    assert not other.events


def test_five_wrong_codes_in_a_row_lock_and_a_right_one_forgives() -> None:
    wrong = [authorize(f"w{place}", 1, cvcMatches=False) for place in range(5)]
    locked, verdict = performed(*SOLD, *wrong)
    assert locked.locked
    assert [event.event_type for event in verdict.events] == ["error", "lock", "alert"]
    forgiven, _ = performed(*SOLD, *wrong[:4], authorize("h", 1), *wrong[4:])
    assert not forgiven.locked


def test_a_certificate_is_found_by_all_that_it_is_known_by() -> None:
    _, verdict = performed(LOAD, {**ISSUE, "clientId": "c"})
    by_sale = ["order:o", "last4:0001", "correlation:k", "client:c"]
    assert verdict.found_under == ["request:issue", "order:o", *by_sale]
