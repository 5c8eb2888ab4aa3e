"""How full the pools are: all of them or none, wherever they are kept."""

from typing import Any

import pytest

from pipelines.partitioning import partition_of
from pipelines.topics import POOL, topic_name
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    AUDITOR,
    OWN_URL,
    SIBLING,
    STORE,
    SUPPORT,
    FakeServices,
    call,
    problem_of,
    token,
)
from tests.http_edge.flow_in_memory import PARTITIONS
from tests.http_edge.two_processors import TwoProcessors

pytestmark = pytest.mark.anyio
POOLS = ("ELECTRONIC", "ELECTRONIC_B", "PHYSICAL", "AA")
EVERY = range(PARTITIONS)


def fill(flow: Any) -> None:
    """Three, two and one number, and a pool whose one number is taken."""
    for pool, count in zip(POOLS, (3, 2, 1, 1), strict=True):
        for each in range(count):
            made.available(flow, f"GC-{pool.replace('_', '-')}-{each}", pool)


async def take(services: FakeServices, pool: str, key: str = "r-1") -> None:
    answer = await call(services, "POST", "/certificates/next", STORE, key=key, body={"pool": pool})
    assert answer.status_code == 201


def row(pool: str, level: int, low_mark: int = 7) -> dict[str, Any]:
    return {"pool": pool, "level": level, "lowMark": low_mark, "low": level < low_mark}


WHOLE = [row("AA", 0), row("ELECTRONIC", 3), row("ELECTRONIC_B", 2), row("PHYSICAL", 1)]


async def test_every_pool_is_told_by_name() -> None:
    services = FakeServices()
    fill(services.flow)
    await take(services, "AA")
    answer = await call(services, "GET", "/pools", SUPPORT)
    assert (answer.status_code, answer.json()) == (200, {"items": WHOLE})


async def test_no_pools_are_none() -> None:
    answer = await call(FakeServices(), "GET", "/pools", SUPPORT)
    assert answer.json() == {"items": []}


@pytest.mark.parametrize(("mark", "low"), [(0, False), (2, False), (3, True)])
async def test_pool_is_low_below_the_mark_it_was_last_taken_from_with(mark: int, low: bool) -> None:
    """The mark that the alert goes by, not today's setting of the process that is asked."""
    services = FakeServices()
    fill(services.flow)
    taking = FakeServices(
        services.settings.model_copy(update={"pool_low_mark": mark}), services.flow
    )
    await take(taking, "ELECTRONIC")
    services.settings = services.settings.model_copy(update={"pool_low_mark": 0})
    (told,) = [
        each
        for each in (await call(services, "GET", "/pools", SUPPORT)).json()["items"]
        if each["pool"] == "ELECTRONIC"
    ]
    assert told == {"pool": "ELECTRONIC", "level": 2, "lowMark": mark, "low": low}


@pytest.mark.parametrize("theirs", [EVERY, EVERY[::2], EVERY[:1], EVERY[1:]])
async def test_pools_of_all_processors_are_one_listing(theirs: range) -> None:
    both = TwoProcessors(pools=theirs)
    fill(both.flow)
    await take(both.asked, "AA")
    answer = await call(both.asked, "GET", "/pools", SUPPORT)
    assert (answer.status_code, answer.json()) == (200, {"items": WHOLE})
    ((owner, path, query, authorization),) = both.asked.forwarder.listed
    assert (owner, path) == (SIBLING, "/internal/pools")
    assert query == {"partitions": ",".join(map(str, theirs))}
    assert authorization == SUPPORT["Authorization"]


async def test_pools_that_are_all_here_need_nobody_else() -> None:
    services = FakeServices()
    fill(services.flow)
    await call(services, "GET", "/pools", SUPPORT)
    assert services.forwarder.listed == []


MOVING: dict[str, Any] = {
    "no answer": lambda both: both.asked.forwarder.siblings.clear(),
    "one is theirs no more": lambda both: both.sibling.pools.held.discard(0),
    "closing there": lambda both: setattr(both.sibling.pools, "is_closed", True),
    "one is nobody's": lambda both: both.asked.owners.held.pop(
        (topic_name(POOL, both.asked.settings), 2)
    ),
    "one is said to be ours": lambda both: both.asked.owners.give(POOL, 2, OWN_URL),
    "closing here": lambda both: setattr(both.asked.pools, "is_closed", True),
    "we are changing": lambda both: setattr(both.asked.worker, "serving", False),
}


@pytest.mark.parametrize("why", MOVING)
async def test_listing_with_a_part_missing_is_not_given(why: str) -> None:
    """A pool that is left out looks like one that there never was."""
    both = TwoProcessors(pools=EVERY[::2])
    fill(both.flow)
    MOVING[why](both)
    answer = await call(both.asked, "GET", "/pools", SUPPORT)
    assert (problem_of(answer), answer.headers["retry-after"]) == ((503, "moving"), "1")


async def test_owner_that_does_not_tell_is_doubted_for_each_partition() -> None:
    both = TwoProcessors(pools=EVERY[::2])
    both.asked.forwarder.siblings.clear()
    await call(both.asked, "GET", "/pools", SUPPORT)
    name = topic_name(POOL, both.asked.settings)
    assert both.asked.owners.doubted == [(name, each, SIBLING) for each in EVERY[::2]]


async def test_sibling_of_another_version_is_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of an update; not a bug, and not a listing either."""
    both = TwoProcessors(pools=EVERY[::2])

    async def told(*_: Any, **__: Any) -> object:
        return [{"pool": "ELECTRONIC"}]

    monkeypatch.setattr(both.asked.forwarder, "get_json", told)
    assert problem_of(await call(both.asked, "GET", "/pools", SUPPORT)) == (503, "moving")


# The listing of one process


@pytest.mark.parametrize("caller", [AUDITOR, SUPPORT, token("auditor", "certificates:support")])
async def test_processor_lists_its_own_pools(caller: dict[str, str]) -> None:
    both = TwoProcessors(pools=EVERY[::2])
    fill(both.flow)
    for services in (both.asked, both.sibling):
        told = (await call(services, "GET", "/internal/pools", caller)).json()
        kept = {
            pool for pool in POOLS if services.pools.serves(partition_of(pool.encode(), PARTITIONS))
        }
        assert {each["pool"] for each in told} == kept


@pytest.mark.parametrize("query", ["6", "-1", "x", "", "0,", "0,x", "9" * 30, "%D9%A1"])
async def test_wrong_partitions_are_refused(query: str) -> None:
    answer = await call(FakeServices(), "GET", f"/internal/pools?partitions={query}", AUDITOR)
    assert problem_of(answer) == (422, "invalid-request")


async def test_partition_that_leaves_after_its_last_read_is_void(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process may have given numbers out by then."""
    services = FakeServices()
    fill(services.flow)
    genuine = services.pools.scan

    def scan_and_leave(partition: int, *rest: Any) -> Any:
        rows = genuine(partition, *rest)
        if not rows:
            services.pools.held.discard(partition)
        return rows

    monkeypatch.setattr(services.pools, "scan", scan_and_leave)
    assert problem_of(await call(services, "GET", "/internal/pools", AUDITOR)) == (503, "moving")


async def test_pools_of_a_store_that_closes_between_its_reads_are_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = FakeServices()
    fill(services.flow)
    genuine = services.pools.get

    def get_and_leave(partition: int, key: bytes) -> Any:
        value = genuine(partition, key)
        services.pools.is_moving = True
        return value

    monkeypatch.setattr(services.pools, "get", get_and_leave)
    assert problem_of(await call(services, "GET", "/internal/pools", AUDITOR)) == (503, "moving")
