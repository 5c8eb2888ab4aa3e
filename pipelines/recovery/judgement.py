"""What becomes of a store that a partition brings: kept, caught up, or thrown away first.

Owns that decision as a pure function over what the store says of itself and what Kafka says of its
changelog. Opens, reads and deletes nothing.

A changelog is compacted, and the record that deletes a key goes itself after a while. A store that
missed it would keep the key for ever: a pool would hand out a number that was taken long ago. So a
store that missed anything is caught up only while every deletion since its last write must still be
there, with a wide margin for clocks that are wrong; otherwise it is recovered from nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pipelines.recovery.changelog_note import ChangelogNote

OLDEST_MS: Final = 3 * 24 * 60 * 60 * 1000
"""How long ago a store may have been written and still be caught up.

Far below the time for which changelogs keep deletions (`topics.DELETIONS_KEPT_MS`): the rest is the
margin for clocks.
"""

AHEAD_MS: Final = 60 * 60 * 1000
"""How far in our future a store may have been written; beyond it one of the clocks is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSays:
    """What a store knows of itself. All None: there is nothing in it."""

    log: str | None
    """Whose fold it is: Kafka's id of the cluster and of the changelog topic."""
    offset: int | None
    """The changelog's last record that is in it."""
    written_at_ms: int | None
    """When it held everything up to there and nothing older was missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSays:
    """What Kafka knows of a changelog partition."""

    log: str
    topic_id: str
    start: int
    """The first offset that is kept; above zero when somebody deleted records."""
    end: int
    """One above the last record, also one whose transaction is not decided yet."""
    committed: int | None
    """The group's offset of the input partition; None: it never committed one."""
    note: ChangelogNote | None
    """What was committed with that offset."""

    @property
    def last(self) -> int:
        """The last record that a store must have before it is whole.

        Without a note every record there is, whether or not its transaction is decided yet: a
        reader waits for that. The end that Kafka tells a reader of committed records is no
        measure: a dead worker's open transaction hides what others committed behind it.
        """
        return self.end - 1 if self.note is None else self.note.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`read_from` None: nothing is missing. `why`: what is wrong where the store is not kept."""

    kind: Literal["keep", "throw-away", "changelog-lost"]
    read_from: int | None = None
    why: str = ""


def judge(store: StoreSays, log: LogSays, now_ms: int) -> Verdict:
    """What to do with a store before it may be read."""
    if wrong := _wrong_with(log):
        return Verdict(kind="changelog-lost", why=wrong)
    if store.offset is None:
        return _from_nothing(store, log)
    if store.log != log.log:
        return _thrown_away(log, _another(store))
    if store.offset >= log.end:
        why = f"it ends before record {store.offset:,}, which this worker's store holds already"
        return Verdict(kind="changelog-lost", why=why)
    if log.committed is None:
        why = "the group's offsets are gone, and records of it are in this worker's store"
        return Verdict(kind="changelog-lost", why=why)
    if store.offset >= log.last:
        return Verdict(kind="keep")
    if store.offset + 1 < log.start:
        return _thrown_away(log, "what follows it was deleted from the changelog")
    if wrong := _too_old(store, now_ms):
        return _thrown_away(log, wrong)
    return Verdict(kind="keep", read_from=store.offset + 1)


def _wrong_with(log: LogSays) -> str | None:
    note = log.note
    if note is None:
        return None
    if not note.is_of(log.topic_id):
        return "it was deleted and made anew, and what it held is gone"
    if note.offset >= log.end:
        return f"it ends before record {note.offset:,}, which was committed"
    return None


def _from_nothing(store: StoreSays, log: LogSays) -> Verdict:
    if log.start > 0:
        return Verdict(
            kind="changelog-lost", why=f"its records before offset {log.start:,} were deleted"
        )
    if store.log is not None and store.log != log.log:
        return Verdict(kind="throw-away", why=_another(store))
    return Verdict(kind="keep", read_from=0 if log.last >= 0 else None)


def _thrown_away(log: LogSays, why: str) -> Verdict:
    # Never the only copy: what cannot be recovered stays until somebody has decided.
    nothing = _from_nothing(StoreSays(log=None, offset=None, written_at_ms=None), log)
    return nothing if nothing.kind == "changelog-lost" else Verdict(kind="throw-away", why=why)


def _another(store: StoreSays) -> str:
    if store.log is None:
        return "it does not say which log it is the fold of"
    return "it is the fold of another log"


def _too_old(store: StoreSays, now_ms: int) -> str | None:
    if store.written_at_ms is None:
        return "nobody knows when it was written"
    age_ms = now_ms - store.written_at_ms
    if age_ms > OLDEST_MS:
        return f"it was last written {age_ms // 3_600_000} hours ago, and deletions may be missing"
    if age_ms < -AHEAD_MS:
        return "it was written in the future: a clock is wrong"
    return None
