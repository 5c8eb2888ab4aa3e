"""Owns one promise: the program it becomes ends when the process that asked for it ends.

Run as a script, by path: `tether.py PARENT_PID SIGNAL PROGRAM [ARGUMENT ...]`. It replaces itself
by the program, so the process id stays. Imports the standard library only.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def tether(parent_pid: int, death_signal: int) -> None:
    """Have the kernel send us `death_signal` at our parent's end; SystemExit if it came before."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise SystemExit("the kernel refused to tie this process to its parent")
    # A parent that ended before the call above would never be noticed.
    if os.getppid() != parent_pid:
        raise SystemExit("the process that started this one has already ended")


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and become the program."""
    parent_pid, death_signal, *command = arguments
    tether(int(parent_pid), int(death_signal))
    try:
        os.execvp(command[0], command)  # noqa: S606 - to become the program is what this is for
    except OSError as error:
        raise SystemExit(f"{command[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
