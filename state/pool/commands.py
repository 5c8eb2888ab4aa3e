"""What can be asked of a pool.

A command brings its own time; `TakeNext` also brings the low mark in force when it was sent, so
that replaying the topic never depends on today's settings.
"""

from dataclasses import dataclass

from state.certificate.commands import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """A number became free: put it at the end. A number already in the pool stays where it is."""

    certificate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """A number left the stock by another way; take it out of the queue."""

    certificate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeNext:
    """A checkout wants a number. The same request gets the same number.

    `instead_of` names the number this request was offered and could not have.
    """

    request_id: str
    body_digest: str | None
    channel: Channel
    order_id: str | None
    reserved_until_ms: int
    low_mark: int
    reply_to: str | None
    actor: str | None
    instead_of: str | None = None


PoolAction = Add | Forget | TakeNext


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCommand:
    """One imperative for one pool, at its own time (UTC epoch milliseconds)."""

    pool: str
    at_ms: int
    action: PoolAction
