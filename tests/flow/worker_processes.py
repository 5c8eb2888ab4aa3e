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

_END_S = 15.0


def processor_process(stack: Stack, index: int) -> int:
    """The process id of a processor that runs."""
    kept = f"GIFTCERT_STATE_DIR={stack.state_directories[f'processor-{index}']}"
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
    process = processor_process(stack, index)
    os.kill(process, signal.SIGTERM)
    await_condition(lambda: not is_running(process), timeout_s=_END_S)
    # It ended by itself; only so does the stack know that it was meant to.
    stack.kill_processor(index)


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
