"""The example of an explained correlation, for the API's description.

Owns one state of the story that the other examples tell: order 1001 sells certificate GC-00000042,
and a part of its money is still missing. What is said of it is said by the code that explains.
"""

from typing import Final

from http_edge.api.correlation_models import CorrelationPath
from http_edge.handlers.correlation_output import correlation_explanation
from state.certificate.commands import Channel, NotificationChannel
from state.correlation.explanation import explain
from state.correlation.facts import (
    CertificateLine,
    CertificateOperation,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.record import Correlation, payment_key

_SEEN_MS: Final = 1_772_359_201_250
_DAY_MS: Final = 24 * 60 * 60 * 1000
_ORDER: Final = OrderSeen(
    order_id="1001",
    version=1,
    channel=Channel.ONLINE_STORE,
    status=OrderStatus.CONFIRMED,
    client_id="customer-7",
    currency="RUB",
    total_minor=1500_00,
    lines=(CertificateLine(line_id="1", amount_minor=1500_00, certificate_id="GC-00000042"),),
    tenders=(),
    notification_channel=NotificationChannel.SMS,
)
_PAYMENT: Final = PaymentSeen(
    payment_id="pay-1001-1",
    order_id="1001",
    type=PaymentType.CAPTURE,
    status=PaymentStatus.SUCCEEDED,
    amount_minor=1000_00,
    currency="RUB",
    tender=Tender.CARD,
    certificate_id="GC-00000042",
    operation=CertificateOperation.PURCHASE,
)

CORRELATION_PATH: Final = CorrelationPath(correlation_id="1001")
CORRELATION: Final = correlation_explanation(
    explain(
        Correlation(
            correlation_id="1001",
            since_ms=_SEEN_MS,
            order=_ORDER,
            payments={payment_key(_PAYMENT): _PAYMENT},
            waiting_since_ms=_SEEN_MS,
            deadline_ms=_SEEN_MS + _DAY_MS,
        )
    )
)
