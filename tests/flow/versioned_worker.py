"""Runs a worker of whichever version of the program is asked for at its start.

Run as a script: `versioned_worker.py FOLDER ROLE`. FOLDER has a file named after the worker, with
the place of an earlier version's source tree in it; without a file it is today's version.
"""

import os
import sys
from pathlib import Path

_MEASURES_TODAY = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


def main(folder: str, *command: str) -> None:
    """Become the worker."""
    environment = dict(os.environ)
    chosen = Path(folder) / environment["GIFTCERT_WORKER_ID"]
    if chosen.exists():
        # Before everything else, the folder we were started in included.
        environment["PYTHONPATH"] = chosen.read_text(encoding="utf-8")
        environment["PYTHONSAFEPATH"] = "1"
        for name in _MEASURES_TODAY:
            environment.pop(name, None)
    run = [sys.executable, "-m", "pipelines.cli", *command]
    os.execve(sys.executable, run, environment)  # noqa: S606 - it must keep the process's id


if __name__ == "__main__":
    main(*sys.argv[1:])
