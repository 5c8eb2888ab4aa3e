"""A running `giftcert` command that tells figures: started, read, asked to end or killed.

Owns the process. Knows of the figures only how they are read.
"""

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

ROOT: Final = Path(__file__).resolve().parents[2]
_DEADLINE_S: Final = 90.0
_AGAIN_S: Final = 0.05


class MeasuredProcess:
    """A process, where it listens, and its figures without the prefix of their names.

    Asked to end, it may take `end_s`.
    """

    def __init__(
        self, process: subprocess.Popen[str], url: str, log_path: Path, *, prefix: str, end_s: float
    ) -> None:
        self.process = process
        self.url = url
        self.log_path = log_path
        self._prefix = prefix
        self._end_s = end_s

    def figures(self) -> dict[str, float]:
        """Every figure by name and the values of its labels, by label: `failed_total/SMS/…`."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return {
            "/".join([sample.name.removeprefix(self._prefix), *sample.labels.values()]): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def until(self, wanted: Mapping[str, float]) -> dict[str, float]:
        """Wait until these figures are as wanted; all figures then."""
        deadline_s = monotonic() + _DEADLINE_S
        while True:
            figures = self.figures() if self.answers("/metrics") else {}
            if wanted.items() <= figures.items():
                return figures
            said = {name: figures.get(name) for name in wanted}
            assert monotonic() < deadline_s, f"{said}, and it should be {wanted}\n{self.log()}"
            assert not self.ended(_AGAIN_S), self.log()

    def ended(self, timeout_s: float) -> bool:
        """Whether it has ended, or does within the time."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def answers(self, path: str) -> bool:
        """Whether it says yes there."""
        try:
            return httpx.get(f"{self.url}{path}", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End it as a machine does that dies."""
        self.process.kill()

    def sleep(self) -> None:
        """Stop it in the middle of whatever it does, as a machine that swaps or moves."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on: it knows nothing of the time that has passed."""
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(self._end_s)

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")


def start(command: str, environment: Mapping[str, str], log_path: Path) -> subprocess.Popen[str]:
    """Start `giftcert` with a command; what it says goes to the end of the log."""
    with log_path.open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
