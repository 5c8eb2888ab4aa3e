"""A valid order, payment and client record, to be changed by one thing at a time."""

from typing import Final

from pipelines.neighbours.records.clients import (
    Client,
    Delivery,
    DeliveryOutcome,
    NotificationChannel,
)
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    Channel,
    GoodsLine,
    Notification,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import (
    CertificateOperation,
    Payment,
    PaymentType,
    PaymentVersion1,
    Tender,
)

AT_MS: Final = 1_767_225_600_000
SOLD: Final = "GC-0000-0001"
SPENT: Final = "GC-0000-0007"

GOODS: Final = GoodsLine(line_id="1", sku="kettle", amount_minor=99_00)
CERTIFICATE: Final = CertificateLine(
    line_id="2", sku="gift-card", amount_minor=1_500_00, certificate_id=SOLD
)
TENDER: Final = CertificateTender(certificate_id=SPENT, amount_minor=50_00)

ORDER: Final = SalesOrder(
    order_id="order-1",
    version=3,
    at_ms=AT_MS,
    channel=Channel.ONLINE_STORE,
    status=OrderStatus.CONFIRMED,
    currency="RUB",
    lines=[GOODS, CERTIFICATE],
    tenders=[TENDER],
    client_id="client-7",
    store_id="shop-1",
    notification=Notification(channel=NotificationChannel.SMS, address_token="token-5f3c"),
)

VERSION_1: Final = PaymentVersion1(
    payment_id="payment-1",
    order_id="order-1",
    at_ms=AT_MS,
    channel=Channel.ONLINE_STORE,
    type=PaymentType.CAPTURE,
    amount_minor=1_549_00,
    currency="RUB",
    tender=Tender.CARD,
)

PURCHASE: Final = Payment(
    payment_id="payment-1",
    order_id="order-1",
    at_ms=AT_MS,
    channel=Channel.ONLINE_STORE,
    type=PaymentType.CAPTURE,
    amount_minor=1_549_00,
    currency="RUB",
    tender=Tender.CARD,
    certificate_id=SOLD,
    operation=CertificateOperation.PURCHASE,
    original_payment_id="payment-0",
)

REDEMPTION: Final = Payment(
    payment_id="payment-2",
    order_id="order-1",
    at_ms=AT_MS,
    channel=Channel.POS,
    type=PaymentType.CAPTURE,
    amount_minor=50_00,
    currency="RUB",
    tender=Tender.GIFT_CERTIFICATE,
    certificate_id=SPENT,
    operation=CertificateOperation.REDEMPTION,
    authorization_id="hold-1",
)

DELIVERY: Final = Delivery(
    certificate_id=SOLD,
    notification_id="order-1/notification/1",
    channel=NotificationChannel.SMS,
    outcome=DeliveryOutcome.SENT,
)
CLIENT: Final = Client(client_id="client-7", at_ms=AT_MS, delivery=DELIVERY)
