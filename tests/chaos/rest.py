"""Whether everything that was written has been performed: nothing under way any more.

Owns the comparison of what lies on the input topics with what the two groups have committed.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from pipelines.committed_reader import CommittedReader
from pipelines.kafka_admin import KafkaAdmin
from pipelines.settings import Settings
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    Role,
    Topic,
    group_name,
    topic_name,
)

INPUTS: Final[Mapping[Role, tuple[Topic, ...]]] = {
    Role.CORRELATOR: (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, FACTS),
    Role.PROCESSOR: (COMMANDS, POOL, INDEX),
}
_ANSWER_S: Final = 10.0
_PAUSE_S: Final = 0.3

Places = dict[tuple[str, int], int]


def committed(settings: Settings) -> Places:
    """What both groups have committed: by topic's name and partition the next offset."""
    asked = KafkaAdmin(settings, timeout_s=_ANSWER_S).places()
    found: Places = {}
    for role, topics in INPUTS.items():
        names = [topic_name(topic, settings) for topic in topics]
        places = [(name, place) for name in names for place in range(settings.partitions)]
        found |= asked.reached(group_name(role, settings), places)
    return found


def await_rest(settings: Settings, *, timeout_s: float) -> str:
    """Wait until every record of every input is committed; else what is left, in words.

    One moment at which that is so is enough: a deadline may come at any time and ask for more.
    """
    deadline_s = time.monotonic() + timeout_s
    last: Places = {}
    with ExitStack() as stack:
        readers = {
            topic_name(topic, settings): stack.enter_context(CommittedReader(settings, topic))
            for topics in INPUTS.values()
            for topic in topics
        }
        while True:
            for name, reader in readers.items():
                for batch in reader.batches_to(reader.ends()):
                    for message in batch:
                        last[name, message.partition()] = message.offset()
            done = committed(settings)
            left = {place: end for place, end in last.items() if done.get(place, 0) <= end}
            if not left:
                return ""
            if time.monotonic() > deadline_s:
                (name, partition), _ = next(iter(left.items()))
                return f"{len(left)} partitions are not performed, one of them {name}[{partition}]"
            time.sleep(_PAUSE_S)
