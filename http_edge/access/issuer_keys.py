"""The public keys of the token issuer: fetched, kept while they may be trusted, then given up.

Owns when and from where they are fetched, and which of them can check a token. Must not look at a
token: `tokens` asks for the key that a token names. For one event loop; not thread-safe.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import httpx
import msgspec
import structlog
from joserfc.jwk import KeySet

from http_edge.access.verification_keys import verification_keys
from http_edge.api.problems import keys_unavailable
from pipelines.addresses import is_loopback, web_address
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from pipelines.tls import trusted_authorities

REFRESH_S: Final = 300.0
"""Age at which keys are fetched anew, behind the call that notices: withdrawn ones go out."""
STALE_S: Final = 600.0
"""Age at which that call waits for the new ones: the first call of the morning."""
KEPT_S: Final = 3_600.0
"""How long known keys go on while the issuer cannot be reached. A withdrawn key lives on for as
long, and an issuer that is away for longer stops every call: an hour is time to mend it."""
RETRY_S: Final = 5.0
"""The shortest time between two tries, so that made-up key names cannot hammer the issuer."""
FETCH_TIMEOUT_S: Final = 3.0
ANSWER_BYTES_MAX: Final = 256 * 1024

_DISCOVERY: Final = "/.well-known/openid-configuration"
_log = structlog.get_logger(__name__)


class _Unfetchable(Exception):
    """The issuer's keys are not to be had now; the text says why."""


class _Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of the issuer's discovery document."""

    issuer: str
    jwks_uri: str


class IssuerKeys:
    """The keys of one issuer. `clock` gives seconds that only ever grow."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        fetch_timeout_s: float = FETCH_TIMEOUT_S,
    ) -> None:
        if settings.token_issuer is None:
            raise SettingsError(
                "GIFTCERT_TOKEN_ISSUER is not set: give the address of the OAuth2 issuer whose "
                "tokens are accepted"
            )
        self._issuer = settings.token_issuer
        self._jwks_url = settings.token_jwks_url
        self._plain_allowed = is_loopback(f"http://{settings.http_host}")
        self._authorities = trusted_authorities(settings)
        self._clock = clock
        self._fetch_timeout_s = fetch_timeout_s
        self._keys: KeySet | None = None
        self._names: frozenset[str] = frozenset()
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failing = False
        self._fetching: asyncio.Task[None] | None = None

    async def holding(self, name: str) -> KeySet | None:
        """The issuer's keys, where `name` (a `kid`) is one of them; None where it is none of them.

        Problem `keys-unavailable` when there are no keys to go by, or when this one could be so new
        that we could not learn of it.
        """
        age = self._age()
        known = name in self._names and age < KEPT_S
        if not known or age >= REFRESH_S:
            fetching = self._fetch_soon()
            must_wait = not known or (age >= STALE_S and not self._failing)
            if fetching is not None and must_wait:
                # A caller that goes away must not take the fetch with it: others wait for it too.
                await asyncio.shield(fetching)
        if not self._names or self._age() >= KEPT_S:
            raise keys_unavailable()
        if name in self._names:
            return self._keys
        if self._failing:
            raise keys_unavailable()
        return None

    async def warm(self) -> None:
        """Fetch now. That it does not succeed is in the log only: the calls try again."""
        fetching = self._fetch_soon()
        if fetching is not None:
            await asyncio.shield(fetching)

    async def close(self) -> None:
        """Give up what is being fetched."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, or a new one; None while it is too early for that."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock()
        if now - self._tried_at < RETRY_S:
            return None
        self._tried_at = now
        self._fetching = asyncio.create_task(self._fetch(now), name="issuer keys")
        return self._fetching

    async def _fetch(self, started_at: float) -> None:
        try:
            async with asyncio.timeout(self._fetch_timeout_s):
                keys = await self._fetched()
        except _Unfetchable as error:
            self._failed(str(error))
            return
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            self._failed(f"{type(error).__name__} {error}".strip())
            return
        names = frozenset(key.kid for key in keys if key.kid is not None)
        if self._failing or names != self._names:
            _log.info("the token issuer's keys are fetched", keys=len(names))
        self._failing = False
        # As old as the question, not as the answer: what was withdrawn meanwhile is not in it.
        self._keys, self._names, self._fetched_at = keys, names, started_at

    def _failed(self, reason: str) -> None:
        if not self._failing:
            _log.warning("the token issuer's keys cannot be fetched", reason=reason)
        self._failing = True

    async def _fetched(self) -> KeySet:
        await asyncio.to_thread(self._authorities.look)
        async with httpx.AsyncClient(
            verify=self._authorities.context(),
            trust_env=False,
            timeout=self._fetch_timeout_s,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        ) as client:
            url = self._jwks_url or await self._discovered(client)
            keys = verification_keys(await _read(client, url))
        if keys is None:
            raise _Unfetchable("what is there is no JSON Web Key Set")
        return keys

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        """Where the issuer says its keys are."""
        try:
            document = msgspec.json.decode(
                await _read(client, self._issuer + _DISCOVERY), type=_Discovery
            )
        except (ValueError, RecursionError):
            raise _Unfetchable("the discovery document has no issuer and jwks_uri") from None
        if document.issuer.removesuffix("/") != self._issuer:
            raise _Unfetchable("the discovery document is another issuer's")
        if not self._may_be_asked(document.jwks_uri):
            raise _Unfetchable("the discovery document names a jwks_uri that is not https://")
        return document.jwks_uri

    def _may_be_asked(self, url: str) -> bool:
        """As the settings have it: encrypted, or all of it on this machine."""
        try:
            web_address(url)
        except ValueError:
            return False
        return url.startswith("https://") or (self._plain_allowed and is_loopback(url))


async def _read(client: httpx.AsyncClient, url: str) -> bytes:
    """The whole answer of one address, if it is one and not too long."""
    async with client.stream("GET", url) as answer:
        if answer.status_code != httpx.codes.OK:
            raise _Unfetchable(f"the answer has status {answer.status_code}")
        content = bytearray()
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > ANSWER_BYTES_MAX:
                raise _Unfetchable(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(content)
