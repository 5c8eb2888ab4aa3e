"""What an order says about its payments: a table, and what is left open where it leaves it open."""

import pytest

from pipelines.neighbours.enrich.join import Why
from pipelines.neighbours.records.orders import OrderStatus, SalesOrder
from pipelines.neighbours.records.payments import PaymentType, PaymentVersion1, Tender
from tests.neighbours.enrich.enrichment_in_memory import EnrichmentInMemory
from tests.neighbours.enrich.stories import (
    GOODS,
    OTHER,
    PAID_WITH,
    PURCHASE,
    SOLD,
    SPENT,
    order,
    payment,
)

BY_CERTIFICATE = Tender.GIFT_CERTIFICATE
TWO_SOLD = order(sold=[(SOLD, 1_500_00), (OTHER, 1_500_00)])
WITH_GOODS = order(goods_minor=500_00, sold=[(SOLD, 1_500_00)])
TWO_TENDERS = order(goods_minor=99_00, tenders=[(SPENT, 50_00), (OTHER, 49_00)])
TWO_ALIKE = order(goods_minor=100_00, tenders=[(SPENT, 50_00), (OTHER, 50_00)])
ONE_TWICE = order(goods_minor=99_00, tenders=[(SPENT, 50_00), (SPENT, 49_00)])
SELLS_AND_SPENDS = order(goods_minor=50_00, sold=[(SOLD, 99_00)], tenders=[(SPENT, 50_00)])
CALLED_OFF_UNRESERVED = order(status=OrderStatus.CANCELLED, sold=[(None, 1_500_00)])

MARKED = [
    ("money for a certificate", PURCHASE, payment(1_500_00), "PURCHASE", SOLD),
    ("a part of it", PURCHASE, payment(1_00), "PURCHASE", SOLD),
    (
        "promise of it",
        PURCHASE,
        payment(1_500_00, type=PaymentType.AUTHORIZATION),
        "PURCHASE",
        SOLD,
    ),
    ("promise given up", PURCHASE, payment(1_500_00, type=PaymentType.VOID), "PURCHASE", SOLD),
    ("money for goods and one", WITH_GOODS, payment(2_000_00), "PURCHASE", SOLD),
    ("money for two", TWO_SOLD, payment(3_000_00), "PURCHASE", None),
    ("money for one without a number", CALLED_OFF_UNRESERVED, payment(1_00), "PURCHASE", None),
    ("all money back", PURCHASE, payment(1_500_00, type=PaymentType.REFUND), "REFUND", SOLD),
    ("some money back", PURCHASE, payment(1_00, type=PaymentType.REFUND), "REFUND", None),
    (
        "as much back in another currency",
        PURCHASE,
        payment(1_500_00, type=PaymentType.REFUND, currency="USD"),
        "REFUND",
        None,
    ),
    (
        "money back, perhaps for goods",
        WITH_GOODS,
        payment(1_500_00, type=PaymentType.REFUND),
        "REFUND",
        None,
    ),
    ("money back of two", TWO_SOLD, payment(1_500_00, type=PaymentType.REFUND), "REFUND", None),
    ("spent", PAID_WITH, payment(50_00, tender=BY_CERTIFICATE), "REDEMPTION", SPENT),
    (
        "spent, another amount than the order says",
        PAID_WITH,
        payment(7_00, tender=BY_CERTIFICATE),
        "REDEMPTION",
        SPENT,
    ),
    ("the first of two", TWO_TENDERS, payment(50_00, tender=BY_CERTIFICATE), "REDEMPTION", SPENT),
    ("the second of two", TWO_TENDERS, payment(49_00, tender=BY_CERTIFICATE), "REDEMPTION", OTHER),
    ("neither of two", TWO_TENDERS, payment(1_00, tender=BY_CERTIFICATE), "REDEMPTION", None),
    (
        "one of two in another currency",
        TWO_TENDERS,
        payment(50_00, tender=BY_CERTIFICATE, currency="USD"),
        "REDEMPTION",
        None,
    ),
    ("one of two alike", TWO_ALIKE, payment(50_00, tender=BY_CERTIFICATE), "REDEMPTION", None),
    ("one that pays twice", ONE_TWICE, payment(49_00, tender=BY_CERTIFICATE), "REDEMPTION", SPENT),
    (
        "back onto the only one",
        PAID_WITH,
        payment(7_00, type=PaymentType.REFUND, tender=BY_CERTIFICATE),
        "REFUND",
        SPENT,
    ),
    (
        "back onto one of two, whole or in part",
        TWO_TENDERS,
        payment(49_00, type=PaymentType.REFUND, tender=BY_CERTIFICATE),
        "REFUND",
        None,
    ),
    ("spent on an order of none", GOODS, payment(1, tender=BY_CERTIFICATE), "REDEMPTION", None),
    ("spent and bought: spent", SELLS_AND_SPENDS, payment(50_00, tender=BY_CERTIFICATE),
     "REDEMPTION", SPENT),
    ("spent and bought: bought", SELLS_AND_SPENDS, payment(99_00), "PURCHASE", SOLD),
]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "paid", "operation", "number"),
    [pytest.param(*row, id=name) for name, *row in MARKED],
)
def test_payment_is_marked_by_what_its_order_says(
    told: SalesOrder, paid: PaymentVersion1, operation: str, number: str | None
) -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(told.record())
    (written,) = enrichment.take(paid.record())
    assert (written.marks, written.why) == ((operation, number), Why.MARKED)


ORDINARY = [
    ("goods by card", GOODS, payment(99_00)),
    ("goods back", GOODS, payment(99_00, type=PaymentType.REFUND)),
    ("the rest by card", PAID_WITH, payment(49_00)),
]


@pytest.mark.parametrize(("told", "paid"), [pytest.param(*row, id=name) for name, *row in ORDINARY])
def test_payment_that_concerns_no_certificate_passes_unmarked(
    told: SalesOrder, paid: PaymentVersion1
) -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(told.record())
    (written,) = enrichment.take(paid.record())
    assert (written.marks, written.why) == ((None, None), Why.ORDINARY)


def test_marks_change_nothing_else_of_the_payment() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PURCHASE.record())
    source = payment(1_500_00).record()
    (written,) = enrichment.take(source)
    assert written.fields == {
        **source.value,
        "certificateId": SOLD,
        "certificateOperation": "PURCHASE",
        "authorizationId": None,
        "originalPaymentId": None,
        "failureReason": None,
    }
