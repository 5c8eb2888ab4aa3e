"""A `giftcert bi run` beside a service, and what its mart says.

Owns its process and its file. Knows of the mart only what `giftcert bi report --json` prints.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from tests.flow.giftcert_command import DEADLINE_S, ROOT, Done, ended
from tests.flow.service_under_test import Service

MART: Final = "GIFTCERT_BI_MART"
Report = Mapping[str, Any]


class MartProcess:
    """A mart at a place, and the commands upon it."""

    def __init__(self, service: Service, mart: str, environment: Mapping[str, str]) -> None:
        self._service = service
        self._mart = mart
        self._environment = environment
        self.log_path = service.data_dir / "logs" / "bi.log"
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> Done:
        """`giftcert bi …` to its end."""
        return ended(
            subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", "bi", *arguments],
                cwd=ROOT,
                env=self._all_told(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def fill(self) -> Done:
        """Take in what the topics hold now."""
        done = self.command("run", "--until-caught-up")
        assert done.code == 0, done
        return done

    def report(self) -> Report:
        """Every figure."""
        done = self.command("report", "--json")
        assert done.code in (0, 1), done
        found: Report = json.loads(done.out)
        return found

    def start(self) -> None:
        """Keep the mart from now on."""
        with self.log_path.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", "bi", "run"],
                cwd=ROOT,
                env=self._all_told(),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def until(self, holds: Callable[[Report], bool]) -> Report:
        """Wait until the report is so; that report."""
        deadline = monotonic() + DEADLINE_S
        while True:
            done = self.command("report", "--json")
            report = json.loads(done.out) if done.code in (0, 1) and done.out else None
            if report is not None and holds(report):
                found: Report = report
                return found
            assert monotonic() < deadline, f"{done}\n{self.log()}"
            assert self.process is None or self.process.poll() is None, self.log()

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def kill(self) -> None:
        """As a machine that loses its power."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def _all_told(self) -> dict[str, str]:
        return {
            **os.environ,
            **self._service.stack.environment,
            MART: self._mart,
            "GIFTCERT_LOG_FORMAT": "json",
            **self._environment,
        }


@contextmanager
def mart_of(
    service: Service, mart: Path | str, environment: Mapping[str, str] | None = None
) -> Iterator[MartProcess]:
    """A mart beside a service; its process is killed at the end where it still runs."""
    process = MartProcess(service, str(mart), environment or {})
    try:
        yield process
    finally:
        if process.process is not None and process.process.poll() is None:
            process.kill()


def offsets_of(report: Report, topic: str) -> dict[int, int]:
    """Up to where a topic was read, by partition."""
    return {
        row["partitionNo"]: row["nextOffset"] for row in report["offsets"] if row["topic"] == topic
    }
