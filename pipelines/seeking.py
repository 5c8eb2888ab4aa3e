"""Seeking in a partition that was assigned only a moment ago.

The Kafka client assigns in a thread of its own. Until that knows where to begin, it answers a seek
with an error of its state; where another worker's commit was under way, that is half a second. The
stream library seeks as soon as it has assigned, and ends with that error. Owns the waiting only.
"""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.02

Seek = Callable[[TopicPartition], None]


def seek_patiently(seek: Seek) -> Seek:
    """The same seek, tried again while the partition is still being assigned.

    KafkaException as before for everything else, and for a partition that does not get ready.
    """

    def patient(place: TopicPartition) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                seek(place)
                return
            except KafkaException as refused:
                not_ready = refused.args[0].code() == KafkaError._STATE
                if not not_ready or time.monotonic() > deadline_s:
                    raise
            time.sleep(_PAUSE_S)

    return patient
