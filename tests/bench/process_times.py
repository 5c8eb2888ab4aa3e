"""The processor time and memory of processes on Linux; time includes their children that ended.

Owns the reading of `/proc`. Knows nothing of what the processes do.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_FIRST_TIME = 11
"""Where `utime` is in what follows a process's name in its `stat`; then stime, cutime, cstime."""


def cpu_seconds(process_ids: Iterable[int]) -> float:
    """User and system time of these processes so far, and of their children that have ended."""
    return sum(map(_of_one, process_ids))


def peak_memory_bytes(process_ids: Iterable[int]) -> int:
    """The most memory that these processes have held at a time, each at its own time."""
    told = [Path(f"/proc/{each}/status").read_text(encoding="ascii") for each in process_ids]
    return sum(
        int(line.split()[1]) * 1024
        for text in told
        for line in text.splitlines()
        if line.startswith("VmHWM:")
    )


def processes_with(variable: str, value: str) -> list[int]:
    """Those that were started with this in their environment."""
    wanted = f"{variable}={value}".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        # It may have ended since it was listed, and others' are not ours to read.
        with suppress(OSError):
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                found.append(int(directory.name))
    return found


def _of_one(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[_FIRST_TIME : _FIRST_TIME + 4])) / _TICKS_A_SECOND
