"""How a buyer wants to be reached: what an order's record says of it.

Owns the reading of SalesOrder for this one purpose. The token is handed on and kept nowhere.
"""

from dataclasses import dataclass, field

from pipelines.contracts.fields import Fields, count, identifier

_CERTIFICATE_LINE = "GIFT_CERTIFICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContact:
    """One version of an order that sells certificates, and the token of the buyer's address."""

    order_id: str
    version: int
    token: str = field(repr=False)


def contact_in(order: Fields) -> OrderContact | None:
    """What an order says; None when it sells no certificate, or does not say where to write.

    BrokenRecord when it contradicts its contract.
    """
    notification = order["notification"]
    if notification is None or not notification["addressToken"]:
        return None
    if not any(line["kind"] == _CERTIFICATE_LINE for line in order["lines"]):
        return None
    return OrderContact(
        order_id=identifier(order, "orderId"),
        version=count(order, "version"),
        token=identifier(notification, "addressToken"),
    )
