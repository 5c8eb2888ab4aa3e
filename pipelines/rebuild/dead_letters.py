"""Which records the workers could not read: a fold passes them over, as the workers did.

A record that was broken for the code of its day may be readable for today's (a schema that came
later). Performing it now would give another state than the one that the stream tells of. Owns the
reading of their places from the dead letter queue, for as long as that keeps them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.dlq.letters import LetterQueue, Resolved
from pipelines.replay import read_topic
from pipelines.settings import Settings
from pipelines.stages.record import Incoming
from pipelines.topics import DLQ

Place = tuple[str, int, int]
"""Full name of a topic, partition, offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """The places of all dead letters, and of those that nothing is to come of."""

    places: frozenset[Place]
    discarded: frozenset[Place]


def dead_letters_in(queue: LetterQueue) -> DeadLetters:
    """The places that letters name, and what persons decided about them."""
    places, discarded = set(), set()
    for letter in queue.letters.values():
        if letter.source is None:
            continue
        place = (letter.source.topic, letter.source.partition, letter.source.offset)
        places.add(place)
        resolution = queue.resolutions.get(letter.place)
        if resolution is not None and resolution.how is Resolved.DISCARDED:
            discarded.add(place)
    return DeadLetters(places=frozenset(places), discarded=frozenset(discarded))


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
