"""The laws of one certificate's record stop the worker, and its deadlines are what timers watch."""

from dataclasses import replace

import pytest

from state.certificate.events import (
    Activated,
    AlertRaised,
    Loaded,
    NotificationSent,
    Reason,
)
from state.certificate.machine import evolve
from state.certificate.money import Money
from state.certificate.record import (
    HOLD_DEADLINE,
    RESERVATION_DEADLINE,
    Certificate,
    Deadline,
    Hold,
    Lifecycle,
    assert_laws,
    deadlines,
)
from state.certificate.rejections import RejectionCode, reject
from tests.state.certificate.specimens import (
    ACTIVE,
    ANNULLED,
    AVAILABLE,
    CAPTURED,
    HELD,
    HOLD_UNTIL_MS,
    ISSUED,
    NOMINAL_MINOR,
    NUMBER,
    PARTIALLY_REDEEMED,
    REDEEMED,
    RESERVED,
    RESERVED_UNTIL_MS,
    SPENDER,
    after,
    authorize_action,
)

ALERT = AlertRaised(reason=Reason(code="X", text="x"))


def hold_of(amount_minor: int) -> dict[str, Hold]:
    return {"hold": Hold(order_id=SPENDER, amount_minor=amount_minor, expires_at_ms=1)}


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (replace(ACTIVE, remaining_minor=NOMINAL_MINOR + 1), "does not add up"),
        (replace(ACTIVE, redeemed_minor=1), "does not add up"),
        (
            replace(ACTIVE, remaining_minor=-1, redeemed_minor=NOMINAL_MINOR + 1),
            "balance is negative",
        ),
        (replace(ACTIVE, holds=hold_of(0)), "an empty hold"),
        (replace(ACTIVE, holds=hold_of(NOMINAL_MINOR + 1)), "more is held than remains"),
        (replace(RESERVED, reservation=None), "reservation without RESERVED"),
        (replace(RESERVED, lifecycle=Lifecycle.AVAILABLE), "reservation without RESERVED"),
    ],
)
def test_evolve_to_a_state_that_breaks_a_law_stops_the_worker(
    broken: Certificate, law: str
) -> None:
    with pytest.raises(AssertionError, match=law):
        evolve(broken, NUMBER, ALERT)


@pytest.mark.parametrize(
    "certificate",
    [AVAILABLE, RESERVED, ISSUED, ACTIVE, HELD, CAPTURED, PARTIALLY_REDEEMED, REDEEMED, ANNULLED],
    ids=lambda certificate: certificate.lifecycle.value,
)
def test_laws_hold_for_every_certificate_that_the_rules_make(certificate: Certificate) -> None:
    assert_laws(certificate)
    assert certificate.available_minor == certificate.remaining_minor - certificate.held_minor


def test_evolve_of_an_unknown_number_stays_unknown_after_an_alert() -> None:
    assert evolve(None, NUMBER, ALERT) is None


def test_evolve_by_an_event_that_cannot_have_happened_stops_the_worker() -> None:
    with pytest.raises(AssertionError, match="needs its certificate"):
        evolve(None, NUMBER, Activated(at_ms=1))
    with pytest.raises(AssertionError, match="loaded once"):
        evolve(AVAILABLE, NUMBER, Loaded(pool="ELECTRONIC"))
    with pytest.raises(AssertionError, match="requested before it is answered"):
        evolve(AVAILABLE, NUMBER, NotificationSent(notification_id="x"))


def test_deadlines_are_those_of_the_reservation_and_of_every_open_hold() -> None:
    twice = after(HELD, authorize_action(1), "hold-2")
    assert deadlines(None) == frozenset()
    assert deadlines(AVAILABLE) == frozenset()
    assert deadlines(CAPTURED) == frozenset()
    assert deadlines(RESERVED) == {
        Deadline(at_ms=RESERVED_UNTIL_MS, kind=RESERVATION_DEADLINE, subject="reservation")
    }
    assert deadlines(twice) == {
        Deadline(at_ms=HOLD_UNTIL_MS, kind=HOLD_DEADLINE, subject="hold-1"),
        Deadline(at_ms=HOLD_UNTIL_MS, kind=HOLD_DEADLINE, subject="hold-2"),
    }


def test_money_that_no_contract_lets_in_stops_the_worker() -> None:
    with pytest.raises(AssertionError, match="never negative"):
        Money(amount_minor=-1, currency="RUB")
    with pytest.raises(AssertionError, match="ISO 4217"):
        Money(amount_minor=1, currency="RU")


def test_rejection_text_is_the_meaning_and_then_the_detail() -> None:
    bare = reject(RejectionCode.NOT_FOUND)
    assert bare.text == "no certificate has this number"
    assert reject(RejectionCode.NOT_FOUND, "in any pool").text == f"{bare.text}: in any pool"
