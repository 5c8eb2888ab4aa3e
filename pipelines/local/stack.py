"""Owns the whole service on one machine: a broker, its topics, a correlator and processors.

`run_stack` is `giftcert up`; tests and the demo use `Stack` itself. Restarts nothing unasked. Must
not know what the workers do.
"""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self, TextIO

from pipelines.faults import OperatorError
from pipelines.interruption import ignore_stop_signals, stop_signals_interrupt
from pipelines.local.broker import say_on_stderr, start_broker
from pipelines.local.child import stop_all
from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.local_keys import kept_cvc_keys
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import Broker, LocalError, Say
from pipelines.local.stack_options import StackOptions
from pipelines.local.worker import Worker, WorkerPlan
from pipelines.state_directory import outside_sources

STOP_TIMEOUT_S = 10.0
# The broker needs well under a second; the rest of the time is the workers'.
_WORKERS_STOP_TIMEOUT_S = 7.0
_READY_INTERVAL_S = 0.05
_CHECK_INTERVAL_S = 0.2


class Stack:
    """A stack, running from entry to exit of its `with`, or until `stop`.

    Entering it starts everything and waits until every processor says it is ready; an
    OperatorError when that fails, after what had been started is stopped again.
    """

    def __init__(self, options: StackOptions, *, say: Say = say_on_stderr) -> None:
        assert options.processors >= 1, options.processors
        self._options = options
        self._say = say
        self._broker: Broker | None = None
        self._workers: dict[str, Worker] = {}
        self._held = ExitStack()
        self._stopped_cleanly = True
        self._environment: dict[str, str] = {}

    @property
    def broker(self) -> Broker:
        assert self._broker is not None, "the stack is not running"
        return self._broker

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    @property
    def http_urls(self) -> list[str]:
        """Where each processor's edge listens, in order, without a closing slash."""
        return [worker.url for worker in self._processors()]

    @property
    def correlator_url(self) -> str:
        """Where the correlator was told to listen."""
        return self._workers["correlator-0"].url

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that all workers share, for another program that joins this stack."""
        return self._environment

    @property
    def state_directories(self) -> dict[str, Path]:
        """Where each worker keeps its stores, by its id."""
        return {worker.plan.worker_id: worker.plan.state_dir for worker in self._workers.values()}

    @property
    def stopped_cleanly(self) -> bool:
        """Whether nothing had to be killed to stop it."""
        return self._stopped_cleanly

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._start()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def failure(self) -> LocalError | None:
        """What ended without being asked to: the broker, or the first such worker."""
        if self._broker is not None and (failure := self._broker.failure()):
            return failure
        workers = self._workers.values()
        return next((failure for worker in workers if (failure := worker.failure())), None)

    def check(self) -> None:
        """Raise the failure, if there is one."""
        if failure := self.failure():
            raise failure

    def kill(self, worker_id: str) -> None:
        """End a worker with SIGKILL, which is then no failure."""
        self._workers[worker_id].kill()

    def restart(self, worker_id: str, *, forget_state: bool = False) -> None:
        """Start a killed worker again and, if it is a processor, wait until it is ready."""
        worker = self._workers[worker_id]
        if forget_state:
            worker.forget_state()
        worker.start()
        if worker in self._processors():
            self._await_ready(worker)

    def kill_processor(self, index: int) -> None:
        """End a processor with SIGKILL, which is then no failure."""
        self.kill(f"processor-{index}")

    def restart_processor(self, index: int, *, forget_state: bool = False) -> None:
        """Start a killed processor again and wait until it is ready."""
        self.restart(f"processor-{index}", forget_state=forget_state)

    def stop(self) -> None:
        """End the workers, then the broker, within ten seconds; may be called again."""
        deadline = monotonic() + STOP_TIMEOUT_S
        children = [worker.child for worker in self._workers.values() if worker.child is not None]
        for child in stop_all(children, _WORKERS_STOP_TIMEOUT_S):
            self._say(f"{child.name} had to be killed; its log is {child.log_path}")
            self._stopped_cleanly = False
        self._workers.clear()
        if self._broker is not None and not self._broker.stop(deadline - monotonic()):
            self._say("the broker had to be killed")
            self._stopped_cleanly = False
        self._broker = None
        self._held.close()

    def _start(self) -> None:
        options = self._options
        try:
            data_dir = outside_sources(options.data_dir.absolute())
        except ValueError as error:
            raise LocalError(f"the data directory {options.data_dir}: {error}") from None
        self._held.enter_context(DirectoryLock(data_dir))
        ports = self._hold_ports()
        self._broker = start_broker(
            options.broker, data_dir / "broker", brokers=options.brokers, say=self._say
        )
        self._say(f"broker at {self._broker.bootstrap}: {self._broker.why}")
        self._environment = self._shared_environment(data_dir, self._broker.bootstrap)
        options.apply_topics(self._environment)
        for worker_id, port in ports.items():
            self._workers[worker_id] = self._planned_worker(worker_id, port, data_dir)
        for worker in self._workers.values():
            worker.start()
        for worker in self._processors():
            self._await_ready(worker)

    def _hold_ports(self) -> dict[str, HeldPort]:
        """Every worker's id, with the port it will listen on."""
        first = self._options.http_port
        ports = {"correlator-0": HeldPort()}
        self._held.callback(ports["correlator-0"].release)
        for index in range(self._options.processors):
            port = HeldPort(None if first is None else first + index)
            self._held.callback(port.release)
            ports[f"processor-{index}"] = port
        return ports

    def _shared_environment(self, data_dir: Path, bootstrap: str) -> dict[str, str]:
        given = os.environ | dict(self._options.environment)
        # An address that the person set can be right for one worker at most.
        given.pop("GIFTCERT_ADVERTISED_URL", None)
        if self._options.topic_prefix is not None:
            given["GIFTCERT_TOPIC_PREFIX"] = self._options.topic_prefix
        if not given.keys() & {"GIFTCERT_CVC_KEYS", "GIFTCERT_CVC_KEY_FILE"}:
            given["GIFTCERT_CVC_KEY_FILE"] = str(kept_cvc_keys(data_dir / "cvc-keys.json"))
        replicas = min(3, self._options.brokers)
        given.setdefault("GIFTCERT_REPLICATION_FACTOR", f"{replicas}")
        given.setdefault("GIFTCERT_MIN_INSYNC_REPLICAS", f"{max(1, replicas - 1)}")
        return given | {"GIFTCERT_BOOTSTRAP": bootstrap}

    def _planned_worker(self, worker_id: str, port: HeldPort, data_dir: Path) -> Worker:
        plan = WorkerPlan(
            role=worker_id.split("-", maxsplit=1)[0],
            worker_id=worker_id,
            command=self._options.worker_command,
            # State follows from one cluster's log, and is worthless and harmful beside another's.
            state_dir=data_dir / "state" / self.broker.cluster_id / worker_id,
            log_path=data_dir / "logs" / f"{worker_id}.log",
        )
        return Worker(plan, port=port, environment=self._environment)

    def _processors(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.plan.role == "processor"]

    def _await_ready(self, worker: Worker) -> None:
        deadline = monotonic() + self._options.ready_timeout_s
        while said := worker.readiness():
            self.check()
            assert worker.child is not None
            if monotonic() > deadline:
                timeout = f"{self._options.ready_timeout_s:g} s"
                message = f"{worker.plan.worker_id} was not ready within {timeout}: {said}"
                raise LocalError(message, detail=worker.child.log_tail())
            worker.child.wait(_READY_INTERVAL_S)


def run_stack(options: StackOptions, *, out: TextIO, say: Say = say_on_stderr) -> int:
    """Run a stack until Ctrl-C, SIGTERM or SIGHUP, and give the exit code.

    Writes one line of JSON to `out` when it is ready; every other word goes to `say`. 0: stopped
    as asked. Otherwise something could not be started, ended by itself, or had to be killed.
    Must be called from the main thread.
    """
    stack = Stack(options, say=say)
    with stop_signals_interrupt():
        try:
            with stack:
                out.write(_ready_line(stack))
                out.flush()
                failure = _await_failure(stack)
                ignore_stop_signals()
                return _report(failure, say)
        except KeyboardInterrupt:
            say("stopped")
            return 0 if stack.stopped_cleanly else 1
        except OperatorError as error:
            return _report(error, say)


def _ready_line(stack: Stack) -> str:
    ready = {
        "ready": True,
        "bootstrap": stack.bootstrap,
        "http": stack.http_urls[0],
        "broker": stack.broker.kind,
    }
    return json.dumps(ready) + "\n"


def _await_failure(stack: Stack) -> OperatorError:
    while (failure := stack.failure()) is None:
        sleep(_CHECK_INTERVAL_S)
    return failure


def _report(error: OperatorError, say: Say) -> int:
    if isinstance(error, LocalError) and error.detail:
        say(error.detail)
    say(str(error))
    return error.exit_code
