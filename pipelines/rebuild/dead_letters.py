"""Which records the workers could not read: a fold passes them over, as the workers did.

A record that was broken for the code of its day may be readable for today's (a schema that came
later). Performing it now would give another state than the one that the stream tells of. Owns the
reading of their places from the dead letter queue, for as long as that keeps them.
"""

from collections.abc import Iterable

from pipelines.replay import read_topic
from pipelines.settings import Settings
from pipelines.stages.record import Incoming
from pipelines.topics import DLQ

Place = tuple[str, int, int]
"""Full name of a topic, partition, offset."""


def dead_letter_places(settings: Settings) -> frozenset[Place]:
    """The places of every record that is in the dead letter queue now."""
    return places_named(read_topic(settings, DLQ))


def places_named(letters: Iterable[Incoming]) -> frozenset[Place]:
    """The places that dead letters name. One that names none is somebody else's, and no matter."""
    places = set()
    for letter in letters:
        headers = {name: value for name, value in letter.headers if value is not None}
        try:
            topic = headers["sourceTopic"].decode()
            partition, offset = int(headers["sourcePartition"]), int(headers["sourceOffset"])
        except (KeyError, ValueError):
            continue
        places.add((topic, partition, offset))
    return frozenset(places)
