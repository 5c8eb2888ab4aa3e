"""`giftcert status` and `giftcert show` as they are typed: wrong usage, and no Kafka at all."""

import io
import time

import pytest

from pipelines import cli

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["status", "--json"], ["show", "GC-2026-00000042"]],
    ids=["status", "for programs", "show"],
)
def test_command_without_kafka_ends_in_time_with_one_line(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    began_s = time.monotonic()
    assert cli.run([*arguments, "--bootstrap", NOBODY]) == 3
    assert time.monotonic() - began_s < 5.0
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"no Kafka at {NOBODY}" in said.err


WRONG = [
    (["show", "GC 42"], "the number has 4 characters"),
    (["show", "GC_2026_00000042"], "the number holds something else"),
    (["show", "GCGCGCGCGC"], "the number has no digit"),
    (["show", ""], "the number is empty"),
    (["show", "GC-2026-00000042", "--since", "yesterday"], "neither like 90m"),
    (["show", "GC-2026-00000042", "--since", "2026-03-01T00:00:00"], "neither like 90m"),
    (["show", "GC-2026-00000042", "--time-zone", "Mars/Olympus"], "no such time zone"),
    (["show", "GC-2026-00000042", "--time-zone", "../../etc/passwd"], "no such time zone"),
    (["status", "--watch", "--json"], "leave one of --watch and --json out"),
    (["status", "--watch"], "--watch needs a terminal"),
    (["status", "--auditor", "auditor:9090"], "--auditor"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), [pytest.param(arguments, said, id=said) for arguments, said in WRONG]
)
def test_wrong_usage_is_said_in_words_and_never_repeats_a_number(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*arguments, "--bootstrap", NOBODY]) == 2
    told = capsys.readouterr()
    assert said in " ".join(told.err.split())
    assert not any(word in told.err for word in arguments if word.startswith("GC"))


def test_number_is_read_from_standard_input_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("gc 4\n"))
    assert cli.run(["show", "-", "--bootstrap", NOBODY]) == 2
    assert "the number has 3 characters" in capsys.readouterr().err
