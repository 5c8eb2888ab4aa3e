"""A certificate is spent: in part, in full, with a card for the rest, and only when all agrees."""

from state.certificate.commands import Annul, Capture, Void
from state.certificate.money import Money
from tests.flow.caller_commands import authorize
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, redemption
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import CURRENCY, Line, Order, Payment


def test_redemption_in_part_and_then_in_full_leaves_what_remains(scenario: Scenario) -> None:
    """PARTIALLY_REDEEMED with the balance left, then REDEEMED with nothing left."""
    number = scenario.sell()
    scenario.spend(number, 1_500_00)
    part = scenario.await_story(number, "redeem.partial")
    assert (part.status, part.payload["lifecycle"]) == ("PARTIALLY_REDEEMED", "PARTIALLY_REDEEMED")
    assert part.entry == ("REDEEM", -1_500_00, 3_500_00, 0)
    assert scenario.balance(number) == {
        "remainingBalance": "3500.00",
        "held": "0.00",
        "available": "3500.00",
        "currency": "RUB",
        "status": "PARTIALLY_REDEEMED",
        "lifecycle": "PARTIALLY_REDEEMED",
        "locked": False,
    }
    scenario.spend(number, 3_500_00)
    full = scenario.await_story(number, "redeem.partial", "redeem.full")
    assert (full.status, full.entry) == ("REDEEMED", ("REDEEM", -3_500_00, 0, 0))
    assert scenario.balance(number)["remainingBalance"] == "0.00"


def test_redemption_of_the_whole_nominal_at_once_is_full(scenario: Scenario) -> None:
    """One order over the nominal value."""
    number = scenario.sell()
    scenario.spend(number, NOMINAL_MINOR)
    assert scenario.await_story(number, "activate", "redeem.full").remaining_minor == 0


def test_redemption_with_a_card_for_the_rest_spends_only_the_certificates_share(
    scenario: Scenario,
) -> None:
    """The dearer purchase: certificate first, card for what it does not cover."""
    number = scenario.sell()
    order_id = scenario.new_order_id()
    scenario.tell(
        Order(
            order_id=order_id,
            total_minor=7_200_00,
            lines=[Line(amount_minor=7_200_00)],
            tenders=[(number, NOMINAL_MINOR)],
            channel="POS",
        ),
        redemption(number, order_id, NOMINAL_MINOR),
        Payment(payment_id="card", order_id=order_id, amount_minor=2_200_00),
    )
    assert scenario.await_story(number, "redeem.full").status == "REDEEMED"
    scenario.settle()
    assert scenario.story(number)[-2:] == ["activate", "redeem.full"]


def test_redemption_where_order_and_payment_differ_waits_for_a_new_version(
    scenario: Scenario,
) -> None:
    """An alert and nothing spent; the version that agrees spends it, once."""
    number = scenario.sell()
    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 1_000_00), redemption(number, order_id, 1_200_00))
    mismatch = scenario.await_story(number, "activate", "alert")
    assert (mismatch.status, mismatch.reason) == ("ALERT", "REDEMPTION_MISMATCH")
    assert scenario.balance(number)["remainingBalance"] == "5000.00"
    scenario.tell(goods(number, order_id, 1_200_00, version=2))
    assert scenario.await_story(number, "alert", "redeem.partial").remaining_minor == 3_800_00


def test_redemption_of_more_than_there_is_spends_nothing(scenario: Scenario) -> None:
    """The refusal names the reason, and the balance stays."""
    number = scenario.sell()
    order_id = scenario.new_order_id()
    scenario.tell(
        goods(number, order_id, NOMINAL_MINOR + 1), redemption(number, order_id, NOMINAL_MINOR + 1)
    )
    refused = scenario.await_story(number, "activate", "error")
    assert (refused.status, refused.reason) == ("ERROR", "INSUFFICIENT_BALANCE")
    assert scenario.balance(number)["remainingBalance"] == "5000.00"


def test_hold_captured_and_then_told_by_order_and_payment_is_spent_once(
    scenario: Scenario,
) -> None:
    """Authorize, capture in part: the rest is freed; order and payment only confirm it."""
    number = scenario.sell()
    scenario.ask_cvc(number, f"{number}-a")
    order_id = scenario.new_order_id()
    hold = scenario.command(number, authorize(order_id, 2_000_00))
    held = scenario.await_story(number, "cvc.revealed", "authorize")
    assert held.entry == ("AUTHORIZE", 0, 5_000_00, 2_000_00)
    assert scenario.balance(number)["available"] == "3000.00"
    amount = Money(amount_minor=1_500_00, currency=CURRENCY)
    scenario.command(number, Capture(authorization_id=hold, amount=amount))
    spent = scenario.await_story(number, "authorize", "capture", "redeem.partial")
    assert spent.entry == ("REDEEM", -1_500_00, 3_500_00, 0)
    confirmation = Payment(
        payment_id="confirm",
        order_id=order_id,
        amount_minor=1_500_00,
        tender="GIFT_CERTIFICATE",
        number=number,
        operation="REDEMPTION",
        authorization_id=hold,
    )
    scenario.tell(goods(number, order_id, 1_500_00), confirmation)
    assert scenario.await_story(number, "redeem.partial", "capture").reason == "CAPTURE_CONFIRMED"
    assert scenario.balance(number)["remainingBalance"] == "3500.00"


def test_holds_captured_one_by_one_and_told_of_in_one_payment_are_spent_once(
    scenario: Scenario,
) -> None:
    """The payment names no authorization: it is taken for all that its order captured."""
    number = scenario.sell()
    scenario.ask_cvc(number, f"{number}-a")
    order_id = scenario.new_order_id()
    for amount_minor in (1_000_00, 500_00):
        hold = scenario.command(number, authorize(order_id, amount_minor))
        scenario.command(number, Capture(authorization_id=hold, amount=None))
    spent = ["authorize", "capture", "redeem.partial"] * 2
    scenario.await_story(number, "cvc.revealed", *spent)
    scenario.tell(goods(number, order_id, 1_500_00), redemption(number, order_id, 1_500_00))
    confirmed = scenario.await_story(number, *spent, "capture", "capture")
    assert (confirmed.reason, confirmed.entry) == ("CAPTURE_CONFIRMED", None)
    assert scenario.balance(number)["remainingBalance"] == "3500.00"


def test_hold_voided_or_past_its_time_frees_the_money(scenario: Scenario) -> None:
    """Given up by the till, or by the timer when the till forgot it."""
    number = scenario.sell()
    scenario.ask_cvc(number, f"{number}-a")
    voided = scenario.command(number, authorize("o-1", 1_000_00))
    scenario.command(number, Void(authorization_id=voided))
    assert scenario.await_story(number, "authorize", "void").entry == ("VOID", 0, 5_000_00, 0)
    scenario.command(number, authorize("o-2", 1_000_00, expires_at_ms=now_ms() - 1))
    expired = scenario.await_story(number, "void", "authorize", "hold.expired")
    assert expired.entry == ("HOLD_EXPIRED", 0, 5_000_00, 0)


def test_fifth_wrong_code_in_a_row_locks_the_certificate(scenario: Scenario) -> None:
    """Guessing stops after five tries, and somebody is told."""
    number = scenario.sell()
    scenario.ask_cvc(number, f"{number}-a")
    for _ in range(5):
        scenario.command(number, authorize("o-1", 100, cvc_matches=False))
    locked = scenario.await_story(number, *["error"] * 5, "lock", "alert")
    assert locked.reason == "CVC_LOCKED"
    assert scenario.balance(number)["locked"] is True


def test_annulled_certificate_loses_its_balance_and_cannot_be_spent(scenario: Scenario) -> None:
    """Ended for good, with a ledger entry for what was left."""
    number = scenario.sell()
    scenario.command(number, Annul(reason="found to be forged"))
    ended = scenario.await_story(number, "activate", "annul")
    assert (ended.status, ended.entry) == ("ANNULLED", ("ANNUL", -5_000_00, 0, 0))
    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 100), redemption(number, order_id, 100))
    assert scenario.await_story(number, "annul", "error").status == "ERROR"
