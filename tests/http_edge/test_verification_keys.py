"""What counts of a published key set, and what is left out of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from http_edge.access.verification_keys import verification_keys
from tests.http_edge import signed_tokens
from tests.http_edge.signed_tokens import EC, EDWARDS, RSA

SHORT_RSA = signed_tokens.rsa_key("short", bits=1024)
ED448 = signed_tokens.edwards_key("ed448", larger=True)


def names(*keys: object) -> list[str | None]:
    found = verification_keys(json.dumps({"keys": list(keys)}).encode())
    assert found is not None
    return [key.kid for key in found]


def altered(public: Mapping[str, str], **changed: object) -> dict[str, Any]:
    """The same key but for `changed`; a value of `...` leaves a member out."""
    return {name: value for name, value in {**public, **changed}.items() if value is not ...}


TAKEN: list[tuple[str, Mapping[str, Any]]] = [
    ("RSA", RSA.public),
    ("elliptic curve", EC.public),
    ("Ed25519", EDWARDS.public),
    ("Ed448", ED448.public),
    ("meant for signatures", altered(RSA.public, use="sig")),
    ("meant to verify", altered(RSA.public, key_ops=["verify"])),
    ("bound to an algorithm", altered(RSA.public, alg="PS256")),
    ("members that we do not know", altered(RSA.public, x5c=["MIIB"], issued_for={"who": "us"})),
]


@pytest.mark.parametrize("public", [pytest.param(public, id=name) for name, public in TAKEN])
def test_key_that_can_check_a_signature_is_taken(public: Mapping[str, Any]) -> None:
    assert names(public) == [public["kid"]]


LEFT_OUT: list[tuple[str, object]] = [
    ("a shared secret", {"kty": "oct", "kid": "k", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}),
    ("a private key", altered(RSA.public, d="AQAB")),
    ("a private elliptic key", altered(EC.public, d="AQAB")),
    ("meant for encryption", altered(RSA.public, use="enc")),
    ("meant for something else", altered(RSA.public, use="tls")),
    ("meant to encrypt", altered(RSA.public, key_ops=["encrypt", "wrapKey"])),
    ("use and operations at odds", altered(RSA.public, use=["sig"])),
    ("no name", altered(RSA.public, kid=...)),
    ("an empty name", altered(RSA.public, kid="")),
    ("a name that is no text", altered(RSA.public, kid=7)),
    ("no kind", altered(RSA.public, kty=...)),
    ("a kind nobody knows", altered(RSA.public, kty="AKP")),
    ("RSA too short", SHORT_RSA.public),
    ("RSA without modulus", altered(RSA.public, n=...)),
    ("RSA without exponent", altered(RSA.public, e=...)),
    ("RSA with an even exponent", altered(RSA.public, e="Ag")),
    ("RSA in broken base64", altered(RSA.public, n=RSA.public["n"] + "=")),
    ("RSA that is empty", altered(RSA.public, n="")),
    ("a point beside the curve", altered(EC.public, x=EC.public["y"])),
    ("a curve nobody knows", altered(EC.public, crv="P-192")),
    ("a curve for other signatures", altered(EC.public, crv="secp256k1")),
    ("no curve", altered(EC.public, crv=...)),
    ("a curve for encryption", altered(EDWARDS.public, crv="X25519")),
    ("an Edwards key too short", altered(EDWARDS.public, x="AQAB")),
    ("no object", "rsa-1"),
    ("nothing", None),
]


@pytest.mark.parametrize("public", [pytest.param(public, id=name) for name, public in LEFT_OUT])
def test_key_that_cannot_or_must_not_check_is_left_out_and_the_others_stay(public: object) -> None:
    assert names(public, EC.public) == [EC.name]


def test_private_key_in_the_set_is_told_without_the_key() -> None:
    """Whoever runs the issuer has to know; the log must not spread it further."""
    with capture_logs() as lines:
        assert names(altered(RSA.public, d="c2VjcmV0")) == []
    assert [(line["log_level"], line["kid"]) for line in lines] == [("error", RSA.name)]
    assert "c2VjcmV0" not in str(lines)


def test_set_without_keys_is_a_set() -> None:
    assert names() == []


@pytest.mark.parametrize(
    "document", [b"", b"\xff", b"null", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []', b"<html>"]
)
def test_document_that_is_no_key_set_is_none(document: bytes) -> None:
    assert verification_keys(document) is None
