"""Owns Apache Kafka's jars in the user's cache, and the Java that runs them.

The jars and their hashes are locked in `kafka/`; Maven fetches them once. Must not start a broker.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from time import monotonic

from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.running_broker import BrokerUnavailableError, Say

OLDEST_JAVA = 17
_FETCH_TIMEOUT_S = 900
_VERSION_TIMEOUT_S = 20
_COMPLAINT_LENGTH = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_KAFKA_JAR = re.compile(r"kafka_2\.13-(?P<version>[0-9.]+)\.jar")
_JAVA_VERSION = re.compile(r'version "(?:1\.)?(?P<major>\d+)')


def find_java() -> str:
    """The `java` of JAVA_HOME, else of PATH; BrokerUnavailableError unless it is new enough."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    java = java or shutil.which("java")
    if java is None:
        raise BrokerUnavailableError(f"Java {OLDEST_JAVA} or newer is not on PATH")
    try:
        answer = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerUnavailableError(f"{java} cannot be run: {error}") from None
    found = _JAVA_VERSION.search(answer.stderr)
    if answer.returncode != 0 or found is None:
        raise BrokerUnavailableError(f"{java} does not tell its version")
    if int(found["major"]) < OLDEST_JAVA:
        message = f"{java} is Java {found['major']}, and {OLDEST_JAVA} is needed"
        raise BrokerUnavailableError(message)
    return java


def locked_jars() -> Mapping[str, str]:
    """File name to SHA-256 of every jar, as locked."""
    lines = (line.split() for line in _packaged("jars.sha256").splitlines() if line[:1] != "#")
    return {name: digest for digest, name in lines}


def kafka_version() -> str:
    """The locked version of Apache Kafka."""
    versions = [found["version"] for name in locked_jars() if (found := _KAFKA_JAR.fullmatch(name))]
    assert len(versions) == 1, versions
    return versions[0]


def cache_directory() -> Path:
    """Where the user keeps what can be fetched again."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "giftcert"


def cached_jars(say: Say) -> Path:
    """The directory of the locked jars, fetched with Maven when the cache has them not.

    Several processes may call it at once: one fetches, the others wait for it.
    BrokerUnavailableError when they cannot be fetched.
    """
    cache = cache_directory()
    directory = cache / f"kafka-{kafka_version()}"
    if _is_complete(directory):
        return directory
    with DirectoryLock(cache, name=f"{directory.name}.lock", wait=True):
        if not _is_complete(directory):
            for abandoned in cache.glob(f"{directory.name}.partial-*"):
                shutil.rmtree(abandoned)
            _fetch(directory, say)
    return directory


def _packaged(name: str) -> str:
    return (resources.files("pipelines.local") / "kafka" / name).read_text(encoding="utf-8")


def _is_complete(directory: Path) -> bool:
    return directory.is_dir() and {path.name for path in directory.iterdir()} == set(locked_jars())


def _fetch(directory: Path, say: Say) -> None:
    """Fetch beside `directory`, compare with the lock, rename: it is there whole or not at all."""
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailableError("Maven (mvn), which fetches Apache Kafka, is not on PATH")
    say(f"fetching Apache Kafka {kafka_version()}, about 45 MB, from Maven Central, this once")
    started = monotonic()
    partial = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f"{directory.name}.partial-"))
    try:
        (partial / "pom.xml").write_text(_packaged("pom.xml"), encoding="utf-8")
        _run_maven(maven, partial)
        _compare_with_lock(partial / "jars")
        if directory.exists():
            shutil.rmtree(directory)
        (partial / "jars").rename(directory)
    finally:
        shutil.rmtree(partial)
    say(f"fetched Apache Kafka into {directory} in {monotonic() - started:.0f} s")


def _run_maven(maven: str, directory: Path) -> None:
    """Have Maven put the jars of `directory`/pom.xml into `directory`/jars."""
    command = [maven, "-B", "-q", "-C", "dependency:copy-dependencies"]
    command += ["-f", str(directory / "pom.xml"), f"-DoutputDirectory={directory / 'jars'}"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        message = f"Maven did not fetch Apache Kafka within {_FETCH_TIMEOUT_S} s"
        raise BrokerUnavailableError(message) from None
    except OSError as error:
        raise BrokerUnavailableError(f"{maven} cannot be run: {error.strerror}") from None
    if answer.returncode != 0:
        message = f"Maven cannot fetch Apache Kafka: {_first_complaint(answer.stdout)}"
        raise BrokerUnavailableError(message)


def _first_complaint(output: str) -> str:
    """What Maven complains of first, short enough to be read."""
    lines = [line.strip() for line in _COLOURS.sub("", output).splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    return (errors or lines or ["it does not say why"])[0][:_COMPLAINT_LENGTH]


def _compare_with_lock(jars: Path) -> None:
    locked = locked_jars()
    fetched = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.glob("*")}
    names = sorted(locked.keys() | fetched.keys())
    if differing := [name for name in names if locked.get(name) != fetched.get(name)]:
        message = f"what Maven fetched is not what is locked: {', '.join(differing)}"
        raise BrokerUnavailableError(message)
