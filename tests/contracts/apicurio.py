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
    with apicurio(directory) as registry:
        yield registry.url


@contextmanager
def apicurio(directory: Path, *, kept: bool = False) -> Iterator["Apicurio"]:
    """A registry that is up and empty. `kept`: what it is told outlives its process."""
    try:
        java = find_java()
        program = _cached_program()
    except LocalError as error:
        raise ApicurioUnavailable(str(error)) from error
    registry = Apicurio(java, program, directory, kept=kept)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


class Apicurio:
    """One registry at a port of its own, which may be killed and started again."""

    def __init__(self, java: str, program: Path, directory: Path, *, kept: bool) -> None:
        self._port = HeldPort()
        self._directory = directory
        self._child: Child | None = None
        # It lives for a minute: quick to start matters, fast in the long run does not.
        self._command = [java, "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        self._command += [f"-Dquarkus.http.host={LOOPBACK}"]
        self._command += [f"-Dquarkus.http.port={self._port.port}", "-Dquarkus.log.level=WARN"]
        if kept:
            # What it said was registered is on disk when it says so, not half a second later.
            place = f"jdbc:h2:file:{directory}/registry;WRITE_DELAY=0"
            self._command += [f"-Dapicurio.datasource.url={place}"]
        self._command += ["-jar", str(next(program.glob("*-runner.jar")))]
        self.url = f"http://{LOOPBACK}:{self._port.port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it and wait until it answers."""
        log_path = self._directory / "apicurio.log"
        self._child = Child("Apicurio Registry", self._command, log_path=log_path)
        _await_answer(self.url, self._child)
        self._port.release()

    def kill(self) -> None:
        """End it as a machine does that dies."""
        assert self._child is not None, "it runs"
        self._child.kill()
        self._child = None

    def stop(self) -> None:
        """End it, where it runs."""
        self._port.release()
        if self._child is not None:
            stop_all([self._child], _STOP_TIMEOUT_S)


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
