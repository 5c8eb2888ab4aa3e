"""Tokens as an issuer signs them, and as nobody should: made by hand, not by the tested library.

Owns the keys and the signing. What a good token says is here; each test changes what it is about.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW_S: Final = 1_735_689_600
ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "gift-certificates"
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key of an issuer: what it publishes, and how it signs."""

    algorithm: str
    public: Mapping[str, str]
    sign: Sign

    @property
    def name(self) -> str:
        return self.public["kid"]


def unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int, size: int | None = None) -> str:
    return unpadded(value.to_bytes(size or (value.bit_length() + 7) // 8))


def rsa_key(name: str, algorithm: str = "RS256", *, bits: int = 2048) -> SigningKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    numbers = key.public_key().public_numbers()
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    way = padding.PKCS1v15() if algorithm == "RS256" else pss
    return SigningKey(
        algorithm=algorithm,
        public={"kty": "RSA", "kid": name, "n": _number(numbers.n), "e": _number(numbers.e)},
        sign=lambda signed: key.sign(signed, way, SHA256()),
    )


def ec_key(name: str) -> SigningKey:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()

    def sign(signed: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    x, y = _number(numbers.x, 32), _number(numbers.y, 32)
    public = {"kty": "EC", "crv": "P-256", "kid": name, "x": x, "y": y}
    return SigningKey(algorithm="ES256", public=public, sign=sign)


def edwards_key(name: str, *, larger: bool = False) -> SigningKey:
    key: ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey = (
        ed448.Ed448PrivateKey.generate() if larger else ed25519.Ed25519PrivateKey.generate()
    )
    x = unpadded(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    public = {"kty": "OKP", "crv": "Ed448" if larger else "Ed25519", "kid": name, "x": x}
    return SigningKey(algorithm="EdDSA", public=public, sign=key.sign)


RSA: Final = rsa_key("rsa-1")
RSA_PSS: Final = rsa_key("rsa-pss-1", "PS256")
EC: Final = ec_key("ec-1")
EDWARDS: Final = edwards_key("ed-1")
STRANGER: Final = rsa_key("rsa-1")
"""Another's key that bears the name of ours."""


def no_signature(_signed: bytes) -> bytes:
    return b""


def shared_secret(secret: bytes) -> Sign:
    """HS256, with what everybody knows as the secret."""
    return lambda signed: hmac.digest(secret, signed, "sha256")


def claims(**changed: object) -> dict[str, object]:
    """What a good token claims, but for `changed`; a value of `...` leaves a claim out."""
    usual: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "till",
        "client_id": "till",
        "scope": "certificates:reserve balance:read",
        "iat": NOW_S - 10,
        "exp": NOW_S + 300,
    }
    return {name: value for name, value in (usual | changed).items() if value is not ...}


def token(
    content: Mapping[str, object] | bytes | None = None,
    *,
    key: SigningKey = RSA,
    sign: Sign | None = None,
    **changed: object,
) -> str:
    """A token of those claims; `changed` are header parameters, and `...` leaves one out."""
    usual: dict[str, object] = {"alg": key.algorithm, "kid": key.name, "typ": "at+jwt"}
    header = {name: value for name, value in (usual | changed).items() if value is not ...}
    return signed(json.dumps(header).encode(), content, sign or key.sign)


def signed(header: bytes, content: Mapping[str, object] | bytes | None, sign: Sign) -> str:
    """A token with that very header."""
    payload = content if isinstance(content, bytes) else json.dumps(content or claims()).encode()
    signing_input = f"{unpadded(header)}.{unpadded(payload)}"
    return f"{signing_input}.{unpadded(sign(signing_input.encode()))}"


def bearer(text: str) -> str:
    return f"Bearer {text}"
