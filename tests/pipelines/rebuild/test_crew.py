"""A crew gives every result once, counts what all do, and takes a task only when it can."""

import operator
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from pipelines.faults import OperatorError
from pipelines.rebuild.crew import Crew, usual_processes
from pipelines.rebuild.folding import Workshop
from tests.pipelines.rebuild.log_in_memory import SETTINGS


def work(shop: Workshop, task: int) -> int:
    shop.told(task)
    assert shop.framing.encode is not None
    return task * 2


def test_crew_of_one_works_here_and_counts() -> None:
    heard: list[tuple[int, int]] = []
    crew = Crew(SETTINGS, frozenset(), processes=1, advance=lambda *each: heard.append(each))
    assert list(crew.results(work, iter([3, 4]), total=6)) == [6, 8]
    assert heard == [(3, 6), (6, 6)], "more than foreseen is shown as all"
    assert crew.done == 7


def test_crew_of_processes_gives_every_result_and_passes_on_a_fault() -> None:
    """The work is the standard library's: a process begins with nothing of a test's."""
    crew = Crew(SETTINGS, frozenset(), processes=2, advance=lambda *_: None)
    results = list(crew.results(operator.is_, iter(range(5)), total=5))
    assert sorted(results) == [False] * 5
    with pytest.raises(TypeError):
        list(crew.results(operator.add, iter([1]), total=1))


def test_crew_of_which_a_process_dies_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_arguments: object) -> Iterator[int]:
        raise BrokenProcessPool

    crew = Crew(SETTINGS, frozenset(), processes=2, advance=lambda *_: None)
    monkeypatch.setattr(crew, "_shared_out", broken)
    with pytest.raises(OperatorError, match="fewer --processes"):
        list(crew.results(work, iter([1]), total=1))


def test_usual_crew_has_a_process_for_each_processor() -> None:
    assert usual_processes() >= 1


@pytest.mark.parametrize(
    ("share", "least", "most"),
    [("100000 100000\n", 1, 1), ("50000 100000\n", 1, 1), ("max 100000\n", 1, 10_000)],
)
def test_container_is_worked_with_no_more_processors_than_it_is_given(
    tmp_path: Path, share: str, least: int, most: int
) -> None:
    """Else each would take its memory, as many as the whole node has processors."""
    file = tmp_path / "cpu.max"
    file.write_text(share)
    assert least <= usual_processes(file) <= most
    file.write_text("12300000000 100000\n")
    assert usual_processes(file) == usual_processes(tmp_path / "none")
