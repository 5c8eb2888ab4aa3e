"""The log in memory keeps Kafka's promises: what is visible when, and whose commit is taken."""

from random import Random

import pytest

from pipelines.simulation.group import Group
from pipelines.simulation.log import Log, ProducerFenced, Refusal, StoreChange, Transaction
from pipelines.stages.record import Outgoing
from pipelines.topics import REPLIES, STREAM

TOPIC = STREAM.name
PLACE = ("Commands", 0)


def written(log: Log, value: bytes, transaction: Transaction | None = None) -> None:
    log.write(Outgoing(topic=STREAM, key=b"key", value=value), transaction=transaction)


def seen(log: Log) -> list[tuple[int, bytes | None]]:
    """Offset and value of each record that a read_committed reader sees."""
    return [(record.offset, record.value) for record in log.partition(TOPIC, 0).visible()]


def group_of(*lives: str) -> Group:
    """A group of these lives, each of the member of its first letter."""
    group = Group(["Commands"], 1)
    group.distribute({life[0]: life for life in lives}, Random(0))
    return group


def commit(
    log: Log, transaction: Transaction, group: Group, life: str = "a1", generation: int = 1
) -> Refusal | None:
    return log.commit(
        transaction, group, member="a", life=life, generation=generation, offsets={PLACE: 7}
    )


def test_reading_before_the_commit_shows_nothing_and_after_it_all_of_the_transaction() -> None:
    log, group = Log(1), group_of("a1")
    transaction = log.begin("a", log.register("a"))
    written(log, b"one", transaction)
    written(log, b"two", transaction)
    log.changelog("changelog", 0).append([StoreChange(b"k", b"v")], transaction)
    assert seen(log) == []
    assert list(log.changelog("changelog", 0).visible()) == []

    assert commit(log, transaction, group) is None

    assert seen(log) == [(0, b"one"), (1, b"two")]
    assert list(log.changelog("changelog", 0).visible()) == [(b"k", b"v")]
    assert group.committed == {PLACE: 7}


def test_reading_stops_before_an_open_transaction_even_for_records_outside_of_any() -> None:
    log, group = Log(1), group_of("a1")
    written(log, b"before")
    transaction = log.begin("a", log.register("a"))
    written(log, b"within", transaction)
    written(log, b"behind")

    assert seen(log) == [(0, b"before")]
    assert log.partition(TOPIC, 0).is_blocked

    commit(log, transaction, group)
    assert seen(log) == [(0, b"before"), (1, b"within"), (2, b"behind")]


def test_committing_may_show_one_partition_before_another_and_all_before_the_next_begins() -> None:
    late = iter([True, False])
    log, group = Log(1, lambda: next(late)), group_of("a1")
    epoch = log.register("a")
    transaction = log.begin("a", epoch)
    written(log, b"late", transaction)
    log.write(Outgoing(topic=REPLIES, key=b"key", value=b"at once"), transaction=transaction)
    assert commit(log, transaction, group) is None

    assert seen(log) == []
    assert [each.value for each in log.partition(REPLIES.name, 0).visible()] == [b"at once"]
    assert not log.is_quiet

    log.begin("a", epoch)
    assert seen(log) == [(0, b"late")]


def test_aborting_hides_the_records_for_ever_and_leaves_their_offsets_unused() -> None:
    log = Log(1)
    transaction = log.begin("a", log.register("a"))
    written(log, b"never", transaction)
    log.abort(transaction)
    written(log, b"after")

    # Offset 0 was the record's, offset 1 is the marker's.
    assert seen(log) == [(2, b"after")]


def test_committing_writes_one_marker_in_each_partition_however_many_records_it_has() -> None:
    log, group = Log(1), group_of("a1")
    transaction = log.begin("a", log.register("a"))
    written(log, b"one", transaction)
    written(log, b"two", transaction)
    commit(log, transaction, group)
    written(log, b"next")

    assert seen(log)[-1] == (3, b"next")


def test_committing_after_a_later_life_registered_is_refused_and_shows_nothing() -> None:
    log, group = Log(1), group_of("a1")
    epoch = log.register("a")
    transaction = log.begin("a", epoch)
    written(log, b"never", transaction)
    log.register("a")

    assert commit(log, transaction, group) is Refusal.FENCED
    assert seen(log) == []
    assert group.committed == {}
    with pytest.raises(ProducerFenced):
        written(log, b"more", transaction)
    with pytest.raises(ProducerFenced):
        log.begin("a", epoch)


def test_committing_after_the_transaction_was_given_up_is_refused() -> None:
    log, group = Log(1), group_of("a1")
    transaction = log.begin("a", log.register("a"))
    written(log, b"never", transaction)

    assert log.give_up("a")
    assert not log.give_up("a")
    assert commit(log, transaction, group) is Refusal.FENCED
    assert seen(log) == []


@pytest.mark.parametrize(
    ("lives", "refusal"),
    [
        (("a1",), Refusal.PUT_OUT),  # The same member, of a later generation.
        (("b1",), Refusal.PUT_OUT),  # No member any more.
        (("a2",), Refusal.FENCED),  # Another life under the same name.
    ],
)
def test_committing_when_the_group_went_on_is_refused(
    lives: tuple[str, ...], refusal: Refusal
) -> None:
    log, group = Log(1), group_of("a1")
    transaction = log.begin("a", log.register("a"))
    written(log, b"never", transaction)
    group.distribute({life[0]: life for life in lives}, Random(0))

    assert commit(log, transaction, group) is refusal
    assert group.committed == {}
    log.abort(transaction)
    assert seen(log) == []


def test_coming_back_under_the_same_name_keeps_what_the_member_had() -> None:
    group = group_of("a1", "b1")
    held = group.members["a"].held

    assert group.take_over("a", "a2") is group.members["a"]
    assert (group.members["a"].held, group.members["a"].life) == (held, "a2")
    assert group.generation == 1
    assert group.take_over("c", "c1") is None


def test_distributing_gives_every_partition_to_exactly_one_member() -> None:
    for members in range(1, 6):
        group = Group(["Commands", "Pool"], 4)
        group.distribute({f"m{each}": "1" for each in range(members)}, Random(members))
        held = [place for member in group.members.values() for place in member.held]
        assert sorted(held) == [
            (topic, part) for topic in ("Commands", "Pool") for part in range(4)
        ]
        assert all(group.owner_of(place) is not None for place in held)
