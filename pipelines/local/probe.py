"""Owns the question whether a broker answers, asked through a real client.

Starts and stops nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_ONE_ANSWER_S = 0.5
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What a broker says of its cluster: its id, and how many brokers are serving."""

    cluster_id: str
    serving: int


def await_cluster(
    bootstrap: str, *, brokers: int, timeout_s: float, pause: Callable[[float], object] = sleep
) -> Cluster | None:
    """The cluster once `brokers` of its brokers serve, or None if they do not within `timeout_s`.

    `pause` lets the seconds it is given pass between questions; it may raise to end the waiting.
    """
    deadline = monotonic() + timeout_s
    while (left_s := deadline - monotonic()) > 0:
        cluster = _ask(bootstrap, min(left_s, _ONE_ANSWER_S))
        if cluster is not None and cluster.serving >= brokers:
            return cluster
        pause(_PAUSE_S)
    return None


def _ask(bootstrap: str, timeout_s: float) -> Cluster | None:
    # A client that lives on may ask any broker it has heard of, so each question has its own.
    client = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 0,  # A refused connection is what waiting for a broker looks like.
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 50,
        }
    )
    try:
        answer = client.list_topics(timeout=timeout_s)
    except KafkaException:
        return None
    return Cluster(cluster_id=answer.cluster_id or "unnamed", serving=len(answer.brokers))
