"""The calls about the process itself, and the listings that audits read."""

from typing import Any

import httpx
import pytest

from state.certificate.commands import Origin
from state.certificate.record import CertificateState
from state.certificate.transition import Outcome
from state.stores.codec import OUTCOME
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key, outcome_key, stored_key
from state.stores.reader import StoreClosed
from tests.http_edge.edge_under_test import FakeServices, calling, problem_of
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


async def get(services: FakeServices, path: str) -> httpx.Response:
    async with calling(services) as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("alive", "serving", "health", "ready"),
    [(True, True, 200, 200), (True, False, 200, 503), (False, False, 503, 503)],
)
async def test_health_and_readiness_tell_apart_dead_and_busy(
    services: FakeServices, alive: bool, serving: bool, health: int, ready: int
) -> None:
    """A worker that recovers must not be restarted, and must not be asked yet."""
    services.worker.alive, services.worker.serving = alive, serving
    assert (await get(services, "/healthz")).status_code == health
    answer = await get(services, "/readyz")
    assert (answer.status_code, answer.json()) == (ready, {"ready": serving})
    assert ("retry-after" in answer.headers) is (ready == 503)


async def test_assignment_names_worker_and_partitions(services: FakeServices) -> None:
    answer = (await get(services, "/internal/assignment")).json()
    assert answer == {
        "worker": services.settings.worker_id,
        "partitions": [0, 1],
        "partitionCount": services.settings.partitions,
    }


def keep(services: FakeServices, *numbers: str) -> None:
    state = CertificateState(sequence=5, certificate=specimens.HELD)
    for number in numbers:
        services.certificates.keep_certificate(number, state)


async def listing(services: FakeServices, limit: int) -> list[dict[str, Any]]:
    """All records of partition 0, page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    async with calling(services) as client:
        while after is not None:
            query = {"partition": "0", "after": after, "limit": str(limit)}
            page = (await client.get("/internal/certificates", params=query)).json()
            assert page["partition"] == 0
            assert len(page["records"]) <= limit
            found += page["records"]
            after = page["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_listing_gives_every_certificate_once_whatever_the_page(
    services: FakeServices, limit: int
) -> None:
    """Outcomes, deadlines, and numbers that only had an error, lie between and are passed over."""
    numbers = ["GC-0001", "GC-0002", "GC-0003", "GC-0005"]
    keep(services, *numbers)
    services.certificates.keep_certificate("GC-0004", CertificateState(sequence=1))
    records = services.certificates.records[0]
    outcome = Outcome(command_id="x|c", certificate_id="", body_digest=None, decided_at_ms=1)
    for number in numbers:
        # Command ids come from orders' ids, which may end like a main record's key.
        for command_id in ("load", "order|c", "order-2/issue/1|c"):
            key = outcome_key(Origin.FACT, command_id)
            records[stored_key(number.encode(), key)] = OUTCOME.encode(outcome)
    entry = DeadlineEntry(at_ms=1, message_key="GC-0001", kind="HOLD", subject="h")
    records[stored_key(DEADLINES, deadline_key(entry))] = b"\x01"
    found = await listing(services, limit)
    assert [record["certificateId"] for record in found] == numbers
    assert found[0] == {
        "certificateId": "GC-0001",
        "sequence": 5,
        "currency": "RUB",
        "pool": "ELECTRONIC",
        "lifecycle": "ACTIVE",
        "status": "ACTIVE",
        "nominalMinor": 10_000,
        "remainingMinor": 10_000,
        "heldMinor": 6_000,
        "holds": {"hold-1": 6_000},
        "redeemedMinor": 0,
        "refundedMinor": 0,
        "annulledMinor": 0,
    }


async def test_listing_of_a_partition_that_is_elsewhere_is_refused(services: FakeServices) -> None:
    answer = await get(services, "/internal/certificates?partition=5")
    assert problem_of(answer) == (503, "moving")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "partition=-1",
        "partition=one",
        "partition=%D9%A1",
        "partition=0&limit=0",
        "partition=0&limit=10001",
        "partition=0&after=zz",
    ],
)
async def test_wrong_query_of_a_listing_is_refused(services: FakeServices, query: str) -> None:
    answer = await get(services, f"/internal/certificates?{query}")
    assert problem_of(answer) == (422, "invalid-request")


async def test_pools_are_listed_with_their_levels(services: FakeServices) -> None:
    """A pool's own records lie between its name and the next one's."""
    services.pools.keep_pool("ELECTRONIC", 3)
    services.pools.keep_pool("ELECTRONIC_B", 2)
    services.pools.keep_pool("PHYSICAL", 0, partition=1)
    for number in range(5):
        services.pools.records[0][f"ELECTRONIC|n{number}".encode()] = b"\x01GC"
    answer = await get(services, "/internal/pools")
    assert sorted(answer.json(), key=lambda pool: str(pool["pool"])) == [
        {"pool": "ELECTRONIC", "level": 3},
        {"pool": "ELECTRONIC_B", "level": 2},
        {"pool": "PHYSICAL", "level": 0},
    ]


async def test_pools_of_a_store_that_closes_meanwhile_are_not_listed(
    services: FakeServices,
) -> None:
    services.pools.closed = True
    assert problem_of(await get(services, "/internal/pools")) == (503, "moving")


async def test_pools_of_a_store_that_closes_between_its_reads_are_not_listed(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.pools.keep_pool("ELECTRONIC", 3)

    def closed(partition: int, key: bytes) -> bytes | None:
        raise StoreClosed

    monkeypatch.setattr(services.pools, "get", closed)
    assert problem_of(await get(services, "/internal/pools")) == (503, "moving")
