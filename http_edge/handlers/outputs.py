"""What callers get: certificates, balances and outcomes in the words of the API."""

from datetime import UTC, datetime, timedelta
from typing import Final

from http_edge.api import models
from pipelines.contracts.amounts import minor_to_text
from state.certificate.record import Certificate
from state.certificate.transition import Outcome

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(at_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _optional_timestamp(at_ms: int | None) -> str | None:
    return None if at_ms is None else timestamp(at_ms)


def _amount(amount_minor: int, currency: str | None) -> str | None:
    return None if currency is None else minor_to_text(amount_minor, currency)


def snapshot(certificate: Certificate, version: int) -> models.Snapshot:
    """The certificate as others may know it; the same words as on the stream."""
    currency, reserved = certificate.currency, certificate.reservation
    return models.Snapshot(
        certificate_id=certificate.certificate_id,
        pool=certificate.pool,
        status=certificate.status,
        lifecycle=certificate.lifecycle,
        channel=certificate.channel,
        order_id=certificate.order_id or (reserved.order_id if reserved else None),
        client_id=certificate.client_id,
        nominal=_amount(certificate.nominal_minor, currency),
        remaining_balance=_amount(certificate.remaining_minor, currency),
        held=_amount(certificate.held_minor, currency),
        available=_amount(certificate.available_minor, currency),
        currency=currency,
        reserved_until=timestamp(reserved.until_ms) if reserved else None,
        issued_at=_optional_timestamp(certificate.issued_at_ms),
        activated_at=_optional_timestamp(certificate.activated_at_ms),
        expires_at=_optional_timestamp(certificate.expires_at_ms),
        notification=_notification(certificate),
        lock=_lock(certificate),
        version=version,
    )


def _notification(certificate: Certificate) -> models.Notification | None:
    known = certificate.notification
    if known is None:
        return None
    return models.Notification(id=known.notification_id, channel=known.channel, status=known.status)


def _lock(certificate: Certificate) -> models.LockInfo | None:
    lock = certificate.lock
    if lock is None:
        return None
    return models.LockInfo(reason=lock.reason, by=lock.by, at=timestamp(lock.at_ms))


def balance(certificate: Certificate) -> models.Balance:
    """What a till needs."""
    currency = certificate.currency
    return models.Balance(
        remaining_balance=_amount(certificate.remaining_minor, currency),
        held=_amount(certificate.held_minor, currency),
        available=_amount(certificate.available_minor, currency),
        currency=currency,
        status=certificate.status,
        lifecycle=certificate.lifecycle,
        locked=certificate.lock is not None,
    )


def reservation(outcome: Outcome) -> models.Reservation:
    """The number a checkout got."""
    assert outcome.reservation_id is not None, "a reservation has an id"
    assert outcome.reserved_until_ms is not None, "a reservation has an end"
    return models.Reservation(
        certificate_id=outcome.certificate_id,
        reservation_id=outcome.reservation_id,
        reserved_until=timestamp(outcome.reserved_until_ms),
    )


def standing(outcome: Outcome) -> models.Standing:
    """A certificate right after a request."""
    assert outcome.status is not None, "what was done has a status"
    return models.Standing(
        certificate_id=outcome.certificate_id,
        status=outcome.status,
        remaining_balance=_amount(outcome.remaining_minor, outcome.currency),
        held=_amount(outcome.held_minor, outcome.currency),
        currency=outcome.currency,
        version=outcome.sequence,
    )


def authorization(outcome: Outcome) -> models.Authorization:
    """A hold right after it was made."""
    currency = outcome.currency
    assert currency is not None, "a hold is of money"
    assert outcome.amount_minor is not None, "a hold has an amount"
    assert outcome.authorization_id is not None, "a hold has an id"
    assert outcome.hold_expires_at_ms is not None, "a hold has an end"
    return models.Authorization(
        authorization_id=outcome.authorization_id,
        certificate_id=outcome.certificate_id,
        amount=minor_to_text(outcome.amount_minor, currency),
        currency=currency,
        expires_at=timestamp(outcome.hold_expires_at_ms),
        remaining_balance=minor_to_text(outcome.remaining_minor, currency),
        held=minor_to_text(outcome.held_minor, currency),
        available=minor_to_text(outcome.remaining_minor - outcome.held_minor, currency),
        version=outcome.sequence,
    )


def captured(outcome: Outcome) -> models.Captured:
    """A hold right after it was spent."""
    currency = outcome.currency
    assert currency is not None, "a capture is of money"
    assert outcome.amount_minor is not None, "a capture has an amount"
    assert outcome.authorization_id is not None, "a capture names its hold"
    assert outcome.status is not None, "what was done has a status"
    return models.Captured(
        authorization_id=outcome.authorization_id,
        certificate_id=outcome.certificate_id,
        amount=minor_to_text(outcome.amount_minor, currency),
        currency=currency,
        remaining_balance=minor_to_text(outcome.remaining_minor, currency),
        held=minor_to_text(outcome.held_minor, currency),
        available=minor_to_text(outcome.remaining_minor - outcome.held_minor, currency),
        status=outcome.status,
        version=outcome.sequence,
    )
