"""The processes of a running stack as a machine treats them: paused, continued, asked to end.

Owns finding them among this process's children, by what they were started with. A stack itself
knows only starting, killing and stopping.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.local.stack import Stack
from tests.pipelines.local.local_machine import await_condition, is_running

_END_S = 45.0


def processor_process(stack: Stack, index: int) -> int:
    """The process id of a processor that runs."""
    return worker_process(stack, f"processor-{index}")


def worker_process(stack: Stack, worker_id: str) -> int:
    """The process id of a worker that runs."""
    kept = f"GIFTCERT_STATE_DIR={stack.state_directories[worker_id]}"
    return _only(process for process in _ours() if _has(process, "environ", kept))


def issuer_process(data_dir: Path) -> int:
    """The process id of the token issuer of the stack that keeps its things there."""
    return _only(
        process
        for process in _ours()
        if _has(process, "cmdline", "issuer") and _has(process, "cmdline", str(data_dir))
    )


@contextmanager
def paused(process: int) -> Iterator[Callable[[], None]]:
    """Stop a process as a machine does that sleeps: it knows nothing of the time that passes.

    It wakes when the given is called, and at the latest at the end.
    """

    def wake() -> None:
        os.kill(process, signal.SIGCONT)

    os.kill(process, signal.SIGSTOP)
    try:
        yield wake
    finally:
        wake()


def end_politely(stack: Stack, index: int) -> None:
    """Ask a processor to end, as an orchestrator does before it starts another in its place."""
    end_worker_politely(stack, f"processor-{index}")


def end_worker_politely(stack: Stack, worker_id: str) -> None:
    """The same of any worker."""
    process = worker_process(stack, worker_id)
    os.kill(process, signal.SIGTERM)
    await_condition(lambda: not is_running(process), timeout_s=_END_S)
    # It ended by itself; only so does the stack know that it was meant to.
    stack.kill(worker_id)


def _ours() -> list[Path]:
    """Every process that this one started, by its folder."""
    children = [
        child
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
    ]
    return [Path("/proc") / child for child in children]


def _has(process: Path, what: str, word: str) -> bool:
    """Whether this is one of the words the process was started with; one that ended has none."""
    try:
        return word.encode() in (process / what).read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def _only(found: Iterator[Path]) -> int:
    (process,) = found
    return int(process.name)
