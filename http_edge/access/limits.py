"""How often a caller may call: one share for each client, one for each address that is turned away.

Owns the counting and the headers that tell of it. Must not decide who a caller is.

The counts are this worker process's own and end with it: a client that reaches three workers has
three shares. Nothing is asked of another process before a call is let in, so the limits hold the
load of a worker down; they are no quota that somebody pays for.
"""

import hashlib
import ipaddress
import math
import secrets
import time
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from http_edge.api.problems import too_many_requests
from pipelines.settings import Settings

_TURNED_AWAY_TIMES: Final = 20
"""As often a client's share may be turned away at an owner without being counted: a call that waits
is passed on no more often. Beyond that it counts, for anybody may send the mark of a hop."""

POLICY: Final = "default"
"""The one policy's name in the headers."""
ADDRESS_GROUPS: Final = 256
"""Counters that all addresses share. The library keeps every key for two windows and walks over all
of them at each call that it lets in, so that a key an address would let whoever has many addresses
fill the memory and stop the loop. Addresses of one group share a limit, but only of calls that are
refused in any case."""
_PREFIX_BITS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHeaders:
    """What is left to a client, for the answer (draft-ietf-httpapi-ratelimit-headers-11).

    `effective_s` is the time in which it can use no more than `remaining`.
    """

    quota: int
    window_s: int
    remaining: int
    effective_s: int

    def told(self) -> dict[str, str]:
        """The two header fields."""
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.quota};w={self.window_s}',
            "RateLimit": f'"{POLICY}";r={self.remaining};t={self.effective_s}',
        }


class RateLimiter:
    """Counts calls in a sliding window of two counters a key.

    The library's exact moving window keeps an entry for each call, and its memory storage hands
    every key to another thread at each call to clear it. Two counters are a few hundred bytes
    whatever the rate, and err only in taking the calls of the window before as evenly spread.
    """

    def __init__(self, settings: Settings) -> None:
        self._clients = _Share(settings.rate_limit)
        self._turned_away = _Share(settings.rate_limit, times=_TURNED_AWAY_TIMES)
        self._addresses = _Share(settings.rejected_rate_limit)
        # Nobody outside can work out which addresses share a group.
        self._secret = secrets.token_bytes(16)

    async def check_client(self, client_id: str) -> RateHeaders:
        """Count one call of a known client. Problem 429 when its share is used up.

        The id must be one of the closed list of clients: each has counters of its own.
        """
        share = self._clients
        taken = await share.take(client_id)
        remaining, free_in_s = await share.left(client_id)
        if not taken:
            raise too_many_requests(free_in_s, share.headers(0, free_in_s).told())
        # What is left is told for the whole window: the next call comes back sooner, all of them
        # do not, and a client that divides one by the other must not find a higher rate than ours.
        return share.headers(remaining, share.window_s)

    async def give_back(self, client_id: str) -> None:
        """Take back the last call that was counted for a client: it was turned away."""
        if await self._turned_away.take(client_id):
            await self._clients.give_back(client_id)

    async def check_rejected(self, peer_address: str | None) -> None:
        """Count one call without a valid token. Problem 429 when the address had too many.

        For calls that are refused anyway: a caller with a good token must not suffer from what
        others do behind the same address. What is left is not told.
        """
        group = self._group_of(peer_address)
        if not await self._addresses.take(group):
            _, free_in_s = await self._addresses.left(group)
            raise too_many_requests(free_in_s, {})

    def counters(self) -> int:
        """How many counters there are."""
        shares = (self._clients, self._turned_away, self._addresses)
        return sum(share.counters() for share in shares)

    def _group_of(self, peer_address: str | None) -> str:
        peer = network_of(peer_address).encode()
        digest = hashlib.blake2b(peer, key=self._secret, digest_size=8).digest()
        return str(int.from_bytes(digest, "big") % ADDRESS_GROUPS)


class _Share:
    """One limit and its counters. A storage of its own: walking over it costs only its own keys."""

    def __init__(self, limit: str, *, times: int = 1) -> None:
        item = parse(limit)
        self._item: RateLimitItem = type(item)(item.amount * times, item.multiples)
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self.window_s = self._item.get_expiry()

    async def take(self, key: str) -> bool:
        return await self._limiter.hit(self._item, key)

    async def give_back(self, key: str) -> None:
        """Uncount one. What was counted in the window before stays: it fades by itself."""
        _, current = self._storage.sliding_window_keys(
            self._item.key_for(key), self.window_s, time.time()
        )
        # The library would make a counter that never ends of one that is not there.
        if await self._storage.get(current):
            await self._storage.decr(current)

    async def left(self, key: str) -> tuple[int, int]:
        """Calls that are left, and the whole seconds after which one more is."""
        stats = await self._limiter.get_window_stats(self._item, key)
        # After the moment, not at it: a call that comes at the very moment is still too early.
        return stats.remaining, max(0, math.floor(stats.reset_time - time.time())) + 1

    def headers(self, remaining: int, effective_s: int) -> RateHeaders:
        return RateHeaders(
            quota=self._item.amount,
            window_s=self.window_s,
            remaining=remaining,
            effective_s=effective_s,
        )

    def counters(self) -> int:
        return len(self._storage.storage)


def network_of(peer_address: str | None) -> str:
    """What an address counts as: itself, or the /64 of an IPv6 address, which one host has whole.

    A server without addresses (a Unix socket) has one peer.
    """
    try:
        address = ipaddress.ip_address(peer_address or "")
    except ValueError:
        return peer_address or "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _PREFIX_BITS), strict=False))
