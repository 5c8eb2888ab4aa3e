"""Owns Kafka in a container, through testcontainers. Its data lasts as long as the container.

Imports Docker's client only when this kind is asked for.
"""

import socket
from contextlib import ExitStack

from pipelines.local.probe import await_cluster
from pipelines.local.running_broker import Broker, BrokerUnavailableError, LocalError, Say

IMAGE = "confluentinc/cp-kafka:7.6.0"
_UNIX = "unix://"
_USUAL_HOST = "unix:///var/run/docker.sock"
_INNER_PORT = 9093
_ENGINE_TIMEOUT_S = 5
_START_TIMEOUT_S = 120
_SETTINGS = {
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_LOG_RETENTION_MS": "-1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
}


def require_engine() -> None:
    """BrokerUnavailableError unless Docker's client is installed and its engine answers."""
    try:
        from docker.errors import DockerException
        from testcontainers.core.docker_client import DockerClient, get_docker_host
    except ImportError as error:
        message = f"{error.name} is not installed (the extra `local` has it)"
        raise BrokerUnavailableError(message) from None
    host = get_docker_host() or _USUAL_HOST
    try:
        if host.startswith(_UNIX):
            # Docker's own client, when it is refused, leaves its socket open.
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(host.removeprefix(_UNIX))
        DockerClient(timeout=_ENGINE_TIMEOUT_S).client.close()
    except (DockerException, OSError) as error:
        message = f"Docker's engine does not answer on {host}: {error}"
        raise BrokerUnavailableError(message) from None


class DockerBroker(Broker):
    """The running container."""

    kind = "docker"

    def __init__(self, say: Say, *, port: int | None = None) -> None:
        from docker.errors import DockerException
        from testcontainers.community.kafka import KafkaContainer

        self.why = f"Kafka in Docker ({IMAGE}), whose data lasts for this run only"
        container = KafkaContainer(IMAGE, port=_INNER_PORT).with_kraft()
        for name, value in _SETTINGS.items():
            container.with_env(name, value)
        if port is not None:
            container.with_bind_ports(_INNER_PORT, port)
        say(f"starting {IMAGE}; Docker fetches the image first where it has it not")
        self._container: KafkaContainer | None = container
        with ExitStack() as undo:
            undo.callback(self.stop)
            try:
                container.start(timeout=_START_TIMEOUT_S)
            except (DockerException, OSError, RuntimeError) as error:
                raise LocalError(f"Kafka's container did not start: {error}") from error
            self.bootstrap = container.get_bootstrap_server()
            found = await_cluster(self.bootstrap, brokers=1, timeout_s=_START_TIMEOUT_S)
            if found is None:
                raise LocalError(f"Kafka's container does not answer on {self.bootstrap}")
            self.cluster_id = found.cluster_id
            undo.pop_all()

    def process_ids(self) -> tuple[int, ...]:
        return ()

    def failure(self) -> LocalError | None:
        if self._container is None:
            return None
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        running = wrapped.status == "running"
        return None if running else LocalError(f"Kafka's container is {wrapped.status}")

    def stop(self, timeout_s: float = 10.0) -> bool:  # noqa: ARG002 - the engine has its own
        if self._container is not None:
            self._container.stop()
            self._container = None
        return True
