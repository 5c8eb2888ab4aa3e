"""The listings that audits and other processors read: who may, and every record once."""

from typing import Any

import pytest

from http_edge.access.callers import Scope
from http_edge.handlers.snapshots import IDS_AT_MOST
from state.certificate.commands import Channel, Origin
from state.certificate.transition import Outcome
from state.stores.codec import OUTCOME
from state.stores.layout import outcome_key, stored_key
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import (
    AUDITOR,
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    calling,
    problem_of,
    token,
)
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
PARTITION = 5


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


MAY: dict[str, set[Scope]] = {
    "/internal/assignment": {Scope.AUDIT},
    "/internal/certificates?partition=0": {Scope.AUDIT},
    "/internal/stores": {Scope.AUDIT},
    "/internal/image?store=pools&partition=0": {Scope.AUDIT},
    "/internal/pools": {Scope.AUDIT, Scope.SUPPORT},
    "/internal/snapshots?ids=GC-0001": {Scope.AUDIT, Scope.SEARCH},
}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("path", MAY)
async def test_listing_needs_one_of_its_scopes(
    services: FakeServices, path: str, scope: Scope
) -> None:
    answer = await call(services, "GET", path, token("auditor", scope))
    if scope in MAY[path]:
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["ratelimit"].startswith('"default";r=')
    else:
        assert problem_of(answer) == (403, "scope-missing")
        assert 'scope="certificates:audit"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", MAY)
@pytest.mark.parametrize(
    ("caller", "status", "kind"),
    [
        ({}, 401, "token-missing"),
        (token("forged", *Scope), 401, "token-invalid"),
        (token("nobody", *Scope), 403, "client-unknown"),
    ],
)
async def test_listing_is_not_for_strangers(
    services: FakeServices, path: str, caller: dict[str, str], status: int, kind: str
) -> None:
    assert problem_of(await call(services, "GET", path, caller)) == (status, kind)


@pytest.mark.parametrize("path", MAY)
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_listing_changes_nothing_and_answers_no_other_method(
    services: FakeServices, path: str, method: str
) -> None:
    assert (await call(services, method, path, AUDITOR)).status_code == 405


async def test_listings_are_counted_like_calls(services: FakeServices) -> None:
    limited = FakeServices(services.settings.model_copy(update={"rate_limit": "2/minute"}))
    async with calling(limited) as client:
        statuses = [
            (await client.get("/internal/assignment", headers=AUDITOR)).status_code
            for _ in range(3)
        ]
        strangers = FakeServices(
            services.settings.model_copy(update={"rejected_rate_limit": "1/minute"})
        )
    async with calling(strangers) as client:
        refused = [(await client.get("/internal/assignment")).status_code for _ in range(2)]
        figures = (await client.get("/metrics")).text
    assert (statuses, refused) == ([200, 200, 429], [401, 429])
    assert 'operation="internal.assignment",status="401"' in figures


async def test_listing_is_written_down(services: FakeServices, log_lines: LogLines) -> None:
    await call(services, "GET", "/internal/assignment", token("auditor/eve", Scope.AUDIT))
    await call(services, "GET", "/internal/assignment", STORE)
    done, refused = log_lines.calls()
    assert (done["operation"], done["client"], done["subject"], done["status"]) == (
        "internal.assignment",
        "auditor",
        "eve",
        200,
    )
    assert (refused["status"], refused["problem"], refused["level"]) == (
        403,
        "scope-missing",
        "info",
    )


async def test_assignment_names_worker_and_partitions(services: FakeServices) -> None:
    services.certificates.held = {1, 4}
    answer = (await call(services, "GET", "/internal/assignment", AUDITOR)).json()
    assert answer == {
        "worker": services.settings.worker_id,
        "partitions": [1, 4],
        "partitionCount": services.settings.partitions,
    }


# Whole records


async def listing(services: FakeServices, partition: int, limit: int) -> list[dict[str, Any]]:
    """All records of a partition, page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    async with calling(services) as client:
        while after is not None:
            query = {"partition": str(partition), "after": after, "limit": str(limit)}
            answer = await client.get("/internal/certificates", params=query, headers=AUDITOR)
            page = answer.json()
            assert page["partition"] == partition
            assert len(page["records"]) <= limit
            found += page["records"]
            after = page["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
async def test_listing_gives_every_certificate_once_whatever_the_page(
    services: FakeServices, limit: int
) -> None:
    """Outcomes, histories and deadlines, and numbers that only had an error, lie between."""
    for each in range(30):
        made.active(services.flow, f"GC-10{each:02d}")
        services.flow.command(f"GC-20{each:02d}", specimens.issue_action(), f"none/{each}")
    wanted = {each: [] for each in range(6)}  # type: dict[int, list[str]]
    for each in range(30):
        number = f"GC-10{each:02d}"
        wanted[services.partition_of(number.encode())].append(number)
    for partition, numbers in wanted.items():
        rows = services.certificates.records[partition]
        outcome = Outcome(command_id="x|c", certificate_id="", body_digest=None, decided_at_ms=1)
        for number in numbers:
            # Command ids come from orders' ids, which may end like a main record's key.
            for command_id in ("order|c", "order-2/issue/1|c"):
                key = outcome_key(Origin.FACT, command_id)
                rows[stored_key(number.encode(), key)] = OUTCOME.encode(outcome)
        found = await listing(services, partition, limit)
        assert [record["certificateId"] for record in found] == numbers


async def test_record_is_told_whole_in_minor_units(services: FakeServices) -> None:
    made.active(services.flow)
    made.held(services.flow)
    (record,) = await listing(services, PARTITION, 100)
    assert record == {
        "certificateId": "GC-0001",
        "sequence": 7,
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
    services.certificates.held.discard(5)
    answer = await call(services, "GET", "/internal/certificates?partition=5", AUDITOR)
    assert problem_of(answer) == (503, "moving")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "partition=-1",
        "partition=one",
        "partition=%D9%A1",
        f"partition={'9' * 5_000}",
        "partition=0&limit=0",
        "partition=0&limit=10001",
        "partition=0&after=zz",
    ],
)
async def test_wrong_query_of_a_listing_is_refused(services: FakeServices, query: str) -> None:
    """Before that a guard may say that the address is too long."""
    answer = await call(services, "GET", f"/internal/certificates?{query}", AUDITOR)
    wanted = (414, "target-too-long") if len(query) > 4_000 else (422, "invalid-request")
    assert problem_of(answer) == wanted


# Snapshots


async def snapshots(
    services: FakeServices, ids: str, caller: dict[str, str] = SUPPORT
) -> list[str]:
    answer = await call(services, "GET", f"/internal/snapshots?ids={ids}", caller)
    assert answer.status_code == 200, answer.text
    return [item["certificateId"] for item in answer.json()["items"]]


async def test_snapshots_are_those_that_the_caller_may_know_of(services: FakeServices) -> None:
    made.active(services.flow, "GC-0001")
    made.reserved(services.flow, "GC-0002", channel=Channel.POS)
    made.available(services.flow, "GC-0003")
    ids = "GC-0003,GC-0001,GC-0009,GC-0002"
    assert await snapshots(services, ids) == ["GC-0003", "GC-0001", "GC-0002"]
    assert await snapshots(services, ids, STORE) == ["GC-0001"]
    assert await snapshots(services, ids, TILL) == ["GC-0001", "GC-0002"]
    assert await snapshots(services, ids, AUDITOR) == ["GC-0001"]


async def test_snapshot_is_what_a_read_gives(services: FakeServices) -> None:
    made.active(services.flow)
    one = (await call(services, "GET", f"/certificates/{made.NUMBER}", SUPPORT)).json()
    answer = await call(services, "GET", f"/internal/snapshots?ids={made.NUMBER}", SUPPORT)
    assert answer.json() == {"items": [one]}


@pytest.mark.parametrize("fault", ["is_moving", "is_closed", "held"])
async def test_snapshots_with_one_that_is_elsewhere_are_refused(
    services: FakeServices, fault: str
) -> None:
    """Never handed on: who asks knows better than we do, or knows as little."""
    made.active(services.flow)
    setattr(services.certificates, fault, set() if fault == "held" else True)
    answer = await call(services, "GET", f"/internal/snapshots?ids={made.NUMBER}", SUPPORT)
    assert problem_of(answer) == (503, "moving")
    assert services.forwarder.listed == []
    assert services.forwarder.forwarded == []


@pytest.mark.parametrize(
    "ids", ["", "GC-1", "gc-0001", "GC-0001,", "GC-0001,x", ",".join(["GC-001"] * 102)]
)
async def test_wrong_ids_are_refused(services: FakeServices, ids: str) -> None:
    answer = await call(services, "GET", f"/internal/snapshots?ids={ids}", SUPPORT)
    assert problem_of(answer) == (422, "invalid-request")
    assert IDS_AT_MOST == 101
