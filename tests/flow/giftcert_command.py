"""Runs `giftcert` as an operator does: a process of its own that joins a running service's topics.

Owns the environment of that process. Of the commands it knows only which ask the edge.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.flow.service_under_test import Service

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 100
_ASK_THE_EDGE: Final = frozenset({"audit", "verify"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended, and what it said on each of its two outputs."""

    code: int
    out: str
    err: str


def started(service: Service, *arguments: str) -> subprocess.Popen[str]:
    """Start a command and do not wait for it."""
    environment = {**os.environ, **service.stack.environment}
    if arguments[0] in _ASK_THE_EDGE:
        environment["GIFTCERT_TOKEN"] = service.auditor()
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for a command that was started."""
    try:
        out, err = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end in time\n{out}\n{err}") from None
    return Done(code=process.returncode, out=out, err=err)


def giftcert(service: Service, *arguments: str) -> Done:
    """Run a command to its end."""
    return ended(started(service, *arguments))


def in_turn(commands: Iterable[tuple[Mapping[str, str], Sequence[str]]]) -> list[Done]:
    """Run commands one after the other, each in its environment, at the cost of one start."""
    told = [
        {"environment": dict(environment), "arguments": list(arguments)}
        for environment, arguments in commands
    ]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.flow.commands_in_turn"],
        cwd=ROOT,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert answer.returncode == 0, answer.stderr
    return [Done(**each) for each in json.loads(answer.stdout)]
