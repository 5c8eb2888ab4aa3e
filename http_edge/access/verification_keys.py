"""Which keys of a published JSON Web Key Set can check a token's signature.

Owns reading RFC 7517 with suspicion: what is private, symmetric, meant for something else, too weak
or malformed is left out, and the others still count. Must not fetch anything.
"""

from typing import Final

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from joserfc.util import base64_to_int

RSA_BITS_MIN: Final = 2048
"""RFC 7518 §3.3."""

_EC_CURVES: Final = frozenset({"P-256", "P-384", "P-521"})
_OKP_CURVES: Final = frozenset({"Ed25519", "Ed448"})
_log = structlog.get_logger(__name__)


class _Published(msgspec.Struct, frozen=True, kw_only=True):
    """What a set may say of one key, as far as it concerns us."""

    kty: str
    kid: str | None = None
    use: str | None = None
    key_ops: list[str] | None = None
    alg: str | None = None
    crv: str | None = None
    n: str | None = None
    e: str | None = None
    x: str | None = None
    y: str | None = None
    d: object = None


class _PublishedSet(msgspec.Struct, frozen=True, kw_only=True):
    keys: list[msgspec.Raw]


def verification_keys(document: bytes) -> KeySet | None:
    """The keys that can check a signature, maybe none; None when it is no key set at all."""
    try:
        published = msgspec.json.decode(document, type=_PublishedSet)
    except (ValueError, RecursionError):
        return None
    found = (_key(raw) for raw in published.keys)
    return KeySet([key for key in found if key is not None])


def _key(raw: msgspec.Raw) -> Key | None:
    try:
        told = msgspec.json.decode(raw, type=_Published)
        return _imported(told) if _is_for_us(told) else None
    except (ValueError, RecursionError, JoseError):
        return None


def _is_for_us(told: _Published) -> bool:
    """Whether it may check signatures. A key without a name is one that no token can name."""
    if told.d is not None:
        _log.error("the token issuer publishes a private key; it is not used", kid=told.kid)
        return False
    return (
        bool(told.kid)
        and told.use in (None, "sig")
        and (told.key_ops is None or "verify" in told.key_ops)
    )


def _imported(told: _Published) -> Key | None:
    """The key itself; None for a kind that we take no signatures of, so also a shared secret."""
    members: dict[str, str | list[str]] = {
        name: value
        for name in ("kty", "kid", "alg", "crv", "n", "e", "x", "y")
        if isinstance(value := getattr(told, name), str)
    }
    match told:
        case _Published(kty="RSA", n=str(modulus)):
            # Asked before the import, which would accept a short one with a warning.
            strong = base64_to_int(modulus).bit_length() >= RSA_BITS_MIN
            return RSAKey.import_key(members) if strong else None
        case _Published(kty="EC", crv=curve) if curve in _EC_CURVES:
            return ECKey.import_key(members)
        case _Published(kty="OKP", crv=curve) if curve in _OKP_CURVES:
            return OKPKey.import_key(members)
        case _:
            return None
