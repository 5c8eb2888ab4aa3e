"""What a group says is asked in another process, whose death means only that nothing is known."""

import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from pipelines import group_descriptions as module
from pipelines.group_descriptions import UNANSWERED_MAX, GroupDescriptions

NOBODY = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
PATIENCE_S = 60.0
LONG_S = 50.0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that was started, in order."""
    processes: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def note(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(start(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", note)
    return processes


@pytest.fixture
def descriptions(started: list[subprocess.Popen[bytes]]) -> Iterator[GroupDescriptions]:
    descriptions = GroupDescriptions(lambda: NOBODY)
    yield descriptions
    descriptions.close()
    for process in started:
        process.wait(PATIENCE_S)  # None is left behind.


def test_kafka_that_is_not_there_makes_nothing_known(descriptions: GroupDescriptions) -> None:
    questions = [descriptions.describe("group", timeout_s=0.2) for _ in range(3)]
    assert [question.result(PATIENCE_S) for question in questions] == [None] * 3


def test_process_is_started_with_the_first_question_and_kept(
    descriptions: GroupDescriptions, started: list[subprocess.Popen[bytes]]
) -> None:
    assert not started
    for _ in range(2):
        descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S)
    assert len(started) == 1


def test_process_that_dies_makes_nothing_known_and_is_started_again(
    descriptions: GroupDescriptions,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = descriptions.describe("group", timeout_s=LONG_S)
    started[0].kill()
    assert asked.result(PATIENCE_S) is None
    assert descriptions.describe("group", timeout_s=LONG_S).result(PATIENCE_S) is None
    assert len(started) == 1, "not at once: one that cannot live would be started without end"
    monkeypatch.setattr(module, "START_AGAIN_S", 0.0)
    assert descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S) is None
    assert len(started) == 2


def test_process_that_never_answers_is_ended_and_makes_nothing_known(
    descriptions: GroupDescriptions,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S)
    monkeypatch.setattr(module, "GRACE_S", 0.1)
    started[0].send_signal(signal.SIGSTOP)
    assert descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S) is None
    assert started[0].wait(PATIENCE_S) == -signal.SIGKILL


def test_process_whose_client_is_never_answered_is_not_asked_for_ever(
    descriptions: GroupDescriptions,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(UNANSWERED_MAX):
        assert descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S) is None
    started[0].wait(PATIENCE_S)
    monkeypatch.setattr(module, "START_AGAIN_S", 0.0)
    while len(started) == 1:
        assert descriptions.describe("group", timeout_s=0.1).result(PATIENCE_S) is None


def test_close_ends_the_process_and_tells_those_who_wait(
    descriptions: GroupDescriptions, started: list[subprocess.Popen[bytes]]
) -> None:
    asked = descriptions.describe("group", timeout_s=LONG_S)
    descriptions.close()
    assert asked.result(PATIENCE_S) is None
    assert started[0].poll() == 0
    assert descriptions.describe("group", timeout_s=LONG_S).result(PATIENCE_S) is None
    assert len(started) == 1


def test_password_is_no_argument_of_the_process(
    descriptions: GroupDescriptions, started: list[subprocess.Popen[bytes]]
) -> None:
    secret = GroupDescriptions(lambda: {**NOBODY, "sasl.password": "p-4711"})
    secret.describe("group", timeout_s=0.1).result(PATIENCE_S)
    secret.close()
    assert "p-4711" not in str(started[0].args)
