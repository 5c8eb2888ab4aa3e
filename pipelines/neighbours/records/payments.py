"""Payments as a payment system tells them on All_Payments, in both versions of the contract.

Owns what makes a payment impossible. `Payment` writes version 2, which says what it means for a
certificate; `PaymentVersion1` has no place to say it.
"""

from dataclasses import dataclass, fields

from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.checks import (
    amount_of,
    checked_id,
    checked_instant,
    checked_number,
    checked_text,
    optional_id,
)
from pipelines.neighbours.records.record import ImpossibleRecord, SourceRecord, event_id_of
from pipelines.topics import ALL_PAYMENTS
from state.certificate.commands import Channel
from state.correlation.facts import CertificateOperation, PaymentStatus, PaymentType, Tender

__all__ = [
    "CertificateOperation",
    "Channel",
    "Payment",
    "PaymentStatus",
    "PaymentType",
    "PaymentVersion1",
    "Tender",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentVersion1:
    """One payment operation of a system that cannot say whether it concerns a certificate.

    `payment_id` with `type` is one operation; its ways from PENDING to its end are told under the
    same id. Without `event_id` the id follows from those three, so that a repetition is the same
    event.
    """

    payment_id: str
    order_id: str
    at_ms: int
    channel: Channel
    type: PaymentType
    amount_minor: int
    currency: str
    tender: Tender
    status: PaymentStatus = PaymentStatus.SUCCEEDED
    correlation_id: str | None = None
    event_id: str | None = None

    def record(self) -> SourceRecord:
        """The record to write. ImpossibleRecord says what the service could not accept."""
        return SourceRecord(
            topic=ALL_PAYMENTS,
            name=RecordName.PAYMENT,
            key=self.payment_id.encode(),
            value=self.fields(),
            version=1,
        )

    def fields(self) -> dict[str, object]:
        """The fields of version 1, checked."""
        event_id = self.event_id
        if event_id is None:
            event_id = event_id_of(
                checked_id("paymentId", self.payment_id), self.type.value, self.status.value
            )
        return {
            "eventId": checked_id("eventId", event_id),
            "eventTime": checked_instant("eventTime", self.at_ms),
            "paymentId": checked_id("paymentId", self.payment_id),
            "orderId": checked_id("orderId", self.order_id),
            "correlationId": optional_id("correlationId", self.correlation_id),
            "channel": self.channel.value,
            "type": self.type.value,
            "status": self.status.value,
            "amount": amount_of(
                "amount",
                self.amount_minor,
                self.currency,
                positive=self.tender is Tender.GIFT_CERTIFICATE,
            ),
            "currency": self.currency,
            "tender": self.tender.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(PaymentVersion1):
    """One payment operation that says what it means for a certificate, where it means anything.

    A purchase of several certificates names the operation and no certificate. `authorization_id` is
    the hold that a redemption captures, as the service answered it. `original_payment_id` is the
    authorization that a capture or void belongs to, or the payment that a refund gives back.
    """

    certificate_id: str | None = None
    operation: CertificateOperation | None = None
    authorization_id: str | None = None
    original_payment_id: str | None = None
    failure_reason: str | None = None

    def record(self) -> SourceRecord:
        """The record to write. ImpossibleRecord says what the service could not accept."""
        number = self.certificate_id
        value = self.fields() | {
            "certificateId": None if number is None else checked_number("certificateId", number),
            "certificateOperation": self.operation and self.operation.value,
            "authorizationId": optional_id("authorizationId", self.authorization_id),
            "originalPaymentId": optional_id("originalPaymentId", self.original_payment_id),
            "failureReason": checked_text("failureReason", self.failure_reason),
        }
        self._check_operation()
        self._check_what_it_is_about()
        return SourceRecord(
            topic=ALL_PAYMENTS, name=RecordName.PAYMENT, key=self.payment_id.encode(), value=value
        )

    def by_version_1(self) -> PaymentVersion1:
        """The same payment as a system tells it that knows version 1.

        ImpossibleRecord when it names an authorization, which an order cannot tell in its place.
        """
        if self.authorization_id is not None:
            raise ImpossibleRecord(
                "authorizationId has no place in version 1, and no order says it: write version 2"
            )
        known = (each.name for each in fields(PaymentVersion1))
        return PaymentVersion1(**{name: getattr(self, name) for name in known})

    def _check_operation(self) -> None:
        by_certificate = self.tender is Tender.GIFT_CERTIFICATE
        match self.operation:
            case None:
                if self.certificate_id is not None or by_certificate:
                    raise ImpossibleRecord(
                        "certificateOperation is missing on a payment that concerns a certificate: "
                        "say PURCHASE, REDEMPTION or REFUND"
                    )
            case CertificateOperation.PURCHASE:
                if by_certificate:
                    raise ImpossibleRecord(
                        "tender is GIFT_CERTIFICATE on a PURCHASE: a certificate is bought with "
                        "other money"
                    )
                self._check_types("PURCHASE", refund=False)
            case CertificateOperation.REDEMPTION:
                if not by_certificate or self.certificate_id is None:
                    raise ImpossibleRecord(
                        "a REDEMPTION needs the tender GIFT_CERTIFICATE and the certificateId that "
                        "pays"
                    )
                self._check_types("REDEMPTION", refund=False)
            case CertificateOperation.REFUND:
                self._check_types("REFUND", refund=True)

    def _check_types(self, operation: str, *, refund: bool) -> None:
        if (self.type is PaymentType.REFUND) is not refund:
            raise ImpossibleRecord(
                f"type is {self.type.value} on a payment whose certificateOperation is {operation}:"
                " money given back is a REFUND in both, all other money in neither"
            )

    def _check_what_it_is_about(self) -> None:
        if self.authorization_id is not None and not (
            self.operation is CertificateOperation.REDEMPTION and self.type is PaymentType.CAPTURE
        ):
            raise ImpossibleRecord(
                "authorizationId is set on what captures no hold of a certificate: leave it out"
            )
        if self.original_payment_id is not None and self.type is PaymentType.AUTHORIZATION:
            raise ImpossibleRecord(
                "originalPaymentId is set on an AUTHORIZATION, which is about no earlier payment: "
                "leave it out"
            )
        if self.failure_reason is not None and self.status is not PaymentStatus.FAILED:
            raise ImpossibleRecord(
                f"failureReason is set on a payment that is {self.status.value}: leave it out"
            )
