"""Finding certificates: by one criterion, page by page, wherever they are kept."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from http_edge.access.callers import Scope
from http_edge.handlers import search_calls
from http_edge.handlers.cursors import cursor_of
from pipelines.topics import COMMANDS, INDEX, topic_name
from state.certificate.commands import Channel, Origin, Redeem
from state.certificate.money import Money
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    CRM,
    OWN_URL,
    SIBLING,
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    problem_of,
    token,
)
from tests.http_edge.flow_in_memory import PARTITIONS
from tests.http_edge.two_processors import TwoProcessors

pytestmark = pytest.mark.anyio
EVERY = range(PARTITIONS)


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


async def find(
    services: FakeServices, query: str, caller: Mapping[str, str] = SUPPORT
) -> httpx.Response:
    return await call(services, "GET", f"/certificates?{query}", caller)


async def numbers(
    services: FakeServices, query: str, caller: Mapping[str, str] = SUPPORT
) -> list[str]:
    answer = await find(services, query, caller)
    assert answer.status_code == 200, answer.text
    return [item["certificateId"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    "query",
    [
        "orderId=order-1",
        "correlationId=correlation-1",
        "clientId=client-1",
        "last4=0001",
        "requestId=reservation-1",
    ],
)
async def test_certificate_is_found_by_each_criterion(services: FakeServices, query: str) -> None:
    """As the whole snapshot that a read of it gives."""
    one = (await call(services, "GET", f"/certificates/{made.NUMBER}", SUPPORT)).json()
    answer = await find(services, query)
    assert (answer.status_code, answer.json()) == (200, {"items": [one], "next": None})
    assert answer.headers["cache-control"] == "no-store"


async def test_certificate_is_found_by_the_order_it_paid_for(services: FakeServices) -> None:
    action = Redeem(
        order_id="order-9",
        payment_id="payment-1",
        amount=Money(amount_minor=100, currency="RUB"),
        authorization_id=None,
    )
    services.flow.command(made.NUMBER, action, "order-9/redeem/1", origin=Origin.FACT)
    assert await numbers(services, "orderId=order-9") == [made.NUMBER]


@pytest.mark.parametrize(
    "query",
    ["orderId=none", "orderId=order", "orderId=order-1%7Cc", "last4=9999", "clientId=order-1"],
)
async def test_criterion_that_nothing_stands_under_finds_nothing(
    services: FakeServices, query: str
) -> None:
    assert (await find(services, query)).json() == {"items": [], "next": None}


WRONG: dict[str, str] = {
    "none": "",
    "only a limit": "limit=5",
    "two": "orderId=order-1&clientId=client-1",
    "two that agree": "orderId=order-1&last4=0001",
    "one twice": "orderId=order-1&orderId=order-2",
    "an empty one": "orderId=",
    "an empty one beside another": "orderId=&last4=0001",
    "too long": "orderId=" + "o" * 201,
    "control character": "clientId=a%00b",
    "short": "last4=001",
    "long": "last4=00001",
    "small letters": "last4=abcd",
    "no key": "requestId=a%20b",
    "unknown": "phone=1",
    "no limit": "orderId=order-1&limit=0",
    "large limit": "orderId=order-1&limit=101",
    "limit that is no number": "orderId=order-1&limit=ten",
    "cursor of another form": "orderId=order-1&cursor=1",
    "cursor of other letters": "orderId=order-1&cursor=AAAAAAAAA%21",
}


@pytest.mark.parametrize("query", WRONG.values(), ids=list(WRONG))
async def test_wrong_search_is_refused(services: FakeServices, query: str) -> None:
    assert problem_of(await find(services, query)) == (422, "invalid-request")


# Requests


async def test_client_finds_what_its_own_request_reserved(services: FakeServices) -> None:
    made.available(services.flow, "GC-0002")
    await call(
        services, "POST", "/certificates/next", STORE, key="r-1", body={"pool": "ELECTRONIC"}
    )
    assert await numbers(services, "requestId=r-1", STORE) == ["GC-0002"]
    assert await numbers(services, "requestId=r-1", TILL) == []
    assert await numbers(services, "requestId=r-1", SUPPORT) == []


async def test_support_finds_by_the_id_on_a_reservation(services: FakeServices) -> None:
    """It was told that id by a channel; to the channel itself, its key is the way."""
    made.available(services.flow, "GC-0002")
    body = {"pool": "ELECTRONIC"}
    taken = await call(services, "POST", "/certificates/next", STORE, key="r-1", body=body)
    reservation = taken.json()["reservationId"]
    assert await numbers(services, f"requestId={reservation}", SUPPORT) == ["GC-0002"]
    assert await numbers(services, f"requestId={reservation}", STORE) == []


async def test_support_that_sells_too_finds_by_both(services: FakeServices) -> None:
    seller = token("store", *Scope)
    made.available(services.flow, "GC-0002")
    body = {"pool": "ELECTRONIC"}
    key = "0b5c1b1e-30d4-4c4c-8d0a-5a8a3c1d2e3f"
    taken = await call(services, "POST", "/certificates/next", seller, key=key, body=body)
    for text in (key, taken.json()["reservationId"]):
        assert await numbers(services, f"requestId={text}", seller) == ["GC-0002"]


# What a caller may not know of


async def test_what_the_caller_may_not_know_of_is_left_out(services: FakeServices) -> None:
    made.reserved(services.flow, "GC-0002", channel=Channel.POS, order_id="order-7")
    made.reserved(services.flow, "GC-0003", channel=Channel.ONLINE_STORE, order_id="order-7")
    assert await numbers(services, "orderId=order-7", TILL) == ["GC-0002"]
    assert await numbers(services, "orderId=order-7", STORE) == ["GC-0003"]
    assert await numbers(services, "orderId=order-7", CRM) == []
    assert await numbers(services, "orderId=order-7", SUPPORT) == ["GC-0002", "GC-0003"]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_page_looks_alike_whether_there_are_such_or_not(
    services: FakeServices, limit: int
) -> None:
    """Neither a short page nor a cursor to nothing: both would tell that something is there."""
    for each in range(2, 7):
        made.reserved(services.flow, f"GC-000{each}", channel=Channel.POS, order_id="order-7")
    alone = await find(services, f"orderId=order-7&limit={limit}", STORE)
    assert alone.json() == {"items": [], "next": None}
    made.reserved(services.flow, "GC-0007", order_id="order-7")
    made.reserved(services.flow, "GC-0008", channel=Channel.POS, order_id="order-7")
    found = await find(services, f"orderId=order-7&limit={limit}", STORE)
    assert ([item["certificateId"] for item in found.json()["items"]], found.json()["next"]) == (
        ["GC-0007"],
        None,
    )


async def test_search_does_not_look_on_for_ever(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so much it says where to go on, and the next call goes on there."""
    monkeypatch.setattr(search_calls, "_ROUNDS", 2)
    for each in range(10, 20):
        made.reserved(services.flow, f"GC-00{each}", channel=Channel.POS, order_id="order-7")
    made.reserved(services.flow, "GC-0007", order_id="order-7")
    found: list[str] = []
    cursor: str | None = ""
    calls = 0
    while cursor is not None:
        query = f"orderId=order-7&limit=2&cursor={cursor}"
        page = (await find(services, query, STORE)).json()
        found += [item["certificateId"] for item in page["items"]]
        cursor = page["next"]
        calls += 1
    assert (found, calls) == (["GC-0007"], 2)


# Pages


async def pages(services: FakeServices, query: str, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (await find(services, f"{query}&limit={limit}&cursor={cursor}")).json()
        found.append([item["certificateId"] for item in answer["items"]])
        cursor = answer["next"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7, 100])
async def test_pages_give_every_certificate_once_in_order(
    services: FakeServices, limit: int
) -> None:
    """And the last one says that it is the last, also when it is full."""
    wanted = [f"GC-10{each:02d}" for each in range(6)]
    for number in wanted:
        made.reserved(services.flow, number, order_id="order-7")
    found = await pages(services, "orderId=order-7", limit)
    assert [number for page in found for number in page] == wanted
    assert all(len(page) == limit for page in found[:-1])
    assert len(found) == max(1, -(-len(wanted) // limit))


async def test_page_is_of_25_unless_told_otherwise(services: FakeServices) -> None:
    for each in range(26):
        made.reserved(services.flow, f"GC-10{each:02d}", order_id="order-7")
    assert len(await numbers(services, "orderId=order-7")) == 25


async def test_certificate_found_twice_over_is_listed_once(services: FakeServices) -> None:
    """Reserved for the order and issued to it: one entry."""
    assert await numbers(services, "orderId=order-1") == [made.NUMBER]


async def test_later_page_tells_how_things_are_now(services: FakeServices) -> None:
    for number in ("GC-0002", "GC-0003"):
        made.active(services.flow, number)
    first = (await find(services, "clientId=client-1&limit=2")).json()
    made.held(services.flow, "GC-0003")
    made.active(services.flow, "GC-0004")
    rest = (await find(services, f"clientId=client-1&cursor={first['next']}")).json()["items"]
    assert [(each["certificateId"], each["held"]) for each in rest] == [
        ("GC-0003", "60.00"),
        ("GC-0004", "0.00"),
    ]


@pytest.mark.parametrize("position", [3, 2**40, 2**56 - 1])
async def test_cursor_beyond_the_end_finds_nothing(services: FakeServices, position: int) -> None:
    answer = await find(services, f"orderId=order-1&cursor={cursor_of(position)}")
    assert answer.json() == {"items": [], "next": None}


async def test_orders_whose_ids_look_like_keys_do_not_meet(services: FakeServices) -> None:
    """An order's id may hold anything printable, the separator within keys too."""
    for number, order in (("GC-0002", "a"), ("GC-0003", "a|n"), ("GC-0004", "a|c")):
        made.reserved(services.flow, number, order_id=order)
    for number, order in (("GC-0002", "a"), ("GC-0003", "a%7Cn"), ("GC-0004", "a%7Cc")):
        assert await numbers(services, f"orderId={order}") == [number]


# Kept elsewhere


async def test_search_goes_to_who_keeps_the_entry() -> None:
    services = FakeServices()
    services.index.held.clear()
    await find(services, "orderId=order-1&limit=3")
    ((outbound, place),) = services.forwarder.forwarded
    assert place == (INDEX, services.partition_of(b"order:order-1"))
    assert outbound.target == b"/certificates?orderId=order-1&limit=3"
    assert not outbound.acts


async def test_certificates_that_others_keep_are_fetched_in_one_question() -> None:
    both = TwoProcessors(certificates=EVERY[::2])
    wanted = [f"GC-10{each:02d}" for each in range(12)]
    for number in wanted:
        made.active(both.flow, number)
    kept = [both.asked.partition_of(number.encode()) % 2 for number in wanted]
    assert 0 < sum(kept) < len(kept), "both keep some"
    alone = FakeServices(flow=both.flow)
    here = await find(alone, "clientId=client-1", STORE)
    told = await find(both.asked, "clientId=client-1", STORE)
    assert told.content == here.content
    ((owner, path, query, authorization),) = both.asked.forwarder.listed
    assert (owner, path) == (SIBLING, "/internal/snapshots")
    theirs = {number for number, odd in zip(wanted, kept, strict=True) if not odd}
    assert set(query["ids"].split(",")) == theirs
    assert authorization == STORE["Authorization"], "the caller's own: they judge it, too"


async def test_whole_page_of_long_numbers_is_one_short_question() -> None:
    """Below what an edge takes as an address."""
    both = TwoProcessors(certificates=EVERY)
    for each in range(102):
        made.active(both.flow, f"GIFT-CERTIFICATE-OF-THE-SHOP-{each:03d}")
    answer = await find(both.asked, "clientId=client-1&limit=100", STORE)
    assert (answer.status_code, len(answer.json()["items"])) == (200, 100)
    assert answer.json()["next"] is not None


async def test_what_others_keep_is_hidden_alike() -> None:
    both = TwoProcessors(certificates=EVERY)
    made.reserved(both.flow, "GC-0002", channel=Channel.POS, order_id="order-7")
    assert await numbers(both.asked, "orderId=order-7", TILL) == ["GC-0002"]
    assert await numbers(both.asked, "orderId=order-7", STORE) == []
    assert await numbers(both.asked, "orderId=order-7", SUPPORT) == ["GC-0002"]


MOVING: dict[str, Any] = {
    "no answer": lambda both: both.asked.forwarder.siblings.clear(),
    "theirs no more": lambda both: both.sibling.certificates.held.clear(),
    "closing there": lambda both: setattr(both.sibling.certificates, "is_closed", True),
    "nobody's": lambda both: both.asked.owners.held.clear(),
    "said to be ours": lambda both: both.asked.owners.held.update(
        dict.fromkeys(both.asked.owners.held, OWN_URL)
    ),
}


@pytest.mark.parametrize("why", MOVING)
async def test_page_with_a_certificate_missing_is_not_given(why: str) -> None:
    """It would look like the truth."""
    both = TwoProcessors(certificates=EVERY)
    made.active(both.flow)
    MOVING[why](both)
    answer = await find(both.asked, "orderId=order-1", STORE)
    assert (problem_of(answer), answer.headers["retry-after"]) == ((503, "moving"), "1")


async def test_search_takes_no_longer_than_the_call_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many others it has to ask, one after another."""
    both = TwoProcessors(certificates=EVERY)
    made.active(both.flow)

    async def never(*_: Any, **__: Any) -> object:
        return await asyncio.Event().wait()

    monkeypatch.setattr(both.asked.forwarder, "get_json", never)
    deadline = {**STORE, "Giftcert-Deadline-Ms": "30"}
    assert problem_of(await find(both.asked, "orderId=order-1", deadline)) == (503, "moving")


async def test_owner_that_does_not_tell_is_doubted() -> None:
    """The next call asks the group again, and does not go the same wrong way."""
    both = TwoProcessors(certificates=EVERY)
    made.active(both.flow)
    both.sibling.certificates.held.clear()
    await find(both.asked, "orderId=order-1", STORE)
    name = topic_name(COMMANDS, both.asked.settings)
    partition = both.asked.partition_of(made.NUMBER.encode())
    assert both.asked.owners.doubted == [(name, partition, SIBLING)]


@pytest.mark.parametrize("fault", ["is_moving", "is_closed"])
async def test_search_while_the_index_moves_is_to_be_repeated(
    services: FakeServices, fault: str
) -> None:
    setattr(services.index, fault, True)
    services.worker.serving = fault == "is_closed"
    assert problem_of(await find(services, "orderId=order-1")) == (503, "moving")


async def test_index_that_leaves_while_it_is_read_is_void(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = services.index.scan

    def scan_and_leave(*arguments: Any) -> Any:
        rows = genuine(*arguments)
        services.index.held.clear()
        return rows

    monkeypatch.setattr(services.index, "scan", scan_and_leave)
    assert problem_of(await find(services, "orderId=order-1")) == (503, "moving")
