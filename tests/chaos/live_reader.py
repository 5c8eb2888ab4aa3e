"""A consumer of the stream as any system behind us is: read_committed, there the whole time.

Owns the reading and keeps what it saw in the order in which it came. It judges nothing.
"""

import threading
from dataclasses import dataclass
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from pipelines.settings import Settings
from pipelines.topics import STREAM, topic_name

_BATCH: Final = 500
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One record as it was handed to the reader."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class LiveReader:
    """Reads from entry to exit of its `with`."""

    def __init__(self, settings: Settings) -> None:
        self.seen: list[Seen] = []
        self._stopped = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": "chaos-live-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "log_level": 0,
            }
        )
        # By hand: as a member of a group without commits it would begin anew at each rebalance.
        topic = topic_name(STREAM, settings)
        self._consumer.assign(
            [TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(settings.partitions)]
        )
        self._thread = threading.Thread(target=self._read, name="live-reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read what is there by now, and end."""
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while True:
            last_turn = self._stopped.is_set()
            messages = self._consumer.consume(_BATCH, _POLL_S)
            for message in messages:
                # Brokers that die are told of as errors; the client goes on by itself.
                if message.error() is None:
                    self.seen.append(
                        Seen(
                            partition=message.partition(),
                            offset=message.offset(),
                            key=message.key(),
                            value=message.value(),
                        )
                    )
            if last_turn and not messages:
                return
