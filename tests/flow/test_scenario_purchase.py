"""A certificate is bought: reserved over HTTP, issued and activated by order and payment."""

import pytest

from state.certificate.commands import Origin, RequestNotification, ReserveNumber, Channel
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import Delivery, Line, Order, Payment


def test_issue_on_authorization_is_not_spendable_until_captured_in_full(scenario: Scenario) -> None:
    """ISSUED on the promise of money; ACTIVE only when the last kopeck is captured."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    authorized = Payment(
        payment_id="auth", order_id=order_id, amount_minor=NOMINAL_MINOR, type="AUTHORIZATION"
    )
    scenario.tell(purchase(number, order_id), authorized)
    issued = scenario.await_story(number, "load", "reserve", "issue", "notification.requested")
    assert issued.status == "NOTIFICATION_REQUESTED"
    first = scenario.events(number)[2]
    assert (first.type, first.status, first.payload["lifecycle"]) == ("issue", "ISSUED", "ISSUED")
    assert first.entry == ("ISSUE", NOMINAL_MINOR, NOMINAL_MINOR, 0)
    assert first.payload["expiresAt"] is None

    too_early = scenario.new_order_id()
    scenario.tell(goods(number, too_early, 100), redemption(number, too_early, 100))
    assert scenario.await_story(number, "error").reason == "NOT_ACTIVE"

    part = Payment(
        payment_id="part", order_id=order_id, amount_minor=NOMINAL_MINOR - 1, original="auth"
    )
    scenario.tell(part)
    scenario.settle()
    assert "activate" not in scenario.story(number)
    assert scenario.certificate(number)["lifecycle"] == "ISSUED"

    rest = Payment(payment_id="rest", order_id=order_id, amount_minor=1, original="auth")
    scenario.tell(rest)
    active = scenario.await_story(number, "activate")
    assert (active.status, active.payload["lifecycle"]) == ("ACTIVE", "ACTIVE")
    scenario.spend(number, 100)
    assert scenario.balance(number)["remainingBalance"] == "4999.00"
