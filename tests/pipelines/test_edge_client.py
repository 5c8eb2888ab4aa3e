"""Programs that call the edge: a token with each call, a new one in time, and whom they trust."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from pipelines.edge_client import BearerToken, RenewedToken, trusted
from pipelines.faults import SettingsError


def test_bearer_token_is_shown_with_each_call_of_a_client() -> None:
    shown: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers["authorization"])
        return httpx.Response(200)

    tokens = iter(["one", "two"])
    auth = BearerToken(lambda: next(tokens))
    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as client:
        client.get("http://edge.test/")
        client.post("http://edge.test/")
    assert shown == ["Bearer one", "Bearer two"]


def test_token_is_asked_for_once_and_again_when_half_its_life_is_over() -> None:
    """Long before it ends: the call that shows it may take a while too."""
    now_s, asked = [1_000.0], [0]

    def ask() -> str:
        asked[0] += 1
        return f"token-{asked[0]}"

    token = RenewedToken(ask, clock=lambda: now_s[0])
    seen = []
    for at_s in (0.0, 1.0, 1_799.0, 1_800.0, 3_599.0, 3_600.0):
        now_s[0] = 1_000.0 + at_s
        seen.append(token())
    assert seen == ["token-1", "token-1", "token-1", "token-2", "token-2", "token-3"]


def test_token_that_could_not_be_had_is_asked_for_again() -> None:
    answers = [LookupError("not now")]

    def ask() -> str:
        if answers:
            raise answers.pop()
        return "token"

    token = RenewedToken(ask)
    with pytest.raises(LookupError):
        token()
    assert token() == "token"


def test_trust_without_a_file_is_the_clients_own_and_with_one_is_in_that_alone(
    tmp_path: Path,
) -> None:
    assert trusted(None) is True
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    context = trusted(path)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_trust_in_a_file_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=f"GIFTCERT_TLS_CA_LOCATION: {path} is no PEM file"):
        trusted(path)
