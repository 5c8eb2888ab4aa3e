"""Certificates to call about, each brought where it is by the rules themselves.

Owns how a number gets into each condition. One time for all: tests that need others say so.
"""

from http_edge.handlers.cvc import compute_cvc
from pipelines.cvc_keys import CvcKeys
from state.certificate.commands import (
    Activate,
    Annul,
    Authorize,
    Channel,
    Issue,
    Load,
    Lock,
    NotificationChannel,
    Origin,
    ReserveNumber,
    RevealCvc,
)
from state.certificate.money import Money
from tests.http_edge.flow_in_memory import AT_MS, FlowInMemory

MINUTE_MS = 60_000
DIGITS = 6
NUMBER = "GC-0001"
ORDER = "order-1"
CORRELATION = "correlation-1"
CLIENT = "client-1"
NOMINAL = Money(amount_minor=100_00, currency="RUB")
OLD_KEY, KEY = "2025-01", "2025-02"
KEYS = CvcKeys(current_id=KEY, by_id={OLD_KEY: b"1" * 32, KEY: b"2" * 32})


def available(flow: FlowInMemory, number: str = NUMBER, pool: str = "ELECTRONIC") -> None:
    flow.command(number, Load(pool=pool), f"load/{number}", origin=Origin.LOADER)


def reserved(
    flow: FlowInMemory,
    number: str = NUMBER,
    *,
    channel: Channel = Channel.ONLINE_STORE,
    order_id: str | None = ORDER,
    request_id: str = "reservation-1",
) -> None:
    available(flow, number)
    action = ReserveNumber(channel=channel, order_id=order_id, until_ms=AT_MS + 30 * MINUTE_MS)
    flow.command(number, action, request_id, origin=Origin.HTTP, actor="store")


def issued(
    flow: FlowInMemory,
    number: str = NUMBER,
    *,
    channel: Channel = Channel.ONLINE_STORE,
    order_id: str = ORDER,
    nominal: Money = NOMINAL,
) -> None:
    reserved(flow, number, channel=channel, order_id=order_id)
    action = Issue(
        order_id=order_id,
        channel=channel,
        client_id=CLIENT,
        nominal=nominal,
        notification_channel=NotificationChannel.SMS,
    )
    flow.command(number, action, f"{order_id}/issue/{number}", correlation_id=CORRELATION)


def active(
    flow: FlowInMemory,
    number: str = NUMBER,
    *,
    channel: Channel = Channel.ONLINE_STORE,
    nominal: Money = NOMINAL,
    key_id: str = KEY,
) -> None:
    """Spendable, and its code told once."""
    issued(flow, number, channel=channel, nominal=nominal)
    flow.command(number, RevealCvc(key_id=key_id), "reveal-0", origin=Origin.HTTP, actor="crm")
    flow.command(number, activation(), f"{ORDER}/activate/{number}")


def activation() -> Activate:
    """The order is paid in full."""
    return Activate(order_id=ORDER)


def annulled(flow: FlowInMemory, number: str = NUMBER) -> None:
    active(flow, number)
    flow.command(number, Annul(reason="lost"), "annul-0", origin=Origin.HTTP, actor="support")


def annulled_unsold(flow: FlowInMemory, number: str = NUMBER) -> None:
    available(flow, number)
    flow.command(number, Annul(reason="misprint"), "annul-0", origin=Origin.HTTP, actor="support")


def locked(flow: FlowInMemory, number: str = NUMBER) -> None:
    """Stop it, wherever it is."""
    flow.command(number, Lock(reason="stolen"), "lock-0", origin=Origin.HTTP, actor="support")


def held(
    flow: FlowInMemory,
    number: str = NUMBER,
    *,
    amount_minor: int = 60_00,
    hold_id: str = "hold-1",
    channel: Channel | None = Channel.POS,
) -> None:
    """Set money aside on an active one."""
    action = Authorize(
        order_id="order-9",
        amount=Money(amount_minor=amount_minor, currency="RUB"),
        cvc_matches=True,
        cvc_version=1,
        accept_partial=False,
        expires_at_ms=AT_MS + 15 * MINUTE_MS,
        channel=channel,
    )
    flow.command(number, action, hold_id, origin=Origin.HTTP, actor="till")


def code_of(number: str = NUMBER, *, version: int = 1, key_id: str = KEY) -> str:
    """The code the customer was sent."""
    return compute_cvc(KEYS, key_id, number, version, DIGITS)


def wrong_code(right: str) -> str:
    """Another one."""
    return f"{(int(right) + 1) % 10**DIGITS:0{DIGITS}d}"
