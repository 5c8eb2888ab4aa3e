"""Commands as records: one flat Avro record for every kind of command.

Owns the mapping between the domain's commands and the fields of `Command.avsc`, in both directions.
It reads the shape of each action from its type, so an action has no second description here.
"""

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.fields import (
    MAX_ID_LENGTH,
    MAX_MADE_ID_LENGTH,
    Fields,
    broken,
    certificate_number,
    identifier,
    instant,
    minor_units,
    optional_identifier,
    optional_symbol,
    pool_name,
    readable_text,
    required,
    symbol,
)
from state.certificate import commands
from state.certificate.commands import Action, Channel, Command, NotificationChannel, Origin
from state.certificate.money import Money
from state.correlation.intentions import CORRELATION_SUBJECT

_TYPES: Final[Mapping[str, type[Action]]] = {
    "LOAD": commands.Load,
    "RESERVE": commands.Reserve,
    "RESERVE_NUMBER": commands.ReserveNumber,
    "EXPIRE_RESERVATION": commands.ExpireReservation,
    "RELEASE": commands.Release,
    "ISSUE": commands.Issue,
    "ACTIVATE": commands.Activate,
    "NOTIFICATION_RESULT": commands.NotificationResult,
    "REQUEST_NOTIFICATION": commands.RequestNotification,
    "REVEAL_CVC": commands.RevealCvc,
    "AUTHORIZE": commands.Authorize,
    "CAPTURE": commands.Capture,
    "VOID": commands.Void,
    "EXPIRE_HOLD": commands.ExpireHold,
    "REDEEM": commands.Redeem,
    "REFUND_TO_CERTIFICATE": commands.RefundToCertificate,
    "REFUND_PENDING": commands.RefundPending,
    "REFUND_PENDING_DETAILS": commands.RefundPendingDetails,
    "CANCEL_PURCHASE": commands.CancelPurchase,
    "LOCK": commands.Lock,
    "UNLOCK": commands.Unlock,
    "ANNUL": commands.Annul,
    "RAISE_ALERT": commands.RaiseAlert,
}
SYMBOLS: Final[Mapping[type[Action], str]] = {action: symbol for symbol, action in _TYPES.items()}
"""What each kind of command is called in its record."""

_FIELD_OF: Final = {
    "pool": "pool",
    "channel": "channel",
    "order_id": "orderId",
    "client_id": "clientId",
    "payment_id": "paymentId",
    "reservation_id": "reservationId",
    "until_ms": "reservedUntil",
    "authorization_id": "authorizationId",
    "expires_at_ms": "expiresAt",
    "accept_partial": "acceptPartial",
    "notification_id": "notificationId",
    "notification_channel": "notificationChannel",
    "sent": "sent",
    "key_id": "cvcKeyId",
    "cvc_version": "cvcVersion",
    "cvc_matches": "cvcMatches",
    "code": "alertCode",
    "reason": "reason",
    "text": "reason",
}
_MONEY: Final = frozenset({"amount", "nominal"})
_MADE_IDS: Final = frozenset({"reservation_id", "authorization_id", "notification_id"})
"""Ids of ours that come back: each is the id of the command that made it."""
_TEXTS: Final = frozenset({"reason", "text", "code"})

_SHAPES: Final[Mapping[type[Action], tuple[tuple[str, bool], ...]]] = {
    action: tuple(
        (field.name, NoneType in get_args(get_type_hints(action)[field.name]))
        for field in dataclass_fields(action)
    )
    for action in SYMBOLS
}
"""The attributes of each action, and whether each may be absent."""

_EMPTY: Final[Mapping[str, None]] = dict.fromkeys([*_FIELD_OF.values(), "amount", "currency"], None)


def command_to_record(command: Command) -> dict[str, Any]:
    """The flat record of a command."""
    action = command.action
    record: dict[str, Any] = {
        **_EMPTY,
        "commandId": command.command_id,
        "type": SYMBOLS[type(action)],
        "at": command.at_ms,
        "certificateId": command.certificate_id,
        "origin": command.origin.value,
        "correlationId": command.correlation_id,
        "actor": command.actor,
        "replyTo": command.reply_to,
        "bodyDigest": command.body_digest,
    }
    for name, _ in _SHAPES[type(action)]:
        value = getattr(action, name)
        if name in _MONEY:
            if value is not None:
                record["amount"] = minor_to_amount(value.amount_minor, value.currency)
                record["currency"] = value.currency
        else:
            record[_FIELD_OF[name]] = value
    return record


def command_from_record(fields: Fields) -> Command:
    """The command of a record. BrokenRecord when it says what the contract does not allow."""
    action_type = _TYPES.get(fields["type"])
    if action_type is None:
        raise broken("type is not a command this version knows")
    values: dict[str, Any] = {
        name: _value(fields, name, optional=optional) for name, optional in _SHAPES[action_type]
    }
    return Command(
        command_id=identifier(fields, "commandId", MAX_MADE_ID_LENGTH),
        at_ms=instant(fields, "at"),
        certificate_id=_subject(fields, action_type),
        origin=symbol(fields, "origin", Origin),
        action=action_type(**values),
        correlation_id=optional_identifier(fields, "correlationId"),
        actor=optional_identifier(fields, "actor"),
        reply_to=optional_identifier(fields, "replyTo"),
        body_digest=optional_identifier(fields, "bodyDigest"),
    )


def _subject(fields: Fields, action_type: type[Action]) -> str:
    """The certificate; an alert may be about a correlation that names none."""
    subject = identifier(fields, "certificateId", MAX_MADE_ID_LENGTH)
    if action_type is commands.RaiseAlert and subject.startswith(CORRELATION_SUBJECT):
        return subject
    return certificate_number(fields, "certificateId")


def _value(fields: Fields, name: str, *, optional: bool) -> object:
    if name in _MONEY:
        return _money(fields, optional=optional)
    field = _FIELD_OF[name]
    if name == "channel":
        return (optional_symbol if optional else symbol)(fields, field, Channel)
    if name == "notification_channel":
        return optional_symbol(fields, field, NotificationChannel)
    if name == "pool":
        return pool_name(fields, field)
    if name.endswith("_id"):
        longest = MAX_MADE_ID_LENGTH if name in _MADE_IDS else MAX_ID_LENGTH
        if optional:
            return optional_identifier(fields, field, longest)
        return identifier(fields, field, longest)
    if name.endswith("_ms"):
        return instant(fields, field)
    if name in _TEXTS:
        if optional and fields[field] is None:
            return None
        return readable_text(fields, field)
    assert not optional, "no action has another kind of field that may be absent"
    return required(fields, field)


def _money(fields: Fields, *, optional: bool) -> Money | None:
    if optional and fields["amount"] is None:
        return None
    currency = identifier(fields, "currency")
    amount_minor = minor_units(fields, "amount", currency, positive=True)
    return Money(amount_minor=amount_minor, currency=currency)
