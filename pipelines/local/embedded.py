"""Owns the embedded broker, noida-db: no Java, no Docker, a first look and nothing more.

Its known faults, and what stands against each. Killed, it loses data: it is asked to end even when
we are killed ourselves. It never evicts a dead group member and never times out a transaction: so
workers have fixed ids. A live read_committed reader can miss records after an abort: nothing here
helps. Hence it proves nothing about exactly-once.
"""

import importlib.util
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from pipelines.local.child import Child, stop_all
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.probe import await_cluster
from pipelines.local.running_broker import Broker, BrokerUnavailableError, LocalError

_START_TIMEOUT_S = 20.0


def find_program() -> Path:
    """The emulator's own binary; BrokerUnavailableError where it is not installed.

    Not its console script, which is a Python process that would not pass SIGTERM on.
    """
    found = importlib.util.find_spec("noida_db")
    if found is None or found.origin is None:
        raise BrokerUnavailableError("noida-db is not installed (the extra `local` has it)")
    name = "noida-db.exe" if sys.platform == "win32" else "noida-db"
    program = Path(found.origin).with_name(name)
    if not program.is_file():
        raise BrokerUnavailableError(f"noida-db has no program for this platform at {program}")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)
    return program


class EmbeddedBroker(Broker):
    """The running emulator."""

    kind = "embedded"

    def __init__(self, program: Path, data_dir: Path, *, port: int | None = None) -> None:
        self.why = "the embedded emulator, which proves nothing about exactly-once"
        self._port = HeldPort(port)
        self.bootstrap = f"{LOOPBACK}:{self._port.port}"
        self._child: Child | None = None
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._child = self._start(program, data_dir)
            self.cluster_id = self._await_serving(self._child)
            undo.pop_all()

    def process_ids(self) -> tuple[int, ...]:
        return () if self._child is None else (self._child.pid,)

    def failure(self) -> LocalError | None:
        return None if self._child is None else self._child.failure()

    def stop(self, timeout_s: float = 10.0) -> bool:
        late = [] if self._child is None else stop_all([self._child], timeout_s)
        self._child = None
        self._port.release()
        return not late

    def _start(self, program: Path, data_dir: Path) -> Child:
        data_dir.mkdir(parents=True, exist_ok=True)
        command = [str(program), "start", "--only", "kafka", "--host", LOOPBACK]
        command += ["--kafka-port", str(self._port.port), "--data-dir", str(data_dir / "kafka")]
        return Child(
            "the embedded broker",
            command,
            log_path=data_dir / "server.log",
            death_signal=signal.SIGTERM,
        )

    def _await_serving(self, child: Child) -> str:
        def pause(seconds: float) -> None:
            child.wait(seconds)
            if failure := child.failure():
                raise failure

        found = await_cluster(self.bootstrap, brokers=1, timeout_s=_START_TIMEOUT_S, pause=pause)
        if found is None:
            message = f"the embedded broker does not answer on {self.bootstrap}"
            raise LocalError(message, detail=child.log_tail())
        return found.cluster_id
