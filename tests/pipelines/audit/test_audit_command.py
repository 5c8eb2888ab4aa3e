"""`giftcert audit`: where its token comes from, and that the token stays out of what is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import cli
from pipelines.audit.report import AuditReport
from pipelines.commands import audit as module
from pipelines.edge_client import TokenSource
from pipelines.faults import SettingsError

HOLDS = AuditReport(
    events=0,
    certificates=0,
    money=(),
    stock=(),
    breaches=(),
    breach_counts={},
    live=None,
    seconds=0.0,
)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[TokenSource | None]:
    """What each audit was given as the source of its token."""
    given: list[TokenSource | None] = []

    def run_audit(*_: object, token: TokenSource | None, **__: Any) -> AuditReport:
        given.append(token)
        return HOLDS

    monkeypatch.setattr(module, "run_audit", run_audit)
    return given


def in_file(path: Path, token: str) -> str:
    path.write_text(f"{token}\n")
    return str(path)


@pytest.mark.parametrize(
    ("options", "variables", "token"),
    [
        (["--token", "given"], ("GIFTCERT_TOKEN", "GIFTCERT_TOKEN_FILE"), "given"),
        ([], ("GIFTCERT_TOKEN", "GIFTCERT_TOKEN_FILE"), "from the variable"),
        ([], ("GIFTCERT_TOKEN_FILE",), "from the file"),
        ([], (), None),
    ],
    ids=["option", "variable", "file", "none"],
)
def test_audit_takes_its_token_from_option_variable_or_file_in_this_order(
    options: list[str],
    variables: tuple[str, ...],
    token: str | None,
    sources: list[TokenSource | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are no settings of the service, which would refuse them."""
    values = {
        "GIFTCERT_TOKEN": "from the variable",
        "GIFTCERT_TOKEN_FILE": in_file(tmp_path / "token", "from the file"),
    }
    for name in variables:
        monkeypatch.setenv(name, values[name])
    assert cli.run(["audit", "--json", *options]) == 0
    (source,) = sources
    assert (None if source is None else source()) == token


def test_audit_reads_the_file_of_its_token_anew_each_time(
    sources: list[TokenSource | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts tokens there replaces them before they end."""
    path = tmp_path / "token"
    monkeypatch.setenv("GIFTCERT_TOKEN_FILE", in_file(path, "one"))
    assert cli.run(["audit", "--json"]) == 0
    (source,) = sources
    assert source is not None
    assert source() == "one"
    in_file(path, "two")
    assert source() == "two"
    path.unlink()
    with pytest.raises(SettingsError, match="GIFTCERT_TOKEN_FILE: cannot read"):
        source()


@pytest.mark.parametrize("give", [lambda token: ["--token", token], lambda _: []])
def test_audit_that_fails_does_not_show_its_token(
    give: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GIFTCERT_TOKEN", "secret-token")
    monkeypatch.setenv("GIFTCERT_PARTITIONS", "six")
    assert cli.run(["audit", *give("secret-token")]) == 2
    shown = capsys.readouterr()
    assert "GIFTCERT_PARTITIONS" in shown.err
    assert "secret-token" not in shown.out + shown.err
