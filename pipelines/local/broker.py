"""Owns the choice of a local broker and its start: the one door to this package's brokers.

Each kind is a file of its own; what they have in common is in `running_broker`.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.local.apache import ApacheCluster, Java
from pipelines.local.docker import DockerBroker, require_engine
from pipelines.local.embedded import EmbeddedBroker, find_program
from pipelines.local.existing import ExistingBroker
from pipelines.local.running_broker import Broker, BrokerUnavailableError, LocalError, Say

AUTO = "auto"
_ADDRESSES = re.compile(r"[^\s:,]+:\d{1,5}(,[^\s:,]+:\d{1,5})*")


def say_on_stderr(line: str) -> None:
    """Show a line to the person at the terminal."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def start_broker(
    kind: str,
    data_dir: Path,
    *,
    port: int | None = None,
    brokers: int = 1,
    say: Say = say_on_stderr,
) -> Broker:
    """Start a broker: `kind` is auto, apache, docker, embedded, or HOST:PORT of one that runs.

    Each kind keeps its data in a directory of its own under `data_dir`. `auto` takes the first
    in that order that works here, except that data of an earlier run stays with the kind that
    wrote it. Without `port` a free one is taken. LocalError when it cannot be had.
    """
    if _ADDRESSES.fullmatch(kind):
        if port is not None or brokers != 1:
            raise LocalError("a broker that runs already has its ports and its number of brokers")
        return ExistingBroker(kind)
    starters = _starters(data_dir.resolve(), port=port, brokers=brokers, say=say)
    if kind == AUTO:
        return _start_first(starters, data_dir)
    if kind not in starters:
        names = ", ".join([AUTO, *starters])
        raise LocalError(f"unknown broker {kind!r}: choose {names} or HOST:PORT")
    return starters[kind]()


def _starters(
    data_dir: Path, *, port: int | None, brokers: int, say: Say
) -> Mapping[str, Callable[[], Broker]]:
    """What starts each kind, best first.

    A kind that cannot be had raises BrokerUnavailableError and leaves nothing in `data_dir`.
    """

    def apache() -> Broker:
        return ApacheCluster(Java(say), data_dir / "apache", port=port, brokers=brokers)

    def docker() -> Broker:
        _require_one("docker", brokers)
        require_engine()
        return DockerBroker(say, port=port)

    def embedded() -> Broker:
        _require_one("embedded", brokers)
        return EmbeddedBroker(find_program(), data_dir / "embedded", port=port)

    return {"apache": apache, "docker": docker, "embedded": embedded}


def _start_first(starters: Mapping[str, Callable[[], Broker]], data_dir: Path) -> Broker:
    kept = [kind for kind in starters if (data_dir / kind).is_dir()][:1]
    obstacles: list[str] = []
    for kind in kept or starters:
        try:
            broker = starters[kind]()
        except BrokerUnavailableError as error:
            obstacles.append(f"{kind} cannot be had: {error}")
        else:
            broker.why = "; ".join([broker.why, *obstacles])
            return broker
    if kept:
        raise LocalError(f"{data_dir} holds data of {kept[0]}, but {obstacles[0]}")
    raise LocalError(f"no broker can be had here: {'; '.join(obstacles)}")


def _require_one(kind: str, brokers: int) -> None:
    if brokers != 1:
        raise BrokerUnavailableError(f"{kind} runs one broker, and {brokers} are wanted")
