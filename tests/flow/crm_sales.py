"""Purchases for a CRM: certificates that are sold to phones, through the kit and the topics.

Owns the orders of these tests, each with the token of an address of its own.
"""

from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.neighbours.records.orders import (
    CertificateLine,
    Channel,
    Notification,
    OrderStatus,
    SalesOrder,
)
from pipelines.topics import ALL_SALES_ORDER
from tests.flow.crm_process import CrmBench
from tests.flow.scenario import NOMINAL_MINOR, Scenario
from tests.flow.service_under_test import Message, now_ms
from tests.flow.source_messages import Payment


def buy(
    own: Scenario,
    number: str,
    *,
    token: str | None,
    channel: NotificationChannel = NotificationChannel.SMS,
    client_id: str | None = None,
) -> None:
    """Order and pay one certificate that was reserved."""
    order_id = own.new_order_id()
    order = SalesOrder(
        order_id=order_id,
        version=1,
        at_ms=now_ms(),
        channel=Channel.ONLINE_STORE,
        status=OrderStatus.CONFIRMED,
        currency="RUB",
        lines=[
            CertificateLine(
                line_id="1", sku="gift", amount_minor=NOMINAL_MINOR, certificate_id=number
            )
        ],
        client_id=client_id,
        notification=Notification(channel=channel, address_token=token),
    )
    value = order.record().encode(own.service.framing)
    own.service.write(Message(topic=ALL_SALES_ORDER, key=order_id.encode(), value=value))
    own.tell(Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR))


def sell(own: Scenario, bench: CrmBench, count: int = 1) -> dict[str, str]:
    """Sell so many certificates, each to a phone of its own; the phones by number."""
    own.load_many(count)
    return {number: buy_at(own, bench, number) for number in [own.reserve() for _ in range(count)]}


def buy_at(own: Scenario, bench: CrmBench, number: str) -> str:
    """Have a reserved number bought by somebody with a phone; the phone."""
    phone = f"+7900{len(bench.customers.addresses):07}"
    token = f"token-of-{number}"
    bench.customers.addresses[token] = phone
    buy(own, number, token=token)
    return phone
