"""The reference's pool: first in, first out, the same number for the same request."""

from typing import Any

from pipelines.simulation.reference_pool import Pool, Served
from tests.simulation.commands_told import pool_told


def add(number: str) -> dict[str, Any]:
    return pool_told("ADD", certificateId=number)


def take(request: str, **fields: Any) -> dict[str, Any]:
    return pool_told("TAKE_NEXT", requestId=request, lowMark=0, **fields)


def served(*commands: dict[str, Any]) -> Served:
    pool = Pool()
    return [pool.perform(command) for command in commands][-1]


def test_the_number_that_came_first_is_given_first() -> None:
    pool = Pool()
    for command in (
        add("A1"),
        add("A2"),
        add("A1"),
        add("A3"),
        pool_told("FORGET", certificateId="A2"),
    ):
        pool.perform(command)
    assert [pool.perform(take(f"r{place}")).number for place in range(2)] == ["A1", "A3"]
    assert pool.perform(take("r3")).code == "POOL_EMPTY"


def test_a_request_gets_its_number_again_and_another_only_in_place_of_it() -> None:
    first = (add("A1"), add("A2"), take("r"))
    assert served(*first, take("r")).number == "A1"
    assert served(*first, take("r", insteadOf="A1")).number == "A2"
    assert served(*first, take("r", bodyDigest="other")).code == "REQUEST_REUSED"


def test_an_empty_pool_is_told_of_once_a_request_and_for_ever() -> None:
    assert served(take("r")) == Served(code="POOL_EMPTY", events=[(1, "issue.blocked")])
    assert served(take("r"), add("A1"), take("r")) == Served(code="POOL_EMPTY")


def test_a_low_pool_warns_once_until_it_is_above_its_mark() -> None:
    low = {"lowMark": 2}
    stock = [add(f"A{place}") for place in range(4)]
    takes = [{**take(f"r{place}"), **low} for place in range(4)]
    assert served(*stock, *takes[:2]).events == []
    assert served(*stock, *takes[:3]).events == [(1, "alert")]
    assert served(*stock, *takes).events == []
    refilled = (*stock, *takes[:3], add("B1"), add("B2"))
    assert served(*refilled, {**take("late"), **low}).events == []
    assert served(*refilled, {**take("late"), **low}, {**take("later"), **low}).events == [
        (2, "alert")
    ]
