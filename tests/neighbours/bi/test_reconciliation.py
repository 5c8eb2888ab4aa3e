"""Every way in which stream, orders and payments can disagree, and that agreement is silent."""

from collections.abc import Callable

import pytest

from pipelines.contracts.schemas import RecordName
from tests.neighbours.bi.mart_in_memory import MartUnderTest, Row, filled
from tests.neighbours.bi.told_topics import (
    MINUTE_MS,
    NUMBER,
    OTHER,
    TILL,
    ToldTopics,
    sold,
)

Story = Callable[[], ToldTopics]


def spent(minor: int = 1_000_00) -> ToldTopics:
    """A sale at the till, paid with the certificate as all sides say."""
    told = sold().spending_order(minor)
    told.payment(minor, order_id="basket-1", tender="GIFT_CERTIFICATE", number=NUMBER, channel=TILL)
    return told.redeem(minor)


def returned() -> ToldTopics:
    """The goods came back, and the money onto the certificate."""
    told = spent().spending_order(1_000_00, version=2, status="RETURNED")
    told.payment(
        1_000_00,
        order_id="basket-1",
        kind="REFUND",
        tender="GIFT_CERTIFICATE",
        suffix="back",
        number=NUMBER,
        original="paid",
        channel=TILL,
    )
    return told.refund(1_000_00)


def undone() -> ToldTopics:
    """The certificate itself was returned."""
    told = sold().selling_order(version=2, status="CANCELLED")
    told.payment(5_000_00, kind="REFUND", suffix="back", number=NUMBER, original="paid")
    return told.undo()


def confirmed_capture() -> ToldTopics:
    """Money taken over HTTP, and then order and payment of the same sale."""
    told = sold().captured_over_http(700_00).spending_order(700_00)
    told.payment(
        700_00, order_id="basket-1", tender="GIFT_CERTIFICATE", number=NUMBER, channel=TILL
    )
    return told.redeem(700_00)


def mixed(paid_minor: int) -> ToldTopics:
    told = ToldTopics().load().reserve().selling_order(goods_minor=300_00)
    return told.payment(paid_minor).issue()


def authorized() -> ToldTopics:
    told = ToldTopics().load().reserve().selling_order()
    told.payment(5_000_00, kind="AUTHORIZATION")
    told.issue()
    # It is issued on the promise; that it was activated is taken out again.
    told.records.pop()
    return told


def voided() -> ToldTopics:
    """Captured twice by mistake, and once taken back."""
    told = sold().payment(5_000_00, suffix="again")
    return told.payment(5_000_00, kind="VOID", suffix="undo", original="again")


AGREED: list[tuple[str, Story]] = [
    ("sold", sold),
    ("sold beside goods", lambda: mixed(5_300_00)),
    ("spent", spent),
    ("goods returned", returned),
    ("purchase undone", undone),
    ("captured over HTTP and confirmed", confirmed_capture),
    ("cancelled before it was issued", lambda: ToldTopics().load().reserve().selling_order(
        status="CANCELLED")),
    ("a draft", lambda: ToldTopics().selling_order(status="CREATED")),
    ("called off before anything was spent", lambda: sold().spending_order(
        1_000_00, status="CANCELLED")),
    ("authorized, not captured yet", authorized),
    ("ordinary", lambda: ToldTopics().payment(100, order_id="basket-9")),
    ("a payment under way", lambda: spent().payment(
        50, order_id="basket-1", suffix="2", status="PENDING")),
    ("a capture that was voided", voided),
]  # fmt: skip


@pytest.mark.parametrize("story", [story for _, story in AGREED], ids=[name for name, _ in AGREED])
def test_reconciliation_of_sides_that_agree_finds_nothing(story: Story) -> None:
    mart = filled(story().records)
    assert findings(mart) == []
    rows = mart.rows("SELECT stream_minor, source_minor FROM reconciliation_by_channel")
    assert all(stream == source for stream, source in rows)


def findings(mart: MartUnderTest) -> list[Row]:
    return mart.rows(
        "SELECT check_name, finding, channel, coalesce(order_id, correlation_key), "
        "stream_minor, source_minor FROM reconciliation WHERE finding IS NOT NULL "
        "ORDER BY check_name, finding, stream_minor"
    )


WEB, POS = "ONLINE_STORE", "POS"

DISAGREED: list[tuple[str, Story, list[Row]]] = [
    (
        "an order that was not issued",
        lambda: ToldTopics().load().reserve().selling_order(),
        [("ISSUED_BY_ORDER", "NOT_DONE", WEB, "sale-1", 0, 5_000_00)],
    ),
    (
        "paid and not issued",
        lambda: ToldTopics().load().selling_order().payment(5_000_00),
        [
            ("ISSUED_BY_ORDER", "NOT_DONE", WEB, "sale-1", 0, 5_000_00),
            ("ISSUED_BY_PAYMENT", "PAYMENT_UNUSED", WEB, "sale-1", 0, 5_000_00),
        ],
    ),
    (
        "an order line without a number",
        lambda: ToldTopics().selling_order(number=None),
        [("ISSUED_BY_ORDER", "NOT_DONE", WEB, "sale-1", 0, 5_000_00)],
    ),
    (
        "issued without an order",
        lambda: ToldTopics().load().reserve().issue(),
        [
            ("ISSUED_BY_ORDER", "WITHOUT_ORDER", WEB, "sale-1", 5_000_00, 0),
            ("ISSUED_BY_PAYMENT", "PAYMENT_MISSING", WEB, "sale-1", 5_000_00, 0),
        ],
    ),
    (
        "issued for another amount",
        lambda: (
            ToldTopics().load().reserve().selling_order(minor=6_000_00).payment(6_000_00).issue()
        ),
        [
            ("ISSUED_BY_ORDER", "AMOUNT_DIFFERS", WEB, "sale-1", 5_000_00, 6_000_00),
            ("ISSUED_BY_PAYMENT", "PAYMENT_UNUSED", WEB, "sale-1", 5_000_00, 6_000_00),
        ],
    ),
    (
        "issued in another channel",
        lambda: ToldTopics().load().reserve().selling_order(channel=TILL).payment(5_000_00).issue(),
        [("ISSUED_BY_ORDER", "CHANNEL_DIFFERS", POS, "sale-1", 5_000_00, 5_000_00)],
    ),
    (
        "spendable and not paid",
        lambda: ToldTopics().load().reserve().selling_order().issue(),
        [("ISSUED_BY_PAYMENT", "PAYMENT_MISSING", WEB, "sale-1", 5_000_00, 0)],
    ),
    (
        "overpaid",
        lambda: mixed(5_301_00),
        [("ISSUED_BY_PAYMENT", "PAYMENT_UNUSED", WEB, "sale-1", 5_000_00, 5_001_00)],
    ),
    (
        "a tender that was refused, and its payment",
        lambda: (
            sold()
            .spending_order(1_000_00)
            .payment(1_000_00, order_id="basket-1", tender="GIFT_CERTIFICATE", number=NUMBER)
        ),
        [
            ("REDEEMED_BY_ORDER", "NOT_DONE", POS, "basket-1", 0, 1_000_00),
            ("REDEEMED_BY_PAYMENT", "PAYMENT_UNUSED", POS, "basket-1", 0, 1_000_00),
        ],
    ),
    (
        "spent by no order",
        lambda: sold().redeem(1_000_00),
        [
            ("REDEEMED_BY_ORDER", "WITHOUT_ORDER", WEB, "basket-1", 1_000_00, 0),
            ("REDEEMED_BY_PAYMENT", "PAYMENT_MISSING", WEB, "basket-1", 1_000_00, 0),
        ],
    ),
    (
        "a tender that was raised afterwards",
        lambda: spent().spending_order(1_500_00, version=2),
        [("REDEEMED_BY_ORDER", "AMOUNT_DIFFERS", POS, "basket-1", 1_000_00, 1_500_00)],
    ),
    (
        "two certificates of one sale, changed over",
        lambda: spent().spending_order(1_000_00, version=2, number=OTHER),
        [
            ("REDEEMED_BY_ORDER", "NOT_DONE", POS, "basket-1", 0, 1_000_00),
            ("REDEEMED_BY_ORDER", "WITHOUT_ORDER", WEB, "basket-1", 1_000_00, 0),
        ],
    ),
    (
        "captured over HTTP, and no order tells of it",
        lambda: sold().captured_over_http(700_00),
        [("REDEEMED_BY_ORDER", "NOT_CONFIRMED", WEB, NUMBER, 700_00, 0)],
    ),
    (
        "captured over HTTP, and the order without its payment",
        lambda: sold().captured_over_http(700_00).spending_order(700_00),
        [
            ("REDEEMED_BY_ORDER", "NOT_CONFIRMED", WEB, NUMBER, 700_00, 0),
            ("REDEEMED_BY_ORDER", "NOT_DONE", POS, "basket-1", 0, 700_00),
        ],
    ),
    (
        "captured over HTTP, more than is confirmed",
        lambda: confirmed_capture().captured_over_http(50_00),
        [("REDEEMED_BY_ORDER", "NOT_CONFIRMED", WEB, NUMBER, 50_00, 0)],
    ),
    (
        "refunded by payments only",
        lambda: spent().payment(
            400_00,
            order_id="basket-1",
            kind="REFUND",
            tender="GIFT_CERTIFICATE",
            suffix="back",
            number=NUMBER,
            original="paid",
        ),
        [("REFUNDED_BY_PAYMENT", "PAYMENT_UNUSED", POS, "basket-1", 0, 400_00)],
    ),
    (
        "refunded by the stream only",
        lambda: spent().refund(400_00),
        [("REFUNDED_BY_PAYMENT", "PAYMENT_MISSING", POS, "basket-1", 400_00, 0)],
    ),
    (
        "returned and paid back, and still alive",
        lambda: (
            sold()
            .selling_order(version=2, status="RETURNED")
            .payment(5_000_00, kind="REFUND", suffix="back", number=NUMBER, original="paid")
        ),
        [("UNDONE_BY_PAYMENT", "PAYMENT_UNUSED", WEB, "sale-1", 0, 5_000_00)],
    ),
    (
        "undone, and nothing paid back",
        lambda: sold().selling_order(version=2, status="RETURNED").undo(),
        [("UNDONE_BY_PAYMENT", "PAYMENT_MISSING", WEB, "sale-1", 5_000_00, 0)],
    ),
]


@pytest.mark.parametrize(
    ("story", "wanted"),
    [pytest.param(story, wanted, id=name) for name, story, wanted in DISAGREED],
)
def test_reconciliation_of_sides_that_differ_lists_each_difference(
    story: Story, wanted: list[Row]
) -> None:
    mart = filled(story().records)
    assert findings(mart) == wanted
    counted = sum(row["differences"] for row in mart.report().channels)
    assert counted == len(wanted) == len(mart.report().differences)


def test_reconciliation_of_what_just_came_is_under_way_until_its_time_is_over() -> None:
    told = ToldTopics().load().reserve().selling_order()
    for minutes, under_way in ((0, True), (14, True), (15, False)):
        mart = filled(told.records, now_ms=told.now_ms + minutes * MINUTE_MS)
        (row,) = mart.report().differences
        assert row["under_way"] is under_way, minutes


def test_reconciliation_of_a_payment_of_version_1_needs_no_number() -> None:
    told = sold().spending_order(1_000_00)
    told.payment(
        1_000_00, order_id="basket-1", tender="GIFT_CERTIFICATE", version_1=True, channel=TILL
    )
    assert findings(filled(told.redeem(1_000_00).records)) == []


def test_payment_that_is_told_again_as_pending_stays_as_it_ended() -> None:
    told = spent()
    for status in ("PENDING", "FAILED"):
        told.payment(1_000_00, order_id="basket-1", status=status, channel=TILL, version_1=True)
        told.spoil(RecordName.PAYMENT, tender="GIFT_CERTIFICATE")
    mart = filled(told.records)
    assert findings(mart) == []
    rows = mart.rows(
        "SELECT status, certificate_id FROM payment WHERE payment_id = 'basket-1/paid'"
    )
    assert rows == [("SUCCEEDED", NUMBER)]


def test_sales_order_is_its_latest_version_whatever_came_last() -> None:
    told = ToldTopics().selling_order(version=3, status="COMPLETED").selling_order(version=2)
    mart = filled(told.records)
    assert mart.rows("SELECT version, status FROM sales_order") == [(3, "COMPLETED")]
    assert mart.rows("SELECT count(*) FROM order_version") == [(2,)]
