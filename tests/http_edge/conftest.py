"""What tests of the edge share: its log as it is really written.

Owns reading the lines. What a line must say is each test's.
"""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from pipelines.logs import configure_logs


class LogLines:
    """The lines that a test caused, as whoever collects them reads them."""

    def __init__(self) -> None:
        self.stream = StringIO()

    @property
    def text(self) -> str:
        """Everything that was written, as it was written."""
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def calls(self) -> list[dict[str, Any]]:
        """The audit lines."""
        return [line for line in self.all() if line["logger"] == "http_edge.serving.call_log"]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """Logs as in production, down to the last level, and left as they were found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("DEBUG", "json")
    (handler,) = root.handlers
    lines = LogLines()
    kept = logging.StreamHandler(lines.stream)
    kept.setFormatter(handler.formatter)
    root.handlers[:] = [kept]
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
