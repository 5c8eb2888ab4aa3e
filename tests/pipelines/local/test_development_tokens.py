"""Tokens of the development issuer: what they say, who may have one, and what is kept where."""

import json
import stat
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet

from http_edge.access.callers import Scope
from pipelines.faults import OperatorError
from pipelines.local.development_clients import CLIENTS, SCOPES, UnknownClient, UnknownScope
from pipelines.local.development_tokens import (
    TOKEN_LIFETIME_S,
    DevelopmentTokens,
    forget_issuer,
    kept_tokens,
    last_port,
    prepared_tokens,
)
from pipelines.local.local_keys import kept_client_secrets
from pipelines.local.running_broker import LocalError
from state.certificate.commands import Channel

URL = "http://127.0.0.1:9000"
NOW_S = 1_800_000_000.7


@pytest.fixture
def tokens(tmp_path: Path) -> DevelopmentTokens:
    return prepared_tokens(tmp_path, url=URL, audience="ours")


def key_set(tokens: DevelopmentTokens) -> KeySet:
    return KeySet.import_key_set(tokens.public_keys())  # type: ignore[arg-type]  # plain JSON


def test_scopes_and_channels_of_the_clients_are_those_of_the_edge() -> None:
    """Two lists of one thing: the layers forbid that one reads the other."""
    assert set(SCOPES) == {scope.value for scope in Scope}
    assert {client.channel for client in CLIENTS} == {None, *(channel.value for channel in Channel)}


def test_token_for_a_client_says_who_it_is_for_and_ends_after_an_hour(
    tokens: DevelopmentTokens,
) -> None:
    issued = tokens.issue("till", now_s=NOW_S)
    token = jwt.decode(issued.text, key_set(tokens), ["ES256"])
    assert token.header == {
        "typ": "at+jwt",
        "alg": "ES256",
        "kid": tokens.public_keys()["keys"][0]["kid"],
    }
    assert token.claims.pop("jti")
    assert token.claims == {
        "iss": URL,
        "aud": "ours",
        "sub": "till",
        "client_id": "till",
        "scope": "certificates:reserve certificates:read balance:read certificates:redeem",
        "iat": 1_800_000_000,
        "exp": 1_800_000_000 + TOKEN_LIFETIME_S,
    }


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("balance:read", ("balance:read",)),
        ("balance:read  balance:read certificates:audit", ("balance:read", "certificates:audit")),
        (" ", ("certificates:audit",)),
        (None, ("certificates:audit",)),
    ],
)
def test_token_has_the_scopes_asked_for_or_else_the_usual_ones(
    tokens: DevelopmentTokens, asked: str | None, given: tuple[str, ...]
) -> None:
    issued = tokens.issue("auditor", asked)
    assert issued.scopes == given
    assert jwt.decode(issued.text, key_set(tokens), ["ES256"]).claims["scope"] == " ".join(given)


def test_token_for_a_person_names_the_person_and_the_client(tokens: DevelopmentTokens) -> None:
    claims = jwt.decode(tokens.issue("support", subject="anna").text, key_set(tokens)).claims
    assert (claims["client_id"], claims["sub"]) == ("support", "anna")


@pytest.mark.parametrize(
    ("client", "scope", "fault", "known"),
    [
        ("tll", None, UnknownClient, [client.client_id for client in CLIENTS]),
        ("till", "balance:read balance:write", UnknownScope, SCOPES),
    ],
)
def test_token_for_an_unknown_client_or_scope_is_refused_and_told_what_there_is(
    tokens: DevelopmentTokens,
    client: str,
    scope: str | None,
    fault: type[OperatorError],
    known: list[str],
) -> None:
    with pytest.raises(fault) as refused:
        tokens.issue(client, scope)
    assert refused.value.exit_code == 2
    assert all(name in str(refused.value) for name in known)


def test_key_set_has_no_private_part_and_no_other_key_fits(tokens: DevelopmentTokens) -> None:
    (key,) = tokens.public_keys()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")
    assert key.keys().isdisjoint({"d", "p", "q", "k"})
    stranger = ECKey.generate_key("P-256")
    with pytest.raises(BadSignatureError):
        jwt.decode(tokens.issue("till").text, stranger, ["ES256"])


def test_private_key_and_secrets_are_kept_for_their_owner_only(tokens: DevelopmentTokens) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tokens.directory.iterdir()}
    private = {name for name, mode in modes.items() if mode == 0o600}
    assert private == {"signing-key.json", "client-secrets.json"}
    assert modes.keys() == private | {"clients.json", "issuer.json"}
    (key,) = tokens.public_keys()["keys"]
    private_part = json.loads((tokens.directory / "signing-key.json").read_text())["d"]
    public = [path for path in tokens.directory.iterdir() if path.name not in private]
    assert [path.name for path in public if private_part in path.read_text()] == []
    assert key["x"] in (tokens.directory / "signing-key.json").read_text()


def test_each_client_has_a_secret_of_its_own_and_is_known_by_no_other(
    tokens: DevelopmentTokens,
) -> None:
    secrets = json.loads(tokens.secrets_file.read_text())
    assert set(secrets) == {client.client_id for client in CLIENTS}
    assert len(set(secrets.values())) == len(secrets)
    for client_id in secrets:
        known = [secret for secret in secrets.values() if tokens.is_secret_of(client_id, secret)]
        assert known == [secrets[client_id]]


@pytest.mark.parametrize("secret", ["", "wrong", "é"])
@pytest.mark.parametrize("client", ["till", "nobody", ""])
def test_wrong_secret_of_a_client_or_of_nobody_is_no_secret(
    tokens: DevelopmentTokens, client: str, secret: str
) -> None:
    assert not tokens.is_secret_of(client, secret)


def test_preparing_again_keeps_key_and_secrets_and_takes_the_new_address(tmp_path: Path) -> None:
    """Tokens of the last run stay good, as far as the address does."""
    first = prepared_tokens(tmp_path, url=URL, audience="ours")
    secrets = first.secrets_file.read_text()
    again = prepared_tokens(tmp_path, url="http://127.0.0.1:9001", audience="ours")
    assert again.public_keys() == first.public_keys()
    assert again.secrets_file.read_text() == secrets
    assert last_port(tmp_path) == 9001
    kept = kept_tokens(tmp_path)
    assert (kept.url, kept.audience) == ("http://127.0.0.1:9001", "ours")
    jwt.decode(kept.issue("crm").text, key_set(first), ["ES256"])


def test_secrets_of_an_earlier_set_of_clients_are_made_anew(tmp_path: Path) -> None:
    path = kept_client_secrets(tmp_path / "secrets.json", ["till"])
    earlier = json.loads(path.read_text())
    assert kept_client_secrets(path, ["till"]).read_text() == json.dumps(earlier)
    made = json.loads(kept_client_secrets(path, ["till", "store"]).read_text())
    assert set(made) == {"till", "store"}


def test_tokens_where_no_issuer_ran_or_it_was_given_up_are_not_to_be_had(tmp_path: Path) -> None:
    assert last_port(tmp_path) is None
    with pytest.raises(LocalError, match=f"has run on {tmp_path}: .*giftcert up.*--data-dir"):
        kept_tokens(tmp_path)
    prepared_tokens(tmp_path, url=URL, audience="ours")
    forget_issuer(tmp_path)
    with pytest.raises(LocalError, match="no stack with a development issuer"):
        kept_tokens(tmp_path)


def test_token_whose_key_cannot_be_read_is_no_bug(tokens: DevelopmentTokens) -> None:
    """As when somebody else started the stack."""
    key = tokens.directory / "signing-key.json"
    key.unlink()
    key.mkdir()
    with pytest.raises(LocalError, match=f"{key} cannot be read: "):
        tokens.issue("till")


def test_what_a_token_is_shown_as_holds_no_token(tokens: DevelopmentTokens) -> None:
    issued = tokens.issue("till")
    assert issued.text not in repr(issued)
