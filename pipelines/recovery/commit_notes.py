"""Writing the note of how far the changelog is into every commit of an input offset.

Owns what is known of each assigned partition's changelog, and the wrapping of the one call with
which the stream library commits. See `changelog_note` for what the note is for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from confluent_kafka import TopicPartition

from pipelines.recovery.changelog_note import ChangelogNote
from pipelines.recovery.judgement import LogSays
from pipelines.recovery.log_places import Place


class TransactionCommit(Protocol):
    """The library's call: input positions and, with them, all that was produced."""

    def __call__(
        self, positions: list[TopicPartition], group_metadata: Any, timeout: float | None = None
    ) -> None: ...


class CommitNotes:
    """What the next commit says of each input partition's changelog."""

    def __init__(self) -> None:
        self._known: dict[Place, tuple[Place, ChangelogNote]] = {}

    def begin(self, changelogs: Mapping[Place, Place], logs: Mapping[Place, LogSays]) -> None:
        """Other partitions came, recovered up to what is known of their changelogs."""
        self._known = {
            place: (
                changelog,
                ChangelogNote(topic_id=logs[place].topic_id, offset=logs[place].last),
            )
            for place, changelog in changelogs.items()
        }

    def note_produced(self, produced: Mapping[Place, int]) -> None:
        """Remember the last offset that we wrote to each changelog.

        What we wrote before a partition was away is behind what its owners wrote meanwhile.
        """
        for place, (changelog, known) in self._known.items():
            offset = produced.get(changelog, -1)
            if offset > known.offset:
                note = ChangelogNote(topic_id=known.topic_id, offset=offset)
                self._known[place] = (changelog, note)

    def noted(self, positions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """The same positions, each with its note; an input without a changelog has none."""
        return [self._noted(position) for position in positions]

    def _noted(self, position: TopicPartition) -> TopicPartition:
        place = (position.topic, position.partition)
        if place not in self._known:
            return position
        _, note = self._known[place]
        return TopicPartition(*place, position.offset, metadata=str(note))


def commit_with(
    notes: CommitNotes, commit: TransactionCommit, produced: Callable[[], Mapping[Place, int]]
) -> TransactionCommit:
    """The same commit, with the notes. `produced` is the producer's own book, empty after an abort.

    The producer has been flushed by then, so that every offset of this transaction is in it.
    """

    def commit_noted(
        positions: list[TopicPartition], group_metadata: Any, timeout: float | None = None
    ) -> None:
        notes.note_produced(produced())
        commit(notes.noted(positions), group_metadata, timeout)

    return commit_noted
