"""The issuer of a local stack: started before the workers, trusted by them, and ended with them."""

import base64
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pipelines.faults import SettingsError
from pipelines.local.development_tokens import kept_tokens
from pipelines.local.running_broker import LocalError
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.settings import load_settings
from tests.pipelines.local.fake_stack import (
    FAKE_WORKER,
    asked,
    correlator_is_up,
    no_topics,
    options,
)
from tests.pipelines.local.local_machine import Words, await_condition, is_running

CLIENTS = {"store", "till", "crm", "support", "auditor"}


def is_private(path: Path) -> bool:
    """Whether only its owner may read a file."""
    return stat.S_IMODE(path.stat().st_mode) == 0o600


def claims_of(token: str) -> dict[str, Any]:
    """What a token claims, unchecked."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def test_start_stack_whose_issuer_never_answers_is_refused_before_any_worker_starts(
    tmp_path: Path, words: Words
) -> None:
    fake = options(tmp_path, fake_worker="issuer:unready", ready_timeout_s=1)
    with pytest.raises(LocalError) as failed, Stack(fake, say=words):
        pass
    assert str(failed.value) == "issuer was not ready within 1 s: 503 not yet"
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["issuer.log"]


def test_start_stack_has_every_worker_trust_the_issuer_of_its_own(
    tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person has set for another issuer would only stand in its way."""
    monkeypatch.setenv("GIFTCERT_TOKEN_JWKS_URL", "https://elsewhere.test/keys")
    monkeypatch.setenv("GIFTCERT_TOKEN_ALGORITHMS", "RS256")
    monkeypatch.setenv("GIFTCERT_CLIENTS_FILE", "/theirs")
    monkeypatch.setenv("GIFTCERT_HTTP_HOST", "0.0.0.0")
    audience = {"GIFTCERT_TOKEN_AUDIENCE": "ours"}
    with Stack(options(tmp_path, environment=audience), say=words) as stack:
        await_condition(lambda: correlator_is_up(stack))
        pid, _ = asked(stack.issuer_url)
        for url in (stack.correlator_url, *stack.http_urls):
            settings = asked(url)[1]
            assert settings["GIFTCERT_TOKEN_ISSUER"] == stack.issuer_url
            assert settings["GIFTCERT_TOKEN_AUDIENCE"] == "ours"
            assert settings["GIFTCERT_TOKEN_ALGORITHMS"] == "ES256"
            assert "GIFTCERT_TOKEN_JWKS_URL" not in settings
            assert set(json.loads(Path(settings["GIFTCERT_CLIENTS_FILE"]).read_text())) == CLIENTS
        trusted = stack.environment
    assert not is_running(pid)
    for name, value in trusted.items():
        if name.startswith("GIFTCERT_"):
            monkeypatch.setenv(name, value)
    assert load_settings().token_issuer == trusted["GIFTCERT_TOKEN_ISSUER"]


def test_no_worker_is_told_where_the_private_key_or_a_secret_is(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        settings = asked(stack.http_urls[0])[1]
        secret = [path for path in (tmp_path / "issuer").iterdir() if is_private(path)]
    assert {path.name for path in secret} == {"signing-key.json", "client-secrets.json"}
    told = " ".join(settings.values())
    assert [path.name for path in secret if path.name in told] == []


def test_token_of_a_stack_is_one_of_its_issuer_also_after_it_stopped(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        issuer_url = stack.issuer_url
        tokens = [stack.token("till", "balance:read", subject="anna")]
    tokens.append(stack.token("till"))
    claims = [claims_of(token) for token in tokens]
    assert [told["iss"] for told in claims] == [issuer_url] * 2
    assert [(told["client_id"], told["sub"]) for told in claims] == [
        ("till", "anna"),
        ("till", "till"),
    ]
    assert claims[0]["scope"] == "balance:read"
    assert "certificates:redeem" in claims[1]["scope"].split()


def test_start_stack_again_has_the_issuer_where_it_was_so_that_tokens_stay_good(
    tmp_path: Path, words: Words
) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        first = stack.issuer_url
    with Stack(options(tmp_path), say=words) as stack:
        assert stack.issuer_url == first


def test_start_stack_with_the_issuer_of_the_person_starts_none_and_makes_no_token(
    tmp_path: Path, words: Words
) -> None:
    """Also not by `giftcert token`, though an earlier run left its keys."""
    with Stack(options(tmp_path), say=words):
        pass
    theirs = {"GIFTCERT_TOKEN_ISSUER": "https://login.test", "GIFTCERT_CLIENTS_FILE": "/theirs"}
    with Stack(options(tmp_path, environment=theirs), say=words) as stack:
        settings = asked(stack.http_urls[0])[1]
        assert stack.issuer_url == "https://login.test"
        assert stack.client_secrets_file is None
        with pytest.raises(LocalError, match=r"come from https://login\.test, not from here"):
            stack.token("till")
        with pytest.raises(LocalError, match="no stack with a development issuer"):
            kept_tokens(tmp_path)
    assert settings["GIFTCERT_TOKEN_ISSUER"] == "https://login.test"
    assert settings["GIFTCERT_CLIENTS_FILE"] == "/theirs"
    assert settings.keys().isdisjoint({"GIFTCERT_TOKEN_ALGORITHMS", "GIFTCERT_TOKEN_AUDIENCE"})


def test_end_of_issuer_by_itself_is_a_failure_that_names_it(tmp_path: Path, words: Words) -> None:
    with Stack(options(tmp_path), say=words) as stack:
        os.kill(asked(stack.issuer_url)[0], signal.SIGKILL)
        await_condition(lambda: stack.failure() is not None)
        log_path = tmp_path / "logs" / "issuer.log"
        assert str(stack.failure()) == f"issuer was ended by SIGKILL; its log is {log_path}"


def test_real_issuer_of_a_stack_gives_a_token_for_the_secret_that_it_keeps(
    tmp_path: Path, words: Words
) -> None:
    """The program itself, as `giftcert up` starts it, found by its discovery document."""
    real = StackOptions(
        data_dir=tmp_path,
        broker="embedded",
        worker_command=FAKE_WORKER,
        apply_topics=no_topics,
    )
    with Stack(real, say=words) as stack:
        found = httpx.get(
            f"{stack.issuer_url}/.well-known/openid-configuration", trust_env=False
        ).json()
        assert found["issuer"] == stack.issuer_url
        assert stack.client_secrets_file is not None
        secret = json.loads(stack.client_secrets_file.read_text())["crm"]
        answer = httpx.post(
            found["token_endpoint"],
            data={"grant_type": "client_credentials"},
            auth=("crm", secret),
            trust_env=False,
        )
        keys = KeySet.import_key_set(httpx.get(found["jwks_uri"], trust_env=False).json())
    assert answer.status_code == 200, answer.text
    for token in (answer.json()["access_token"], stack.token("crm")):
        assert jwt.decode(token, keys, ["ES256"]).claims["client_id"] == "crm"
    first_line = (tmp_path / "logs" / "issuer.log").read_text().splitlines()[0]
    assert "Never for production" in first_line
    assert stack.stopped_cleanly


def test_worker_with_a_certificate_is_asked_over_tls_by_the_authorities_of_its_settings(
    tmp_path: Path, words: Words
) -> None:
    tls = {
        "GIFTCERT_TLS_CERTIFICATE_LOCATION": "/edge.pem",
        "GIFTCERT_TLS_CA_LOCATION": str(tmp_path / "none.pem"),
    }
    with (
        pytest.raises(SettingsError, match=r"GIFTCERT_TLS_CA_LOCATION: .*none\.pem"),
        Stack(options(tmp_path, environment=tls), say=words),
    ):
        pass
    del tls["GIFTCERT_TLS_CA_LOCATION"]
    plain = options(tmp_path, environment=tls, ready_timeout_s=1)
    with (
        pytest.raises(LocalError, match=r"processor-0 was not ready .*SSL"),
        Stack(plain, say=words),
    ):
        pass
