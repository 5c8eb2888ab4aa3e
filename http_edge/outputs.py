"""What callers get: the JSON of certificates, balances and outcomes."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.responses import Response

from pipelines.contracts.amounts import minor_to_text
from state.certificate.record import Certificate
from state.certificate.transition import Outcome

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON response; private content is never kept by a cache in between."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def timestamp(at_ms: int | None) -> str | None:
    """ISO 8601 in UTC with milliseconds."""
    if at_ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _amount(amount_minor: int, currency: str | None) -> str | None:
    return None if currency is None else minor_to_text(amount_minor, currency)


def snapshot(certificate: Certificate, version: int) -> dict[str, Any]:
    """The certificate as others may know it; the same words as on the stream."""
    currency = certificate.currency
    reservation, notification, lock = (
        certificate.reservation,
        certificate.notification,
        certificate.lock,
    )
    return {
        "certificateId": certificate.certificate_id,
        "pool": certificate.pool,
        "status": certificate.status,
        "lifecycle": certificate.lifecycle,
        "channel": certificate.channel,
        "orderId": certificate.order_id or (reservation.order_id if reservation else None),
        "clientId": certificate.client_id,
        "nominal": _amount(certificate.nominal_minor, currency),
        "remainingBalance": _amount(certificate.remaining_minor, currency),
        "held": _amount(certificate.held_minor, currency),
        "available": _amount(certificate.available_minor, currency),
        "currency": currency,
        "reservedUntil": timestamp(reservation.until_ms) if reservation else None,
        "issuedAt": timestamp(certificate.issued_at_ms),
        "activatedAt": timestamp(certificate.activated_at_ms),
        "expiresAt": timestamp(certificate.expires_at_ms),
        "notification": None
        if notification is None
        else {
            "id": notification.notification_id,
            "channel": notification.channel,
            "status": notification.status,
        },
        "lock": None
        if lock is None
        else {"reason": lock.reason, "by": lock.by, "at": timestamp(lock.at_ms)},
        "version": version,
    }


def balance(certificate: Certificate) -> dict[str, Any]:
    """What a till needs."""
    currency = certificate.currency
    return {
        "remainingBalance": _amount(certificate.remaining_minor, currency),
        "held": _amount(certificate.held_minor, currency),
        "available": _amount(certificate.available_minor, currency),
        "currency": currency,
        "status": certificate.status,
        "lifecycle": certificate.lifecycle,
        "locked": certificate.lock is not None,
    }


def reservation(outcome: Outcome) -> dict[str, Any]:
    """The number a checkout got."""
    return {
        "certificateId": outcome.certificate_id,
        "reservationId": outcome.reservation_id,
        "reservedUntil": timestamp(outcome.reserved_until_ms),
    }


def standing(outcome: Outcome) -> dict[str, Any]:
    """A certificate right after a request."""
    return {
        "certificateId": outcome.certificate_id,
        "status": outcome.status,
        "remainingBalance": _amount(outcome.remaining_minor, outcome.currency),
        "held": _amount(outcome.held_minor, outcome.currency),
        "currency": outcome.currency,
        "version": outcome.sequence,
    }
