"""Owns real Apache Kafka (KRaft) as child processes on this machine, its data kept between runs.

Must not fetch anything: `kafka_jars` does.
"""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import sleep

from pipelines.local.apache_settings import (
    JAVA_OPTIONS,
    NOTHING_BESIDE,
    Beside,
    server_properties,
)
from pipelines.local.child import Child, stop_all
from pipelines.local.kafka_jars import cached_jars, find_java, kafka_version
from pipelines.local.ports import LOOPBACK, HeldPort, preferred_port
from pipelines.local.probe import await_cluster
from pipelines.local.running_broker import Broker, LocalError, Say

_FORMAT_TIMEOUT_S = 60
_START_TIMEOUT_S = 60.0


class Java:
    """How Kafka's programs are run: the `java` found here and the jars fetched.

    BrokerUnavailableError where one of the two cannot be had.
    """

    def __init__(self, say: Say) -> None:
        self._java = find_java()
        self._jars = cached_jars(say)
        self.why = f"Apache Kafka {kafka_version()}, the real broker, run by {self._java}"

    def command(self, program: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        """The command line of one of Kafka's programs; `options` are Java's own."""
        classes = ["-cp", f"{self._jars}/*", program]
        return [self._java, *JAVA_OPTIONS, *options, *classes, *arguments]

    def environment(self) -> Mapping[str, str]:
        """Our environment, in which Java can open a path with any letters."""
        return os.environ | {"LC_ALL": "C.UTF-8"}


class ApacheNode:
    """One broker of the cluster, which is a controller too: its directory, ports and process."""

    def __init__(
        self,
        index: int,
        directory: Path,
        client_port: HeldPort,
        *,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        self.index = index
        self._beside = beside
        self.client_port = client_port
        self.controller_port = HeldPort()
        self.child: Child | None = None
        self._directory = directory
        self._log_dir = directory / "log"
        self._properties = directory / "server.properties"

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.client_port.port}"

    def write_settings(self, client_ports: list[int], controller_ports: list[int]) -> None:
        """Write its settings file; the ports are of all brokers, in order."""
        text = server_properties(
            self.index,
            client_ports=client_ports,
            controller_ports=controller_ports,
            log_dir=self._log_dir,
            beside=self._beside,
        )
        self._properties.write_text(text, encoding="ascii")

    def format(self, java: Java, cluster_id: str) -> None:
        """Prepare its storage, unless that has been done."""
        formatted = self._directory / "formatted"
        if formatted.exists():
            return
        # Without that mark an earlier attempt was cut short, and no broker has used what it left.
        shutil.rmtree(self._log_dir, ignore_errors=True)
        command = java.command("kafka.tools.StorageTool", "format", "--cluster-id", cluster_id)
        answer = subprocess.run(
            [*command, "--config", str(self._properties)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=java.environment(),
            text=True,
            check=False,
            timeout=_FORMAT_TIMEOUT_S,
        )
        if answer.returncode != 0:
            raise LocalError(f"Kafka cannot format {self._log_dir}", detail=answer.stdout.strip())
        formatted.touch()

    def start(self, java: Java) -> None:
        """Start its process and do not wait until it serves."""
        self.child = Child(
            f"Kafka broker {self.index}",
            java.command("kafka.Kafka", str(self._properties), options=self._beside.java_options),
            log_path=self._directory / "server.log",
            environment=java.environment(),
        )

    def release(self) -> None:
        """Let its ports go."""
        self.client_port.release()
        self.controller_port.release()


class ApacheCluster(Broker):
    """Running Apache Kafka, one broker or several.

    `kill`, `end`, `restart` and `process_id` are there for crash tests.

    Without `port` the first broker listens where it did in the last run, if that is still free.
    What is `beside` goes into every broker's settings.
    """

    kind = "apache"

    def __init__(
        self,
        java: Java,
        data_dir: Path,
        *,
        port: int | None = None,
        brokers: int = 1,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        assert brokers == 1 or not beside.listeners, "their ports are those of one broker"
        self.why = java.why
        self.cluster_id = _kept_cluster_id(data_dir)
        self._java = java
        self._nodes: list[ApacheNode] = []
        with ExitStack() as undo:
            undo.callback(self.stop)
            for index in range(brokers):
                wanted = port if index == 0 else None
                self._nodes.append(_prepared_node(index, data_dir, wanted, beside))
            self.bootstrap = ",".join(node.address for node in self._nodes)
            self._start()
            undo.pop_all()

    def process_ids(self) -> tuple[int, ...]:
        return tuple(child.pid for child in self._children())

    def failure(self) -> LocalError | None:
        return next((failure for child in self._children() if (failure := child.failure())), None)

    def kill(self, index: int = 0) -> None:
        """End a broker with SIGKILL, which is then no failure."""
        node = self._nodes[index]
        assert node.child is not None, f"broker {index} is not running"
        node.child.kill()
        node.child = None

    def end(self, index: int = 0, *, timeout_s: float = 30.0) -> bool:
        """Ask a broker to end, which is then no failure; False when it had to be killed."""
        node = self._nodes[index]
        assert node.child is not None, f"broker {index} is not running"
        late = stop_all([node.child], timeout_s)
        node.child = None
        return not late

    def process_id(self, index: int = 0) -> int:
        """The process of a running broker."""
        child = self._nodes[index].child
        assert child is not None, f"broker {index} is not running"
        return child.pid

    def restart(self, index: int = 0) -> None:
        """Start a broker that ended on its data and ports, and wait until it serves."""
        node = self._nodes[index]
        assert node.child is None, f"broker {index} is running"
        node.start(self._java)
        self._await_serving()

    def stop(self, timeout_s: float = 10.0) -> bool:
        late = stop_all(self._children(), timeout_s)
        for node in self._nodes:
            node.child = None
            node.release()
        return not late

    def _children(self) -> list[Child]:
        return [node.child for node in self._nodes if node.child is not None]

    def _start(self) -> None:
        client_ports = [node.client_port.port for node in self._nodes]
        controller_ports = [node.controller_port.port for node in self._nodes]
        for node in self._nodes:
            node.write_settings(client_ports, controller_ports)
            node.format(self._java, self.cluster_id)
        for node in self._nodes:
            node.start(self._java)
        self._await_serving()

    def _await_serving(self) -> None:
        """Wait until each running broker says itself that all of them serve.

        Another's word is not enough: until its session ends, a killed broker counts as serving.
        """
        running = [node for node in self._nodes if node.child is not None]
        for node in running:
            found = await_cluster(
                node.address, brokers=len(running), timeout_s=_START_TIMEOUT_S, pause=self._pause
            )
            if found is None:
                assert node.child is not None
                message = f"Kafka does not serve on {node.address} after {_START_TIMEOUT_S:g} s"
                raise LocalError(message, detail=node.child.log_tail())

    def _pause(self, seconds: float) -> None:
        """Let time pass, unless a broker has ended: then no answer will come."""
        if failure := self.failure():
            raise failure
        sleep(seconds)


def _prepared_node(index: int, data_dir: Path, port: int | None, beside: Beside) -> ApacheNode:
    """A broker's directory and ports."""
    directory = data_dir / f"broker-{index}"
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / "port"
    last = kept.read_text(encoding="ascii").strip() if kept.exists() else ""
    held = preferred_port(int(last) if last else None) if port is None else HeldPort(port)
    kept.write_text(f"{held.port}\n", encoding="ascii")
    return ApacheNode(index, directory, held, beside=beside)


def _kept_cluster_id(data_dir: Path) -> str:
    """The id of the cluster whose data is there, else a new one, as Kafka writes 16 bytes."""
    path = data_dir / "cluster-id"
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    # A leading hyphen would read as an option of the storage tool.
    cluster_id = "-"
    while cluster_id.startswith("-"):
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    data_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{cluster_id}\n", encoding="ascii")
    return cluster_id
