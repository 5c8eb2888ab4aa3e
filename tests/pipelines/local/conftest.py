"""Fixtures that the tests of the local brokers and the local stack share."""

import sys
from pathlib import Path

import pytest

from pipelines.local.apache import Java
from pipelines.local.running_broker import BrokerUnavailableError
from tests.pipelines.local.local_machine import Words


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture(scope="session")
def java() -> Java:
    """Java and Kafka's jars; tests that need them are skipped where they cannot be had."""
    try:
        return Java(lambda line: print(line, file=sys.stderr))
    except BrokerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point Docker's client at an engine that is not there."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")


@pytest.fixture
def bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing on it but what the test puts into the directory."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return programs
