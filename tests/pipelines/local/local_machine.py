"""What tests do to this machine: programs of their own, processes looked at, conditions awaited."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic


class Words:
    """Keeps what was said, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def put_program(directory: Path, name: str, script: str) -> None:
    """Put a shell script named `name` into `directory`."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def is_running(pid: int) -> bool:
    """Whether any thread of the process is left; one that nobody has waited for yet is not."""
    process = Path(f"/proc/{pid}")
    try:
        status = (process / "stat").read_text(encoding="utf-8")
        threads = len(list((process / "task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return False
    return threads > 1 or status.rpartition(")")[2].split()[0] != "Z"


def await_condition(condition: Callable[[], bool], *, timeout_s: float = 15.0) -> None:
    """Wait until `condition` holds; AssertionError when it does not within `timeout_s`."""
    deadline = monotonic() + timeout_s
    while not condition():
        assert monotonic() < deadline, "waited in vain"
        Event().wait(0.02)


def project_environment() -> dict[str, str]:
    """Our environment, in which a script outside the repository imports the project."""
    root = Path(__file__).resolve().parents[3]
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
