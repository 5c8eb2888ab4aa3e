"""Forwarding: to the owner in one hop, never in a circle, and never a wrong word about the end."""

import asyncio
import re
import socket
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from http_edge.api.problems import (
    Problem,
    keys_unavailable,
    moving,
    no_answer,
    overloaded,
    stopping,
)
from http_edge.serving import forwarding as module
from http_edge.serving import hop as hop_module
from http_edge.serving.hop import DEADLINE, HOP
from tests.http_edge.forwarded_calls import OWN, SOON_S, a_call, forwarding, nobody, refused, until
from tests.http_edge.raw_owner import (
    Behaviour,
    KnownPlace,
    babbles,
    breaks_off,
    closes,
    hangs,
    listening,
    refuses,
    resets,
    says,
)

pytestmark = pytest.mark.anyio
Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    monkeypatch.setattr(module, "_log", structlog.get_logger())
    with capture_logs() as lines:
        yield lines


# One hop


async def test_second_hop_is_refused_without_asking_anybody() -> None:
    """Two processes that each take the other for the owner must not call each other for ever."""
    place = KnownPlace("http://10.0.0.2:8080")
    async with forwarding() as forwarder:
        problem = await refused(forwarder, a_call(headers={HOP: "1"}), place)
    assert (problem, place.asked) == ((503, "moving"), 0)


@pytest.mark.parametrize("owner", [None, OWN])
async def test_place_whose_owner_is_unknown_or_ourselves_is_moving(owner: str | None) -> None:
    async with forwarding() as forwarder:
        assert await refused(forwarder, a_call(), KnownPlace(owner)) == (503, "moving")


async def test_owner_in_plain_http_is_not_told_a_token_by_one_that_speaks_https() -> None:
    async with listening(says()) as owner, forwarding("https://10.0.0.1:8080") as forwarder:
        place = KnownPlace(owner.url)
        assert await refused(forwarder, a_call(), place) == (503, "moving")
    assert owner.received == []


async def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are neighbours: what they say of certificates goes through nobody else."""
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, nobody())
    async with listening(says()) as owner, forwarding() as forwarder:
        assert (await forwarder.forward(a_call(), KnownPlace(owner.url))).status == 200


async def test_owner_with_too_many_calls_under_way_gets_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "UNDER_WAY_MAX", 2)
    async with (
        listening(hangs) as stuck,
        listening(says()) as other,
        forwarding() as forwarder,
    ):
        waiting = [
            asyncio.ensure_future(forwarder.forward(a_call(), KnownPlace(stuck.url)))
            for _ in range(2)
        ]
        await until(lambda: len(stuck.received) == 2)
        assert await refused(forwarder, a_call(), KnownPlace(stuck.url)) == (503, "overloaded")
        assert (await forwarder.forward(a_call(), KnownPlace(other.url))).status == 200
        stuck.ended.set()
        await asyncio.wait(waiting)
        assert [type(each.exception()) for each in waiting] == [Problem] * 2
        stuck.behaviour = says(202)
        assert (await forwarder.forward(a_call(), KnownPlace(stuck.url))).status == 202


# An owner that is none any more


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("problem", [moving, stopping])
async def test_owner_that_turns_us_away_has_a_successor_who_is_asked(
    problem: Any, method: str
) -> None:
    async with (
        listening(refuses(problem())) as before,
        listening(says(201)) as after,
        forwarding() as forwarder,
    ):
        place = KnownPlace(before.url, after.url)
        answered = await forwarder.forward(a_call(method), place)
    assert (answered.status, answered.owner) == (201, after.url)
    assert place.wrong == [before.url]
    assert [len(owner.received) for owner in (before, after)] == [1, 1]
    assert after.received[0].headers[HOP] == "1"
    assert after.received[0].body == before.received[0].body


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_owner_that_is_not_there_has_a_successor_who_is_asked(method: str) -> None:
    gone = nobody()
    async with listening(says(201)) as after, forwarding() as forwarder:
        place = KnownPlace(gone, after.url)
        assert (await forwarder.forward(a_call(method), place)).status == 201
    assert (place.wrong, len(after.received)) == ([gone], 1)


@pytest.mark.parametrize("successor", [None, OWN, "the same"])
async def test_owner_that_turns_us_away_without_a_successor_has_the_last_word(
    successor: str | None,
) -> None:
    async with listening(refuses(moving())) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url, owner.url if successor == "the same" else successor)
        answered = await forwarder.forward(a_call(), place)
    assert (answered.status, answered.headers["retry-after"]) == (503, "1")
    assert answered.headers["content-type"] == "application/problem+json"
    assert len(owner.received) == 1


async def test_successor_that_turns_us_away_too_is_the_end_of_it() -> None:
    async with (
        listening(refuses(moving())) as one,
        listening(refuses(moving())) as other,
        forwarding() as forwarder,
    ):
        place = KnownPlace(one.url, other.url, one.url)
        assert (await forwarder.forward(a_call(), place)).status == 503
    assert [len(owner.received) for owner in (one, other)] == [1, 1]


async def test_successor_that_is_not_there_either_is_moving() -> None:
    one, other = nobody(), nobody()
    async with forwarding() as forwarder:
        place = KnownPlace(one, other, one)
        assert await refused(forwarder, a_call(), place) == (503, "moving")
    assert place.wrong == [one, other]


@pytest.mark.parametrize("problem", [overloaded, keys_unavailable, no_answer])
async def test_owner_that_refuses_for_another_reason_is_still_the_owner(problem: Any) -> None:
    async with listening(refuses(problem())) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url, nobody())
        answered = await forwarder.forward(a_call(), place)
    assert answered.status == problem().kind.status
    assert place.wrong == []


# When nobody answers

LOST: list[tuple[Behaviour, str]] = [
    (closes, "closes"),
    (resets, "resets"),
    (breaks_off, "breaks off"),
    (babbles, "babbles"),
]


@pytest.mark.parametrize(
    "behaviour", [pytest.param(behaviour, id=name) for behaviour, name in LOST]
)
async def test_call_that_acts_and_lost_its_answer_may_have_happened(behaviour: Behaviour) -> None:
    """Nobody else is asked: whether it happened is for the same key to find out."""
    async with (
        listening(behaviour) as owner,
        listening(says()) as other,
        forwarding() as forwarder,
    ):
        place = KnownPlace(owner.url, other.url)
        assert await refused(forwarder, a_call(), place) == (504, "no-answer")
    assert (len(owner.received), other.received) == (1, [])


@pytest.mark.parametrize(
    "behaviour", [pytest.param(behaviour, id=name) for behaviour, name in LOST]
)
async def test_read_that_lost_its_answer_is_asked_of_the_successor(behaviour: Behaviour) -> None:
    async with (
        listening(behaviour) as owner,
        listening(says(200)) as other,
        forwarding() as forwarder,
    ):
        place = KnownPlace(owner.url, other.url)
        assert (await forwarder.forward(a_call("GET"), place)).owner == other.url
        alone = KnownPlace(owner.url)
        assert await refused(forwarder, a_call("GET"), alone) == (503, "moving")


@pytest.mark.parametrize(
    ("method", "problem"), [("POST", (504, "no-answer")), ("GET", (503, "moving"))]
)
async def test_owner_that_takes_too_long_is_left(method: str, problem: tuple[int, str]) -> None:
    async with listening(hangs) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url)
        outbound = a_call(method, timeout_s=SOON_S)
        assert await refused(forwarder, outbound, place) == problem
        assert forwarder._connections.kept(owner.url) == 0
    assert int(owner.received[0].headers[DEADLINE]) <= SOON_S * 1000


@pytest.mark.parametrize(
    ("method", "problem"), [("POST", (504, "no-answer")), ("GET", (503, "moving"))]
)
async def test_owner_that_is_never_found_out_is_not_waited_for(
    method: str, problem: tuple[int, str]
) -> None:
    class Unknown(KnownPlace):
        def owner(self) -> Future[str | None]:
            return Future()

    async with forwarding() as forwarder:
        outbound = a_call(method, timeout_s=SOON_S)
        assert await refused(forwarder, outbound, Unknown(None)) == problem


async def test_owner_that_lets_nobody_in_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that hangs says nothing at all, not even no."""
    monkeypatch.setattr(hop_module, "CONNECT_S", SOON_S)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        gone = f"https://127.0.0.1:{mute.getsockname()[1]}"
        async with listening(says()) as after, forwarding() as forwarder:
            place = KnownPlace(gone, after.url)
            assert (await forwarder.forward(a_call(), place)).owner == after.url
    assert place.wrong == [gone]


async def test_stop_asks_nobody_any_more_and_tells_those_who_wait(
    lines: Lines,
) -> None:
    async with listening(hangs) as owner, forwarding() as forwarder:
        calls = {method: a_call(method, timeout_s=600) for method in ("GET", "POST")}
        waiting = {
            method: asyncio.ensure_future(refused(forwarder, call, KnownPlace(owner.url)))
            for method, call in calls.items()
        }
        await until(lambda: len(owner.received) == 2)
        forwarder.refuse_new()
        assert await refused(forwarder, a_call(), KnownPlace(owner.url)) == (503, "stopping")
        assert not any(each.done() for each in waiting.values())
        forwarder.give_up()
        await until(lambda: all(each.done() for each in waiting.values()))
        assert waiting["GET"].result() == (503, "moving")
        assert waiting["POST"].result() == (504, "no-answer")
    assert len(owner.received) == 2


async def test_caller_who_leaves_is_not_taken_for_an_owner_that_does_not_answer() -> None:
    async with listening(hangs) as owner, forwarding() as forwarder:
        place = KnownPlace(owner.url)
        call = asyncio.ensure_future(forwarder.forward(a_call(), place))
        await until(lambda: owner.received)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (place.wrong, forwarder._under_way) == ([], {})


async def test_owner_that_does_not_answer_is_logged_once_and_without_the_call(
    lines: Lines,
) -> None:
    gone = nobody()
    async with forwarding() as forwarder:
        for _ in range(5):
            await refused(forwarder, a_call(), KnownPlace(gone))
    [line] = lines
    assert (line["log_level"], line["owner"]) == ("warning", gone)
    assert not re.search(r"GC-0001|Bearer|amount", str(line))
