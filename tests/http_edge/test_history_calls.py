"""What happened to a certificate, page by page, and how it was at a time."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from http_edge.handlers import history_calls
from http_edge.handlers.cursors import cursor_of
from state.certificate.commands import (
    Annul,
    Capture,
    Channel,
    ExpireReservation,
    Issue,
    Load,
    Lock,
    Origin,
    ReserveNumber,
    Unlock,
)
from state.certificate.history import IncompleteHistory
from state.certificate.money import Money
from state.stores.layout import history_key, stored_key
from state.stores.reader import StoreClosed
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    calling,
    problem_of,
)
from tests.http_edge.flow_in_memory import AT_MS, FlowInMemory

pytestmark = pytest.mark.anyio
HISTORY = f"/certificates/{made.NUMBER}/history"
MINUTE_MS = 60_000


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    made.held(services.flow)
    capture = Capture(authorization_id="hold-1", amount=Money(amount_minor=4550, currency="RUB"))
    services.flow.command(made.NUMBER, capture, "capture-1", origin=Origin.HTTP, actor="till/ann")
    return services


async def read(
    services: FakeServices, query: str = "", caller: Mapping[str, str] = SUPPORT
) -> httpx.Response:
    return await call(services, "GET", f"{HISTORY}?{query}", caller)


async def test_history_tells_every_event_in_the_words_of_the_stream(
    services: FakeServices,
) -> None:
    answer = await read(services)
    told = answer.json()
    stream = list(services.flow.events(made.NUMBER))
    assert (answer.status_code, told["certificateId"], told["next"]) == (200, made.NUMBER, None)
    assert (told["asOf"], told["certificate"]) == (None, None)
    assert len(told["items"]) == len(stream) == 9
    for line, event in zip(told["items"], stream, strict=True):
        for name in ("sequence", "eventType", "status", "actor", "correlationId", "causationId"):
            assert line[name] == event[name], name
        assert (line["entry"] is None) is (event["entry"] is None)
        assert (line["reason"] is None) is (event["reason"] is None)


async def test_line_of_money_tells_what_moved_and_what_is_left(services: FakeServices) -> None:
    lines = (await read(services)).json()["items"]
    assert [line["entry"] for line in lines if line["entry"]] == [
        {"kind": "ISSUE", "amount": "100.00", "remainingBalance": "100.00", "held": "0.00"},
        {"kind": "AUTHORIZE", "amount": "0.00", "remainingBalance": "100.00", "held": "60.00"},
        {"kind": "CAPTURE", "amount": "0.00", "remainingBalance": "100.00", "held": "0.00"},
        {"kind": "REDEEM", "amount": "-45.50", "remainingBalance": "54.50", "held": "0.00"},
    ]
    assert lines[-1] == {
        "sequence": 9,
        "eventType": "redeem.partial",
        "status": "PARTIALLY_REDEEMED",
        "occurredAt": "2025-01-01T00:00:00.123Z",
        "actor": "till/ann",
        "correlationId": "correlation-1",
        "causationId": "capture-1",
        "reason": None,
        "entry": {
            "kind": "REDEEM",
            "amount": "-45.50",
            "remainingBalance": "54.50",
            "held": "0.00",
        },
    }


async def test_line_tells_why(services: FakeServices) -> None:
    services.flow.command(
        made.NUMBER, Lock(reason="told by phone"), "l", origin=Origin.HTTP, actor="support/ann"
    )
    line = (await read(services)).json()["items"][-1]
    assert (line["eventType"], line["reason"]) == (
        "lock",
        {"code": "SUPPORT", "text": "told by phone"},
    )


async def test_history_of_a_number_ended_before_it_was_sold_tells_of_no_money() -> None:
    """It never had a currency."""
    services = FakeServices()
    made.annulled_unsold(services.flow)
    answer = await read(services)
    lines = answer.json()["items"]
    assert (answer.status_code, lines[-1]["eventType"]) == (200, "annul")
    assert [line["entry"] for line in lines] == [None] * len(lines)


async def test_history_of_a_wrong_code_has_no_code(services: FakeServices) -> None:
    wrong = made.wrong_code(made.code_of())
    body = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": wrong}
    path = f"/certificates/{made.NUMBER}/authorizations"
    await call(services, "POST", path, TILL, key="r-1", body=body)
    answer = await read(services)
    assert answer.json()["items"][-1]["reason"]["code"] == "WRONG_CVC"
    assert wrong not in answer.text


# Pages


async def pages(services: FakeServices, limit: int) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    async with calling(services) as client:
        while cursor is not None:
            answer = await client.get(f"{HISTORY}?limit={limit}&cursor={cursor}", headers=SUPPORT)
            found.append(answer.json()["items"])
            cursor = answer.json()["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 4, 8, 9, 10, 100])
@pytest.mark.parametrize("batch", [1, 2, 3, 500])
async def test_pages_give_every_event_once_in_order(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, limit: int, batch: int
) -> None:
    """However it is read from the store; and each line tells the balance after it."""
    monkeypatch.setattr(history_calls, "_BATCH", batch)
    whole = (await read(services)).json()["items"]
    found = await pages(services, limit)
    assert [line for page in found for line in page] == whole
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert found[-1]


async def test_event_that_comes_meanwhile_is_on_the_last_page(services: FakeServices) -> None:
    first = (await read(services, "limit=9")).json()
    assert first["next"] is None
    services.flow.command(made.NUMBER, Lock(reason="x"), "l", origin=Origin.HTTP)
    rest = (await read(services, f"cursor={cursor_of(10)}")).json()
    assert [line["sequence"] for line in rest["items"]] == [10]


async def test_cursor_beyond_the_end_gives_nothing(services: FakeServices) -> None:
    told = (await read(services, f"cursor={cursor_of(99)}")).json()
    assert (told["items"], told["next"]) == ([], None)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=AAAAAAAAAB",
        "asOf=yesterday",
        "asOf=2026-03-01",
        "asOf=2026-03-01T10:30:00",
        "asOf=2026-13-01T10:30:00Z",
        "asOf=2026-02-30T10:30:00Z",
        "asOf=2026-03-01T25:00:00Z",
        "asOf=2026-03-01T10:30:61Z",
        "asOf=2026-03-01T10:30:00%2B25:00",
        "asOf=2026-03-01T10:30:00+03:00",
        "asOf=0000-01-01T00:00:00Z",
        "asOf=0001-01-01T00:00:00%2B14:00",
        "asOf=9999-12-31T23:59:59-14:00",
        "asOf=2026-03-01T10:30:00Z%0A",
        "asOf=%D9%A2%D9%A0%D9%A2%D9%A6-03-01T10:30:00Z",
        "asOf=1735689600",
        "asOf=",
    ],
)
async def test_wrong_question_is_refused(services: FakeServices, query: str) -> None:
    """A plus sign that is not written as %2B is a space to every reader of queries."""
    assert problem_of(await read(services, query)) == (422, "invalid-request")


# As of a time


@pytest.fixture
def lived() -> FakeServices:
    """A number with a life: an event a minute, all but the second one reserved by the store."""
    services = FakeServices()
    until_ms = AT_MS + 30 * MINUTE_MS
    steps: list[tuple[Any, Origin]] = [
        (Load(pool="ELECTRONIC"), Origin.LOADER),
        (ReserveNumber(channel=Channel.POS, order_id=None, until_ms=AT_MS + 60_000), Origin.HTTP),
        (ExpireReservation(reservation_id="step-1"), Origin.TIMER),
        (
            ReserveNumber(channel=Channel.ONLINE_STORE, order_id="order-1", until_ms=until_ms),
            Origin.HTTP,
        ),
        (
            Issue(
                order_id="order-1",
                channel=Channel.ONLINE_STORE,
                client_id=None,
                nominal=made.NOMINAL,
                notification_channel=None,
            ),
            Origin.FACT,
        ),
        (made.activation(), Origin.FACT),
        (Lock(reason="x"), Origin.HTTP),
        (Unlock(reason="x"), Origin.HTTP),
        (Annul(reason="x"), Origin.HTTP),
    ]
    for minute, (action, origin) in enumerate(steps):
        services.flow.command(
            made.NUMBER,
            action,
            f"step-{minute}",
            origin=origin,
            at_ms=AT_MS + minute * MINUTE_MS,
            actor="somebody",
        )
    return services


LIFE: list[tuple[str, str, str]] = [
    ("2025-01-01T00:04:00.123Z", "NOTIFICATION_REQUESTED", "100.00"),
    ("2025-01-01T00:05:00.122Z", "NOTIFICATION_REQUESTED", "100.00"),
    ("2025-01-01T00:05:00.123Z", "ACTIVE", "100.00"),
    ("2025-01-01T00:05:00.123999Z", "ACTIVE", "100.00"),
    ("2025-01-01T00:05:59Z", "ACTIVE", "100.00"),
    ("2025-01-01T00:06:30Z", "LOCKED", "100.00"),
    ("2025-01-01T03:06:30%2B03:00", "LOCKED", "100.00"),
    ("2024-12-31T19:06:30-05:00", "LOCKED", "100.00"),
    ("2025-01-01T00:07:30Z", "ACTIVE", "100.00"),
    ("2025-01-01T00:08:30Z", "ANNULLED", "0.00"),
    ("2999-01-01T00:00:00Z", "ANNULLED", "0.00"),
]


@pytest.mark.parametrize(("moment", "status", "balance"), LIFE)
async def test_certificate_is_told_as_it_was_then(
    lived: FakeServices, moment: str, status: str, balance: str
) -> None:
    answer = await read(lived, f"asOf={moment}", TILL)
    told = answer.json()
    assert (told["items"], told["next"]) == ([], None)
    assert told["certificate"]["status"] == status
    assert told["certificate"]["remainingBalance"] == balance
    assert told["asOf"].endswith("Z")


async def test_moment_is_told_back_in_utc(lived: FakeServices) -> None:
    told = (await read(lived, "asOf=2025-01-01T03:06:30.123456%2B03:00")).json()
    assert told["asOf"] == "2025-01-01T00:06:30.123Z"


async def test_certificate_as_of_now_is_the_certificate(lived: FakeServices) -> None:
    now = (await call(lived, "GET", f"/certificates/{made.NUMBER}", SUPPORT)).json()
    told = (await read(lived, "asOf=2999-01-01T00:00:00Z")).json()
    assert told["certificate"] == now


BEFORE: list[tuple[str, Mapping[str, str], str | None]] = [
    ("2024-12-31T23:59:59Z", SUPPORT, None),
    ("1970-01-01T00:00:00Z", SUPPORT, None),
    ("1900-01-01T00:00:00Z", SUPPORT, None),
    ("2025-01-01T00:00:30Z", SUPPORT, "AVAILABLE"),
    ("2025-01-01T00:00:30Z", STORE, None),
    ("2025-01-01T00:01:30Z", SUPPORT, "RESERVED"),
    ("2025-01-01T00:01:30Z", STORE, None),
    ("2025-01-01T00:01:30Z", TILL, "RESERVED"),
    ("2025-01-01T00:02:30Z", TILL, None),
    ("2025-01-01T00:03:30Z", TILL, None),
    ("2025-01-01T00:03:30Z", STORE, "RESERVED"),
    ("2025-01-01T00:04:30Z", TILL, "NOTIFICATION_REQUESTED"),
]


@pytest.mark.parametrize(("moment", "caller", "status"), BEFORE)
async def test_time_at_which_the_caller_could_not_have_known_of_it_is_not_told(
    lived: FakeServices, moment: str, caller: Mapping[str, str], status: str | None
) -> None:
    answer = await read(lived, f"asOf={moment}", caller)
    if status is None:
        assert problem_of(answer) == (404, "not-found")
    else:
        assert answer.json()["certificate"]["status"] == status


async def test_time_has_no_pages(lived: FakeServices) -> None:
    plain = await read(lived, "asOf=2025-01-01T00:05:59Z")
    paged = await read(lived, f"asOf=2025-01-01T00:05:59Z&limit=1&cursor={cursor_of(3)}")
    assert paged.content == plain.content


# What cannot be told


async def test_history_that_lacks_an_event_is_not_told(services: FakeServices) -> None:
    """A store from before histories were kept: balances made of the rest would be wrong."""
    partition = services.partition_of(made.NUMBER.encode())
    rows = services.certificates.records[partition]
    del rows[stored_key(made.NUMBER.encode(), history_key(3))]
    for query in ("", "asOf=2999-01-01T00:00:00Z"):
        with pytest.raises(IncompleteHistory):
            await read(services, query)


@pytest.mark.parametrize("query", ["", "asOf=2999-01-01T00:00:00Z"])
async def test_partition_that_leaves_while_it_is_read_is_moving(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    genuine = services.certificates.scan

    def scan_and_leave(*arguments: Any) -> Any:
        rows = genuine(*arguments)
        services.certificates.held.clear()
        return rows

    monkeypatch.setattr(services.certificates, "scan", scan_and_leave)
    assert problem_of(await read(services, query)) == (503, "moving")


async def test_store_that_closes_before_it_is_read_is_moving(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> Any:
        raise StoreClosed

    monkeypatch.setattr(services.certificates, "scan", closed)
    assert problem_of(await read(services)) == (503, "moving")


async def test_numbers_that_begin_alike_have_each_their_own(services: FakeServices) -> None:
    """GC-0001 is not a part of GC-00011's story, nor the other way round."""
    neighbours = FlowInMemory()
    for number in ("GC-0001", "GC-00011", "GC-0001-1"):
        made.active(neighbours, number)
    told = FakeServices(flow=neighbours)
    for number in ("GC-0001", "GC-00011", "GC-0001-1"):
        answer = await call(told, "GET", f"/certificates/{number}/history", SUPPORT)
        assert [line["sequence"] for line in answer.json()["items"]] == [1, 2, 3, 4, 5, 6]
