"""An order without its payment, a payment without its order: told once, and done when it comes.

The waiting time is counted from when a fact was written, so facts of yesterday are overdue at once
and the timer needs no waiting for.
"""

from tests.flow.scenario import HOUR_MS, NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import Payment

SOLD = ("issue", "notification.requested", "activate")


def payment(order_id: str, number: str) -> Payment:
    """The whole price; it says that it buys the certificate."""
    return Payment(
        payment_id=f"{order_id}-pay",
        order_id=order_id,
        amount_minor=NOMINAL_MINOR,
        number=number,
        operation="PURCHASE",
    )


def yesterday() -> int:
    """Longer ago than an order or a payment may wait for its other half."""
    return now_ms() - 25 * HOUR_MS


def test_order_without_payment_is_alerted_once_and_the_late_payment_still_issues(
    scenario: Scenario,
) -> None:
    """PAYMENT_MISSING, whatever is told again; then the payment comes after all."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell_facts(purchase(number, order_id), at_ms=yesterday())
    missing = scenario.await_story(number, "load", "reserve", "alert")
    assert (missing.status, missing.reason) == ("ALERT", "PAYMENT_MISSING")
    assert missing.fields["correlationId"] == order_id

    scenario.service.write(*scenario.written)
    scenario.tell_facts(purchase(number, order_id, version=2), at_ms=yesterday())
    scenario.settle()
    scenario.tell(payment(order_id, number))
    scenario.await_story(number, "load", "reserve", "alert", *SOLD)


def test_payment_without_order_is_alerted_once_and_the_late_order_still_issues(
    scenario: Scenario,
) -> None:
    """ORDER_MISSING for a payment that says it buys a certificate."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell_facts(payment(order_id, number), at_ms=yesterday())
    missing = scenario.await_story(number, "load", "reserve", "alert")
    assert (missing.status, missing.reason) == ("ALERT", "ORDER_MISSING")
    scenario.service.write(*scenario.written)
    scenario.settle()
    scenario.tell(purchase(number, order_id))
    scenario.await_story(number, "load", "reserve", "alert", *SOLD)


def test_halves_within_the_waiting_time_raise_no_alert(scenario: Scenario) -> None:
    """An hour before the limit there is nothing to tell."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell_facts(purchase(number, order_id), at_ms=now_ms() - 23 * HOUR_MS)
    overdue = scenario.new_order_id()
    other = f"{scenario.tag}-ELSE-1"
    scenario.tell_facts(payment(overdue, other), at_ms=yesterday())
    # The timer looked at all deadlines that had come, and this one's was not among them.
    assert scenario.await_story(other, "alert").reason == "ORDER_MISSING"
    scenario.settle()
    assert scenario.story(number) == ["load", "reserve"]


def test_refund_that_never_comes_after_a_cancelled_order_is_alerted(scenario: Scenario) -> None:
    """The order is undone and the customer's money does not come back: somebody must look."""
    number = scenario.sell()
    order_id = scenario.certificate(number)["orderId"]
    scenario.tell_facts(
        purchase(number, order_id, status="CANCELLED", version=2), at_ms=yesterday()
    )
    scenario.await_story(number, "refund.pending", "alert")
    assert scenario.events(number)[-1].reason == "PAYMENT_MISSING"


def test_overpaid_order_is_alerted_and_issued(scenario: Scenario) -> None:
    """More was captured than the order costs: the customer gets the certificate, people a word."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    twice = Payment(payment_id="again", order_id=order_id, amount_minor=NOMINAL_MINOR)
    scenario.tell(purchase(number, order_id), payment(order_id, number))
    scenario.await_story(number, *SOLD)
    scenario.tell(twice)
    assert scenario.await_story(number, "activate", "alert").reason == "OVERPAID"
    assert scenario.balance(number)["remainingBalance"] == "5000.00"
