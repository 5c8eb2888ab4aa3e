"""Orders and version 1 payments to enrich, in roubles: a few fixed ones, and any number at random.

Owns the strategies of the laws: versions of one order that agree about its certificates, as a
source's do, and versions that do not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    Channel,
    GoodsLine,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import (
    PaymentStatus,
    PaymentType,
    PaymentVersion1,
    Tender,
)

AT_MS: Final = 1_767_225_600_000
SOLD: Final = "GC-0000-0001"
SPENT: Final = "GC-0000-0007"
OTHER: Final = "GC-0000-0008"


def order(
    *,
    order_id: str = "order-1",
    version: int = 1,
    status: OrderStatus = OrderStatus.CONFIRMED,
    goods_minor: int = 0,
    sold: Sequence[tuple[str | None, int]] = (),
    tenders: Sequence[tuple[str, int]] = (),
) -> SalesOrder:
    """An order of goods, certificates, or both."""
    goods = [GoodsLine(line_id="goods", sku="sku", amount_minor=goods_minor)]
    return SalesOrder(
        order_id=order_id,
        version=version,
        at_ms=AT_MS,
        channel=Channel.ONLINE_STORE,
        status=status,
        currency="RUB",
        lines=[
            *(goods if goods_minor or not sold else []),
            *(
                CertificateLine(
                    line_id=f"{place}", sku="gift", amount_minor=minor, certificate_id=number
                )
                for place, (number, minor) in enumerate(sold)
            ),
        ],
        tenders=[
            CertificateTender(certificate_id=number, amount_minor=minor)
            for number, minor in tenders
        ],
    )


def payment(
    amount_minor: int,
    *,
    order_id: str = "order-1",
    payment_id: str = "payment-1",
    type: PaymentType = PaymentType.CAPTURE,  # noqa: A002 - the contract's word
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    tender: Tender = Tender.CARD,
    currency: str = "RUB",
) -> PaymentVersion1:
    """A version 1 payment."""
    return PaymentVersion1(
        payment_id=payment_id,
        order_id=order_id,
        at_ms=AT_MS,
        channel=Channel.ONLINE_STORE,
        type=type,
        status=status,
        amount_minor=amount_minor,
        currency=currency,
        tender=tender,
    )


PURCHASE: Final = order(sold=[(SOLD, 1_500_00)])
GOODS: Final = order(goods_minor=99_00)
PAID_WITH: Final = order(goods_minor=99_00, tenders=[(SPENT, 50_00)])

_ORDER_IDS: Final = ("order-1", "order-2")
_amounts = st.sampled_from([50_00, 50_00, 99_00])
_sold = st.lists(
    st.tuples(st.sampled_from([SOLD, OTHER]), _amounts), max_size=2, unique_by=lambda row: row[0]
)
_tenders = st.lists(st.tuples(st.sampled_from([SPENT, "GC-0000-0009"]), _amounts), max_size=3)
_binding = st.sampled_from(sorted(set(OrderStatus) - {OrderStatus.CREATED}))


@st.composite
def payments(draw: st.DrawFn, order_id: str) -> list[PaymentVersion1]:
    """Up to four payments of one order, some of them alike but for their id."""
    return [
        payment(
            draw(_amounts),
            order_id=order_id,
            payment_id=f"{order_id}/{place}",
            type=draw(st.sampled_from(PaymentType)),
            status=draw(st.sampled_from(PaymentStatus)),
            tender=draw(st.sampled_from([Tender.CARD, Tender.GIFT_CERTIFICATE])),
            currency=draw(st.sampled_from(["RUB", "RUB", "USD"])),
        )
        for place in range(draw(st.integers(0, 4)))
    ]


@st.composite
def agreeing_versions(draw: st.DrawFn, order_id: str) -> list[SalesOrder]:
    """Versions of an order that tell the same certificates; a draft before them tells anything."""
    sold, tenders = draw(_sold), draw(_tenders)
    goods_minor = sum(minor for _, minor in tenders) + 1
    first = order(order_id=order_id, goods_minor=goods_minor, sold=sold, tenders=tenders)
    draft = order(order_id=order_id, version=0, status=OrderStatus.CREATED, goods_minor=1)
    later = [
        replace(first, version=version, status=draw(_binding))
        for version in range(1, draw(st.integers(1, 3)) + 1)
    ]
    return [draft, *later] if draw(st.booleans()) else later


@st.composite
def any_versions(draw: st.DrawFn, order_id: str) -> list[SalesOrder]:
    """Versions of an order each of which tells what it likes."""
    versions = []
    for version in range(1, draw(st.integers(1, 3)) + 1):
        tenders = draw(_tenders)
        goods_minor = sum(minor for _, minor in tenders) + 1
        versions.append(
            order(
                order_id=order_id,
                version=version,
                status=draw(_binding),
                goods_minor=goods_minor,
                sold=draw(_sold),
                tenders=tenders,
            )
        )
    return versions


@st.composite
def stories(draw: st.DrawFn) -> list[SalesOrder | PaymentVersion1]:
    """Orders that agree with themselves, and their payments."""
    told: list[SalesOrder | PaymentVersion1] = []
    for order_id in _ORDER_IDS:
        told += draw(agreeing_versions(order_id))
        told += draw(payments(order_id))
    return told


@st.composite
def interleavings(
    draw: st.DrawFn, story: Sequence[SalesOrder | PaymentVersion1]
) -> list[SalesOrder | PaymentVersion1]:
    """The same records in any order, any of them repeated."""
    if not story:
        return []
    again = draw(st.lists(st.sampled_from(story), max_size=6))
    return list(draw(st.permutations([*story, *again])))
