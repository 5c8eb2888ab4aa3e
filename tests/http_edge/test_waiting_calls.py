"""A call about a partition that changes hands waits at the edge it came to, and only there."""

import dataclasses
from typing import Any

import pytest

from http_edge.api.problems import moving
from http_edge.serving.hop import HOP, Answered, Forwarded
from http_edge.serving.patience import Patience
from pipelines.settings import Settings
from pipelines.topics import POOL
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    AUDITOR,
    SIBLING,
    STORE,
    SUPPORT,
    FakeServices,
    call,
    problem_of,
)
from tests.http_edge.flow_in_memory import PARTITIONS

pytestmark = pytest.mark.anyio

TURNED_AWAY = Answered(
    owner=SIBLING, status=503, headers={}, content=b'{"type":"https://x/problems/stopping"}'
)
SILENT = Answered(owner=SIBLING, status=504, headers={}, content=b'{"type":"x/no-answer"}')
DONE = Answered(owner=SIBLING, status=200, headers={}, content=b"{}")
BALANCE = f"/certificates/{made.NUMBER}/balance"


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


def between(services: FakeServices, *answers: Answered) -> list[Forwarded]:
    """Let an owner elsewhere answer so, one after the other; what it was asked."""
    services.gate = dataclasses.replace(services.gate, patience=Patience())
    services.certificates.held.clear()
    asked: list[Forwarded] = []

    async def forward(outbound: Forwarded, _place: Any) -> Answered:
        asked.append(outbound)
        return answers[min(len(asked), len(answers)) - 1]

    services.forwarder.forward = forward  # type: ignore[method-assign, assignment]  # for this test
    return asked


@pytest.mark.parametrize("passing", [TURNED_AWAY, SILENT], ids=["turned away", "silent"])
async def test_caller_is_answered_once_the_owner_is_back(
    services: FakeServices, passing: Answered
) -> None:
    asked = between(services, passing, passing, DONE)
    answer = await call(services, "GET", BALANCE, STORE)
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert len(asked) == 3
    left_s = [each.timeout_s for each in asked]
    assert left_s == sorted(left_s, reverse=True), "each attempt has what is left of the time"


async def test_call_that_was_passed_on_is_turned_away_at_once(services: FakeServices) -> None:
    """Whoever passed it on waits with the caller, and asks the group again."""
    asked = between(services, TURNED_AWAY, DONE)
    answer = await call(services, "GET", BALANCE, STORE, headers={HOP: "1"})
    assert problem_of(answer) == (503, "moving")
    assert len(asked) == 1


def refused(status: int, kind: str) -> Answered:
    content = f'{{"type":"https://x/problems/{kind}"}}'.encode()
    return Answered(owner=SIBLING, status=status, headers={"retry-after": "30"}, content=content)


REFUSALS = [(503, "overloaded"), (429, "too-many-requests"), (503, "keys-unavailable")]
OUTCOMES = [(402, "insufficient-balance"), (404, "not-found"), (409, "not-available")]


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
async def test_call_that_may_have_been_heard_is_not_told_another_owner_s_refusal(
    services: FakeServices, status: int, kind: str
) -> None:
    """The till would take cash, and the hold might stand."""
    asked = between(services, SILENT, refused(status, kind))
    answer = await call(services, "GET", BALANCE, STORE)
    assert problem_of(answer) == (504, "no-answer")
    assert "retry-after" not in answer.headers
    assert len(asked) == 2


@pytest.mark.parametrize(("status", "kind"), OUTCOMES)
async def test_outcome_that_comes_after_a_silence_is_told(
    services: FakeServices, status: int, kind: str
) -> None:
    between(services, SILENT, TURNED_AWAY, refused(status, kind))
    answer = await call(services, "GET", BALANCE, STORE)
    assert (answer.status_code, answer.content) == (status, refused(status, kind).content)


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
async def test_refusal_of_an_owner_is_told_where_nobody_can_have_heard_the_call(
    services: FakeServices, status: int, kind: str
) -> None:
    between(services, TURNED_AWAY, refused(status, kind))
    answer = await call(services, "GET", BALANCE, STORE)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "30")


def of_three_calls() -> FakeServices:
    """An owner that lets each client in three times a minute, and has its partitions."""
    return FakeServices(Settings(partitions=PARTITIONS, rate_limit="3/minute"))


def left(answer: Any) -> str:
    share: str = answer.headers["ratelimit"]
    return share.split(";")[1]


def between_others(services: FakeServices) -> None:
    between(services, TURNED_AWAY)


def not_serving(services: FakeServices) -> None:
    services.certificates.held.clear()
    services.worker.serving = False


@pytest.mark.parametrize("away", [between_others, not_serving])
async def test_hops_that_are_turned_away_use_up_nothing_of_the_client_s_share(away: Any) -> None:
    """An owner that is just back would else refuse the whole channel for half a minute."""
    services = of_three_calls()
    held = set(services.certificates.held)
    made.active(services.flow)
    away(services)
    for _ in range(10):
        answer = await call(services, "GET", BALANCE, STORE, headers={HOP: "1"})
        assert problem_of(answer) == (503, "moving")
    services.certificates.held |= held
    services.worker.serving = True
    answer = await call(services, "GET", BALANCE, STORE, headers={HOP: "1"})
    assert (answer.status_code, left(answer)) == (200, "r=2")


async def test_call_that_was_not_passed_on_is_counted_although_it_is_turned_away() -> None:
    services = of_three_calls()
    not_serving(services)
    told = [problem_of(await call(services, "GET", BALANCE, STORE)) for _ in range(4)]
    assert told == [(503, "moving")] * 3 + [(429, "too-many-requests")]


async def test_listing_that_is_turned_away_uses_up_nothing_of_the_client_s_share() -> None:
    services = of_three_calls()
    listing = "/internal/pools?partitions=0"
    services.pools.is_moving = True
    for _ in range(10):
        answer = await call(services, "GET", listing, AUDITOR, headers={HOP: "1"})
        assert problem_of(answer) == (503, "moving")
    services.pools.is_moving = False
    answer = await call(services, "GET", listing, AUDITOR, headers={HOP: "1"})
    assert (answer.status_code, left(answer)) == (200, "r=2")


async def test_listing_asks_an_owner_that_has_told_no_second_time(services: FakeServices) -> None:
    """While another owner is not back, those that are would count the same question often."""
    services.gate = dataclasses.replace(services.gate, patience=Patience())
    services.pools.held.clear()
    for partition in range(PARTITIONS):
        services.owners.give(POOL, partition, f"http://10.0.0.{2 + partition % 2}:8080")
    asked: list[str] = []

    async def get_json(owner: str, *_: Any, **__: Any) -> object:
        asked.append(owner)
        if owner != SIBLING and asked.count(owner) < 4:
            raise moving()
        return []

    services.forwarder.get_json = get_json  # type: ignore[method-assign]  # for this test
    answer = await call(services, "GET", "/pools", SUPPORT)
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    assert (asked.count(SIBLING), len(asked)) == (1, 5)
