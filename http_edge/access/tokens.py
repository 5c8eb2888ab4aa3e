"""How a bearer token becomes a caller: checked by its issuer's keys, then by what it claims.

Owns the rules of RFC 6750, 7519, 8725 and 9068 as far as they are this service's to hold. An error
says which rule was broken and never quotes the token. What a caller may do is the call's own
question; where keys come from is `issuer_keys`.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from http_edge.access.callers import Caller, Scope
from http_edge.access.issuer_keys import IssuerKeys
from http_edge.api.problems import client_unknown, token_invalid, token_missing
from pipelines.settings import Settings
from state.certificate.commands import Channel

AUTHORIZATION_LENGTH_MAX: Final = 8 * 1024
SUBJECT_LENGTH_MAX: Final = 100

_BEARER: Final = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
# As much header as the library reads: it is read before anything is proven.
_SIGNED: Final = re.compile(r"([A-Za-z0-9_-]{1,512})\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
_WRONG_CLAIMS: Final[Mapping[str, str]] = {
    "iss": "the token is of another issuer",
    "aud": "the token is for another audience",
    "nbf": "the token is not valid yet",
    "iat": "the token was issued in the future",
}


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a token's header. All else in it, as a key of its own, means nothing."""

    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: object = msgspec.UNSET


class _PinnedAlgorithms(JWSRegistry):
    """Exactly the algorithms that the settings name, and headers that RFC 7515 lets pass."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(algorithms=names, strict_check_header=False)
        self._names = frozenset(names)

    def get_alg(self, name: str) -> JWSAlgModel:
        # The library's own falls back to its defaults on an empty list, and warns of EdDSA, whose
        # replacement by the name of the curve has yet to reach the issuers.
        if name not in self._names:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class TokenVerifier:
    """Takes tokens of one issuer for one audience, from the clients that are known.

    A token is checked anew at each call: it costs less than 0.1 ms, and a key that is withdrawn
    counts no longer from the moment we know. For one event loop; not thread-safe.
    """

    def __init__(
        self,
        settings: Settings,
        clients: Mapping[str, Channel | None],
        *,
        clock: Callable[[], float] = time.time,
        monotonic_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """SettingsError when no issuer is set or the authorities to trust cannot be read."""
        self._keys = IssuerKeys(settings, clock=monotonic_clock)
        self._clients = clients
        self._registry = _PinnedAlgorithms(settings.token_algorithm_list())
        issuer = str(settings.token_issuer)
        self._rules = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=settings.token_leeway_s,
            # Issuers differ on the closing slash, and settings keep none.
            iss={"essential": True, "values": [issuer, f"{issuer}/"]},
            aud={"essential": True, "value": settings.token_audience},
            exp={"essential": True},
        )

    async def caller_of(self, authorization: str | None) -> Caller:
        """Who sent this `Authorization` header.

        Problem `token-missing` (401), `token-invalid` (401), `client-unknown` (403) or
        `keys-unavailable` (503). Several such headers are none: hand them in joined by commas.
        """
        token, header = _bearer(authorization)
        name = self._key_name(header)
        keys = await self._keys.holding(name)
        if keys is None:
            raise token_invalid("the token is signed with a key that its issuer does not publish")
        claims = self._claims(token, keys)
        client_id = _client_id(claims)
        if client_id not in self._clients:
            raise client_unknown()
        return Caller(
            client_id=client_id,
            channel=self._clients[client_id],
            scopes=_scopes(claims),
            subject=_subject(claims, client_id),
        )

    async def warm(self) -> None:
        """Fetch the issuer's keys before the first call needs them; it is no fault if none come."""
        await self._keys.warm()

    async def close(self) -> None:
        """Give up what is under way."""
        await self._keys.close()

    def _key_name(self, header: _Header) -> str:
        """The key that a header names. What could not be accepted anyway asks for no key."""
        try:
            self._registry.get_alg(header.alg)
        except UnsupportedAlgorithmError:
            raise token_invalid(
                "the token is signed with an algorithm that is not accepted here"
            ) from None
        if header.typ is not None and header.typ.lower() not in _TYPES:
            raise token_invalid("the token is not of the type at+jwt or JWT")
        if header.crit is not msgspec.UNSET:
            raise token_invalid("the token has critical extensions, and none is known here")
        if not header.kid:
            raise token_invalid("the token does not name its key (kid)")
        return header.kid

    def _claims(self, token: str, keys: KeySet) -> dict[str, object]:
        """What the token claims, once signature, issuer, audience and times are right."""
        # Not chained: no trace of the token in a log.
        try:
            claims = jwt.decode(token, keys, registry=self._registry).claims
            self._rules.validate(claims)
        except ExpiredTokenError:
            raise token_invalid("the token has expired") from None
        except MissingClaimError as error:
            raise token_invalid(f"the token does not tell {error.claim}") from None
        except InvalidClaimError as error:
            wrong = _WRONG_CLAIMS.get(error.claim, f"the token's {error.claim} is malformed")
            raise token_invalid(wrong) from None
        except JoseError:
            raise token_invalid("the token's signature does not fit") from None
        return claims


def _bearer(authorization: str | None) -> tuple[str, _Header]:
    """The token and its header, both still unproven."""
    if authorization is None:
        raise token_missing()
    if len(authorization) > AUTHORIZATION_LENGTH_MAX:
        raise token_invalid(f"the token is longer than {AUTHORIZATION_LENGTH_MAX} characters")
    bearer = _BEARER.fullmatch(authorization)
    if bearer is None:
        raise token_missing()
    token = bearer[1] or ""
    signed = _SIGNED.fullmatch(token)
    if signed is None:
        raise token_invalid("the token is not a signed JWT")
    try:
        return token, msgspec.json.decode(urlsafe_b64decode(signed[1].encode()), type=_Header)
    except ValueError:
        raise token_invalid("the token's header is malformed") from None


def _client_id(claims: Mapping[str, object]) -> str:
    """The client that the token was given to: `client_id`, or what OpenID Connect calls `azp`."""
    client_id = claims.get("client_id", claims.get("azp"))
    if not isinstance(client_id, str):
        raise token_invalid("the token does not tell its client (client_id or azp)")
    return client_id


def _scopes(claims: Mapping[str, object]) -> frozenset[Scope]:
    """What it allows of what there is here: words in `scope`, or in a list `scp`."""
    told = claims.get("scope", claims.get("scp"))
    words = told.split(" ") if isinstance(told, str) else told if isinstance(told, list) else []
    return frozenset(scope for scope in Scope if scope.value in words)


def _subject(claims: Mapping[str, object], client_id: str) -> str | None:
    """The person or account behind the client, as events may tell it: never a mail address."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or subject == client_id or "@" in subject:
        return None
    return subject if 0 < len(subject) <= SUBJECT_LENGTH_MAX and subject.isprintable() else None
