"""Owns one child process: its log file, its end, and that it never outlives us.

Knows nothing of brokers or workers.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import IO

from pipelines.local.running_broker import LocalError

_TETHER = Path(__file__).with_name("tether.py")
_LOG_KEPT_BYTES = 16 * 1024 * 1024
_TAIL_LINES = 20
_TAIL_READ_BYTES = 64 * 1024

# The kernel ends a tethered child when the *thread* that started it ends, so all are started by
# one that lives as long as the process: a child started from a short-lived thread would otherwise
# end with that thread.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Child:
    """A running program in its own session, so that Ctrl-C at the terminal reaches only us.

    Its output is appended to `log_path`. When we end, in whatever way, it gets `death_signal` (on
    Linux; elsewhere the child of a killed parent has to be ended by hand).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        tether = [
            sys.executable,
            "-I",
            "-S",
            str(_TETHER),
            str(os.getpid()),
            str(int(death_signal)),
        ]
        inherited = None if environment is None else dict(environment)
        with _open_log(log_path) as log:
            self._log_start = log.tell()
            self._process = _SPAWNER.submit(_spawn, [*tether, *command], log, inherited).result()

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False when it still runs after `timeout_s`."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        """Ask it to end (SIGTERM) and do not wait."""
        self._process.terminate()

    def kill(self) -> None:
        """End it with SIGKILL and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def failure(self) -> LocalError | None:
        """How it ended, with the last lines of its log; None while it runs."""
        code = self.exit_code()
        if code is None:
            return None
        ended = f"ended with exit code {code}"
        if code < 0:
            ended = f"was ended by {signal.Signals(-code).name}"
        return LocalError(
            f"{self.name} {ended}; its log is {self.log_path}", detail=self.log_tail()
        )

    def log_tail(self) -> str:
        """The last lines that this run wrote to its log."""
        with self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_READ_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])


def stop_all(children: Sequence[Child], timeout_s: float) -> list[Child]:
    """Ask all to end, and kill those still there after `timeout_s`, which are returned."""
    for child in children:
        child.terminate()
    deadline = monotonic() + timeout_s
    late = [child for child in children if not child.wait(max(0.0, deadline - monotonic()))]
    for child in late:
        child.kill()
    return late


def _open_log(path: Path) -> IO[bytes]:
    """Open to append; a log grown large is put aside first, over the one put aside before."""
    if path.exists() and path.stat().st_size > _LOG_KEPT_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    log = path.open("ab")
    log.seek(0, os.SEEK_END)
    return log


def _spawn(
    command: list[str], log: IO[bytes], environment: dict[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
