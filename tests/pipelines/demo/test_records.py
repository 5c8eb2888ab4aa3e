"""The records: what the contracts say, in the version that was asked for, with ids that repeat."""

from collections.abc import Iterable
from typing import Any

import pytest

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, published
from pipelines.demo.baskets import Basket
from pipelines.demo.held import REPEATED_AFTER, HeldBack
from pipelines.demo.records import Outgoing, RecordWriter, Source
from pipelines.demo.steps import (
    LockedRedemption,
    Ordinary,
    Purchase,
    Redemption,
    Return,
    Shop,
    Spending,
    Telling,
    Undoing,
)
from tests.pipelines.demo.specimens import basket, gift_card

_NAMES = {Source.ORDERS: RecordName.SALES_ORDER, Source.PAYMENTS: RecordName.PAYMENT}
_FRAMING = SingleObjectFraming()
_NUMBERS = {0: "GC-0000", 1: "GC-0001"}

PURCHASE = Purchase(
    basket=basket(5, goods_minor=350, cards=(gift_card(2_500),)),
    shop=Shop.POS,
    telling=Telling(),
    slots=(0,),
    capture_held=9,
)
REDEMPTION = Redemption(
    basket=basket(6, goods_minor=4_000),
    shop=Shop.POS,
    telling=Telling(order_held=2, payment_held=3),
    spent=(Spending(slot=0, amount_minor=2_500), Spending(slot=1, amount_minor=500)),
    awaited=(),
)


@pytest.fixture
def writer() -> RecordWriter:
    return RecordWriter(_FRAMING, _NUMBERS, token_of)


def token_of(bought: Basket) -> str:
    """Stands in for the address directory."""
    return f"token-of-{bought.household_id}"


def decoded(records: Iterable[Outgoing]) -> list[dict[str, Any]]:
    return [_FRAMING.decode(_NAMES[record.source], record.value) for record in records]


def cents(raw: bytes) -> int:
    return amount_to_minor(raw, "USD")


@pytest.mark.parametrize("version", [1, 2])
def test_a_payment_is_written_in_the_version_that_its_system_knows(
    writer: RecordWriter, version: int
) -> None:
    """The fingerprint on the wire is that of the version's own schema."""
    step = Ordinary(
        basket=basket(1, goods_minor=100),
        shop=Shop.POS,
        telling=Telling(payment_version=version),
    )
    _, payment = writer.ordinary(step)

    assert payment.value[2:10] == published(RecordName.PAYMENT)[version - 1].fingerprint


def test_an_ordinary_basket_is_an_order_and_a_card_payment(writer: RecordWriter) -> None:
    """Its lines add up to its total, and to what is paid."""
    order, payment = decoded(
        writer.ordinary(
            Ordinary(basket=basket(1, goods_minor=1_999), shop=Shop.POS, telling=Telling())
        )
    )

    assert order["status"] == "COMPLETED"
    assert cents(order["total"]) == cents(order["lines"][0]["amount"]) == 1_999
    assert cents(payment["amount"]) == 1_999
    assert (payment["type"], payment["tender"]) == ("CAPTURE", "CARD")


def test_nothing_is_paid_for_a_basket_that_costs_nothing(writer: RecordWriter) -> None:
    """The order is still told of."""
    step = Ordinary(basket=basket(1), shop=Shop.POS, telling=Telling())

    assert [record.source for record in writer.ordinary(step)] == [Source.ORDERS]


def test_a_purchase_names_the_reserved_number_on_its_line(writer: RecordWriter) -> None:
    """One certificate a line; authorized with the order, captured when its time has come."""
    order, authorization = decoded(writer.purchase_begun(PURCHASE))
    captured = writer.purchase_paid(PURCHASE)
    (capture,) = decoded([captured])

    assert order["notification"] == {"channel": "SMS", "addressToken": "token-of-7"}
    line = order["lines"][1]
    assert (line["kind"], line["quantity"], line["certificateId"]) == (
        "GIFT_CERTIFICATE",
        1,
        "GC-0000",
    )
    assert cents(line["amount"]) == 2_500
    assert cents(authorization["amount"]) == cents(capture["amount"]) == 2_850
    assert authorization["certificateOperation"] == "PURCHASE"
    assert capture["originalPaymentId"] == authorization["paymentId"] != capture["paymentId"]
    assert captured.held == 9


def test_a_purchase_in_the_internet_store_begins_as_a_draft(writer: RecordWriter) -> None:
    """A version that binds nobody, then the one that does."""
    online = Purchase(
        basket=PURCHASE.basket,
        shop=Shop.ONLINE_STORE,
        telling=Telling(order_held=4),
        slots=(0,),
        capture_held=0,
    )
    records = list(writer.purchase_begun(online))
    draft, order, _ = decoded(records)

    assert (draft["status"], order["status"]) == ("CREATED", "CONFIRMED")
    assert draft["version"] < order["version"]
    assert [record.held for record in records] == [0, 4, 0]


def test_a_payment_for_two_certificates_names_neither(writer: RecordWriter) -> None:
    """It buys both; which one it is about cannot be said."""
    two = Purchase(
        basket=basket(5, cards=(gift_card(500), gift_card(700))),
        shop=Shop.POS,
        telling=Telling(),
        slots=(0, 1),
        capture_held=0,
    )
    _, authorization = decoded(writer.purchase_begun(two))

    assert authorization["certificateId"] is None
    assert authorization["certificateOperation"] == "PURCHASE"


def test_a_redemption_is_paid_by_its_certificates_and_the_rest_by_card(
    writer: RecordWriter,
) -> None:
    """40.00 of goods: 25.00, 5.00 and 10.00."""
    order, first, second, card = decoded(writer.redemption(REDEMPTION))

    tenders = [
        (tender["certificateId"], cents(tender["amount"])) for tender in order["certificateTenders"]
    ]
    payments = [(payment["certificateId"], cents(payment["amount"])) for payment in (first, second)]
    assert tenders == payments == [("GC-0000", 2_500), ("GC-0001", 500)]
    assert first["tender"] == second["tender"] == "GIFT_CERTIFICATE"
    assert (card["tender"], cents(card["amount"])) == ("CARD", 1_000)
    assert len({each["eventId"] for each in (order, first, second, card)}) == 4


def test_an_attempt_on_a_locked_certificate_is_told_at_once(writer: RecordWriter) -> None:
    """Nothing of it is held back: support waits for the refusal."""
    records = writer.locked_redemption(LockedRedemption(attempt=REDEMPTION))

    assert [(record.held, record.repeated) for record in records] == [(0, False)] * 4


@pytest.mark.parametrize(("fails", "status"), [(False, "SUCCEEDED"), (True, "FAILED")])
def test_a_return_gives_each_payment_back_the_way_it_came(
    writer: RecordWriter, fails: bool, status: str
) -> None:
    """The order keeps its tenders; each refund names the payment it undoes."""
    step = Return(redemption=REDEMPTION, at_ms=77, telling=Telling(), fails=fails, awaited=())
    (order,) = decoded([writer.returned(step)])
    paid = decoded(writer.redemption(REDEMPTION))[1:]
    back = decoded(writer.refunds(step))

    assert (order["status"], order["version"], order["eventTime"]) == ("RETURNED", 2, 77)
    assert len(order["certificateTenders"]) == 2
    assert [refund["originalPaymentId"] for refund in back] == [each["paymentId"] for each in paid]
    assert [refund["amount"] for refund in back] == [each["amount"] for each in paid]
    assert [refund["status"] for refund in back] == [status, status, "SUCCEEDED"]
    assert (back[0]["failureReason"] is not None) == fails


def test_an_undone_purchase_is_cancelled_and_its_money_goes_back_to_the_card(
    writer: RecordWriter,
) -> None:
    """The whole of it, named as the refund of that certificate."""
    step = Undoing(purchase=PURCHASE, at_ms=88, telling=Telling(), awaited=())
    order, refund = decoded(writer.undone(step))

    assert (order["status"], order["lines"][1]["certificateId"]) == ("CANCELLED", "GC-0000")
    assert (refund["type"], refund["tender"], cents(refund["amount"])) == ("REFUND", "CARD", 2_850)
    assert (refund["certificateId"], refund["certificateOperation"]) == ("GC-0000", "REFUND")


def record(name: str, *, held: int = 0, repeated: bool = False) -> Outgoing:
    return Outgoing(Source.ORDERS, name.encode(), b"", held, repeated)


def test_a_record_held_back_comes_free_after_its_baskets() -> None:
    """Of those due at once, the one held first comes first."""
    held = HeldBack()
    late, later, same = record("late", held=1), record("later", held=2), record("same", held=1)

    assert [held.take(each) for each in (later, late, same)] == [[], [], []]
    assert held.next_basket() == [late, same]
    assert held.next_basket() == [later]
    assert held.next_basket() == []


def test_a_repeated_record_is_written_now_and_once_more() -> None:
    """The second time it is the very same record."""
    held = HeldBack()
    twice = record("twice", repeated=True)

    assert held.take(twice) == [twice]
    free = [each for _ in range(REPEATED_AFTER) for each in held.next_basket()]
    assert free == [twice]


def test_releasing_what_is_held_back_gives_everything_in_its_order() -> None:
    """And leaves nothing behind."""
    held = HeldBack()
    late, later = record("late", held=1), record("later", held=2)
    for each in (later, late):
        held.take(each)

    assert held.release() == [late, later]
    assert held.release() == []
