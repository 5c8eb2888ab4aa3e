"""What the join topic carries and the state keeps, as small records and their bytes.

Owns these shapes (MessagePack; a field may be added with a default, none may change its meaning)
and nothing of what follows from them.
"""

from typing import Final

import msgspec

from state.correlation.facts import PaymentType, Tender

Row = tuple[str | None, int]
"""A certificate's number, where it is known yet, and an amount in minor units."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The certificates that one version of an order sells, or is paid with.

    `total_minor` is what the whole order costs in that version, in its currency.
    """

    version: int
    rows: tuple[Row, ...]
    total_minor: int
    currency: str


class OrderTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="order"):
    """One version of a binding or undone order; both parts absent: it is an ordinary one."""

    order_id: str
    sold: Part | None = None
    paid_with: Part | None = None


class PaymentTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="payment"):
    """A version 1 payment: what the join needs to know of it, and the record to write.

    `value` is the payment in the current version of the contract, with nothing said about any
    certificate. `key`, `trace` and `timestamp_ms` are those of the source record.
    """

    order_id: str
    type: PaymentType
    tender: Tender
    amount_minor: int
    currency: str
    key: bytes | None
    value: bytes
    timestamp_ms: int
    trace: bytes | None = None


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag_field="told", tag="tick"):
    """Time has passed: look at what is due."""


Told = OrderTold | PaymentTold | Tick


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A payment whose order is not known, and when it is due.

    First it is due to be told without its order; once `told`, to be forgotten.
    """

    payment: PaymentTold
    look_at_ms: int
    told: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one order id: the order, or the payments that wait for it."""

    order: OrderTold | None = None
    order_forget_at_ms: int = 0
    payments: tuple[Waiting, ...] = ()


_encoder: Final = msgspec.msgpack.Encoder()
_told_decoder: Final = msgspec.msgpack.Decoder(Told)
_known_decoder: Final = msgspec.msgpack.Decoder(Known)


def encode(record: Told | Known | Part) -> bytes:
    """The bytes of a record."""
    return _encoder.encode(record)


def decode_told(payload: bytes) -> Told:
    """A record of the join topic. msgspec.DecodeError when it is none of ours."""
    told: Told = _told_decoder.decode(payload)
    return told


def decode_known(payload: bytes) -> Known:
    """What the state keeps of an order id."""
    return _known_decoder.decode(payload)
