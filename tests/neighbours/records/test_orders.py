"""Orders of the kit: what one gives, and each impossible one refused with what to do."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    GoodsLine,
    Notification,
    NotificationChannel,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.record import ImpossibleRecord
from pipelines.topics import ALL_SALES_ORDER
from tests.neighbours.records.specimens import AT_MS, CERTIFICATE, GOODS, ORDER, SOLD, SPENT, TENDER


def rubles(amount_minor: int) -> bytes:
    return minor_to_amount(amount_minor, "RUB")


def test_order_gives_every_field_of_the_contract() -> None:
    record = ORDER.record()
    assert (record.topic, record.name, record.key) == (
        ALL_SALES_ORDER,
        RecordName.SALES_ORDER,
        b"order-1",
    )
    assert record.value == {
        "eventId": "order-1/order/3",
        "eventTime": AT_MS,
        "orderId": "order-1",
        "correlationId": None,
        "version": 3,
        "channel": "ONLINE_STORE",
        "status": "CONFIRMED",
        "clientId": "client-7",
        "storeId": "shop-1",
        "currency": "RUB",
        "total": rubles(1_599_00),
        "lines": [
            {
                "lineId": "1",
                "kind": "GOODS",
                "sku": "kettle",
                "quantity": 1,
                "amount": rubles(99_00),
                "certificateId": None,
            },
            {
                "lineId": "2",
                "kind": "GIFT_CERTIFICATE",
                "sku": "gift-card",
                "quantity": 1,
                "amount": rubles(1_500_00),
                "certificateId": SOLD,
            },
        ],
        "certificateTenders": [{"certificateId": SPENT, "amount": rubles(50_00)}],
        "notification": {"channel": "SMS", "addressToken": "token-5f3c"},
    }


def test_same_version_again_is_the_same_event_and_another_version_is_not() -> None:
    assert ORDER.record().event_id == replace(ORDER, client_id=None).record().event_id
    assert replace(ORDER, version=4).record().event_id == "order-1/order/4"
    assert replace(ORDER, event_id="their own").record().event_id == "their own"


def test_order_whose_id_fills_its_field_gets_an_event_id_that_fits() -> None:
    longest = replace(ORDER, order_id="x" * 200)
    assert longest.record().event_id == longest.record().event_id
    assert len(longest.record().event_id) <= 200
    assert longest.record().event_id != replace(longest, version=4).record().event_id


def test_total_is_the_sum_of_the_lines_unless_it_is_given() -> None:
    assert ORDER.total() == 1_599_00
    discounted = replace(ORDER, total_minor=1_580_00)
    assert discounted.record().value["total"] == rubles(1_580_00)


def test_draft_may_lack_the_number_that_is_not_reserved_yet() -> None:
    draft = replace(ORDER, lines=[GOODS, NO_NUMBER], status=OrderStatus.CREATED).record()
    lines: Any = draft.value["lines"]
    assert [line["certificateId"] for line in lines] == [None, None]


def test_repr_of_a_notification_keeps_the_token_to_itself() -> None:
    assert "token-5f3c" not in repr(ORDER)


def certificates(count: int) -> list[CertificateLine]:
    return [replace(CERTIFICATE, line_id=f"{n}", certificate_id=f"GC-{n:06}") for n in range(count)]


def tenders(count: int) -> list[CertificateTender]:
    return [CertificateTender(certificate_id=f"GC-{n:06}", amount_minor=1) for n in range(count)]


NO_NUMBER = replace(CERTIFICATE, certificate_id=None)
TWIN = replace(CERTIFICATE, line_id="3")

IMPOSSIBLE = [
    ("no order id", replace(ORDER, order_id=""), "orderId is empty: give"),
    ("long id", replace(ORDER, order_id="x" * 201), "orderId has more than 200 characters"),
    ("control character", replace(ORDER, order_id="a\nb"), "orderId has control characters"),
    ("empty client", replace(ORDER, client_id=""), "clientId is empty"),
    ("empty shop", replace(ORDER, store_id=""), "storeId is empty"),
    ("empty correlation", replace(ORDER, correlation_id=""), "correlationId is empty"),
    ("empty event id", replace(ORDER, event_id=""), "eventId is empty"),
    ("version below zero", replace(ORDER, version=-1), "version is negative"),
    ("version beyond 64 bits", replace(ORDER, version=2**63), "version is negative or beyond"),
    ("seconds before 1970", replace(ORDER, at_ms=-1), "eventTime is not between 1970"),
    ("microseconds", replace(ORDER, at_ms=AT_MS * 1_000), "give UTC milliseconds since 1970"),
    ("no currency", replace(ORDER, currency="RUR"), "not an ISO 4217 code"),
    ("negative total", replace(ORDER, total_minor=-1), "total: the amount is negative"),
    ("too large a total", replace(ORDER, total_minor=10**17), "total: the amount has more than"),
    (
        "line without sku",
        replace(ORDER, lines=[replace(GOODS, sku=""), CERTIFICATE]),
        "lines.sku is empty",
    ),
    (
        "line without id",
        replace(ORDER, lines=[replace(GOODS, line_id=""), CERTIFICATE]),
        "lines.lineId is empty",
    ),
    (
        "negative quantity",
        replace(ORDER, lines=[replace(GOODS, quantity=-1), CERTIFICATE]),
        "lines.quantity is negative",
    ),
    (
        "negative line",
        replace(ORDER, lines=[replace(GOODS, amount_minor=-1), CERTIFICATE]),
        "lines.amount: the amount is negative",
    ),
    (
        "two lines of one id",
        replace(ORDER, lines=[GOODS, replace(CERTIFICATE, line_id="1")]),
        "lines.lineId is there twice",
    ),
    (
        "certificate for nothing",
        replace(ORDER, lines=[GOODS, replace(CERTIFICATE, amount_minor=0)]),
        "lines.amount is zero",
    ),
    (
        "no certificate number",
        replace(ORDER, lines=[GOODS, replace(CERTIFICATE, certificate_id="gift")]),
        "lines.certificateId holds something else",
    ),
    (
        "bought without a number",
        replace(ORDER, lines=[GOODS, NO_NUMBER]),
        "reserve a number first",
    ),
    (
        "one number on two lines",
        replace(ORDER, lines=[GOODS, CERTIFICATE, TWIN]),
        "lines.certificateId is there twice",
    ),
    ("too many lines", replace(ORDER, lines=certificates(501)), "more than 500 certificate lines"),
    (
        "too many tenders",
        replace(ORDER, lines=[replace(GOODS, amount_minor=501)], tenders=tenders(501)),
        "more than 500 certificate lines or tenders: split",
    ),
    (
        "tender of nothing",
        replace(ORDER, tenders=[replace(TENDER, amount_minor=0)]),
        "certificateTenders.amount is zero",
    ),
    (
        "tender by no number",
        replace(ORDER, tenders=[replace(TENDER, certificate_id="")]),
        "certificateTenders.certificateId is empty",
    ),
    (
        "paid with what it sells",
        replace(ORDER, tenders=[replace(TENDER, certificate_id=SOLD)]),
        "certificateTenders names a certificate that this order sells",
    ),
    (
        "certificate for a certificate",
        replace(ORDER, lines=[CERTIFICATE], tenders=[TENDER]),
        "a certificate pays for goods only",
    ),
    (
        "certificate for more than the goods",
        replace(ORDER, tenders=[replace(TENDER, amount_minor=99_01)]),
        "certificateTenders pay more than the goods",
    ),
    (
        "message about no certificate",
        replace(ORDER, lines=[GOODS], tenders=[]),
        "notification is set on an order that sells no certificate",
    ),
    (
        "empty token",
        replace(
            ORDER, notification=Notification(channel=NotificationChannel.SMS, address_token="")
        ),
        "notification.addressToken is empty",
    ),
    (
        "mail address for a token",
        replace(
            ORDER,
            notification=Notification(
                channel=NotificationChannel.EMAIL, address_token="someone@example.com"
            ),
        ),
        "notification.addressToken is an address or looks like a phone number: give the CRM's",
    ),
    (
        "phone number for a token",
        replace(
            ORDER,
            notification=Notification(
                channel=NotificationChannel.SMS, address_token="+7 (900) 000-00-00"
            ),
        ),
        "notification.addressToken is an address",
    ),
]


@pytest.mark.parametrize(
    ("order", "told"), [pytest.param(order, told, id=name) for name, order, told in IMPOSSIBLE]
)
def test_impossible_order_is_refused_with_what_to_do(order: SalesOrder, told: str) -> None:
    with pytest.raises(ImpossibleRecord) as refused:
        order.record()
    assert told in str(refused.value)
    for value in ("example.com", "900", SOLD, SPENT):
        assert value not in str(refused.value), "a refusal names fields and shows no value"


POSSIBLE = [
    ("emptied", replace(ORDER, lines=[], tenders=[], notification=None)),
    ("goods only", replace(ORDER, lines=[GOODS], tenders=[], notification=None)),
    ("goods paid whole", replace(ORDER, tenders=[replace(TENDER, amount_minor=99_00)])),
    ("free goods", replace(ORDER, lines=[replace(GOODS, amount_minor=0)], tenders=[],
                           notification=None)),
    ("nothing of an article", replace(ORDER, lines=[GoodsLine(line_id="1", sku="a", quantity=0,
                                      amount_minor=1)], tenders=[], notification=None)),
    ("called off without a number", replace(ORDER, lines=[GOODS, NO_NUMBER],
                                            status=OrderStatus.CANCELLED)),
    ("500 certificates", replace(ORDER, lines=certificates(500), tenders=[])),
    ("one certificate twice", replace(ORDER, tenders=[TENDER, replace(TENDER, amount_minor=1)])),
    ("token of digits and dashes", replace(ORDER, notification=Notification(
        channel=NotificationChannel.SMS, address_token="3f2b1c40-1111-4222-8333-123456789012"))),
    ("token of digits behind a prefix", replace(ORDER, notification=Notification(
        channel=NotificationChannel.SMS, address_token="crm-12345678901"))),
]  # fmt: skip


@pytest.mark.parametrize("order", [pytest.param(order, id=name) for name, order in POSSIBLE])
def test_order_at_the_edge_of_the_possible_is_given(order: SalesOrder) -> None:
    assert order.record().value["orderId"] == "order-1"
