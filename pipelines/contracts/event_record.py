"""Events as records of GiftCertificates.Stream: what the world reads.

Owns the mapping from what happened to `GiftCertificateEvent.avsc`, and the headers by which
consumers filter without decoding. No code, key or address is ever in it.
"""

from typing import Any, Final

from pipelines.contracts.amounts import minor_to_amount
from state.certificate.commands import Command
from state.certificate.events import EventType
from state.certificate.headline import (
    LedgerEntry,
    event_type,
    headline,
    ledger_entry,
    reason_of,
)
from state.certificate.record import Certificate, Status
from state.certificate.transition import Published

NO_AMOUNT: Final = b"\x00"
"""Zero, which is the same in every currency; before issue a certificate has no currency."""

Headers = list[tuple[str, bytes]]


def event_to_record(published: Published, command: Command, event_id: str) -> dict[str, Any]:
    """The record of one certificate event, with the certificate right after it."""
    event, certificate = published.event, published.certificate
    reason = reason_of(event)
    channel = None if certificate is None else certificate.channel
    return {
        "eventId": event_id,
        "eventType": event_type(event).value,
        "status": headline(event, certificate).value,
        "channel": channel,
        "occurredAt": command.at_ms,
        "sequence": published.sequence,
        "correlationId": command.correlation_id
        or (None if certificate is None else certificate.correlation_id),
        "causationId": command.command_id,
        "actor": command.actor,
        "reason": None if reason is None else {"code": reason.code, "text": reason.text},
        "entry": _entry(ledger_entry(event, certificate), certificate),
        "payload": None
        if certificate is None
        else snapshot_to_record(certificate, published.sequence),
    }


def _entry(entry: LedgerEntry | None, certificate: Certificate | None) -> dict[str, Any] | None:
    if entry is None or certificate is None:
        return None
    currency = certificate.currency
    return {
        "kind": entry.kind.value,
        "amount": _amount(entry.amount_minor, currency),
        "remainingBalance": _amount(entry.remaining_minor, currency),
        "held": _amount(entry.held_minor, currency),
    }


def _amount(amount_minor: int, currency: str | None) -> bytes:
    if amount_minor == 0:
        return NO_AMOUNT
    assert currency is not None, "money has a currency"
    return minor_to_amount(amount_minor, currency, negative=True)


def snapshot_to_record(certificate: Certificate, version: int) -> dict[str, Any]:
    """The GiftCertificate snapshot: everything of a certificate that others may know."""
    currency = certificate.currency
    reservation, notification, lock = (
        certificate.reservation,
        certificate.notification,
        certificate.lock,
    )
    return {
        "certificateId": certificate.certificate_id,
        "pool": certificate.pool,
        "status": certificate.status.value,
        "lifecycle": certificate.lifecycle.value,
        "channel": certificate.channel,
        "orderId": certificate.order_id or (reservation.order_id if reservation else None),
        "clientId": certificate.client_id,
        "nominal": _amount(certificate.nominal_minor, currency),
        "remainingBalance": _amount(certificate.remaining_minor, currency),
        "held": _amount(certificate.held_minor, currency),
        "currency": currency,
        "reservedUntil": reservation.until_ms if reservation else None,
        "issuedAt": certificate.issued_at_ms,
        "activatedAt": certificate.activated_at_ms,
        "expiresAt": certificate.expires_at_ms,
        "notification": None
        if notification is None
        else {
            "id": notification.notification_id,
            "channel": notification.channel,
            "status": notification.status.value,
        },
        "lock": None if lock is None else {"reason": lock.reason, "by": lock.by, "at": lock.at_ms},
        "version": version,
    }


def pool_event_record(
    *,
    event_id: str,
    event_type: EventType,
    status: Status,
    channel: str | None,
    at_ms: int,
    sequence: int,
    causation_id: str,
    actor: str | None,
    code: str,
    text: str,
) -> dict[str, Any]:
    """The record of an event of a pool, which concerns no certificate: blocked, or low."""
    return {
        "eventId": event_id,
        "eventType": event_type.value,
        "status": status.value,
        "channel": channel,
        "occurredAt": at_ms,
        "sequence": sequence,
        "correlationId": None,
        "causationId": causation_id,
        "actor": actor,
        "reason": {"code": code, "text": text},
        "entry": None,
        "payload": None,
    }


EVENT_TYPE_HEADER: Final = "eventType"


def stream_headers(record: dict[str, Any]) -> Headers:
    """What consumers filter by without decoding; the certificate's number comes beside it."""
    channel = record["channel"]
    headers = [
        (EVENT_TYPE_HEADER, record["eventType"].encode()),
        ("status", record["status"].encode()),
    ]
    if channel is not None:
        headers.append(("channel", str(channel).encode()))
    return headers
