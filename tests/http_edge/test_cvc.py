"""The one-time code: RFC 4226 over a derived key, another for everything that differs."""

import hmac
from hashlib import sha1, sha256
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_edge.handlers import cvc as module
from http_edge.handlers.cvc import compute_cvc
from pipelines.cvc_keys import CvcKeys

KEYS = CvcKeys(current_id="b", by_id={"a": b"a" * 32, "b": b"b" * 32})

# RFC 4226, appendix D: the key "12345678901234567890", counters 0 to 9.
RFC_KEY = b"12345678901234567890"
RFC_CODES = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"]
RFC_CODES += ["399871", "520489"]


@pytest.mark.parametrize(("counter", "code"), list(enumerate(RFC_CODES)))
def test_code_over_the_published_key_is_the_published_one(
    monkeypatch: pytest.MonkeyPatch, counter: int, code: str
) -> None:
    """The derivation set aside: what follows it is HOTP as published."""

    class Derived:
        def digest(self) -> bytes:
            return RFC_KEY

    monkeypatch.setattr(module, "hmac", SimpleNamespace(new=lambda *_: Derived()))
    assert compute_cvc(KEYS, "a", "GC-0001", counter, 6) == code


@given(
    st.sampled_from(["a", "b"]), st.from_regex(r"GC-[0-9]{4}", fullmatch=True), st.integers(1, 9)
)
def test_code_equals_hotp_written_out(key_id: str, number: str, version: int) -> None:
    """RFC 4226, section 5.3, in six lines of the standard library."""
    derived = hmac.new(KEYS.by_id[key_id], number.encode(), sha256).digest()
    digest = hmac.new(derived, version.to_bytes(8, "big"), sha1).digest()
    offset = digest[-1] & 0x0F
    truncated = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    assert compute_cvc(KEYS, key_id, number, version, 6) == f"{truncated % 10**6:06d}"


@pytest.mark.parametrize("digits", [6, 7, 8])
def test_code_has_the_digits_asked_for_with_leading_zeros(digits: int) -> None:
    codes = {compute_cvc(KEYS, "a", "GC-0001", version, digits) for version in range(1, 200)}
    assert {len(code) for code in codes} == {digits}
    assert all(code.isdigit() for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_code_differs_by_certificate_version_and_key() -> None:
    """Eight digits: among these few a chance meeting is one in a million, and they are fixed."""
    codes = [
        compute_cvc(KEYS, key_id, number, version, 8)
        for key_id in ("a", "b")
        for number in ("GC-0001", "GC-0002", "GC-00010")
        for version in (1, 2, 3)
    ]
    assert len(set(codes)) == len(codes)


def test_code_is_the_same_whenever_it_is_asked_for() -> None:
    once = compute_cvc(KEYS, "a", "GC-0001", 1, 6)
    assert compute_cvc(KEYS, "a", "GC-0001", 1, 6) == once


def test_code_under_a_key_that_is_not_at_hand_is_no_code() -> None:
    with pytest.raises(KeyError):
        compute_cvc(KEYS, "gone", "GC-0001", 1, 6)
