"""A real Prometheus beside a running service: its configuration, its process, and its answers.

Owns its port and its data, which go with it. Knows no rule and no dashboard.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import httpx
import yaml

from pipelines.local.child import Child, stop_all
from pipelines.local.ports import LOOPBACK, HeldPort
from tests.observability.rule_files import rule_files

PROMETHEUS: Final = shutil.which("prometheus")
_INTERVAL: Final = "1s"
_START_S: Final = 60.0
_ANSWER_S: Final = 30.0
_END_S: Final = 30.0
_AGAIN_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A process that shows figures."""

    component: str
    address: str


class Prometheus:
    """A running Prometheus with our rules."""

    def __init__(self, url: str, child: Child) -> None:
        self._http = httpx.Client(base_url=url, timeout=_ANSWER_S, trust_env=False)
        self._child = child

    def close(self) -> None:
        """End it."""
        self._http.close()
        stop_all([self._child], _END_S)

    def await_ready(self) -> None:
        """Wait until it answers."""
        deadline = monotonic() + _START_S
        while not self._ready():
            assert self._child.exit_code() is None, self._child.log_path.read_text()
            assert monotonic() < deadline, "Prometheus does not answer"
            Event().wait(_AGAIN_S)

    def _ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def ask(self, query: str) -> Sequence[Mapping[str, Any]]:
        """What a query gives now. AssertionError: it is none."""
        answer = self._http.post("/api/v1/query", data={"query": query}).json()
        assert answer["status"] == "success", (query, answer)
        found: Sequence[Mapping[str, Any]] = answer["data"]["result"]
        return found

    def until(self, query: str) -> None:
        """Wait until it has an answer."""
        deadline = monotonic() + _START_S
        while not self.ask(query):
            assert monotonic() < deadline, f"this is never so: {query}"
            Event().wait(_AGAIN_S)

    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Every rule as it went."""
        groups = self._http.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def running_prometheus(folder: Path, targets: Sequence[Target]) -> Iterator[Prometheus]:
    """One that scrapes these targets every second, under the labels that the rules go by."""
    assert PROMETHEUS is not None, "there is no prometheus"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "prometheus.yaml"
    path.write_text(_configuration(targets), encoding="utf-8")
    port = HeldPort()
    command = [
        PROMETHEUS,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port.port}",
        "--log.level=warn",
    ]
    try:
        # It would not listen beside us: unlike our own programs it does not ask to reuse.
        port.release()
        child = Child("prometheus", command, log_path=folder / "prometheus.log")
        prometheus = Prometheus(f"http://{LOOPBACK}:{port.port}", child)
        try:
            prometheus.await_ready()
            yield prometheus
        finally:
            prometheus.close()
    finally:
        port.release()


def _configuration(targets: Sequence[Target]) -> str:
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
            "rule_files": [str(path) for path in rule_files()],
            "scrape_configs": [
                {
                    "job_name": "gift-certificates",
                    "static_configs": [
                        {"targets": [each.address], "labels": {"component": each.component}}
                        for each in targets
                    ],
                }
            ],
        }
    )
