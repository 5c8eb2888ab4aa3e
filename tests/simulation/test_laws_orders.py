"""What orders and payments may ask for, and must have asked for, by cases told in a few lines."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipelines.simulation.laws_log import Line, ReadLog
from pipelines.simulation.laws_orders import judge_orders
from pipelines.simulation.laws_outcomes import Outcomes
from pipelines.simulation.told_amounts import amount_bytes
from pipelines.stages.record import Incoming
from tests.simulation.commands_told import rubles, told

Fact = dict[str, Any]
HOUR_MS = 3_600_000
NUMBER = "EL-00001"


def order(version: int, status: str, *, total: int = 100, **fields: Any) -> Fact:
    """An order of one certificate line for its total, unless told otherwise."""
    line = {"lineId": "1", "certificateId": NUMBER, "amount": amount_bytes(total, "RUB")}
    row = {
        "orderId": "o",
        "version": version,
        "status": status,
        "channel": "POS",
        "currency": "RUB",
        "total": amount_bytes(total, "RUB"),
        "lines": [line],
        "tenders": [],
    }
    return _fact("ORDER", order=row | fields)


def payment(name: str, type_: str, minor: int, **fields: Any) -> Fact:
    row = {
        "paymentId": name,
        "type": type_,
        "status": "SUCCEEDED",
        "currency": "RUB",
        "amount": amount_bytes(minor, "RUB"),
        "tender": "CARD",
        "certificateId": None,
        "operation": None,
    }
    return _fact("PAYMENT", payment=row | fields)


def timeout(at: int) -> Fact:
    return _fact("TIMEOUT", at=at)


def _fact(kind: str, **fields: Any) -> Fact:
    empty = {"order": None, "ordinaryOrder": None, "payment": None, "at": 0}
    waits = {"missingAfterMs": 24 * HOUR_MS, "forgetAfterMs": 168 * HOUR_MS}
    return {**empty, **waits, "type": kind, **fields}


def asked(kind: str, identity: str, **fields: Any) -> dict[str, Any]:
    return told(kind, f"k/{identity}", origin="FACT", orderId="o", **fields)


ISSUE = asked("ISSUE", "issue/1", **rubles(100))
ACTIVATE = asked("ACTIVATE", "activate/1")
UNDO = asked("CANCEL_PURCHASE", "undo/1")
PAID = payment("p", "CAPTURE", 100)
BOUGHT = order(1, "CONFIRMED")
TENDER: dict[str, Any] = {
    "lines": [],
    "tenders": [{"certificateId": NUMBER, "amount": amount_bytes(30, "RUB")}],
}
SPENT = order(1, "CONFIRMED", **TENDER)
BY_CERTIFICATE = {"tender": "GIFT_CERTIFICATE", "certificateId": NUMBER}
SPENDING = payment("s", "CAPTURE", 30, **BY_CERTIFICATE)
REDEEM = asked("REDEEM", "redeem/s", paymentId="s", **rubles(30))
BACK = payment("b", "REFUND", 30, **BY_CERTIFICATE)
REFUND = asked("REFUND_TO_CERTIFICATE", "refund/b", paymentId="b", **rubles(30))
MISSING = asked("RAISE_ALERT", "alert/PAYMENT_MISSING", alertCode="PAYMENT_MISSING")
Story = list[tuple[Fact, list[dict[str, Any]]]]


def faults(story: Story, books: dict[tuple[str, str], str | None] | None = None) -> list[str]:
    """What the law says of facts, each with what was asked for because of it."""
    lines, commands = [], {}
    for offset, (fact, following) in enumerate(story):
        record = Incoming(
            topic="facts",
            partition=0,
            offset=offset,
            key=b"k",
            value=None,
            headers=(),
            timestamp_ms=0,
        )
        lines.append(Line(record, fact))
        commands[f"0/{offset}"] = following
    log = cast(ReadLog, SimpleNamespace(lines=lambda _topic: lines))
    _, breaches = judge_orders(log, commands, books or {}, Outcomes(), late=True)
    return [breach.text for breach in breaches]


WHOLE: list[Story] = [
    [(BOUGHT, []), (PAID, [ISSUE, ACTIVATE])],
    [(PAID, []), (BOUGHT, [ISSUE, ACTIVATE])],
    [(BOUGHT, []), (payment("p", "AUTHORIZATION", 100), [ISSUE])],
    [(order(1, "CREATED"), []), (PAID, [])],
    [(BOUGHT, []), (payment("p", "CAPTURE", 99), [])],
    [(BOUGHT, []), (timeout(24 * HOUR_MS), [MISSING])],
    [
        (BOUGHT, []),
        (PAID, [ISSUE, ACTIVATE]),
        (order(2, "RETURNED"), []),
        (payment("r", "REFUND", 100), [UNDO]),
    ],
    [(SPENT, []), (SPENDING, [REDEEM])],
    [(SPENDING, []), (SPENT, [REDEEM])],
    [
        (SPENT, []),
        (SPENDING, [REDEEM]),
        (order(2, "RETURNED", **TENDER), []),
        (BACK, [REFUND]),
    ],
]

ROWS: list[tuple[str, Story]] = [
    ("issued for money that is not there", [(BOUGHT, []), (payment("p", "CAPTURE", 99), [ISSUE])]),
    ("issued though no order binds", [(order(1, "CREATED"), []), (PAID, [ISSUE])]),
    (
        "no order says so",
        [(BOUGHT, []), (PAID, [asked("ISSUE", "issue/1", **rubles(101)), ACTIVATE])],
    ),
    ("asked for twice", [(BOUGHT, []), (PAID, [ISSUE, ACTIVATE]), (BOUGHT, [ISSUE])]),
    (
        "activated for money that was not taken",
        [(BOUGHT, []), (payment("p", "AUTHORIZATION", 100), [ISSUE, ACTIVATE])],
    ),
    ("activated though it was not issued", [(BOUGHT, []), (PAID, [ACTIVATE])]),
    ("issue/1 was never asked for", [(BOUGHT, []), (PAID, [])]),
    ("activate/1 was never asked for", [(BOUGHT, []), (PAID, [ISSUE])]),
    (
        "released though it was issued",
        [(BOUGHT, []), (PAID, [ISSUE, ACTIVATE, asked("RELEASE", "release/1")])],
    ),
    (
        "undone though its money is still here",
        [(BOUGHT, []), (PAID, [ISSUE, ACTIVATE]), (order(2, "RETURNED"), [UNDO])],
    ),
    (
        "undone though its order is not",
        [(BOUGHT, []), (PAID, [ISSUE, ACTIVATE]), (payment("r", "REFUND", 100), [UNDO])],
    ),
    (
        "undo/1 was never asked for",
        [
            (BOUGHT, []),
            (PAID, [ISSUE, ACTIVATE]),
            (order(2, "RETURNED"), []),
            (payment("r", "REFUND", 100), []),
        ],
    ),
    ("OVERPAID was never asked", [(BOUGHT, []), (payment("p", "CAPTURE", 101), [ISSUE, ACTIVATE])]),
    ("PAYMENT_MISSING was never asked", [(BOUGHT, [])]),
    ("ORDER_MISSING was never asked", [(SPENDING, [])]),
    ("before its time", [(BOUGHT, []), (timeout(24 * HOUR_MS - 1), [MISSING])]),
    ("spent though no payment", [(SPENT, [REDEEM])]),
    (
        "spent another amount",
        [(SPENT, []), (SPENDING, [asked("REDEEM", "redeem/s", paymentId="s", **rubles(31))])],
    ),
    (
        "spent more often",
        [
            (SPENT, []),
            (SPENDING, [REDEEM]),
            (
                payment("t", "CAPTURE", 30, **BY_CERTIFICATE),
                [asked("REDEEM", "redeem/t", paymentId="t", **rubles(30))],
            ),
        ],
    ),
    ("redemptions of 3000", [(SPENT, []), (SPENDING, [])]),
    (
        "told that 3100 does not agree",
        [(SPENT, []), (payment("s", "CAPTURE", 31, **BY_CERTIFICATE), [])],
    ),
    ("given back though the order stands", [(SPENT, []), (SPENDING, [REDEEM]), (BACK, [REFUND])]),
    (
        "given back to a certificate that did not pay",
        [(order(2, "RETURNED", **TENDER), []), (BACK, [REFUND])],
    ),
]


@pytest.mark.parametrize("story", WHOLE)
def test_a_case_that_is_right_has_no_fault(story: Story) -> None:
    assert faults(story) == []


@pytest.mark.parametrize(("fault", "story"), ROWS, ids=[fault for fault, _ in ROWS])
def test_a_case_that_is_wrong_is_found_out(fault: str, story: Story) -> None:
    assert any(fault in text for text in faults(story))


def test_a_refund_that_was_made_must_have_landed() -> None:
    story: Story = [
        (SPENT, []),
        (SPENDING, [REDEEM]),
        (order(2, "RETURNED", **TENDER), []),
        (BACK, []),
    ]
    assert faults(story, {("REFUND", "b"): "s"}) == ["k: refund/b was never asked for"]


def test_a_capture_of_a_promise_is_no_second_money() -> None:
    """What a record cannot say, the payment system's own books do."""
    dear = order(1, "CONFIRMED", total=200)
    issue = asked("ISSUE", "issue/1", **rubles(200))
    promise, taken = payment("a", "AUTHORIZATION", 100), payment("c", "CAPTURE", 100)
    story: Story = [(dear, []), (promise, []), (taken, [issue])]
    assert any("not there" in text for text in faults(story, {("CAPTURE", "c"): "a"}))


def test_ordinary_payments_are_forgotten_after_their_time() -> None:
    story: Story = [(PAID, []), (timeout(168 * HOUR_MS), []), (BOUGHT, [MISSING])]
    assert "issue/1 was never asked for" not in " ".join(faults(story))
