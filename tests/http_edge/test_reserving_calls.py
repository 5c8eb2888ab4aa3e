"""Taking numbers: the next one of a pool, or the very one that was scanned."""

from collections.abc import Callable
from typing import Any

import pytest

from http_edge.access.callers import Scope
from http_edge.asking.asking import request_id_of
from state.certificate.commands import Channel, ReserveNumber
from state.certificate.rejections import RejectionCode
from state.pool.commands import TakeNext
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    NOW_MS,
    STORE,
    TILL,
    FakeServices,
    call,
    problem_of,
    token,
)
from tests.http_edge.flow_in_memory import REPLY_TO, FlowInMemory

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
RESERVE = f"/certificates/{made.NUMBER}/actions/reserve"
HALF_AN_HOUR_MS = 30 * 60_000
POOL = {"pool": "ELECTRONIC"}


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    for number in ("GC-0001", "GC-0002"):
        made.available(services.flow, number)
    return services


async def test_next_takes_the_oldest_number_of_the_pool(services: FakeServices) -> None:
    answer = await call(services, "POST", NEXT, STORE, key="r-1", body=POOL)
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "certificateId": "GC-0001",
            "reservationId": request_id_of("store", "r-1"),
            "reservedUntil": "2025-01-01T00:30:00.123Z",
        },
    )


async def test_next_asks_the_pool_in_the_callers_name(services: FakeServices) -> None:
    await call(services, "POST", NEXT, TILL, key="r-1", body={**POOL, "orderId": "order-7"})
    (asked,) = services.flow.asked
    command = asked.pool_command
    assert (asked.output.key, command.pool, command.at_ms) == (b"ELECTRONIC", "ELECTRONIC", NOW_MS)
    assert command.action == TakeNext(
        request_id=request_id_of("till", "r-1"),
        body_digest=asked.digest,
        channel=Channel.POS,
        order_id="order-7",
        reserved_until_ms=NOW_MS + HALF_AN_HOUR_MS,
        low_mark=7,
        reply_to=REPLY_TO,
        actor="till",
    )


async def test_next_by_get_is_the_very_same_request(services: FakeServices) -> None:
    """A channel may repeat by GET what it began by POST: same number, same record in the log."""
    body = {**POOL, "channel": "ONLINE_STORE", "orderId": "order-1"}
    posted = await call(services, "POST", NEXT, STORE, key="r-1", body=body)
    query = "pool=ELECTRONIC&channel=ONLINE_STORE&orderId=order-1&requestId=r-1"
    got = await call(services, "GET", f"{NEXT}?{query}", STORE)
    assert (posted.status_code, posted.content) == (got.status_code, got.content)
    first, second = services.flow.asked
    assert (first.request_id, first.digest, first.output) == (
        second.request_id,
        second.digest,
        second.output,
    )


async def test_each_request_gets_a_number_of_its_own(services: FakeServices) -> None:
    """The same key of another client is another request."""
    requests = [(STORE, "r-1"), (TILL, "r-1"), (STORE, "r-1")]
    numbers = [
        (await call(services, "POST", NEXT, caller, key=key, body=POOL)).json()["certificateId"]
        for caller, key in requests
    ]
    assert numbers == ["GC-0001", "GC-0002", "GC-0001"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {"channel": "ONLINE_STORE"}, True),
        ({}, {"channel": None}, True),
        ({}, {"orderId": None}, True),
        ({}, {"orderId": "o"}, False),
        ({"orderId": "o"}, {"orderId": "p"}, False),
    ],
)
async def test_content_is_what_it_means_and_not_how_it_is_written(
    services: FakeServices, first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    await call(services, "POST", NEXT, STORE, key="r-1", body={**POOL, **first})
    again = await call(services, "POST", NEXT, STORE, key="r-1", body={**POOL, **second})
    assert (again.status_code == 201) is same
    assert same or problem_of(again) == (422, "request-reused")


@pytest.mark.parametrize("order_id", ["o", "o" * 200, "заказ 7", "|c"])
async def test_order_may_be_called_what_the_channel_likes(
    services: FakeServices, order_id: str
) -> None:
    body = {**POOL, "orderId": order_id}
    taken = await call(services, "POST", NEXT, STORE, key="r-1", body=body)
    one = f"/certificates/{taken.json()['certificateId']}"
    assert (await call(services, "GET", one, STORE)).json()["orderId"] == order_id


async def test_next_of_an_empty_pool_is_a_conflict(services: FakeServices) -> None:
    answer = await call(services, "POST", NEXT, STORE, key="r", body={"pool": "PHYSICAL"})
    assert problem_of(answer) == (409, "pool-empty")
    assert "giftcert-position" not in answer.headers


CHANNELS = [
    ("store", None, Channel.ONLINE_STORE),
    ("store", "ONLINE_STORE", Channel.ONLINE_STORE),
    ("store", "POS", None),
    ("till", None, Channel.POS),
    ("till", "POS", Channel.POS),
    ("till", "ONLINE_STORE", None),
    ("support", None, None),
    ("support", "POS", None),
    ("crm", None, None),
]


@pytest.mark.parametrize(("client", "asked", "channel"), CHANNELS)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_next_is_for_the_clients_own_channel(
    services: FakeServices, method: str, client: str, asked: str | None, channel: Channel | None
) -> None:
    """Whoever has no channel sells nothing, whatever its token allows."""
    caller = token(client, *Scope)
    if method == "POST":
        answer = await call(
            services, "POST", NEXT, caller, key="r", body={**POOL, "channel": asked}
        )
    else:
        query = f"pool=ELECTRONIC&requestId=r{f'&channel={asked}' if asked else ''}"
        answer = await call(services, "GET", f"{NEXT}?{query}", caller)
    if channel is None:
        assert problem_of(answer) == (403, "channel-forbidden")
        assert services.flow.asked == []
    else:
        action = services.flow.asked[0].pool_command.action
        assert isinstance(action, TakeNext)
        assert action.channel is channel


@pytest.mark.parametrize(("client", "asked", "channel"), CHANNELS)
async def test_scanned_number_is_for_the_clients_own_channel(
    services: FakeServices, client: str, asked: str | None, channel: Channel | None
) -> None:
    answer = await call(
        services, "POST", RESERVE, token(client, *Scope), key="r", body={"channel": asked}
    )
    if channel is None:
        assert problem_of(answer) == (403, "channel-forbidden")
        assert services.flow.asked == []
    else:
        assert services.flow.asked[0].command.action.channel is channel


async def test_scanned_number_is_reserved(services: FakeServices) -> None:
    answer = await call(services, "POST", RESERVE, TILL, key="r-1", body={"orderId": "receipt-7"})
    reservation_id = request_id_of("till", "r-1")
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "certificateId": "GC-0001",
            "reservationId": reservation_id,
            "reservedUntil": "2025-01-01T00:30:00.123Z",
        },
    )
    command = services.flow.asked[0].command
    assert (command.command_id, command.actor, command.reply_to) == (
        reservation_id,
        "till",
        REPLY_TO,
    )
    assert command.action == ReserveNumber(
        channel=Channel.POS, order_id="receipt-7", until_ms=NOW_MS + HALF_AN_HOUR_MS
    )


async def test_scanned_number_is_not_given_out_again(services: FakeServices) -> None:
    await call(services, "POST", RESERVE, TILL, key="r-1", body={})
    answer = await call(services, "POST", NEXT, STORE, key="r-2", body=POOL)
    assert answer.json()["certificateId"] == "GC-0002"


async def test_same_key_for_another_number_is_another_content(services: FakeServices) -> None:
    """Both under way at once would otherwise be taken for one, and share one answer."""
    for number in ("GC-0001", "GC-0002"):
        path = f"/certificates/{number}/actions/reserve"
        answer = await call(services, "POST", path, TILL, key="r-1", body={})
        assert answer.json()["certificateId"] == number
    first, second = services.flow.asked
    assert (first.request_id == second.request_id, first.digest == second.digest) == (True, False)


def never_loaded(_flow: FlowInMemory, _number: str) -> None:
    """There is no such number."""


def reserved_by_a_till(flow: FlowInMemory, number: str) -> None:
    made.reserved(flow, number, channel=Channel.POS)


def locked(flow: FlowInMemory, number: str) -> None:
    made.available(flow, number)
    made.locked(flow, number)


NOT_FREE: list[tuple[Callable[[FlowInMemory, str], None], int, str]] = [
    (never_loaded, 404, "not-found"),
    (reserved_by_a_till, 409, "not-available"),
    (made.active, 409, "not-available"),
    (locked, 423, "locked"),
    (made.annulled_unsold, 409, "not-available"),
]


@pytest.mark.parametrize(("make", "status", "kind"), NOT_FREE)
async def test_number_that_is_not_free_is_refused_and_why_is_for_support(
    services: FakeServices,
    make: Callable[[FlowInMemory, str], None],
    status: int,
    kind: str,
) -> None:
    make(services.flow, "GC-0009")
    path = "/certificates/GC-0009/actions/reserve"
    answer = await call(services, "POST", path, STORE, key="r-1", body={})
    assert (problem_of(answer), answer.json()["detail"]) == (
        (409, "not-available"),
        "the number is not free",
    )
    told = await call(services, "POST", path, token("store", *Scope), key="r-2", body={})
    assert problem_of(told) == (status, kind)


@pytest.mark.parametrize("code", [RejectionCode.REQUEST_REUSED])
async def test_other_refusals_of_a_scanned_number_are_told_as_they_are(
    services: FakeServices, code: RejectionCode
) -> None:
    services.flow.refuse(code)
    answer = await call(services, "POST", RESERVE, TILL, key="r", body={})
    assert problem_of(answer) == (422, "request-reused")
