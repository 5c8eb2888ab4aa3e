"""Money comes back: onto the certificate, for the certificate, or not yet."""

from collections.abc import Callable

import pytest

from state.certificate.commands import Capture, Void
from tests.flow.caller_commands import authorize
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.source_messages import Order, Payment


def refund_onto(number: str, order_id: str, amount_minor: int, **changes: str) -> Payment:
    """A refund of goods onto the certificate that paid for them."""
    given = {"payment_id": f"{order_id}-refund", "status": "SUCCEEDED"} | changes
    return Payment(
        order_id=order_id,
        amount_minor=amount_minor,
        type="REFUND",
        tender="GIFT_CERTIFICATE",
        number=number,
        operation="REFUND",
        original=f"{order_id}-redeem",
        **given,  # type: ignore[arg-type]  # text fields only
    )


def refund_of_purchase(order_id: str, **changes: str) -> Payment:
    """A refund of the certificate's own price to the card."""
    given = {"payment_id": f"{order_id}-refund", "status": "SUCCEEDED"} | changes
    return Payment(
        order_id=order_id,
        amount_minor=NOMINAL_MINOR,
        type="REFUND",
        original=f"{order_id}-pay",
        **given,  # type: ignore[arg-type]  # text fields only
    )


@pytest.mark.parametrize("first", ["order", "payment"])
def test_refund_onto_the_certificate_needs_both_halves_in_either_order(
    scenario: Scenario, first: str
) -> None:
    """The first half is REFUND_PENDING, the second REFUNDED; the balance is whole again."""
    number = scenario.sell()
    order_id = scenario.spend(number, 1_500_00)
    halves: list[Order | Payment] = [
        goods(number, order_id, 1_500_00, status="RETURNED", version=2),
        refund_onto(number, order_id, 1_500_00),
    ]
    if first == "payment":
        halves.reverse()
    scenario.tell(halves[0])
    pending = scenario.await_story(number, "redeem.partial", "refund.pending")
    assert (pending.status, pending.remaining_minor) == ("REFUND_PENDING", 3_500_00)
    scenario.tell(halves[1])
    done = scenario.await_story(number, "refund.pending", "refund")
    assert (done.status, done.payload["lifecycle"]) == ("REFUNDED", "ACTIVE")
    assert done.entry == ("REFUND", 1_500_00, 5_000_00, 0)
    assert scenario.balance(number)["remainingBalance"] == "5000.00"


def test_refund_of_a_fully_redeemed_certificate_makes_it_spendable_again(
    scenario: Scenario,
) -> None:
    """The full return of the requirements: everything spent comes back and can be spent."""
    number = scenario.sell()
    order_id = scenario.spend(number, NOMINAL_MINOR)
    scenario.tell(
        goods(number, order_id, NOMINAL_MINOR, status="RETURNED", version=2),
        refund_onto(number, order_id, NOMINAL_MINOR),
    )
    scenario.await_story(number, "refund.pending", "refund")
    scenario.spend(number, NOMINAL_MINOR)
    assert scenario.await_story(number, "refund", "redeem.full").remaining_minor == 0


def test_refund_onto_the_certificate_of_more_than_was_spent_is_refused(scenario: Scenario) -> None:
    """No money is made: the order redeemed less than that here."""
    number = scenario.sell()
    order_id = scenario.spend(number, 1_000_00)
    scenario.tell(
        goods(number, order_id, 1_000_00, status="RETURNED", version=2),
        refund_onto(number, order_id, 1_000_01),
    )
    refused = scenario.await_story(number, "refund.pending", "error")
    assert refused.reason == "REFUND_EXCEEDS_REDEMPTION"
    assert scenario.balance(number)["remainingBalance"] == "4000.00"


@pytest.mark.parametrize("first", ["order", "payment"])
def test_purchase_undone_unspent_ends_the_certificate(scenario: Scenario, first: str) -> None:
    """Order cancelled and money back: REFUNDED, balance 0, never to be used again."""
    number = scenario.sell()
    order_id = scenario.certificate(number)["orderId"]
    halves: list[Order | Payment] = [
        purchase(number, order_id, status="CANCELLED", version=2),
        refund_of_purchase(order_id),
    ]
    if first == "payment":
        halves.reverse()
    scenario.tell(halves[0])
    assert scenario.await_story(number, "refund.pending").status == "REFUND_PENDING"
    scenario.tell(halves[1])
    undone = scenario.await_story(number, "activate", "refund.pending", "refund")
    assert (undone.status, undone.payload["lifecycle"]) == ("REFUNDED", "ANNULLED")
    assert undone.entry == ("PURCHASE_UNDONE", -NOMINAL_MINOR, 0, 0)
    assert undone.reason == "PURCHASE_UNDONE"
    assert scenario.balance(number)["remainingBalance"] == "0.00"
    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 100), refund_onto(number, order_id, 100))
    assert scenario.ask_next().status_code == 409, "an ended number never returns to the pool"


def test_purchase_undone_after_part_was_spent_is_left_to_people(scenario: Scenario) -> None:
    """No rule can undo it: it is locked, refund.pendingDetails, and the balance stays."""
    number = scenario.sell()
    order_id = scenario.certificate(number)["orderId"]
    scenario.spend(number, 1_000_00)
    scenario.tell(
        purchase(number, order_id, status="RETURNED", version=2), refund_of_purchase(order_id)
    )
    left = scenario.await_story(number, "refund.pending", "lock", "refund.pendingDetails")
    assert (left.status, left.reason) == ("REFUND_PENDING_DETAILS", "PARTLY_USED")
    lock = scenario.events(number)[-2]
    assert (lock.status, lock.reason) == ("LOCKED", "PURCHASE_UNDONE")
    assert left.payload["lock"]["by"] == "service"
    balance = scenario.balance(number)
    assert (balance["remainingBalance"], balance["locked"]) == ("4000.00", True)
    # The buyer has the money back: what is left cannot be spent on top.
    later = scenario.new_order_id()
    scenario.tell(goods(number, later, 1_000_00), redemption(number, later, 1_000_00))
    assert scenario.await_story(number, "refund.pendingDetails", "error").reason == "LOCKED"
    assert scenario.balance(number)["remainingBalance"] == "4000.00"


def test_purchase_undone_while_money_is_held_is_refused_and_locks(scenario: Scenario) -> None:
    """The hold cannot be captured any more; it can only be given up."""
    number = scenario.sell()
    order_id = scenario.certificate(number)["orderId"]
    scenario.ask_cvc(number, f"{number}-a")
    hold = scenario.command(number, authorize(scenario.new_order_id(), 2_000_00))
    scenario.await_story(number, "cvc.revealed", "authorize")
    scenario.tell(
        purchase(number, order_id, status="RETURNED", version=2), refund_of_purchase(order_id)
    )
    refused = scenario.await_story(
        number, "refund.pending", "lock", "refund.pendingDetails", "error"
    )
    assert (refused.status, refused.reason) == ("ERROR", "OPEN_HOLDS")
    details = scenario.events(number)[-2]
    assert (details.status, details.reason) == ("REFUND_PENDING_DETAILS", "OPEN_HOLDS")
    scenario.command(number, Capture(authorization_id=hold, amount=None))
    scenario.command(number, Void(authorization_id=hold))
    assert scenario.await_story(number, "error", "void").entry == ("VOID", 0, NOMINAL_MINOR, 0)
    assert scenario.balance(number)["remainingBalance"] == "5000.00"


def failed_onto(scenario: Scenario, number: str) -> list[Order | Payment]:
    """Goods come back, and their price cannot be put onto the certificate."""
    order_id = scenario.spend(number, 1_000_00)
    return [
        goods(number, order_id, 1_000_00, status="RETURNED", version=2),
        refund_onto(number, order_id, 1_000_00, status="FAILED", failure="the till lost it"),
    ]


def failed_of_purchase(scenario: Scenario, number: str) -> list[Order | Payment]:
    """The certificate itself comes back, and its price cannot be given back."""
    order_id = scenario.certificate(number)["orderId"]
    return [
        purchase(number, order_id, status="CANCELLED", version=2),
        refund_of_purchase(order_id, status="FAILED", failure="the card is closed"),
    ]


@pytest.mark.parametrize("first", ["order", "payment"])
@pytest.mark.parametrize("failed", [failed_onto, failed_of_purchase])
def test_refund_that_cannot_be_done_asks_for_details_in_either_order(
    scenario: Scenario, failed: Callable[[Scenario, str], list[Order | Payment]], first: str
) -> None:
    """The payment failed: the status says so and stays so, the reason is told, no money moves."""
    number = scenario.sell()
    halves = failed(scenario, number)
    before = scenario.balance(number)["remainingBalance"]
    if first == "payment":
        halves.reverse()
    for half in halves:
        scenario.tell(half)
        scenario.settle()
    details = scenario.events(number)[-1]
    assert details.type == "refund.pendingDetails"
    assert (details.status, details.reason) == ("REFUND_PENDING_DETAILS", "REFUND_FAILED")
    assert details.fields["reason"]["text"] in ("the till lost it", "the card is closed")
    assert scenario.story(number).count("refund.pending") == (first == "order")
    assert scenario.certificate(number)["status"] == "REFUND_PENDING_DETAILS"
    assert scenario.balance(number)["remainingBalance"] == before


def test_refund_that_failed_and_then_succeeds_lands_after_all(scenario: Scenario) -> None:
    """The second try of the same refund gives the money back, once."""
    number = scenario.sell()
    order_id = scenario.spend(number, 1_000_00)
    scenario.tell(
        goods(number, order_id, 1_000_00, status="RETURNED", version=2),
        refund_onto(number, order_id, 1_000_00, status="FAILED"),
    )
    scenario.settle()
    assert scenario.certificate(number)["status"] == "REFUND_PENDING_DETAILS"
    scenario.tell(refund_onto(number, order_id, 1_000_00))
    scenario.tell(refund_onto(number, order_id, 1_000_00))
    scenario.settle()
    assert scenario.story(number)[-2:] == ["refund.pendingDetails", "refund"]
    assert scenario.balance(number)["remainingBalance"] == "5000.00"
