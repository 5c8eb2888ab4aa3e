"""Which letters a command is about: those it names, or those that a filter finds.

Owns the filter and the reading of what a person writes for it. Reads no topic.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pipelines.dlq.letters import Letter, LetterQueue, Place

_AGO: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[smhd])")
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a letter must be like. `topic` is a full name; absent is anything."""

    places: Sequence[Place] = ()
    topic: str | None = None
    code: str | None = None
    since_ms: int | None = None

    @property
    def by_name(self) -> bool:
        """Whether a person named each letter, rather than a filter."""
        return bool(self.places)

    def takes(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        if self.places and letter.place not in self.places:
            return False
        topic = None if letter.source is None else letter.source.topic
        return (
            self.topic in (None, topic)
            and self.code in (None, letter.code)
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
        )

    def of(self, queue: LetterQueue, *, resolved: bool) -> Iterator[Letter]:
        """The letters that are meant, in the order in which they were put aside.

        Those that were resolved are among them only where they are named, or with `resolved`.
        """
        for letter in queue.in_order():
            wanted = resolved or bool(self.places) or queue.is_open(letter)
            if wanted and self.takes(letter):
                yield letter

    def missing(self, queue: LetterQueue) -> list[Place]:
        """The places that were named, and where no letter lies."""
        return [place for place in self.places if place not in queue.letters]


def moment(text: str, now_ms: int) -> int:
    """The time that `90m`, `2d` (ago) or an ISO time with its zone means. ValueError: none."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now_ms - int(ago["count"]) * _UNIT_MS[ago["unit"]]
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("the time has no zone")
    return int(time.astimezone(UTC).timestamp() * 1_000)
