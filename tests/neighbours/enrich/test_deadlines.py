"""The queues of a shard: what was put in first is due first, and nothing stays that was taken."""

from pipelines.neighbours.enrich.deadlines import Deadlines
from pipelines.neighbours.enrich.join import Delay
from tests.neighbours.enrich.enrichment_in_memory import DictState


def test_order_ids_are_due_in_turn_and_only_once() -> None:
    deadlines = Deadlines(DictState())
    for at_ms, order_id in ((10, "a"), (10, "b"), (20, "c")):
        deadlines.put(Delay.WAIT, at_ms, order_id)
    assert deadlines.take_due(9, 100) == []
    assert deadlines.take_due(10, 100) == ["a", "b"]
    assert deadlines.take_due(19, 100) == []
    assert deadlines.take_due(20, 100) == ["c"]
    assert deadlines.take_due(1_000, 100) == []


def test_short_delays_do_not_wait_behind_long_ones() -> None:
    deadlines = Deadlines(DictState())
    deadlines.put(Delay.KEEP, 1_000, "kept")
    deadlines.put(Delay.WAIT, 10, "waits")
    assert deadlines.take_due(10, 100) == ["waits"]
    assert deadlines.take_due(1_000, 100) == ["kept"]


def test_no_more_than_the_limit_is_taken_of_each_delay() -> None:
    deadlines = Deadlines(DictState())
    for number in range(5):
        deadlines.put(Delay.WAIT, 1, f"w{number}")
        deadlines.put(Delay.FORGET, 1, f"f{number}")
    assert deadlines.take_due(1, 2) == ["w0", "w1", "f0", "f1"]
    assert deadlines.take_due(1, 2) == ["w2", "w3", "f2", "f3"]
    assert deadlines.take_due(1, 2) == ["w4", "f4"]


def test_entry_that_was_taken_leaves_only_the_ends_of_its_queue() -> None:
    state = DictState()
    deadlines = Deadlines(state)
    for _ in range(3):
        deadlines.put(Delay.WAIT, 1, "a")
        deadlines.take_due(1, 100)
    assert list(state.kept) == [b"qw"]


def test_order_id_of_any_letters_comes_back_as_it_was() -> None:
    deadlines = Deadlines(DictState())
    deadlines.put(Delay.WAIT, 1, "заказ|№ 7")
    assert deadlines.take_due(1, 100) == ["заказ|№ 7"]


def test_clock_that_was_put_back_only_delays() -> None:
    deadlines = Deadlines(DictState())
    deadlines.put(Delay.WAIT, 100, "before")
    deadlines.put(Delay.WAIT, 50, "after")
    assert deadlines.take_due(99, 100) == []
    assert deadlines.take_due(100, 100) == ["before", "after"]
