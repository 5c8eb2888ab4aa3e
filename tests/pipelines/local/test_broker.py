"""Which broker is taken, and how it is said that one cannot be had."""

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

import pytest

from pipelines.local.apache import Java
from pipelines.local.broker import start_broker
from pipelines.local.docker import require_engine
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import BrokerUnavailableError, LocalError
from tests.pipelines.local.local_machine import Words, put_program

NO_JAVA = "apache cannot be had: Java 17 or newer is not on PATH"
NO_DOCKER = "docker cannot be had: Docker's engine does not answer on unix://"


def test_start_auto_where_java_and_the_jars_work_takes_apache(
    java: Java, tmp_path: Path, words: Words
) -> None:
    with start_broker("auto", tmp_path, say=words) as broker:
        assert broker.kind == "apache"
        assert broker.why == java.why
        assert broker.why.startswith("Apache Kafka 4.")


@pytest.mark.usefixtures("bare_path", "no_docker")
def test_start_auto_without_java_and_docker_takes_embedded_and_says_what_was_missing(
    tmp_path: Path, words: Words
) -> None:
    with start_broker("auto", tmp_path / "data", say=words) as broker:
        assert broker.kind == "embedded"
        what, no_java, no_docker = broker.why.split("; ")
    assert what == "the embedded emulator, which proves nothing about exactly-once"
    assert no_java == NO_JAVA
    assert no_docker.startswith(NO_DOCKER)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["embedded"]


@pytest.mark.usefixtures("no_docker")
def test_start_auto_with_java_but_without_maven_takes_embedded_and_says_so(
    bare_path: Path, tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(bare_path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with start_broker("auto", tmp_path / "data", say=words) as broker:
        assert broker.kind == "embedded"
        assert "apache cannot be had: Maven (mvn), which fetches Apache Kafka" in broker.why


@pytest.mark.usefixtures("no_docker")
def test_start_auto_on_data_of_a_lesser_kind_stays_with_it(tmp_path: Path, words: Words) -> None:
    start_broker("embedded", tmp_path, say=words).stop()
    with start_broker("auto", tmp_path, say=words) as broker:
        assert broker.kind == "embedded"


@pytest.mark.usefixtures("bare_path", "no_docker")
def test_start_auto_on_data_of_a_kind_that_cannot_be_had_now_is_refused(
    tmp_path: Path, words: Words
) -> None:
    (tmp_path / "apache").mkdir()
    with pytest.raises(LocalError) as refused:
        start_broker("auto", tmp_path, say=words)
    assert str(refused.value) == f"{tmp_path} holds data of apache, but {NO_JAVA}"


@pytest.mark.usefixtures("bare_path", "no_docker")
def test_start_auto_where_nothing_can_be_had_names_every_obstacle(
    tmp_path: Path, words: Words
) -> None:
    with pytest.raises(LocalError) as refused:
        start_broker("auto", tmp_path, brokers=3, say=words)
    assert str(refused.value) == (
        f"no broker can be had here: {NO_JAVA}; "
        "docker cannot be had: docker runs one broker, and 3 are wanted; "
        "embedded cannot be had: embedded runs one broker, and 3 are wanted"
    )


@pytest.mark.usefixtures("bare_path", "no_docker")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("apache", "Java 17 or newer is not on PATH"),
        ("docker", "Docker's engine does not answer on unix://"),
        ("rabbit", "unknown broker 'rabbit': choose auto, apache, docker, embedded or HOST:PORT"),
        ("localhost", "unknown broker 'localhost'"),
        ("localhost:", "unknown broker 'localhost:'"),
    ],
)
def test_start_kind_that_cannot_be_had_is_refused_in_one_line(
    kind: str, reason: str, tmp_path: Path, words: Words
) -> None:
    with pytest.raises(LocalError) as refused:
        start_broker(kind, tmp_path / "data", say=words)
    assert str(refused.value).startswith(reason)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "data").exists()
    assert words.lines == []


def test_start_docker_without_its_client_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_import = builtins.__import__

    def without_docker(
        name: str,
        scope: Mapping[str, object] | None = None,
        inner: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name.split(".", maxsplit=1)[0] == "docker":
            raise ImportError("none", name="docker")
        return real_import(name, scope, inner, names, level)

    monkeypatch.setattr(builtins, "__import__", without_docker)
    with pytest.raises(BrokerUnavailableError, match=r"^docker is not installed"):
        require_engine()


def test_name_broker_that_answers_uses_it_and_leaves_it_running(
    tmp_path: Path, words: Words
) -> None:
    with start_broker("embedded", tmp_path, say=words) as running:
        with start_broker(running.bootstrap, tmp_path, say=words) as named:
            assert named.kind == "existing"
            assert named.bootstrap == running.bootstrap
            assert named.cluster_id == running.cluster_id
            assert named.process_ids() == ()
            assert named.failure() is None
        assert running.failure() is None
        start_broker(running.bootstrap, tmp_path, say=words).stop()


def test_name_broker_that_does_not_answer_is_refused_within_seconds(
    tmp_path: Path, words: Words
) -> None:
    held = HeldPort()
    started = monotonic()
    with pytest.raises(BrokerUnavailableError) as refused:
        start_broker(f"127.0.0.1:{held.port}", tmp_path, say=words)
    assert monotonic() - started < 8
    assert str(refused.value) == f"no Kafka broker answers on 127.0.0.1:{held.port} within 5 s"
    held.release()


def test_name_broker_and_ask_for_several_is_refused(tmp_path: Path, words: Words) -> None:
    with pytest.raises(LocalError, match="has its ports and its number of brokers"):
        start_broker("127.0.0.1:9092", tmp_path, brokers=3, say=words)
