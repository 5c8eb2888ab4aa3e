"""A real Confluent-compatible schema registry: Apicurio, in memory, for the length of a test run.

Owns the locked archive in the user's cache and the process. Where Java or Maven is missing it says
so by ApicurioUnavailable, and the tests that need a real registry are skipped with that reason.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx

from pipelines.local.child import Child, stop_all
from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.kafka_jars import cache_directory, find_java
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import LocalError

VERSION = "3.0.9"  # The newest line that runs on Java 17.
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
SHA256 = "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43"

_FETCH_TIMEOUT_S = 900
_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 10.0
_PAUSE_S = 0.1


class ApicurioUnavailable(Exception):
    """There is no registry to be had on this machine; the text says why."""


@contextmanager
def running_apicurio(directory: Path) -> Iterator[str]:
    """The address of a registry that is up and empty; it ends with the block."""
    try:
        java = find_java()
        program = _cached_program()
    except LocalError as error:
        raise ApicurioUnavailable(str(error)) from error
    port = HeldPort()
    # It lives for a minute: quick to start matters, fast in the long run does not.
    command = [java, "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command += [f"-Dquarkus.http.host={LOOPBACK}", f"-Dquarkus.http.port={port.port}"]
    command += ["-Dquarkus.log.level=WARN"]
    child = Child(
        "Apicurio Registry",
        [*command, "-jar", str(next(program.glob("*-runner.jar")))],
        log_path=directory / "apicurio.log",
    )
    try:
        url = f"http://{LOOPBACK}:{port.port}/apis/ccompat/v7"
        _await_answer(url, child)
        port.release()
        yield url
    finally:
        port.release()
        stop_all([child], _STOP_TIMEOUT_S)


def _await_answer(url: str, child: Child) -> None:
    deadline = monotonic() + _START_TIMEOUT_S
    while monotonic() < deadline:
        try:
            if httpx.get(f"{url}/subjects", timeout=_PAUSE_S * 10).is_success:
                return
        except httpx.TransportError:
            # Nobody listens yet, which is what waiting for it looks like.
            pass
        if child.wait(_PAUSE_S):
            break
    raise child.failure() or LocalError(
        f"Apicurio did not answer within {_START_TIMEOUT_S:.0f} s", detail=child.log_tail()
    )


def _cached_program() -> Path:
    """The unpacked program; fetched once with Maven, and compared with what is locked."""
    cache = cache_directory()
    directory = cache / f"apicurio-registry-{VERSION}"
    lock = DirectoryLock(cache, name=f"{directory.name}.lock", wait=True)
    try:
        if not directory.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{directory.name}.") as partial:
                _unpack(_fetched(Path(partial)), Path(partial) / "program")
                (Path(partial) / "program").rename(directory)
    finally:
        lock.release()
    return directory


def _fetched(directory: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise ApicurioUnavailable("Maven (mvn), which fetches Apicurio Registry, is not on PATH")
    command = [maven, "-B", "-q", "-C", "dependency:copy", f"-Dartifact={ARTIFACT}"]
    try:
        answer = subprocess.run(
            [*command, f"-DoutputDirectory={directory}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise ApicurioUnavailable("Maven did not fetch Apicurio Registry in time") from None
    if answer.returncode != 0:
        complaint = (answer.stdout + answer.stderr).strip()[:300]
        raise ApicurioUnavailable(f"Maven cannot fetch Apicurio Registry: {complaint}")
    return next(directory.glob("*.tar.gz"))


def _unpack(archive: Path, directory: Path) -> None:
    with archive.open("rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    assert digest == SHA256, f"{archive.name} is not what is locked: {digest}"
    with tarfile.open(archive) as packed_files:
        packed_files.extractall(directory, filter="data")
