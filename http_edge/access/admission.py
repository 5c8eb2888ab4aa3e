"""Who may come in: the token's caller, counted.

Owns that nobody passes uncounted: a caller by its client, a stranger by its address; and that a
call which another process passes on again and again counts as one. Which scope a call needs is the
call's.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from http_edge.access.callers import Caller
from http_edge.access.gate import Gate
from http_edge.api.problems import KEYS_UNAVAILABLE, MOVING, STOPPING, Problem


async def caller_of(gate: Gate, request: Request) -> Caller:
    """Who calls. Problem 401, 403 or 503, and 429 for an address that called in vain too often."""
    try:
        return await gate.tokens.caller_of(request.headers.get("authorization"))
    except Problem as problem:
        # That the issuer cannot be asked is no fault of who calls.
        if problem.kind is not KEYS_UNAVAILABLE:
            await _count_stranger(gate, request, problem)
        raise


async def _count_stranger(gate: Gate, request: Request, refused: Problem) -> None:
    try:
        await gate.limiter.check_rejected(request.client.host if request.client else None)
    except Problem as too_many:
        gate.metrics.rate_limited(None)
        # A good client behind the same address, whose token has expired, still learns to renew it.
        if challenge := refused.headers.get("WWW-Authenticate"):
            too_many.headers["WWW-Authenticate"] = challenge
        raise


async def share_of(gate: Gate, caller: Caller) -> dict[str, str]:
    """Count one call of a client, and the headers that tell what is left. Problem 429: nothing."""
    try:
        return (await gate.limiter.check_client(caller.client_id)).told()
    except Problem:
        gate.metrics.rate_limited(caller.client_id)
        raise


@asynccontextmanager
async def not_counted(gate: Gate, caller: Caller) -> AsyncIterator[None]:
    """What another process passes on, and is turned away here, leaves the client's share as it was.

    Whoever passed it on counted it, and asks again every moment until somebody owns what it is
    about: counted here, one call that waits would be many, and an owner that is just back would
    refuse the client what it may have.
    """
    try:
        yield
    except Problem as problem:
        if problem.kind in (MOVING, STOPPING):
            await gate.limiter.give_back(caller.client_id)
        raise
