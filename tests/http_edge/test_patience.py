"""A call about what changes hands is tried again until it is answered, within its caller's time."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from http_edge.api.problems import (
    Problem,
    code_key_missing,
    keys_unavailable,
    moving,
    no_answer,
    not_found,
    not_there_yet,
    overloaded,
    stopping,
    too_many_requests,
)
from http_edge.serving import patience as module
from http_edge.serving.patience import ENOUGH_S, WAITING_MAX, Patience

pytestmark = pytest.mark.anyio

LONG_S = 30.0


class Owner:
    """Answers with each of these in turn; with the last one for ever."""

    def __init__(self, *answers: Callable[[], Problem] | str) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if isinstance(answer, str):
            return answer
        raise answer()


def busy() -> Problem:
    return too_many_requests(1, {})


async def told(owner: Owner, *, for_s: float = LONG_S, patience: Patience | None = None) -> str:
    """What the caller is told: an answer, or a problem's name."""
    try:
        return await (patience or Patience()).answered(owner, time.monotonic() + for_s)
    except Problem as problem:
        return problem.kind.name


@pytest.mark.parametrize("passing", [moving, no_answer])
async def test_caller_waits_while_the_owner_changes(passing: Callable[[], Problem]) -> None:
    owner = Owner(passing, passing, "done")
    assert await told(owner) == "done"
    assert owner.asked == 3


@pytest.mark.parametrize("refusal", [not_found, stopping, overloaded, busy])
async def test_what_does_not_pass_in_a_moment_is_told_at_once(
    refusal: Callable[[], Problem],
) -> None:
    owner = Owner(refusal, "done")
    assert await told(owner) == refusal().kind.name
    assert owner.asked == 1


async def test_caller_whose_time_is_over_is_told_the_last_problem() -> None:
    assert await told(Owner(moving), for_s=ENOUGH_S + 0.15) == "moving"


async def test_caller_without_time_for_a_second_attempt_is_told_at_once() -> None:
    owner = Owner(moving)
    assert await told(owner, for_s=ENOUGH_S / 2) == "moving"
    assert owner.asked == 1


@pytest.mark.parametrize(
    "last",
    [moving, stopping, overloaded, busy, not_there_yet, keys_unavailable, code_key_missing],
)
async def test_call_that_may_have_been_heard_is_never_said_to_have_done_nothing(
    last: Callable[[], Problem],
) -> None:
    """Who is told 503 may take another number; who is told 504 knows to ask for this one."""
    assert await told(Owner(no_answer, last), for_s=ENOUGH_S + 0.15) == "no-answer"


@pytest.mark.parametrize(
    ("status", "wanted"),
    [(429, "no-answer"), (503, "no-answer"), (200, "3"), (402, "3"), (404, "3"), (409, "3")],
)
async def test_answer_of_another_process_after_a_silence_is_told_only_if_it_is_definite(
    status: int, wanted: str
) -> None:
    owner = Owner(no_answer, "3")
    until_s = time.monotonic() + LONG_S
    try:
        told = await Patience().answered(owner, until_s, lambda _told: status)
    except Problem as problem:
        told = problem.kind.name
    assert told == wanted


@pytest.mark.parametrize("status", [429, 503])
async def test_refusal_of_another_process_is_told_as_it_is_where_nobody_can_have_heard(
    status: int,
) -> None:
    owner = Owner(moving, "refused")
    until_s = time.monotonic() + LONG_S
    assert await Patience().answered(owner, until_s, lambda _told: status) == "refused"


async def test_call_that_waits_is_tried_soon_and_then_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each attempt is a call at other processes, too."""
    now_s, pauses_s = [0.0], list[float]()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))

    async def pause(_patience: Patience, pause_s: float) -> None:
        pauses_s.append(pause_s)
        now_s[0] += pause_s

    monkeypatch.setattr(Patience, "_pause", pause)
    owner = Owner(moving)
    with pytest.raises(Problem):
        await Patience().answered(owner, 5.0)
    assert pauses_s == sorted(pauses_s)
    assert sum(pauses_s[:3]) < 0.3, "most owners are back by then"
    assert owner.asked <= 20


async def test_outcome_after_a_silence_is_told() -> None:
    assert await told(Owner(no_answer, moving, not_found)) == "not-found"


async def test_crowd_beyond_the_limit_does_not_wait() -> None:
    patience = Patience()
    crowd = [
        asyncio.create_task(told(Owner(moving), patience=patience)) for _ in range(WAITING_MAX)
    ]
    await asyncio.sleep(0)
    owner = Owner(moving)
    assert await told(owner, patience=patience) == "moving"
    assert owner.asked == 1
    patience.refuse_new()
    patience.give_up()
    assert set(await asyncio.gather(*crowd)) == {"moving"}


async def test_edge_that_stops_lets_nobody_begin_to_wait() -> None:
    patience = Patience()
    patience.refuse_new()
    owner = Owner(moving)
    assert await told(owner, patience=patience) == "moving"
    assert owner.asked == 1
