"""The fold over one order id: its versions and its version 1 payments, in any order, repeated.

Pure: state and one record in, state and payments to tell out; the time is a parameter. What is
known of an order does not depend on the order in which its versions came: of the certificates it
sells, and of those it is paid with, the newest version that has any counts, so that an order that
is called off without its lines still says what its refunds are about.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from pipelines.neighbours.enrich.marking import Marks, marks_of
from pipelines.neighbours.enrich.told import (
    Known,
    OrderTold,
    Part,
    PaymentTold,
    Waiting,
    encode,
)

MAX_WAITING: Final = 500
"""Payments that wait for one order. A retailer's order has a handful; more is a broken source."""


class Why(StrEnum):
    """Why a payment is told as it is; written beside it for people, as a header."""

    MARKED = "marked"  # its order concerns certificates
    ORDINARY = "ordinary"  # its order does not
    ORDER_MISSING = "order-missing"  # its order did not come in time; it is told again if it does


class Delay(StrEnum):
    """How long it takes until an order id has to be looked at again."""

    WAIT = "w"  # a payment for its order
    FORGET = "f"  # a payment without an order, or an ordinary order, until it is forgotten
    KEEP = "k"  # an order with certificates, until it is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long each delay is, in milliseconds."""

    wait_ms: int
    forget_ms: int
    keep_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One payment to write, with what is said about it."""

    payment: PaymentTold
    marks: Marks
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one record gives: what to keep (absent: nothing), to write, and when to look again."""

    known: Known | None
    told: tuple[Telling, ...] = ()
    looks: tuple[tuple[Delay, int], ...] = ()


def take_order(known: Known | None, order: OrderTold, now_ms: int, waits: Waits) -> Step:
    """A version of the order: payments that waited for it are told."""
    before = known or Known()
    merged = order if before.order is None else _merged(before.order, order)
    told = tuple(
        _telling(waiting.payment, merged)
        for waiting in before.payments
        if not waiting.told or _says_more(waiting.payment, merged)
    )
    if merged == before.order:
        # Its payments were told when it became known: with an order none waits.
        return Step(known=before)
    delay, keep_ms = _kept_for(merged, waits)
    forget_at_ms = now_ms + keep_ms
    after = Known(order=merged, order_forget_at_ms=forget_at_ms)
    return Step(known=after, told=told, looks=((delay, forget_at_ms),))


def take_payment(known: Known | None, payment: PaymentTold, now_ms: int, waits: Waits) -> Step:
    """A payment: told at once where its order is known, else it waits.

    A repetition while it waits changes nothing; one of a payment that was told is told again, the
    same way. When too many wait, the one that came first waits no longer.
    """
    before = known or Known()
    if before.order is not None:
        return Step(known=before, told=(_telling(payment, before.order),))
    if any(_same(waiting.payment, payment) for waiting in before.payments):
        return Step(known=before)
    entry = Waiting(payment=payment, look_at_ms=now_ms + waits.wait_ms)
    payments = (*before.payments, entry)
    crowded_out, kept = payments[:-MAX_WAITING], payments[-MAX_WAITING:]
    return Step(
        known=replace(before, payments=kept),
        told=tuple(_without_order(each.payment) for each in crowded_out if not each.told),
        looks=((Delay.WAIT, entry.look_at_ms),),
    )


def look(known: Known, now_ms: int, waits: Waits) -> Step:
    """Tell the payments that have waited long enough; forget what was kept long enough."""
    kept: list[Waiting] = []
    told: list[Telling] = []
    forget_at_ms = now_ms + waits.forget_ms
    for waiting in known.payments:
        if waiting.look_at_ms > now_ms:
            kept.append(waiting)
        elif not waiting.told:
            told.append(_without_order(waiting.payment))
            kept.append(replace(waiting, look_at_ms=forget_at_ms, told=True))
    over = known.order is not None and known.order_forget_at_ms <= now_ms
    after = replace(known, payments=tuple(kept), order=None if over else known.order)
    return Step(
        known=None if after.order is None and not kept else after,
        told=tuple(told),
        looks=tuple((Delay.FORGET, forget_at_ms) for _ in told),
    )


def _same(one: PaymentTold, other: PaymentTold) -> bool:
    """Whether one is the other, sent again: at another time then, and under another trace."""
    return (one.key, one.value) == (other.key, other.value)


def _says_more(payment: PaymentTold, order: OrderTold) -> bool:
    """Whether the order says more about the payment than was told without it."""
    return marks_of(payment, order) != marks_of(payment, None)


def _telling(payment: PaymentTold, order: OrderTold) -> Telling:
    marks = marks_of(payment, order)
    return Telling(payment=payment, marks=marks, why=Why.MARKED if marks else Why.ORDINARY)


def _without_order(payment: PaymentTold) -> Telling:
    return Telling(payment=payment, marks=marks_of(payment, None), why=Why.ORDER_MISSING)


def _kept_for(order: OrderTold, waits: Waits) -> tuple[Delay, int]:
    if order.sold is None and order.paid_with is None:
        return Delay.FORGET, waits.forget_ms
    return Delay.KEEP, waits.keep_ms


def _merged(one: OrderTold, other: OrderTold) -> OrderTold:
    return replace(
        one,
        sold=_newer(one.sold, other.sold),
        paid_with=_newer(one.paid_with, other.paid_with),
    )


def _newer(one: Part | None, other: Part | None) -> Part | None:
    """The part of the newer version. Were one version told in two ways, the bytes decide."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda part: (part.version, encode(part)))
