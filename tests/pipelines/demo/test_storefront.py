"""The calls over HTTP: asked again when the answer got lost, and believed only when it is right."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest
import stamina

from pipelines.demo.steps import Shop
from pipelines.demo.storefront import PoolEmpty, ServiceRefused, Storefront

URL = "http://service.test"
NUMBER = "GC-1111-2222"


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Retries without pauses, and four at most."""
    with stamina.set_testing(True, attempts=4):
        yield


def storefront(
    *answers: Callable[[httpx.Request], httpx.Response],
) -> tuple[Storefront, list[httpx.Request]]:
    """A storefront whose service gives these answers one after the other, the last for ever."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1](request)

    return Storefront(URL, token_of, transport=httpx.MockTransport(answer)), asked


def token_of(client: str) -> str:
    """Stands in for a stack's tokens."""
    return f"token-of-{client}"


def shown(request: httpx.Request) -> str:
    """Whose token a request carries."""
    return request.headers["authorization"].removeprefix("Bearer token-of-")


def gives(status: int, body: dict[str, str]) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: httpx.Response(status, json=body)


def breaks(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


CREATED = gives(201, {"certificateId": NUMBER, "reservationId": "r", "reservedUntil": "t"})
EMPTY = gives(409, {"type": "https://example.test/problems/pool-empty"})
BUSY = gives(503, {})


def reserve(service: Storefront) -> str:
    reserved = service.reserve(pool="ELECTRONIC", shop=Shop.POS, order_id="5", request_id="run/5/0")
    assert reserved.took_ms >= 0
    return reserved.certificate_id


def test_reserving_asks_for_the_next_number_under_a_request_id() -> None:
    """The key makes it the same request, however often it is sent."""
    service, asked = storefront(CREATED)
    with service:
        assert reserve(service) == NUMBER

    assert asked[0].url.path == "/certificates/next"
    assert asked[0].headers["idempotency-key"] == "run/5/0"
    assert shown(asked[0]) == "till"
    assert json.loads(asked[0].content) == {
        "pool": "ELECTRONIC",
        "channel": "POS",
        "orderId": "5",
    }


@pytest.mark.parametrize(("shop", "client"), [(Shop.ONLINE_STORE, "store"), (Shop.POS, "till")])
def test_reserving_for_a_channel_is_done_by_the_client_of_that_channel(
    shop: Shop, client: str
) -> None:
    """A client may ask for its own channel only."""
    service, asked = storefront(CREATED)
    with service:
        service.reserve(pool="ELECTRONIC", shop=shop, order_id="5", request_id="run/5/0")

    assert json.loads(asked[0].content)["channel"] == shop.value
    assert shown(asked[0]) == client


@pytest.mark.parametrize("first", [BUSY, gives(504, {}), gives(429, {}), breaks])
def test_reserving_again_after_no_answer_is_the_same_request(
    first: Callable[[httpx.Request], httpx.Response],
) -> None:
    """The number is asked for twice and taken once."""
    service, asked = storefront(first, CREATED)
    with service:
        assert reserve(service) == NUMBER

    assert len(asked) == 2
    assert asked[0].content == asked[1].content
    assert asked[0].headers["idempotency-key"] == asked[1].headers["idempotency-key"]
    assert shown(asked[1]) == "till"


def test_reserving_from_an_empty_pool_is_told_apart() -> None:
    """It is no fault: the demo refills the pool."""
    service, asked = storefront(EMPTY)
    with service, pytest.raises(PoolEmpty):
        reserve(service)

    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (gives(409, {"type": "https://example.test/problems/wrong-channel"}), "409, not 201"),
        (gives(422, {}), "422, not 201"),
        (gives(401, {}), "401, not 201"),
        (gives(403, {}), "403, not 201"),
        (BUSY, "did not answer"),
        (breaks, "did not answer"),
    ],
)
def test_reserving_with_any_other_answer_ends_the_demo(
    answer: Callable[[httpx.Request], httpx.Response], said: str
) -> None:
    """One line that says what came instead."""
    service, _ = storefront(answer)
    with service, pytest.raises(ServiceRefused, match=said):
        reserve(service)


def test_support_locks_and_unlocks_with_a_reason() -> None:
    """Each call has a request id of its own."""
    service, asked = storefront(gives(200, {}))
    with service:
        service.lock(NUMBER, "reported stolen")
        service.unlock(NUMBER, "found again")

    assert [request.url.path for request in asked] == [
        f"/certificates/{NUMBER}/actions/lock",
        f"/certificates/{NUMBER}/actions/unlock",
    ]
    assert json.loads(asked[0].content) == {"reason": "reported stolen"}
    assert {shown(request) for request in asked} == {"support"}
    assert asked[0].headers["idempotency-key"] != asked[1].headers["idempotency-key"]


def test_a_refusal_does_not_show_the_number() -> None:
    """What is printed may be kept; a number is worth money."""
    service, _ = storefront(gives(404, {}))
    with service, pytest.raises(ServiceRefused) as refused:
        service.lock(NUMBER, "reported stolen")

    assert NUMBER not in str(refused.value)
    assert "lock answered 404" in str(refused.value)
