"""Rows go out in bounded numbers, a silence is answered by sending again, and that has an end."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from pipelines.loader.outcomes import LOADED, NO_ANSWER, Outcome, RowResult
from pipelines.loader.window import Answer, Patience, Window
from pipelines.progress import untold

PATIENCE = Patience(rows_under_way=3, silence_s=10.0, attempts=3)
REFUSED = RowResult(outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before")


def rows(count: int) -> dict[str, tuple[int, str]]:
    return {f"GC-{number:04d}": (number, "ELECTRONIC") for number in range(1, count + 1)}


@dataclass(kw_only=True)
class FakeService:
    """Answers what was sent, one row a hearing; each hearing takes a second of its clock.

    `deaf_to` says how many times sending each row goes unheard.
    """

    deaf_to: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    interrupt_after: int | None = None
    sent: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    most_waiting: int = 0
    now_s: float = 1_000.0
    hearings: int = 0

    def clock(self) -> float:
        return self.now_s

    def send(self, certificate_id: str, pool: str) -> None:
        assert pool == "ELECTRONIC"
        self.sent.append(certificate_id)
        left = self.deaf_to.get(certificate_id, 0)
        if left:
            self.deaf_to[certificate_id] = left - 1
            return
        self.waiting.append(certificate_id)
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    def answers(self, timeout_s: float) -> Iterable[Answer]:
        self.now_s += 1.0
        self.hearings += 1
        if self.hearings == self.interrupt_after:
            raise KeyboardInterrupt
        if not self.waiting:
            return []
        number = self.waiting.pop(0)
        return [Answer(certificate_id=number, result=REFUSED if number in self.refused else LOADED)]


def window_on(service: FakeService, count: int) -> Window:
    return Window(rows(count), service, clock=service.clock, patience=PATIENCE)


def test_run_with_a_service_that_answers_hears_of_every_row_once_sent() -> None:
    service = FakeService(refused={"GC-0004"})
    window = window_on(service, 10)
    told: list[tuple[int, int]] = []
    window.run(lambda done, total: told.append((done, total)))
    assert service.sent == list(rows(10))
    assert window.results == dict.fromkeys(rows(10), LOADED) | {"GC-0004": REFUSED}
    assert told == [(done, 10) for done in range(1, 11)]


def test_run_never_has_more_rows_under_way_than_allowed() -> None:
    service = FakeService()
    window_on(service, 50).run(untold)
    assert service.most_waiting == PATIENCE.rows_under_way


def test_run_after_a_silence_sends_again_what_is_under_way_and_nothing_else() -> None:
    service = FakeService(deaf_to={"GC-0002": 2})
    window = window_on(service, 4)
    window.run(untold)
    assert service.sent == ["GC-0001", "GC-0002", "GC-0003", "GC-0004", "GC-0002", "GC-0002"]
    assert set(window.results.values()) == {LOADED}


def test_run_gives_a_row_up_after_its_last_attempt_and_keeps_the_others() -> None:
    service = FakeService(deaf_to={"GC-0002": 99})
    window = window_on(service, 4)
    window.run(untold)
    assert service.sent.count("GC-0002") == PATIENCE.attempts
    assert window.results == dict.fromkeys(rows(4), LOADED) | {"GC-0002": NO_ANSWER}


def test_run_with_a_dead_service_ends_in_time_and_leaves_the_rest_unsent() -> None:
    service = FakeService(deaf_to=dict.fromkeys(rows(10), 99))
    window = window_on(service, 10)
    window.run(untold)
    assert set(service.sent) == {"GC-0001", "GC-0002", "GC-0003"}
    assert window.results == dict.fromkeys(["GC-0001", "GC-0002", "GC-0003"], NO_ANSWER)
    assert service.now_s - 1_000.0 == pytest.approx(PATIENCE.attempts * PATIENCE.silence_s)


def test_run_with_an_answer_now_and_then_goes_on_past_every_silence() -> None:
    service = FakeService(deaf_to={f"GC-{number:04d}": 2 for number in range(1, 7)})
    window = window_on(service, 6)
    window.run(untold)
    assert set(window.results.values()) == {LOADED}


def test_run_hearing_the_same_answer_twice_counts_it_once() -> None:
    service = FakeService()
    service.waiting = ["GC-0001", "GC-9999", "GC-0001"]
    window = window_on(service, 2)
    window.run(untold)
    assert window.results == dict.fromkeys(rows(2), LOADED)


def test_run_interrupted_keeps_what_is_in_and_says_what_is_open() -> None:
    service = FakeService(interrupt_after=3)
    window = window_on(service, 10)
    with pytest.raises(KeyboardInterrupt):
        window.run(untold)
    assert window.results == {
        "GC-0001": LOADED,
        "GC-0002": LOADED,
        "GC-0003": NO_ANSWER,
        "GC-0004": NO_ANSWER,
        "GC-0005": NO_ANSWER,
    }
