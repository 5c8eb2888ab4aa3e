"""The command line as a person meets it: help, and one line when something is wrong."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from pipelines import cli
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerUnreachable, SettingsError, TopicMissing

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"


def giftcert(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIFTCERT_")}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=ROOT,
        env={**own, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_with_its_summary_and_imports_none_of_them() -> None:
    code = (
        "import sys; from pipelines import cli; status = cli.run(['--help']);"
        "heavy = {'quixstreams', 'confluent_kafka', 'duckdb', 'pydantic', 'structlog', 'rich'};"
        "print('HEAVY', sorted(heavy & set(sys.modules))); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for command in cli.COMMANDS:
        assert command.name in done.stdout
    assert "topics apply --with-sources" in done.stdout
    assert "HEAVY []" in done.stdout


@pytest.mark.parametrize("command", cli.COMMANDS, ids=[command.name for command in cli.COMMANDS])
def test_help_of_each_command_in_the_table_works(
    command: cli.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([command.name, "--help"]) == 0
    assert f"giftcert {command.name}" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["apply", "check"])
def test_help_of_a_topics_command_shows_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["topics", command, "--help"]) == 0
    assert f"giftcert topics {command}" in capsys.readouterr().out.partition("Examples:")[2]


def test_version_prints_version_commit_and_contracts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    said = capsys.readouterr().out
    first, commit, schemas, *contracts = said.splitlines()
    assert first.startswith("giftcert ")
    assert (commit.split()[0], schemas.split()[0]) == ("commit", "schemas")
    assert [line.split()[0] for line in contracts] == list(RecordName)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topic"], "Did you mean 'topics'?"),
        (["topics", "appyl"], "Did you mean 'apply'?"),
        (["topics", "apply", "--nope"], "No such option: --nope"),
    ],
)
def test_wrongly_written_command_line_says_what_is_wrong_and_exits_two(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    assert said in capsys.readouterr().err


FAULTS = [
    (
        ["topics", "check"],
        {"GIFTCERT_PARTITIONS": "six"},
        2,
        "giftcert: GIFTCERT_PARTITIONS='six' is wrong: it must be a valid integer\n",
    ),
    (
        ["topics", "check"],
        {"GIFTCERT_BOOTSTRAPP": "x"},
        2,
        "giftcert: unknown setting GIFTCERT_BOOTSTRAPP: did you mean GIFTCERT_BOOTSTRAP?\n",
    ),
    (
        ["topics", "apply", "--bootstrap", "nobody"],
        {},
        2,
        (
            "giftcert: bootstrap='nobody' is wrong: it must be HOST:PORT, "
            "or several of them with commas between\n"
        ),
    ),
]


@pytest.mark.parametrize(("arguments", "environment", "code", "line"), FAULTS)
def test_wrong_setting_ends_a_command_with_one_line_and_its_exit_code(
    arguments: list[str], environment: dict[str, str], code: int, line: str
) -> None:
    done = giftcert(*arguments, **environment)
    assert (done.returncode, done.stderr, done.stdout) == (code, line, "")


@pytest.mark.parametrize("command", ["apply", "check"])
def test_unreachable_broker_ends_a_command_in_time_with_one_line(command: str) -> None:
    started = time.monotonic()
    done = giftcert("topics", command, "--timeout", "0.5", GIFTCERT_BOOTSTRAP=NOBODY)
    took_s = time.monotonic() - started
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"giftcert: no Kafka at {NOBODY} within 0.5 s (")
    assert done.stderr.endswith("): start it, or set GIFTCERT_BOOTSTRAP\n")
    assert done.stderr.count("\n") == 1
    assert took_s < 10


def test_unreadable_kafka_credentials_end_a_command_with_the_settings_code(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("not PEM")
    done = giftcert(
        "topics",
        "check",
        GIFTCERT_BOOTSTRAP=NOBODY,
        GIFTCERT_SECURITY_PROTOCOL="SSL",
        GIFTCERT_SSL_CA_LOCATION=str(broken),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("giftcert: Kafka connection settings: ")
    assert done.stderr.count("\n") == 1


def with_command(monkeypatch: pytest.MonkeyPatch, command: object) -> None:
    """Make `command` the only one in the table, under the name `planted`."""
    row = cli.Command(name="planted", target="pipelines.cli:planted", summary="Planted.")
    monkeypatch.setattr(cli, "planted", command, raising=False)
    monkeypatch.setattr(cli, "COMMANDS", (row,))


@pytest.mark.parametrize(
    ("fault", "code"),
    [(SettingsError("a\nb"), 2), (BrokerUnreachable("a b"), 3), (TopicMissing("a b"), 4)],
)
def test_fault_of_an_operator_becomes_one_line_and_its_kinds_exit_code(
    fault: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise fault

    with_command(monkeypatch, fail)
    assert cli.run(["planted"]) == code
    assert capsys.readouterr().err == "giftcert: a b\n"


def test_command_that_says_no_by_itself_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def say_no() -> None:
        raise typer.Exit(1)

    with_command(monkeypatch, say_no)
    assert cli.run(["planted"]) == 1


def test_ctrl_c_in_a_command_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_interrupted() -> None:
        raise KeyboardInterrupt

    with_command(monkeypatch, be_interrupted)
    assert cli.run(["planted"]) == 130


def test_bug_in_a_command_shows_its_whole_trace_and_exits_70() -> None:
    code = (
        "import sys; from pipelines import cli\n"
        "def planted(): raise LookupError('nobody thought of this')\n"
        "cli.planted = planted\n"
        "row = cli.Command(name='planted', target='pipelines.cli:planted', summary='')\n"
        "cli.COMMANDS = (row,)\n"
        "sys.argv = ['giftcert', 'planted']\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 70
    assert done.stderr.startswith("stopped by a bug\nTraceback (most recent call last):\n")
    assert done.stderr.endswith("LookupError: nobody thought of this\n")
