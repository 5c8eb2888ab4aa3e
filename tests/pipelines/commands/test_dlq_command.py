"""`giftcert dlq` refuses what it cannot mean, before it asks Kafka anything."""

import pytest

from pipelines.cli import run

EVERY = ["--every"]
REASON = ["--reason", "sent again"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["retry"], "name letters, or give --every"),
        (["retry", "2:17", *EVERY], "one of the two"),
        (["discard", *EVERY], "Missing option '--reason'"),
        (["discard", "2:17", "--reason", " "], "1 to 200 printable characters"),
        (["discard", "2:17", "--reason", "a\nb"], "1 to 200 printable characters"),
        (["discard", "2:17", *REASON, "--by", "x" * 201], "1 to 200 printable characters"),
        (["retry", "17"], "17 is no letter: they are like 2:17"),
        (["show", "2:x"], "2:x is no letter"),
        (["show"], "Missing argument 'LETTER'"),
        (["list", "--topic", "Nobody"], "Nobody is no input: they are All_Clients"),
        (["list", "--topic", "GiftCertificates.Stream"], "is no input"),
        (["list", "--code", "BAD"], "'BAD' is not one of"),
        (["list", "--since", "yesterday"], "90m, 12h, 2d"),
        (["retry", *EVERY, "--since", "2026-03-01T10:00:00"], "90m, 12h, 2d"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_command_line_is_told_what_it_must_be(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.setenv("GIFTCERT_BOOTSTRAP", "127.0.0.1:1")
    assert run(["dlq", *arguments]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "2:17"], ["retry", *EVERY, "--dry-run"], ["discard", "2:17", *REASON]],
    ids=lambda arguments: arguments[0],
)
def test_kafka_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(["dlq", *arguments, "--bootstrap", "127.0.0.1:1"]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in said if line.startswith("giftcert: ")]) == 1
    assert "no Kafka at 127.0.0.1:1" in said[-1]
