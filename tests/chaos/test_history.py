"""What a killed caller leaves in its journal is read as it was, and its successor goes on there."""

from pathlib import Path

from tests.chaos.caller_process import left_open
from tests.chaos.edge_calls import left_behind
from tests.chaos.history import history_of
from tests.chaos.journal import (
    Answered,
    Invoked,
    Journal,
    LifeBegun,
    LifeEnded,
    Line,
    Started,
    Telling,
    Told,
    Unanswered,
    read_journal,
)


def invoked(call: int, key: str | None, *, life: str = "C0-000000", at_ns: int = 1) -> Invoked:
    return Invoked(
        at_ns=at_ns,
        call=call,
        life=life,
        step="step",
        operation="lock",
        client="support",
        key=key,
        number="GC-00000001",
        body={},
        edge=0,
        position=None,
    )


def answered(call: int, status: int, *, at_ns: int = 2, problem: str | None = None) -> Answered:
    return Answered(
        at_ns=at_ns,
        call=call,
        status=status,
        problem=problem,
        content={},
        position=None,
        version=None,
    )


LINES: list[Line] = [
    Started(at_ns=0, process=1),
    LifeBegun(at_ns=0, life="C0-000000"),
    invoked(1, "a", at_ns=1),
    Unanswered(at_ns=2, call=1, why="ReadTimeout", sent=True),
    invoked(2, "a", at_ns=3),
    answered(2, 503, at_ns=4, problem="moving"),
    invoked(3, "a", at_ns=5),
    answered(3, 200, at_ns=6),
    invoked(4, "b", at_ns=7),
    Started(at_ns=8, process=2),
    invoked(5, "b", at_ns=9),
    answered(5, 403, at_ns=10, problem="wrong-cvc"),
    invoked(6, None, at_ns=11),
    answered(6, 404, at_ns=12),
    invoked(7, "c", at_ns=13),
]


def test_operation_lasts_from_its_first_attempt_to_the_first_outcome() -> None:
    history = history_of([LINES])
    first = history.operations["support\na"]
    assert (first.began_ns, first.told_ns, len(first.attempts)) == (1, 6, 3)
    assert first.ok


def test_attempt_of_a_killed_caller_has_no_end_and_its_successors_outcome_counts() -> None:
    second = history_of([LINES]).operations["support\nb"]
    assert [attempt.ended_ns for attempt in second.attempts] == [None, 10]
    assert second.told_ns == 10
    assert not second.ok


def test_operation_that_nobody_was_told_of_has_no_outcome() -> None:
    third = history_of([LINES]).operations["support\nc"]
    assert third.outcome is None
    assert not third.ok


def test_history_counts_calls_processes_and_reads() -> None:
    history = history_of([LINES])
    assert (history.calls, history.processes, len(history.reads)) == (7, 2, 1)


def test_successor_knows_the_outcomes_and_repeats_what_is_open() -> None:
    outcomes, still_open = left_behind(LINES)
    assert {key: reply.status for key, reply in outcomes.items()} == {"a": 200, "b": 403}
    assert still_open == {"c"}


def test_successor_does_not_repeat_for_a_customer_whose_story_has_ended() -> None:
    _, still_open = left_behind([*LINES, LifeEnded(at_ns=14, life="C0-000000", how="stuck")])
    assert still_open == set()


def test_successor_goes_on_with_the_customers_that_were_left() -> None:
    lines: list[Line] = [
        LifeBegun(at_ns=0, life="C0-000000"),
        LifeBegun(at_ns=1, life="C0-000001"),
        LifeEnded(at_ns=2, life="C0-000000", how="spent"),
    ]
    assert left_open(lines) == (["C0-000001"], 2)


def test_source_record_without_kafkas_word_is_not_known_to_be_there() -> None:
    telling = [
        Telling(at_ns=at_ns, life="C0-000000", event=event, kind="Order", fields={})
        for at_ns, event in ((1, "a"), (3, "b"))
    ]
    history = history_of([[telling[0], Told(at_ns=2, event="a"), telling[1]]])
    assert [(source.event, source.told_ns) for source in history.sources] == [("a", 2), ("b", None)]


def test_journal_of_a_caller_killed_while_writing_is_read_to_its_last_whole_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    first = Journal(path)
    first.write(LINES[0])
    first.close()
    with path.open("ab") as file:
        file.write(b'{"what":"invoked","ca')
    assert list(read_journal(path)) == LINES[:1]
    second = Journal(path)
    assert second.kept == LINES[:1]
    second.write(LINES[9])
    second.close()
    assert list(read_journal(path)) == [LINES[0], LINES[9]]
