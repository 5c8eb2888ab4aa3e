"""Pool commands as records. Owns the mapping between the pool's commands and `PoolCommand.avsc`."""

from typing import Any, Final

from pipelines.contracts.fields import (
    MAX_MADE_ID_LENGTH,
    Fields,
    broken,
    certificate_number,
    count,
    identifier,
    instant,
    optional_identifier,
    pool_name,
    symbol,
)
from state.certificate.commands import Channel
from state.pool.commands import Add, Forget, PoolAction, PoolCommand, TakeNext

_EMPTY: Final[dict[str, None]] = dict.fromkeys(
    [
        "certificateId",
        "requestId",
        "bodyDigest",
        "channel",
        "orderId",
        "reservedUntil",
        "lowMark",
        "insteadOf",
        "replyTo",
        "actor",
    ]
)


def pool_command_to_record(command: PoolCommand) -> dict[str, Any]:
    """The flat record of a pool command."""
    record: dict[str, Any] = {**_EMPTY, "pool": command.pool, "at": command.at_ms}
    match command.action:
        case Add(certificate_id=certificate_id):
            return record | {"type": "ADD", "certificateId": certificate_id}
        case Forget(certificate_id=certificate_id):
            return record | {"type": "FORGET", "certificateId": certificate_id}
        case TakeNext() as take:
            return record | {
                "type": "TAKE_NEXT",
                "requestId": take.request_id,
                "bodyDigest": take.body_digest,
                "channel": take.channel.value,
                "orderId": take.order_id,
                "reservedUntil": take.reserved_until_ms,
                "lowMark": take.low_mark,
                "insteadOf": take.instead_of,
                "replyTo": take.reply_to,
                "actor": take.actor,
            }


def pool_command_from_record(fields: Fields) -> PoolCommand:
    """The pool command of a record. BrokenRecord when the contract does not allow it."""
    return PoolCommand(
        pool=pool_name(fields, "pool"), at_ms=instant(fields, "at"), action=_action(fields)
    )


def _action(fields: Fields) -> PoolAction:
    match fields["type"]:
        case "ADD":
            return Add(certificate_id=certificate_number(fields, "certificateId"))
        case "FORGET":
            return Forget(certificate_id=certificate_number(fields, "certificateId"))
        case "TAKE_NEXT":
            return TakeNext(
                request_id=identifier(fields, "requestId", MAX_MADE_ID_LENGTH),
                body_digest=optional_identifier(fields, "bodyDigest"),
                channel=symbol(fields, "channel", Channel),
                order_id=optional_identifier(fields, "orderId"),
                reserved_until_ms=instant(fields, "reservedUntil"),
                low_mark=count(fields, "lowMark"),
                reply_to=optional_identifier(fields, "replyTo"),
                actor=optional_identifier(fields, "actor"),
                instead_of=optional_identifier(fields, "insteadOf"),
            )
        case _:
            raise broken("type is not a pool command this version knows")
