"""Records that a fold could not read, and that no dead letter names.

The workers read each of them or put it aside. So whoever meets one reads by other settings than
they do, or by older schemas, and what it folds is not what they keep: it would pass over everything
that it cannot read, and call the rest the truth. Owns the counting of them and the judgement.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from pipelines.rebuild.dead_letters import Place, dead_letter_places
from pipelines.settings import Settings
from pipelines.stages.record import Incoming
from pipelines.topics import DLQ

KEPT: Final = 1_000
"""So many are looked up among the dead letters once more; where there are more, it is no wonder."""

LETTERS_KEPT_MS: Final = DLQ.retention_ms or 0


def clock_ms() -> int:
    """The time by which records are older than the letters, or not."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """How many, and of the first of them where they are and from when."""

    count: int = 0
    first: tuple[tuple[Place, int], ...] = ()
    newest_ms: int = 0


NOTHING_UNREAD: Final = Unread()


@dataclass(slots=True)
class UnreadTally:
    """Counts records as they are met."""

    now_ms: int = field(default_factory=clock_ms)
    count: int = 0
    newest_ms: int = 0
    first: list[tuple[Place, int]] = field(default_factory=list)

    def add(self, incoming: Incoming) -> None:
        """Note one."""
        at_ms = incoming.timestamp_ms
        # Its writer's clock ran ahead: nobody knows when it came, and the newest are not that new.
        at_ms = at_ms if at_ms <= self.now_ms else 0
        self.count += 1
        self.newest_ms = max(self.newest_ms, at_ms)
        if len(self.first) < KEPT:
            self.first.append(((incoming.topic, incoming.partition, incoming.offset), at_ms))

    def done(self) -> Unread:
        """What was counted."""
        return Unread(count=self.count, first=tuple(self.first), newest_ms=self.newest_ms)


def together(parts: Iterable[Unread]) -> Unread:
    """What several counted."""
    found = [part for part in parts if part.count]
    return Unread(
        count=sum(part.count for part in found),
        first=tuple(each for part in found for each in part.first),
        newest_ms=max((part.newest_ms for part in found), default=0),
    )


def without(unread: Unread, dead: Collection[Place]) -> Unread:
    """Without those that are dead letters after all."""
    left = tuple(each for each in unread.first if each[0] not in dead)
    whole = len(unread.first) == unread.count
    return Unread(
        count=unread.count - (len(unread.first) - len(left)),
        first=left,
        newest_ms=max((at_ms for _, at_ms in left), default=0) if whole else unread.newest_ms,
    )


def settled(settings: Settings, parts: Iterable[Unread]) -> Unread:
    """What is left, when the dead letters were read once more.

    A worker may have put a record aside after the letters were read and before it was folded.
    """
    unread = together(parts)
    if not 0 < unread.count <= KEPT:
        return unread
    return without(unread, dead_letter_places(settings))


def fault_of_unread(unread: Unread, accepted: int, now_ms: int) -> str:
    """What is wrong with them in an operator's words; empty when nothing is.

    `accepted` is how many the operator says there are from times of which no letter is kept. A
    record that is younger than the letters has one, if a worker passed over it.
    """
    if unread.count == accepted == 0:
        return ""
    if not unread.count:
        return f"{accepted:,} unreadable records were said to be there, and there are none"
    (topic, partition, offset), _ = unread.first[0]
    said = (
        f"{unread.count:,} {'record' if unread.count == 1 else 'records'} cannot be read, and no "
        f"dead letter names them: the first is {topic} partition {partition} offset {offset:,}"
    )
    if unread.newest_ms >= now_ms - LETTERS_KEPT_MS:
        return (
            f"{said}; run this with the version of the workers and their settings, above all "
            "GIFTCERT_SCHEMA_REGISTRY_URL, and when the workers have performed what is there"
        )
    if unread.count != accepted:
        days = LETTERS_KEPT_MS // (24 * 60 * 60 * 1_000)
        return (
            f"{said}; is GIFTCERT_SCHEMA_REGISTRY_URL what the workers have? All are older than "
            f"the {days} days that letters are kept: if the workers put just these aside, "
            f"say --unreadable {unread.count}"
        )
    return ""
