"""Owns the whole service on one machine: broker, topics, token issuer, workers, neighbours.

`giftcert up`, tests and the demo use it. Restarts nothing unasked. Must not know what the workers
do, nor what the neighbours are told.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from pipelines.local.broker import say_on_stderr, start_broker
from pipelines.local.child import Child, stop_all
from pipelines.local.development_tokens import forget_issuer
from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.issuer_process import NAME as ISSUER
from pipelines.local.issuer_process import IssuerProcess
from pipelines.local.local_keys import kept_cvc_keys
from pipelines.local.neighbours import Neighbours, Surroundings, gateway_secret, without_tokens
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker, LocalError, Say
from pipelines.local.stack_options import StackOptions
from pipelines.local.worker import Worker, WorkerPlan
from pipelines.settings import Settings
from pipelines.state_directory import outside_sources

STOP_TIMEOUT_S = 10.0
# The broker needs well under a second; the rest of the time is the workers'.
_WORKERS_STOP_TIMEOUT_S = 7.0
_READY_INTERVAL_S = 0.05
_AUDITOR = "auditor-0"
_SECRETS_OF_NEIGHBOURS = "neighbours"


class _Starting(Protocol):
    """A process that was started and may not answer yet."""

    child: Child | None

    def readiness(self) -> str: ...


class Stack:
    """A stack, running from entry to exit of its `with`, or until `stop`.

    Entering it starts everything and waits until the issuer answers and every processor says it is
    ready; an OperatorError when that fails, after what had been started is stopped again.
    """

    def __init__(self, options: StackOptions, *, say: Say = say_on_stderr) -> None:
        assert options.processors >= 1, options.processors
        self._options = options
        self._say = say
        self._broker: Broker | None = None
        self._issuer: IssuerProcess | None = None
        self._workers: dict[str, Worker] = {}
        self._neighbours: Neighbours | None = None
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
    def auditor_url(self) -> str | None:
        """Where the auditor shows its figures; None where the stack has none."""
        auditor = self._workers.get(_AUDITOR)
        return None if auditor is None else auditor.url

    @property
    def neighbours(self) -> list[Worker]:
        """The neighbours that were started."""
        return [] if self._neighbours is None else self._neighbours.workers

    @property
    def urls(self) -> dict[str, str]:
        """What a person can open of the neighbours, by name; empty where the stack has none."""
        return {} if self._neighbours is None else self._neighbours.urls()

    @property
    def gateway_secret_file(self) -> Path:
        """Where the word is that the shop's development gateway asks for."""
        return gateway_secret(self._options.data_dir.absolute() / _SECRETS_OF_NEIGHBOURS)

    @property
    def issuer_url(self) -> str:
        """Whose tokens the workers take: our own development issuer's, or another's."""
        return self._environment["GIFTCERT_TOKEN_ISSUER"]

    @property
    def client_secrets_file(self) -> Path | None:
        """Where the secrets are that our own issuer asks for; None with another issuer."""
        return None if self._issuer is None else self._issuer.tokens.secrets_file

    def token(self, client: str, scope: str | None = None, *, subject: str | None = None) -> str:
        """A token for a client of the stack, valid for an hour; also after it has stopped.

        Without `scope` it has what the client usually asks for. `subject`: who acts for it.
        """
        if self._issuer is None:
            raise LocalError(f"tokens for this stack come from {self.issuer_url}, not from here")
        return self._issuer.tokens.issue(client, scope, subject=subject).text

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
        """What ended without being asked to: the broker, the issuer, or the first such process."""
        if self._broker is not None and (failure := self._broker.failure()):
            return failure
        if self._issuer is not None and (failure := self._issuer.failure()):
            return failure
        workers = [*self._workers.values(), *self.neighbours]
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
            self._await_ready(worker_id, worker)

    def kill_processor(self, index: int) -> None:
        """End a processor with SIGKILL, which is then no failure."""
        self.kill(f"processor-{index}")

    def restart_processor(self, index: int, *, forget_state: bool = False) -> None:
        """Start a killed processor again and wait until it is ready."""
        self.restart(f"processor-{index}", forget_state=forget_state)

    def stop(self) -> None:
        """End all but the broker, then the broker, within ten seconds; may be called again."""
        deadline = monotonic() + STOP_TIMEOUT_S
        started: list[_Starting] = [*self.neighbours, *self._workers.values()]
        if self._issuer is not None:
            started.append(self._issuer)
        children = [each.child for each in started if each.child is not None]
        for child in stop_all(children, _WORKERS_STOP_TIMEOUT_S):
            self._say(f"{child.name} had to be killed; its log is {child.log_path}")
            self._stopped_cleanly = False
        self._workers.clear()
        self._neighbours = None
        if self._issuer is not None:
            self._issuer.child = None
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
        environment = self._shared_environment(data_dir)
        self._neighbours = self._chosen_neighbours()
        if self._issuer is not None:
            # First: it is there when the broker is, and the workers find it when they look for it.
            self._issuer.start(environment)
        self._broker = start_broker(
            options.broker, data_dir / "broker", brokers=options.brokers, say=self._say
        )
        self._say(f"broker at {self._broker.bootstrap}: {self._broker.why}")
        self._environment = environment | {"GIFTCERT_BOOTSTRAP": self._broker.bootstrap}
        options.apply_topics(self._environment)
        if self._issuer is not None:
            self._await_ready(ISSUER, self._issuer)
        for worker_id, port in ports.items():
            self._workers[worker_id] = self._planned_worker(worker_id, port, data_dir)
        for worker_id, worker in self._workers.items():
            if worker_id != _AUDITOR:
                worker.start()
        for worker in self._processors():
            self._await_ready(worker.plan.worker_id, worker)
        self._start_neighbours(data_dir)
        if _AUDITOR in self._workers:
            # Last, and nobody waits for it: customers do not need it to be served.
            self._workers[_AUDITOR].start()

    def _chosen_neighbours(self) -> Neighbours:
        """Those that can run here, with their ports held."""
        names = self._options.neighbours
        if self._issuer is None and names != (those := without_tokens(names)):
            left_out = ", ".join(name for name in names if name not in those)
            self._say(f"not started, for their tokens come from another issuer: {left_out}")
            names = those
        return Neighbours(names, shop_port=self._options.shop_port, held=self._held)

    def _start_neighbours(self, data_dir: Path) -> None:
        """Start them, and wait for those that are ready in a moment."""
        assert self._neighbours is not None, "they were chosen before anything was started"
        told = Surroundings(
            environment=self._environment,
            edge_url=self.http_urls[0],
            issuer_url=self.issuer_url,
            client_secrets_file=self.client_secrets_file,
            secrets_dir=data_dir / _SECRETS_OF_NEIGHBOURS,
            state_dir=data_dir / "state" / self.broker.cluster_id,
            logs_dir=data_dir / "logs",
        )
        self._neighbours.start(told, self._options.worker_command)
        for worker in self._neighbours.awaited:
            self._await_ready(worker.plan.worker_id, worker)

    def _hold_ports(self) -> dict[str, HeldPort]:
        """Every worker's id, with the port it will listen on."""
        first = self._options.http_port
        ports = {"correlator-0": HeldPort()}
        self._held.callback(ports["correlator-0"].release)
        for index in range(self._options.processors):
            port = HeldPort(None if first is None else first + index)
            self._held.callback(port.release)
            ports[f"processor-{index}"] = port
        if self._options.auditor:
            ports[_AUDITOR] = HeldPort()
            self._held.callback(ports[_AUDITOR].release)
        return ports

    def _shared_environment(self, data_dir: Path) -> dict[str, str]:
        """What all processes are told, but for the broker that is not there yet."""
        given = os.environ | dict(self._options.environment)
        # An address that the person set can be right for one worker at most.
        given.pop("GIFTCERT_ADVERTISED_URL", None)
        given["GIFTCERT_HTTP_HOST"] = LOOPBACK
        if self._options.topic_prefix is not None:
            given["GIFTCERT_TOPIC_PREFIX"] = self._options.topic_prefix
        if not given.keys() & {"GIFTCERT_CVC_KEYS", "GIFTCERT_CVC_KEY_FILE"}:
            given["GIFTCERT_CVC_KEY_FILE"] = str(kept_cvc_keys(data_dir / "cvc-keys.json"))
        self._settle_issuer(given, data_dir)
        replicas = min(3, self._options.brokers)
        given.setdefault("GIFTCERT_REPLICATION_FACTOR", f"{replicas}")
        given.setdefault("GIFTCERT_MIN_INSYNC_REPLICAS", f"{max(1, replicas - 1)}")
        return given

    def _settle_issuer(self, given: dict[str, str], data_dir: Path) -> None:
        """Have the workers trust the issuer that the person named, or else one of our own."""
        if "GIFTCERT_TOKEN_ISSUER" in given:
            forget_issuer(data_dir)
            return
        default: str = Settings.model_fields["token_audience"].default
        audience = given.get("GIFTCERT_TOKEN_AUDIENCE", default)
        self._issuer = IssuerProcess(data_dir, self._options.issuer_command, audience=audience)
        self._held.callback(self._issuer.release)
        given.pop("GIFTCERT_TOKEN_JWKS_URL", None)
        given.update(self._issuer.settings())

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

    def _await_ready(self, name: str, started: _Starting) -> None:
        deadline = monotonic() + self._options.ready_timeout_s
        while said := started.readiness():
            self.check()
            assert started.child is not None
            if monotonic() > deadline:
                timeout = f"{self._options.ready_timeout_s:g} s"
                message = f"{name} was not ready within {timeout}: {said}"
                raise LocalError(message, detail=started.child.log_tail())
            started.child.wait(_READY_INTERVAL_S)
