"""A certificate is bought: reserved over HTTP, issued and activated by order and payment."""

import pytest

from pipelines.topics import FACTS
from state.certificate.commands import Channel, ReserveNumber
from tests.flow.scenario import HOUR_MS, NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import Line, Order, Payment

SOLD = ("issue", "notification.requested", "activate")


def paid(order_id: str, *, contract: int = 2, amount_minor: int = NOMINAL_MINOR) -> Payment:
    """The whole price, captured by card."""
    return Payment(
        payment_id=f"{order_id}-pay",
        order_id=order_id,
        amount_minor=amount_minor,
        contract=contract,
    )


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
    assert first.payload["expiresAt"] is None, "certificates have no limit in time"

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
    scenario.spend(number, 100_00)
    assert scenario.balance(number)["remainingBalance"] == "4900.00"


@pytest.mark.parametrize("contract", [1, 2])
def test_issue_when_the_payment_comes_before_the_order_is_the_same(
    scenario: Scenario, contract: int
) -> None:
    """A payment waits for its order, marked or not, and nothing happens before."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(paid(order_id, contract=contract))
    scenario.settle()
    assert scenario.story(number) == ["load", "reserve"]
    scenario.tell(purchase(number, order_id))
    scenario.await_story(number, "load", "reserve", *SOLD)


def test_issue_and_redeem_with_payments_of_version_1_follow_the_order(scenario: Scenario) -> None:
    """Payments that cannot name a certificate: the order says which it is."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(purchase(number, order_id), paid(order_id, contract=1))
    scenario.await_story(number, *SOLD)

    spent = scenario.new_order_id()
    unmarked = Payment(
        payment_id="v1",
        order_id=spent,
        amount_minor=1_000_00,
        tender="GIFT_CERTIFICATE",
        contract=1,
    )
    scenario.tell(goods(number, spent, 1_000_00), unmarked)
    assert scenario.await_story(number, "redeem.partial").remaining_minor == 4_000_00


def test_issue_of_two_certificates_in_one_order_waits_for_the_whole_price(
    scenario: Scenario,
) -> None:
    """One order, two numbers, goods beside them: all or none."""
    scenario.load(2)
    order_id = scenario.new_order_id()
    numbers = [scenario.reserve(order_id=order_id) for _ in range(2)]
    lines = [
        Line(line_id="1", amount_minor=1_000_00, number=numbers[0]),
        Line(line_id="2", amount_minor=2_000_00, number=numbers[1]),
        Line(line_id="3", amount_minor=500_00),
    ]
    scenario.tell(
        Order(order_id=order_id, total_minor=3_500_00, lines=lines),
        Payment(payment_id="first", order_id=order_id, amount_minor=3_000_00),
    )
    scenario.settle()
    assert [scenario.story(number) for number in numbers] == [["load", "reserve"]] * 2
    scenario.tell(Payment(payment_id="second", order_id=order_id, amount_minor=500_00))
    for number, nominal_minor in zip(numbers, (1_000_00, 2_000_00), strict=True):
        assert scenario.await_story(number, *SOLD).remaining_minor == nominal_minor


def test_issue_through_another_channel_than_the_reservation_is_refused(scenario: Scenario) -> None:
    """A number reserved by the internet store cannot be sold at a till."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(channel="ONLINE_STORE")
    scenario.tell(purchase(number, order_id, channel="POS"), paid(order_id))
    scenario.await_story(number, "load", "reserve", "error", "error")
    refused = [(event.status, event.reason) for event in scenario.events(number)[2:]]
    # The order was captured too, so its activation is asked for and refused as well.
    assert refused == [("ERROR", "WRONG_CHANNEL"), ("ERROR", "NOT_ISSUED")]
    assert scenario.certificate(number)["lifecycle"] == "RESERVED"


def test_issue_of_one_number_to_two_paid_orders_goes_to_one_of_them(scenario: Scenario) -> None:
    """The same number is never sold twice: the second order gets an alert and an error."""
    scenario.load()
    number = scenario.reserve()
    first, second = scenario.new_order_id(), scenario.new_order_id()
    scenario.tell(purchase(number, first), purchase(number, second), paid(first), paid(second))
    scenario.settle()
    story = scenario.story(number)
    assert story.count("issue") == 1
    assert story.count("activate") == 1
    errors = [event.reason for event in scenario.events(number) if event.type == "error"]
    alerts = [event.reason for event in scenario.events(number) if event.type == "alert"]
    # The second order's issue is refused with an alert; its activation is another order's too.
    assert errors == ["NUMBER_GONE", "ORDER_MISMATCH"]
    assert alerts == ["NUMBER_GONE"]
    winner = scenario.certificate(number)["orderId"]
    assert winner in (first, second)
    refused = [event for event in scenario.events(number) if event.type in ("alert", "error")]
    assert {event.fields["correlationId"] for event in refused} == {first, second} - {winner}
    assert scenario.balance(number)["remainingBalance"] == "5000.00"


def test_issue_of_a_number_that_was_never_loaded_raises_an_alert(scenario: Scenario) -> None:
    """A customer paid for something we do not have: somebody must look at it."""
    number, order_id = f"{scenario.tag}-NONE-1", scenario.new_order_id()
    scenario.tell(purchase(number, order_id), paid(order_id))
    scenario.settle()
    told = [(event.type, event.reason) for event in scenario.events(number)]
    # Issue is refused with an alert; there is nothing to activate either.
    assert told == [("alert", "NOT_FOUND"), ("error", "NOT_FOUND"), ("error", "NOT_FOUND")]
    assert scenario.http.get(f"/certificates/{number}").status_code == 404


def test_cancelling_an_order_before_issue_puts_the_number_back(scenario: Scenario) -> None:
    """The number is free again, and the next checkout gets it."""
    [number] = scenario.load()
    order_id = scenario.new_order_id()
    assert scenario.reserve(order_id=order_id) == number
    scenario.tell(purchase(number, order_id))
    scenario.tell(purchase(number, order_id, status="CANCELLED", version=2))
    released = scenario.await_story(number, "load", "reserve", "release")
    assert (released.status, released.reason) == ("AVAILABLE", "ORDER_CANCELLED")
    assert scenario.reserve() == number


def test_voiding_the_payment_before_issue_puts_the_number_back(scenario: Scenario) -> None:
    """A failed checkout ("payment error"): the authorization of a part is given up."""
    [number] = scenario.load()
    order_id = scenario.new_order_id()
    scenario.reserve(order_id=order_id)
    part = Payment(payment_id="a", order_id=order_id, amount_minor=100, type="AUTHORIZATION")
    scenario.tell(purchase(number, order_id), part)
    scenario.tell(
        Payment(payment_id="v", order_id=order_id, amount_minor=100, type="VOID", original="a")
    )
    assert scenario.await_story(number, "load", "reserve", "release").status == "AVAILABLE"


def test_a_failed_payment_issues_nothing_until_one_succeeds(scenario: Scenario) -> None:
    """A payment that failed or is pending pays for nothing."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(purchase(number, order_id))
    for status in ("FAILED", "PENDING"):
        scenario.tell(
            Payment(payment_id=status, order_id=order_id, amount_minor=NOMINAL_MINOR, status=status)
        )
    scenario.settle()
    assert scenario.story(number) == ["load", "reserve"]
    scenario.tell(paid(order_id))
    scenario.await_story(number, *SOLD)


def test_reservation_past_its_time_is_put_back_by_the_timer_and_sold_again(
    scenario: Scenario,
) -> None:
    """The timer asks, the certificate judges, the pool has its number again."""
    [number] = scenario.load()
    scenario.take_until(now_ms() - 1)
    expired = scenario.await_story(number, "load", "reserve", "release")
    assert (expired.status, expired.reason) == ("AVAILABLE", "RESERVATION_EXPIRED")
    order_id = scenario.new_order_id()
    assert scenario.reserve(order_id=order_id) == number
    scenario.tell(purchase(number, order_id), paid(order_id))
    scenario.await_story(number, "release", "reserve", *SOLD)


def test_late_payment_after_the_reservation_lapsed_takes_the_free_number_again(
    scenario: Scenario,
) -> None:
    """The number was not sold meanwhile, so the order gets the very number it names."""
    [number] = scenario.load()
    order_id = scenario.new_order_id()
    scenario.take_until(now_ms() - 1, order_id=order_id)
    scenario.await_story(number, "release")
    scenario.tell(purchase(number, order_id), paid(order_id))
    scenario.await_story(number, "release", "reserve", *SOLD)
    # The pool has forgotten it: it is not handed out a second time.
    assert scenario.ask_next().status_code == 409


def test_physical_card_scanned_at_the_till_is_taken_out_of_the_pool(scenario: Scenario) -> None:
    """That very number is reserved for the till, and the pool goes on with the next one."""
    scanned, following = scenario.load(2)
    order_id = scenario.new_order_id()
    until_ms = now_ms() + HOUR_MS
    scenario.command(
        scanned, ReserveNumber(channel=Channel.POS, order_id=order_id, until_ms=until_ms)
    )
    scenario.await_story(scanned, "load", "reserve")
    assert scenario.reserve(channel="POS") == following
    scenario.tell(purchase(scanned, order_id, channel="POS"), paid(order_id))
    assert scenario.await_story(scanned, *SOLD).fields["channel"] == "POS"


def test_ordinary_orders_and_payments_ask_nothing_of_certificates(scenario: Scenario) -> None:
    """The bulk of the traffic: it is folded, and no certificate or alert comes of it."""
    order_id = scenario.new_order_id()
    at_ms = now_ms() - 48 * HOUR_MS
    scenario.tell(
        Order(order_id=order_id, total_minor=700_00, lines=[Line(amount_minor=700_00)]),
        paid(order_id, contract=1, amount_minor=700_00),
        at_ms=at_ms,
    )
    scenario.settle()
    facts = [r for r in scenario.service.log.of(FACTS.name) if r.key == order_id.encode()]
    assert len(facts) == 2
    assert scenario.events(f"correlation:{order_id}") == []
