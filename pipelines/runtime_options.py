"""Every option of a worker's Kafka clients that correctness or latency depends on.

Owns those tables alone. Says nothing where the client's own default is what we want.
"""

import hashlib
from typing import Any

from pipelines.settings import Settings
from pipelines.topics import LARGEST_RECORD_BYTES, Role, group_name


def consumer_options(settings: Settings) -> dict[str, Any]:
    """The group member that reads the inputs."""
    return {
        **settings.beside_stream_library(),
        "isolation.level": "read_committed",
        "group.instance.id": _instance_id(settings),
        "client.id": f"{settings.worker_id}@{settings.edge_url()}",
        "session.timeout.ms": settings.session_timeout_ms,
        # A member hears in a heartbeat's answer that another left or came. Until the last one has
        # heard it the group stands still.
        "heartbeat.interval.ms": max(min(settings.session_timeout_ms // 3, 500), 1),
        # A record ends a long poll at once, whatever this says. But questions to the broker wait
        # behind each empty poll: at 500 ms two fresh processors took 25 s to be ready, at 50 ms 7.
        "fetch.wait.max.ms": 50,
        "fetch.queue.backoff.ms": 10,
    }


def _instance_id(settings: Settings) -> str:
    """The worker's fixed name in its group, as long as it is reached at the same address.

    A member that comes back under its old name keeps the client id it had before, and with it the
    address that others forward calls to: one that moved has to come back under another.
    """
    address = hashlib.sha256(settings.edge_url().encode()).hexdigest()[:8]
    return f"{settings.worker_id}-{address}"


def producer_options(settings: Settings, role: Role) -> dict[str, Any]:
    """The transactional producer.

    A fixed transactional id fences this worker's own earlier life at once; a random one would
    leave a dead transaction open, and readers behind it waiting, until it times out.
    """
    return {
        **settings.beside_stream_library(),
        "transactional.id": f"{group_name(role, settings)}-{settings.worker_id}",
        "transaction.timeout.ms": settings.transaction_timeout_ms,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        # While records keep coming, fewer and fuller batches: a quarter less work for the broker,
        # a tenth for the worker. Nobody waits for it, because a commit's flush sends at once.
        "linger.ms": 5,
        # Checked before compression: a large broken record must still fit into the DLQ.
        "message.max.bytes": LARGEST_RECORD_BYTES,
    }
