"""Replies as records: the outcome of a request on its way to whoever waits for it."""

from dataclasses import dataclass
from typing import Any

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.fields import (
    MAX_MADE_ID_LENGTH,
    Fields,
    identifier,
    instant,
    minor_units,
    optional_instant,
    symbol,
)
from state.certificate.record import Status
from state.certificate.rejections import Rejection, RejectionCode
from state.certificate.transition import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a topic; a reader that has reached it sees the effect of what was decided."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An outcome, whom it is for, and where it was decided."""

    reply_to: str
    outcome: Outcome
    position: Position


def reply_to_record(reply: Reply) -> dict[str, Any]:
    """The record of a reply."""
    outcome = reply.outcome
    currency = outcome.currency

    def amount(amount_minor: int | None) -> bytes | None:
        # Before issue a certificate has no currency, and so no amounts to tell.
        if currency is None or amount_minor is None:
            return None
        return minor_to_amount(amount_minor, currency)

    rejection = outcome.rejection
    return {
        "requestId": outcome.command_id,
        "bodyDigest": outcome.body_digest,
        "replyTo": reply.reply_to,
        "at": outcome.decided_at_ms,
        "rejection": None
        if rejection is None
        else {"code": rejection.code.value, "text": rejection.text, "detail": rejection.detail},
        "certificateId": outcome.certificate_id or None,
        "sequence": outcome.sequence,
        "status": outcome.status,
        "currency": currency,
        "remainingBalance": amount(outcome.remaining_minor),
        "held": amount(outcome.held_minor),
        "amount": amount(outcome.amount_minor),
        "reservationId": outcome.reservation_id,
        "reservedUntil": outcome.reserved_until_ms,
        "authorizationId": outcome.authorization_id,
        "holdExpiresAt": outcome.hold_expires_at_ms,
        "notificationId": outcome.notification_id,
        "cvcKeyId": outcome.cvc_key_id,
        "cvcVersion": outcome.cvc_version,
        "position": {
            "topic": reply.position.topic,
            "partition": reply.position.partition,
            "offset": reply.position.offset,
        },
    }


def reply_from_record(fields: Fields) -> Reply:
    """The reply of a record. BrokenRecord when it says what the contract does not allow."""
    position = fields["position"]
    return Reply(
        reply_to=identifier(fields, "replyTo"),
        outcome=_outcome(fields),
        position=Position(
            topic=position["topic"], partition=position["partition"], offset=position["offset"]
        ),
    )


def _outcome(fields: Fields) -> Outcome:
    currency = fields["currency"]

    def amount(name: str) -> int | None:
        if currency is None or fields[name] is None:
            return None
        return minor_units(fields, name, currency)

    rejection = fields["rejection"]
    return Outcome(
        command_id=identifier(fields, "requestId", MAX_MADE_ID_LENGTH),
        certificate_id=fields["certificateId"] or "",
        body_digest=fields["bodyDigest"],
        decided_at_ms=instant(fields, "at"),
        rejection=None
        if rejection is None
        else Rejection(code=symbol(rejection, "code", RejectionCode), detail=rejection["detail"]),
        sequence=fields["sequence"],
        status=None if fields["status"] is None else symbol(fields, "status", Status),
        currency=currency,
        remaining_minor=amount("remainingBalance") or 0,
        held_minor=amount("held") or 0,
        amount_minor=amount("amount"),
        reservation_id=fields["reservationId"],
        reserved_until_ms=optional_instant(fields, "reservedUntil"),
        authorization_id=fields["authorizationId"],
        hold_expires_at_ms=optional_instant(fields, "holdExpiresAt"),
        notification_id=fields["notificationId"],
        cvc_key_id=fields["cvcKeyId"],
        cvc_version=fields["cvcVersion"],
    )
