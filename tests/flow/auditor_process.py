"""A running `giftcert auditor` beside a service, and what its figures say.

Owns its process and port. Knows of the figures only how they are read.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pipelines.local.ports import LOOPBACK, HeldPort
from tests.flow.service_under_test import Service

ROOT: Final = Path(__file__).resolve().parents[2]
_DEADLINE_S: Final = 30.0
_AGAIN_S: Final = 0.05
_END_S: Final = 10.0


class RunningAuditor:
    """An auditor's process and its figures."""

    def __init__(self, process: subprocess.Popen[str], url: str, log_path: Path) -> None:
        self.process = process
        self.url = url
        self.log_path = log_path

    def figures(self) -> dict[str, float]:
        """Every figure by name and the values of its labels, by label: `breaches_total/KIND/3`."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return {
            "/".join([sample.name.removeprefix("giftcert_audit_"), *sample.labels.values()]): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def until(self, wanted: dict[str, float]) -> dict[str, float]:
        """Wait until these figures are as wanted; all figures then."""
        deadline = monotonic() + _DEADLINE_S
        while True:
            figures = self.figures() if self.answers("/metrics") else {}
            if wanted.items() <= figures.items():
                return figures
            said = {name: figures.get(name) for name in wanted}
            assert monotonic() < deadline, f"{said}, and it should be {wanted}\n{self.log()}"
            assert not self._ended(_AGAIN_S), self.log()

    def _ended(self, timeout_s: float) -> bool:
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

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_END_S)


@contextmanager
def running_auditor(
    service: Service, name: str = "auditor", environment: Mapping[str, str] | None = None
) -> Iterator[RunningAuditor]:
    """An auditor that has read all there was; killed at the end where it still runs."""
    port = HeldPort()
    log_path = service.data_dir / "logs" / f"{name}.log"
    told = {
        **os.environ,
        **service.stack.environment,
        "GIFTCERT_HTTP_HOST": LOOPBACK,
        "GIFTCERT_HTTP_PORT": str(port.port),
        "GIFTCERT_WORKER_ID": name,
        "GIFTCERT_LOG_FORMAT": "json",
        **(environment or {}),
    }
    with log_path.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "auditor"],
            cwd=ROOT,
            env=told,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    auditor = RunningAuditor(process, f"http://{LOOPBACK}:{port.port}", log_path)
    try:
        auditor.until({"caught_up": 1.0})
        yield auditor
    finally:
        process.kill()
        process.wait()
        port.release()
