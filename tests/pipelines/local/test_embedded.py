"""The embedded emulator: it serves, keeps its data when asked to end, and is found or refused."""

import importlib.util
import os
import signal
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pipelines.local.embedded import EmbeddedBroker, find_program
from pipelines.local.running_broker import BrokerUnavailableError, LocalError
from tests.pipelines.local.kafka_clients import make_topic, read_committed, write_transaction
from tests.pipelines.local.local_machine import await_condition, is_running, put_program


def test_start_again_after_stop_keeps_committed_records(tmp_path: Path) -> None:
    with EmbeddedBroker(find_program(), tmp_path) as broker:
        make_topic(broker.bootstrap, "kept")
        write_transaction(broker.bootstrap, "kept", ["one", "two"])
        assert read_committed(broker.bootstrap, "kept", 2) == ["one", "two"]
        (pid,) = broker.process_ids()
        assert broker.stop()
        assert broker.stop()
    assert not is_running(pid)
    with EmbeddedBroker(find_program(), tmp_path) as broker:
        assert read_committed(broker.bootstrap, "kept", 2) == ["one", "two"]


def test_end_of_emulator_by_itself_is_a_failure(tmp_path: Path) -> None:
    with EmbeddedBroker(find_program(), tmp_path) as broker:
        assert broker.failure() is None
        os.kill(broker.process_ids()[0], signal.SIGKILL)
        await_condition(lambda: broker.failure() is not None)
        assert str(broker.failure()).startswith("the embedded broker was ended by SIGKILL; ")
        broker.stop()
        assert broker.failure() is None
        assert broker.process_ids() == ()


def test_start_emulator_that_ends_at_once_is_refused_with_its_last_words(tmp_path: Path) -> None:
    put_program(tmp_path, "noida-db", "echo no such luck; exit 4")
    with pytest.raises(LocalError, match=r"^the embedded broker ended with exit code 4") as refused:
        EmbeddedBroker(tmp_path / "noida-db", tmp_path / "data")
    assert refused.value.detail == "no such luck"


def test_start_emulator_that_never_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(tmp_path, "noida-db", "exec sleep 60")
    monkeypatch.setattr("pipelines.local.embedded._START_TIMEOUT_S", 0.3)
    with pytest.raises(LocalError, match=r"^the embedded broker does not answer on 127.0.0.1:"):
        EmbeddedBroker(tmp_path / "noida-db", tmp_path / "data")


def test_find_program_where_it_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BrokerUnavailableError, match=r"^noida-db is not installed"):
        find_program()


def test_find_program_of_another_platform_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = ModuleSpec("noida_db", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(BrokerUnavailableError, match="no program for this platform"):
        find_program()


def test_find_program_that_was_unpacked_without_its_mode_makes_it_executable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "noida-db").write_bytes(b"")
    spec = ModuleSpec("noida_db", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    assert os.access(find_program(), os.X_OK)
