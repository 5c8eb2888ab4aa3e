"""Lines that a run of the tests says at its end, also when several processes share it.

Owns the way of such a line from the process that runs a test to the one that a person looks at.
"""

from typing import Final, Protocol

import pytest

_OUTPUT: Final = "said_at_end"
_LINES: Final = pytest.StashKey[list[str]]()


class Node(Protocol):
    """One of the processes, as the one that a person looks at knows it."""

    config: pytest.Config
    workeroutput: dict[str, object]


def say_at_end(config: pytest.Config, line: str) -> None:
    """Have the line said when the run is over, once."""
    output = getattr(config, "workeroutput", None)
    lines = config.stash.setdefault(_LINES, []) if output is None else _sent(output)
    if line not in lines:
        lines.append(line)


def take_over(node: Node) -> None:
    """Say what a process that has ended wanted to be said."""
    # A process that crashed sent nothing.
    for line in _sent(getattr(node, "workeroutput", {})):
        say_at_end(node.config, line)


def lines_to_say(config: pytest.Config) -> list[str]:
    """What is to be said."""
    return config.stash.get(_LINES, [])


def _sent(output: dict[str, object]) -> list[str]:
    lines = output.setdefault(_OUTPUT, [])
    assert isinstance(lines, list), lines
    return lines
