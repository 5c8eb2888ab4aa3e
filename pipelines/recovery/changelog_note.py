"""The note that each commit of an input offset carries: how far the changelog was at that moment.

Owns its form, as text in the metadata of a committed offset. Kafka commits it in one transaction
with the records it speaks of, so it says exactly which state belongs to the offset, on any volume
and for any later owner: `giftcert/1 TOPIC-ID OFFSET`. The topic id is Kafka's own, another for each
topic that ever had the name, or `-` where a broker has none; the offset is that of the changelog
partition's last record, -1 where there was none yet.
"""

from dataclasses import dataclass
from typing import Final, Self

UNKNOWN: Final = "-"
"""The topic id on a broker that gives topics none."""

_FORM: Final = "giftcert/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangelogNote:
    """Which changelog, and its last record that a committed input offset goes with."""

    topic_id: str
    offset: int

    @classmethod
    def read(cls, metadata: str | None) -> Self | None:
        """The note in an offset's metadata; None in one that was committed without."""
        words = (metadata or "").split(" ")
        if len(words) != 3 or words[0] != _FORM:
            return None
        return cls(topic_id=words[1], offset=int(words[2]))

    def __str__(self) -> str:
        return f"{_FORM} {self.topic_id} {self.offset}"

    def is_of(self, topic_id: str) -> bool:
        """Whether it speaks of that topic, as far as a broker can tell."""
        return topic_id == self.topic_id or UNKNOWN in (topic_id, self.topic_id)
