"""Java is judged by what it says, and the jars are there whole and as locked, or not at all."""

import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import pytest

from pipelines.local import kafka_jars
from pipelines.local.kafka_jars import (
    cache_directory,
    cached_jars,
    find_java,
    kafka_version,
    locked_jars,
)
from pipelines.local.running_broker import BrokerUnavailableError
from tests.pipelines.local.local_machine import Words, put_program

JARS = {"kafka_2.13-9.9.9.jar": "the broker", "zstd.jar": "the codec"}


def digests(jars: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in jars.items()}


def says(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


def maven(jars: Mapping[str, str]) -> str:
    """A Maven that notes each of its runs and fetches `jars`."""
    lines = ['for word; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done']
    lines += ['/bin/mkdir "$out"', 'echo run >> "$XDG_CACHE_HOME/runs"']
    lines += [f"printf '%s' '{text}' > \"$out/{name}\"" for name, text in jars.items()]
    return "\n".join(lines)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the user, and a lock with the two jars of `JARS`."""
    directory = tmp_path / "cache"
    directory.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(directory))
    monkeypatch.setattr(kafka_jars, "locked_jars", lambda: digests(JARS))
    return directory


def test_locked_version_is_the_one_of_the_shipped_pom() -> None:
    packaged = resources.files("pipelines.local") / "kafka" / "pom.xml"
    pom = ElementTree.fromstring(packaged.read_text(encoding="utf-8"))
    maven_names = {"": "http://maven.apache.org/POM/4.0.0"}
    dependencies = {
        dependency.findtext("artifactId", namespaces=maven_names): dependency.findtext(
            "version", namespaces=maven_names
        )
        for dependency in pom.iterfind("./dependencies/dependency", maven_names)
    }
    assert dependencies["kafka_2.13"] == kafka_version()
    assert f"slf4j-simple-{dependencies['slf4j-simple']}.jar" in locked_jars()


def test_locked_jars_have_each_a_digest_and_a_logging_binding() -> None:
    jars = locked_jars()
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in jars.values())
    assert all(name.endswith(".jar") for name in jars)
    assert f"kafka-clients-{kafka_version()}.jar" in jars


@pytest.mark.parametrize("version", ["17.0.15", "17", "21.0.2", "25-ea"])
def test_find_java_new_enough_takes_it(version: str, bare_path: Path) -> None:
    put_program(bare_path, "java", says(version))
    assert find_java() == str(bare_path / "java")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says("1.8.0_392"), "{java} is Java 8, and 17 is needed"),
        (says("11.0.21"), "{java} is Java 11, and 17 is needed"),
        (says("17.0.15") + "; exit 1", "{java} does not tell its version"),
        ("echo 'no runtime present' >&2", "{java} does not tell its version"),
    ],
)
def test_find_java_that_does_not_do_says_why(script: str, reason: str, bare_path: Path) -> None:
    put_program(bare_path, "java", script)
    with pytest.raises(BrokerUnavailableError) as refused:
        find_java()
    assert str(refused.value) == reason.format(java=bare_path / "java")


def test_find_java_that_cannot_be_executed_says_why(bare_path: Path) -> None:
    (bare_path / "java").write_bytes(b"\x7fELF and nothing else")
    (bare_path / "java").chmod(0o755)
    with pytest.raises(BrokerUnavailableError, match=r"java cannot be run: .*Exec format error"):
        find_java()


def test_find_java_where_there_is_none_says_so(bare_path: Path) -> None:
    with pytest.raises(BrokerUnavailableError, match=r"^Java 17 or newer is not on PATH$"):
        find_java()


def test_find_java_prefers_java_home(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(bare_path, "java", says("11.0.21"))
    home = tmp_path / "jdk" / "bin"
    home.mkdir(parents=True)
    put_program(home, "java", says("21.0.2"))
    monkeypatch.setenv("JAVA_HOME", str(home.parent))
    assert find_java() == str(home / "java")


def test_fetch_jars_once_gives_them_to_later_calls(
    cache: Path, bare_path: Path, words: Words
) -> None:
    put_program(bare_path, "mvn", maven(JARS))
    first = cached_jars(words)
    second = cached_jars(words)
    assert first == second == cache / "giftcert" / "kafka-9.9.9"
    assert {path.name: path.read_text() for path in first.iterdir()} == JARS
    assert (cache / "runs").read_text() == "run\n"
    assert [line.split(",")[0] for line in words.lines[:1]] == ["fetching Apache Kafka 9.9.9"]
    assert words.lines[1].startswith(f"fetched Apache Kafka into {first} in ")
    assert len(words.lines) == 2


def test_fetch_jars_from_several_threads_at_once_runs_maven_once(
    cache: Path, bare_path: Path, words: Words
) -> None:
    put_program(bare_path, "mvn", maven(JARS))
    with ThreadPoolExecutor(4) as threads:
        directories = set(threads.map(lambda _: cached_jars(words), range(4)))
    assert len(directories) == 1
    assert (cache / "runs").read_text() == "run\n"


def test_fetch_jars_where_an_earlier_fetch_was_cut_short_starts_anew(
    cache: Path, bare_path: Path, words: Words
) -> None:
    abandoned = cache / "giftcert" / "kafka-9.9.9.partial-x1"
    abandoned.mkdir(parents=True)
    damaged = cache / "giftcert" / "kafka-9.9.9"
    damaged.mkdir()
    (damaged / "zstd.jar").write_text("the codec")
    put_program(bare_path, "mvn", maven(JARS))
    assert {path.name for path in cached_jars(words).iterdir()} == set(JARS)
    assert not abandoned.exists()


def test_fetch_jars_without_maven_says_so(cache: Path, bare_path: Path, words: Words) -> None:
    with pytest.raises(BrokerUnavailableError, match=r"^Maven \(mvn\), .* is not on PATH$"):
        cached_jars(words)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            r"printf '[WARNING] old\n\033[31m[ERROR] Unknown host\033[0m\n[ERROR] Help'; exit 1",
            "Maven cannot fetch Apache Kafka: Unknown host",
        ),
        ("exit 1", "Maven cannot fetch Apache Kafka: it does not say why"),
        (
            maven({**JARS, "zstd.jar": "another codec", "extra.jar": "unasked"}),
            "what Maven fetched is not what is locked: extra.jar, zstd.jar",
        ),
    ],
)
def test_fetch_jars_that_fails_says_why_and_leaves_nothing(
    script: str, reason: str, cache: Path, bare_path: Path, words: Words
) -> None:
    put_program(bare_path, "mvn", script)
    with pytest.raises(BrokerUnavailableError) as refused:
        cached_jars(words)
    assert str(refused.value) == reason
    assert [path.name for path in (cache / "giftcert").iterdir()] == ["kafka-9.9.9.lock"]


def test_fetch_jars_with_a_maven_that_cannot_be_executed_says_why(
    cache: Path, bare_path: Path, words: Words
) -> None:
    (bare_path / "mvn").write_bytes(b"\x7fELF and nothing else")
    (bare_path / "mvn").chmod(0o755)
    with pytest.raises(BrokerUnavailableError, match="mvn cannot be run: Exec format error"):
        cached_jars(words)


def test_fetch_jars_with_a_maven_that_hangs_gives_up(
    cache: Path, bare_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_program(bare_path, "mvn", "exec /bin/sleep 60")
    monkeypatch.setattr(kafka_jars, "_FETCH_TIMEOUT_S", 0.2)
    with pytest.raises(BrokerUnavailableError, match="did not fetch Apache Kafka within"):
        cached_jars(words)


def test_cache_directory_without_xdg_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == Path.home() / ".cache" / "giftcert"
