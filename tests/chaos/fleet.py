"""Everything that runs in a chaos run besides callers: brokers, token issuer, workers.

Owns the processes, and starting a worker that ended by itself again, as an orchestrator would,
whatever its exit code; each such end is kept. Which fault strikes whom is decided elsewhere.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from pipelines.local.apache import ApacheCluster, Java
from pipelines.local.issuer_process import IssuerProcess
from pipelines.local.local_keys import kept_cvc_keys
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import LocalError, Say
from pipelines.local.stack_options import apply_topics
from pipelines.local.worker import Worker, WorkerPlan
from pipelines.settings import ENV_PREFIX, Settings, load_settings
from tests.chaos.options import Options

PROCESSORS_MAX: Final = 5
PARTITIONS: Final = 6
RESERVATION_MINUTES: Final = 2
HOLD_MINUTES: Final = 2
AUDIENCE: Final = "gift-certificates"

_READY_S: Final = 120.0
_END_S: Final = 20.0
_LOOK_S: Final = 0.1
_BACK_OFF_MAX_S: Final = 4.0
_SOON_S: Final = 15.0
_PROGRAM: Final = (sys.executable, "-m", "pipelines.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnd:
    """A worker that ended without being killed; `asked` says that it had been told to."""

    worker: str
    code: int
    at_ns: int
    asked: bool
    said: str


@dataclass(slots=True, kw_only=True)
class Post:
    """A worker's place: who it is, and whether it should be running."""

    worker: Worker
    wanted: bool = False
    held: bool = False
    failed: int = 0
    started_s: float = 0.0
    start_after_s: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)


class Fleet:
    """The service on this machine, running from entry to exit of its `with`.

    `before_workers` is called once, when there are topics and no worker has come yet.
    """

    def __init__(
        self, options: Options, say: Say, before_workers: Callable[[Settings], None]
    ) -> None:
        self._options = options
        self._before_workers = before_workers
        self._say = say
        self._undo = ExitStack()
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self.posts: dict[str, Post] = {}
        self.ends: list[WorkerEnd] = []
        self.data_dir = options.data_dir
        self.issuer = IssuerProcess(self.data_dir, (*_PROGRAM, "issuer"), audience=AUDIENCE)
        self._undo.callback(self.issuer.release)
        self.environment = self._first_environment()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # What there is

    @property
    def settings(self) -> Settings:
        """The settings that all workers share, for those who read the topics."""
        scenario = self._options.scenario
        return load_settings(
            {
                "bootstrap": self.cluster.bootstrap,
                "partitions": PARTITIONS,
                "replication_factor": min(3, scenario.brokers),
                "min_insync_replicas": max(1, min(3, scenario.brokers) - 1),
                "reservation_minutes": RESERVATION_MINUTES,
                "hold_minutes": HOLD_MINUTES,
            }
        )

    @property
    def edge_urls(self) -> list[str]:
        """Where each processor listens when it runs, those included that do not run now."""
        return [self.posts[f"processor-{index}"].worker.url for index in range(PROCESSORS_MAX)]

    def running(self, role: str) -> list[str]:
        """The workers of a role that should be running."""
        with self._lock:
            posts = self.posts.items()
            return [name for name, post in posts if post.wanted and name.startswith(role)]

    def urls(self, role: str) -> list[str]:
        """Where those of a role listen that should be running and are in no fault's hands."""
        with self._lock:
            posts = [self.posts[name] for name in self.running(role)]
            free = [post.worker.url for post in posts if not post.held]
            return free or [post.worker.url for post in posts]

    def token(self, client: str) -> str:
        """A token that a clock some minutes behind takes too."""
        return self.issuer.tokens.issue(client, now_s=time.time() - 900).text

    # What can be done to a worker

    def hold(self, name: str) -> None:
        """From now on leave a worker alone that ended: a fault has it in its hands."""
        with self._lock:
            self.posts[name].held = True

    def release(self, name: str) -> None:
        """No fault has it in its hands any more: if it ended, it is started again."""
        with self._lock:
            self.posts[name].held = False

    def kill(self, name: str) -> None:
        """End a worker with SIGKILL and leave it dead until it is started."""
        with self._lock:
            post = self.posts[name]
            post.held = True
            child = post.worker.child
            if child is None:
                return
            if (code := child.exit_code()) is not None:
                self._note_end(name, code, asked=False)
            post.worker.kill()

    def end(self, name: str) -> int:
        """Ask a worker to end; its exit code, which is kept. Dead until it is started."""
        with self._lock:
            post = self.posts[name]
            post.held = True
            child = post.worker.child
        if child is None:
            return 0
        child.terminate()
        if not child.wait(_END_S):
            self._say(f"{name} did not end within {_END_S:g} s of being asked to")
            child.kill()
        code = child.exit_code()
        assert code is not None, "it has ended"
        with self._lock:
            self._note_end(name, code, asked=True)
            post.worker.kill()
        return code

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker that is dead, and from now on whenever it ends."""
        with self._lock:
            post = self.posts[name]
            post.environment = environment or {}
            post.worker.start(post.environment)
            post.wanted, post.held, post.started_s = True, False, time.monotonic()

    def retire(self, name: str) -> None:
        """End a worker that is not wanted any more."""
        with self._lock:
            self.posts[name].wanted = False
        self.end(name)

    def pause(self, name: str) -> bool:
        """Stop a worker's process with SIGSTOP; False when it is not there."""
        with self._lock:
            child = self.posts[name].worker.child
            if child is None or child.exit_code() is not None:
                return False
            os.kill(child.pid, signal.SIGSTOP)
            return True

    def hand_over(self, name: str) -> None:
        """Tell a worker to give its partitions to the others and go on without."""
        with self._lock:
            child = self.posts[name].worker.child
            assert child is not None, f"{name} is not running"
            os.kill(child.pid, signal.SIGUSR1)

    def wake(self, name: str) -> None:
        """Let a paused worker go on."""
        with self._lock:
            child = self.posts[name].worker.child
            if child is not None and child.exit_code() is None:
                os.kill(child.pid, signal.SIGCONT)

    def unready(self) -> list[str]:
        """Every worker that should be running and does not say that it is ready."""
        with self._lock:
            wanted = [(name, post.worker) for name, post in self.posts.items() if post.wanted]
        return [name for name, worker in wanted if worker.child is None or worker.readiness() != ""]

    # From start to end

    def stop(self) -> None:
        """End everything: workers first, so that they can say goodbye to their brokers."""
        self._stopped.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self.end_workers()
        if self.issuer.child is not None:
            self.issuer.child.terminate()
            self.issuer.child.wait(_END_S)
            self.issuer.child.kill()
            self.issuer.child = None
        self._undo.close()

    def end_workers(self) -> None:
        """Ask every worker to end and wait for it."""
        names = [name for name, post in self.posts.items() if post.worker.child is not None]
        threads = [threading.Thread(target=self.end, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _start(self) -> None:
        scenario = self._options.scenario
        self.issuer.start(self.environment)
        self.cluster = ApacheCluster(
            Java(self._say), self.data_dir / "broker" / "apache", brokers=scenario.brokers
        )
        self._undo.callback(self.cluster.stop)
        self.environment["GIFTCERT_BOOTSTRAP"] = self.cluster.bootstrap
        apply_topics(self.environment)
        self._before_workers(self.settings)
        _await(lambda: self.issuer.readiness() == "", "the token issuer")
        names = [f"correlator-{index}" for index in range(scenario.correlators)]
        names += [f"processor-{index}" for index in range(PROCESSORS_MAX)]
        for name in names:
            self.posts[name] = Post(worker=self._worker(name))
        for name in names[: scenario.correlators + scenario.processors]:
            self.start(name)
        self._watcher.start()
        _await(lambda: not self.unready(), "every worker")

    def _worker(self, name: str) -> Worker:
        port = HeldPort()
        self._undo.callback(port.release)
        plan = WorkerPlan(
            role=name.partition("-")[0],
            worker_id=name,
            command=_PROGRAM,
            state_dir=self.data_dir / "state" / name,
            log_path=self.data_dir / "logs" / f"{name}.log",
        )
        return Worker(plan, port=port, environment=self.environment)

    def _first_environment(self) -> dict[str, str]:
        replicas = min(3, self._options.scenario.brokers)
        ours = {name: text for name, text in os.environ.items() if not name.startswith(ENV_PREFIX)}
        return {
            **ours,
            **self.issuer.settings(),
            # A mutated copy of the source must be what runs, wherever this was started from.
            "PYTHONPATH": str(self._options.source),
            "PYTHONSAFEPATH": "1",
            "GIFTCERT_CVC_KEY_FILE": str(kept_cvc_keys(self.data_dir / "cvc-keys.json")),
            "GIFTCERT_PARTITIONS": f"{PARTITIONS}",
            "GIFTCERT_REPLICATION_FACTOR": f"{replicas}",
            "GIFTCERT_MIN_INSYNC_REPLICAS": f"{max(1, replicas - 1)}",
            "GIFTCERT_RESERVATION_MINUTES": f"{RESERVATION_MINUTES}",
            "GIFTCERT_HOLD_MINUTES": f"{HOLD_MINUTES}",
            "GIFTCERT_POOL_LOW_MARK": "5",
            "GIFTCERT_RATE_LIMIT": "1000000/minute",
            "GIFTCERT_REJECTED_RATE_LIMIT": "1000000/minute",
        }

    # The orchestrator

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            with self._lock:
                for name, post in self.posts.items():
                    if post.wanted and not post.held:
                        self._look_after(name, post)

    def _look_after(self, name: str, post: Post) -> None:
        """Start a worker again that ended by itself, later each time it does so soon."""
        now_s = time.monotonic()
        child = post.worker.child
        if child is not None:
            code = child.exit_code()
            if code is None:
                return
            self._note_end(name, code, asked=False)
            post.worker.kill()
            post.failed = post.failed + 1 if now_s - post.started_s < _SOON_S else 1
            post.start_after_s = now_s + min(0.2 * 2**post.failed, _BACK_OFF_MAX_S)
        elif now_s >= post.start_after_s:
            post.started_s = now_s
            post.worker.start(post.environment)

    def _note_end(self, name: str, code: int, *, asked: bool) -> None:
        child = self.posts[name].worker.child
        assert child is not None, "who ended was there"
        said = "" if asked and code == 0 else child.log_tail()
        self.ends.append(
            WorkerEnd(worker=name, code=code, at_ns=time.monotonic_ns(), asked=asked, said=said)
        )


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + _READY_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise LocalError(f"{what} was not ready within {_READY_S:g} s")
        time.sleep(_LOOK_S)
