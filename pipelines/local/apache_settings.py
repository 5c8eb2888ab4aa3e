"""Owns the settings of a local Apache Kafka: real, kept between runs, right for one machine.

Renders text only. Must not read or write anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.local.ports import LOOPBACK

# One compiler level and one collector thread. On two cores shared with the workers it starts in
# 1.4 s rather than 1.8 s and took 200,000 records of 600 bytes in 0.45 s rather than 0.75 s,
# because nothing recompiles or collects beside it.
JAVA_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.storage.internals.log=warn",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a broker has beside our own settings: other ways in, and who may do what.

    `listeners` are port and protocol by name. The plain listener stays, for whoever starts it.
    """

    listeners: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    java_options: Sequence[str] = ()


NOTHING_BESIDE = Beside()


def server_properties(
    index: int,
    *,
    client_ports: Sequence[int],
    controller_ports: Sequence[int],
    log_dir: Path,
    beside: Beside = NOTHING_BESIDE,
) -> str:
    """The settings file of broker `index` (from 0); each broker is a controller too."""
    assert len(client_ports) == len(controller_ports)
    ways_in = {"PLAINTEXT": (client_ports[index], "PLAINTEXT"), **beside.listeners}
    client = ",".join(f"{name}://{LOOPBACK}:{port}" for name, (port, _) in ways_in.items())
    protocols = ",".join(f"{name}:{protocol}" for name, (_, protocol) in ways_in.items())
    replicas = min(3, len(client_ports))
    in_sync = max(1, replicas - 1)
    # Voters by address rather than in the log: the ports may differ from one run to the next.
    voters = ",".join(
        f"{node}@{LOOPBACK}:{port}" for node, port in enumerate(controller_ports, start=1)
    )
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": index + 1,
        "controller.quorum.voters": voters,
        "listeners": f"{client},CONTROLLER://{LOOPBACK}:{controller_ports[index]}",
        "advertised.listeners": client,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,{protocols}",
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Fewer partitions load faster after a start, and groups and producers are a handful.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # A broker that was killed is let back in only when its old session has ended.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        "log.message.timestamp.type": "CreateTime",
        # Records carry the time of their event: with the usual seven days, a year of the past
        # would be deleted as it is replayed. A topic that forgets says so itself.
        "log.retention.ms": -1,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        **beside.properties,
    }
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in settings.items())


def _escaped(value: str) -> str:
    """`value` as Java reads it from a settings file: ASCII, the rest as UTF-16 units."""
    encoded = value.replace("\\", "\\\\").encode("utf-16-be")
    units = (int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2))
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units)
