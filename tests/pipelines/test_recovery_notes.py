"""The notes in commits: each says how far the changelog is, and never less."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import TopicPartition

from pipelines.recovery.changelog_note import ChangelogNote
from pipelines.recovery.commit_notes import CommitNotes, commit_with
from pipelines.recovery.judgement import LogSays

INPUT = ("Commands", 3)
CHANGELOG = ("changelog", 3)


class Producer:
    """The library's producer: its book of offsets is another object after each abort."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self.commits: list[list[TopicPartition]] = []

    def commit_transaction(
        self, positions: list[TopicPartition], group_metadata: Any, timeout: float | None = None
    ) -> None:
        assert (group_metadata, timeout) == (None, None)
        self.commits.append(positions)

    def abort(self) -> None:
        self.offsets = {}

    def noted(self) -> list[tuple[int, str | None]]:
        return [(position.offset, position.metadata) for position in self.commits[-1]]


def begun(note: ChangelogNote | None, end: int = 8) -> tuple[Producer, Any]:
    """A producer whose worker was just given the partition."""
    producer, notes = Producer(), CommitNotes()
    says = LogSays(log="c/t", topic_id="t", start=0, end=end, committed=1, note=note)
    logs: Mapping[tuple[str, int], LogSays] = {INPUT: says}
    notes.begin({INPUT: CHANGELOG}, logs)
    return producer, commit_with(notes, producer.commit_transaction, lambda: producer.offsets)


def place(offset: int) -> TopicPartition:
    return TopicPartition(*INPUT, offset)


def test_commit_says_the_last_record_that_was_written() -> None:
    producer, commit = begun(ChangelogNote(topic_id="t", offset=7))
    producer.offsets[CHANGELOG] = 11
    commit([place(5)], None)
    assert producer.noted() == [(5, "giftcert/1 t 11")]


def test_commit_without_a_change_repeats_what_was_known() -> None:
    producer, commit = begun(ChangelogNote(topic_id="t", offset=7))
    commit([place(5)], None)
    assert producer.noted() == [(5, "giftcert/1 t 7")]


def test_commit_after_an_aborted_transaction_still_says_the_last_record() -> None:
    """A note that fell back would end the next recovery before what was committed."""
    producer, commit = begun(ChangelogNote(topic_id="t", offset=7))
    producer.offsets[CHANGELOG] = 11
    commit([place(5)], None)
    producer.abort()
    commit([place(6)], None)
    assert producer.noted() == [(6, "giftcert/1 t 11")]
    producer.offsets[CHANGELOG] = 15
    commit([place(7)], None)
    assert producer.noted() == [(7, "giftcert/1 t 15")]


def test_commit_after_the_partition_was_away_says_what_its_other_owners_wrote() -> None:
    producer, commit = begun(ChangelogNote(topic_id="t", offset=30))
    producer.offsets[CHANGELOG] = 11
    commit([place(9)], None)
    assert producer.noted() == [(9, "giftcert/1 t 30")]


def test_first_commit_over_one_without_a_note_says_the_end_that_was_recovered_to() -> None:
    producer, commit = begun(None, end=8)
    commit([place(9)], None)
    assert producer.noted() == [(9, "giftcert/1 t 7")]


def test_input_without_a_changelog_has_no_note() -> None:
    producer, commit = begun(None)
    commit([TopicPartition("All_Payments", 0, 3)], None)
    assert [position.metadata for position in producer.commits[-1]] == [None]
