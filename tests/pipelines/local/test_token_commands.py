"""`giftcert token` and `giftcert issuer` as a person or a supervisor meets them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pipelines import cli
from pipelines.local.development_tokens import DevelopmentTokens, issuer_directory, prepared_tokens
from pipelines.local.ports import HeldPort
from pipelines.settings import Settings
from tests.pipelines.local.local_machine import await_condition, project_environment

URL = "http://127.0.0.1:9000"


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DevelopmentTokens:
    """Those of a stack that ran on the user's own data directory, and no longer does."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return prepared_tokens(tmp_path / "giftcert", url=URL, audience="ours")


def claims_of(token: str, tokens: DevelopmentTokens) -> dict[str, object]:
    keys = KeySet.import_key_set(tokens.public_keys())  # type: ignore[arg-type]  # plain JSON
    return dict(jwt.decode(token, keys, ["ES256"]).claims)


def test_token_is_printed_alone_on_one_line(
    tokens: DevelopmentTokens, capsys: pytest.CaptureFixture[str]
) -> None:
    """For `$(giftcert token …)` in a shell."""
    command = ["token", "--client", "till", "--scope", "balance:read certificates:redeem"]
    assert cli.run(command) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.count("\n") == 1
    claims = claims_of(said.out.strip(), tokens)
    assert (claims["client_id"], claims["iss"], claims["aud"]) == ("till", URL, "ours")
    assert claims["scope"] == "balance:read certificates:redeem"


def test_token_of_a_stack_elsewhere_and_for_a_person_is_asked_for_by_options(
    tokens: DevelopmentTokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = prepared_tokens(tmp_path / "other", url="http://127.0.0.1:9001", audience="theirs")
    options = ["--client", "support", "--subject", "anna", "--data-dir", str(tmp_path / "other")]
    assert cli.run(["token", *options]) == 0
    claims = claims_of(capsys.readouterr().out.strip(), elsewhere)
    assert (claims["iss"], claims["sub"]) == ("http://127.0.0.1:9001", "anna")
    assert "certificates:support" in str(claims["scope"]).split()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["--client", "tll"], {}, 2, "store, till, crm, support, auditor"),
        (["--client", "till", "--scope", "balance"], {}, 2, "balance:read, certificates:audit"),
        (["--client", "till", "--data-dir", "/nowhere"], {}, 1, "has run on /nowhere: start it"),
        (
            ["--client", "till"],
            {"GIFTCERT_TOKEN_ISSUER": "https://login.test"},
            2,
            "GIFTCERT_TOKEN_ISSUER is https://login.test: ask there",
        ),
    ],
    ids=["unknown client", "unknown scope", "no stack", "another issuer"],
)
def test_token_that_is_not_to_be_had_is_refused_in_one_line(
    tokens: DevelopmentTokens,
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cli.run(["token", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("giftcert: ")
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--host", "0.0.0.0"], {}, "listens on loopback only"),
        (["--host", "::"], {}, "listens on loopback only"),
        (["--host", "192.0.2.1"], {}, "listens on loopback only"),
        (["--host", "shop.example"], {}, "listens on loopback only"),
        (
            [],
            {"GIFTCERT_TOKEN_ISSUER": "https://login.example"},
            "GIFTCERT_TOKEN_ISSUER is https://login.example",
        ),
        (
            [],
            {"GIFTCERT_TOKEN_ISSUER": "http://127.0.0.1:1"},
            "GIFTCERT_TOKEN_ISSUER is http://127.0.0.1:1",
        ),
        ([], {"GIFTCERT_HTTP_HOST": "192.0.2.1"}, "the edge is at http://192.0.2.1:8080"),
        (
            [],
            {"GIFTCERT_HTTP_HOST": "0.0.0.0", "GIFTCERT_ADVERTISED_URL": "https://pod.example"},
            "the edge is at https://pod.example",
        ),
        (
            [],
            {"GIFTCERT_ADVERTISED_URL": "https://shop.example"},
            "the edge is at https://shop.example",
        ),
    ],
)
def test_issuer_beside_production_settings_is_refused_and_makes_no_key(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command = ["issuer", "--data-dir", str(tmp_path / "data"), "--port", "9000", *arguments]
    assert cli.run(command) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["token_issuer", "token_jwks_url"])
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_worker_beyond_this_machine_cannot_trust_a_development_issuer(name: str, host: str) -> None:
    """Nor can one on this machine trust one elsewhere: the issuer speaks http:// alone."""
    beyond: dict[str, object] = {"http_host": host, "advertised_url": "https://pod.example"}
    with pytest.raises(ValueError, match=f"{name} must be https://"):
        Settings.model_validate({**beyond, name: URL})
    with pytest.raises(ValueError, match=f"{name} must be https://"):
        Settings.model_validate({name: "http://192.0.2.1:9000"})
    assert getattr(Settings.model_validate({name: URL}), name) == URL


def test_settings_of_a_worker_have_no_place_for_a_signing_key_or_client_secret() -> None:
    words = ("signing", "private", "client_secret", "issuer_key")
    found = {name for name in Settings.model_fields for word in words if word in name}
    assert found == {"sasl_client_secret_file"}, "its login to Kafka, and to nobody else"


def test_issuer_keeps_nothing_among_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    inside = Path(__file__).resolve().parents[3] / "state" / "data"
    assert cli.run(["issuer", "--data-dir", str(inside), "--port", "9000"]) == 2
    assert "must be outside the program's source" in " ".join(capsys.readouterr().err.split())
    assert not inside.exists()


def test_issuer_serves_until_told_to_stop_and_says_first_what_it_is(tmp_path: Path) -> None:
    held = HeldPort()
    url = f"http://127.0.0.1:{held.port}"
    command = [sys.executable, "-m", "pipelines.cli", "issuer", "--data-dir", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--port", str(held.port)],
        stderr=subprocess.PIPE,
        text=True,
        env=project_environment(),
    ) as program:
        try:
            await_condition(lambda: answers(f"{url}/jwks"))
            found = httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).json()
            program.send_signal(signal.SIGTERM)
            _, words = program.communicate(timeout=10)
        finally:
            program.kill()
            held.release()
    assert found["issuer"] == url
    assert "A development issuer for one machine. Never for production" in words.splitlines()[0]
    assert program.returncode in (0, -signal.SIGTERM)
    kept = json.loads((issuer_directory(tmp_path) / "client-secrets.json").read_text())
    assert [secret for secret in kept.values() if secret in words] == []


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
