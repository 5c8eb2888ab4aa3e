"""Owns one worker of the local stack, or one neighbour of it: a command in a process of its own.

What makes it the same worker after a restart (id, port, state, log) stays. Must not know brokers.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from pipelines.edge_client import trusted
from pipelines.local.child import Child
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import LocalError

_ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """Who a worker is: what it runs, its fixed id, and where it keeps things.

    It runs `command` with its role as the next word, and `arguments` behind that.
    """

    role: str
    worker_id: str
    command: Sequence[str]
    state_dir: Path
    log_path: Path
    arguments: Sequence[str] = ()


class Worker:
    """A worker, running or not. `port` is held for it until it is released."""

    def __init__(self, plan: WorkerPlan, *, port: HeldPort, environment: Mapping[str, str]) -> None:
        scheme = "https" if "GIFTCERT_TLS_CERTIFICATE_LOCATION" in environment else "http"
        self.plan = plan
        self.url = f"{scheme}://{LOOPBACK}:{port.port}"
        self.child: Child | None = None
        authorities = environment.get("GIFTCERT_TLS_CA_LOCATION")
        self._trusted = trusted(None if authorities is None else Path(authorities))
        self._environment = dict(environment) | {
            "GIFTCERT_WORKER_ID": plan.worker_id,
            "GIFTCERT_STATE_DIR": str(plan.state_dir),
            "GIFTCERT_HTTP_HOST": LOOPBACK,
            "GIFTCERT_HTTP_PORT": str(port.port),
            "PYTHONUNBUFFERED": "1",  # What it said last must be in its log when it is killed.
        }

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start its process and do not wait until it is ready.

        `environment` is added to what it is always told, for this life of the process.
        """
        assert self.child is None, f"{self.plan.worker_id} is running"
        self.plan.state_dir.mkdir(parents=True, exist_ok=True)
        self.child = Child(
            self.plan.worker_id,
            [*self.plan.command, self.plan.role, *self.plan.arguments],
            log_path=self.plan.log_path,
            environment={**self._environment, **(environment or {})},
        )

    def kill(self) -> None:
        """End it with SIGKILL, which is then no failure."""
        assert self.child is not None, f"{self.plan.worker_id} is not running"
        self.child.kill()
        self.child = None

    def forget_state(self) -> None:
        """Delete what it keeps on disk, as a lost disk would."""
        assert self.child is None, f"{self.plan.worker_id} is running"
        shutil.rmtree(self.plan.state_dir)

    def failure(self) -> LocalError | None:
        """What happened, when it ended without being asked to."""
        return None if self.child is None else self.child.failure()

    def readiness(self) -> str:
        """What it answers when asked whether it is ready: the empty string when it is."""
        try:
            answer = httpx.get(
                f"{self.url}/readyz",
                timeout=_ANSWER_TIMEOUT_S,
                trust_env=False,
                verify=self._trusted,
            )
        except httpx.TransportError as error:
            return str(error) or type(error).__name__
        if answer.status_code == httpx.codes.OK:
            return ""
        return f"{answer.status_code} {answer.text[:200]}".strip()
