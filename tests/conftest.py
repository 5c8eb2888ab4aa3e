"""What every test shares, whatever it tests: the Hypothesis profiles and the async backend.

Owns nothing of the service: fixtures about certificates, brokers or HTTP live beside the tests that
use them.
"""

import logging
import os
from collections.abc import Generator
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.said_at_end import Node, lines_to_say, take_over

# No profile has a deadline per example: tests share two cores with a broker, and a slow example is
# not a wrong one.
settings.register_profile("dev", deadline=None)
# The same examples on every run, so that a red build means the change and not the dice.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=200)
# For a long hunt by hand: HYPOTHESIS_PROFILE=hunt .venv/bin/pytest tests/state
settings.register_profile("hunt", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


# A logger that keeps what it was first used with would write there in every later test, too.
_configure = structlog.configure


def _configure_without_memory(**options: Any) -> None:
    _configure(**{**options, "cache_logger_on_first_use": False})


structlog.configure = _configure_without_memory  # type: ignore[assignment]  # the same, by name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Leave logging as it was found: a test of a command sets it up for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.fixture
def anyio_backend() -> str:
    """Run `@pytest.mark.anyio` tests on asyncio only: it is what the edge runs on."""
    return "asyncio"


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Node) -> None:
    """Hear one of the processes that share the run out."""
    take_over(node)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was to be said at the end: which broker it was, above all."""
    for line in lines_to_say(config):
        terminalreporter.write_line(line)
