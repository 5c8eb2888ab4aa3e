"""The shop's calls: with a token, under their keys, and believed only when they are right."""

from collections.abc import Callable, Iterator

import httpx
import pytest
import stamina

from pipelines.client_credentials import ClientCredentials
from pipelines.neighbours.shop.edge import Edge, Reserved
from pipelines.neighbours.shop.trouble import Trouble
from tests.neighbours.shop.fake_edge import Card, FakeEdge, problem


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def edge(
    service: Callable[[httpx.Request], httpx.Response],
    issuer: Callable[[httpx.Request], httpx.Response],
) -> Edge:
    credentials = ClientCredentials(
        "http://issuer.test/token",
        "till",
        lambda: "till-secret",
        transport=httpx.MockTransport(issuer),
    )
    transport = httpx.MockTransport(service)
    return Edge("http://edge.test", credentials, patience_s=5.0, transport=transport)


def grants(*tokens: str) -> Callable[[httpx.Request], httpx.Response]:
    """An issuer that gives these tokens one after the other, the last for ever."""
    left = list(tokens)

    def answer(_request: httpx.Request) -> httpx.Response:
        token = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(200, json={"access_token": token, "expires_in": 3600})

    return answer


def take(service: Edge) -> Reserved | Trouble:
    return service.take_next(pool="ELECTRONIC", order_id="T-1", key="T-1/reserve/1")


def test_call_shows_the_token_and_its_key() -> None:
    fake = FakeEdge()
    fake.add(Card("GC-00000042"))
    service = edge(fake.answer, grants("a"))
    answer = take(service)
    assert isinstance(answer, Reserved)
    assert fake.asked[0].headers["authorization"] == "Bearer a"
    assert fake.asked[0].headers["idempotency-key"] == "T-1/reserve/1"
    service.close()


def test_token_that_is_not_taken_any_more_is_renewed_once() -> None:
    """The issuer changed its keys, say."""
    fake = FakeEdge()
    fake.add(Card("GC-00000042"))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer old":
            return problem(401, "token-invalid")
        return fake.answer(request)

    service = edge(answer, grants("old", "new"))
    assert isinstance(take(service), Reserved)
    service.close()


def test_token_that_is_never_taken_is_told_without_asking_for_ever() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return problem(401, "token-invalid")

    service = edge(answer, grants("old", "new"))
    told = take(service)
    assert isinstance(told, Trouble)
    assert (told.name, told.settled) == ("token-invalid", False)
    assert len(asked) == 2
    service.close()


@pytest.mark.parametrize(
    "issuer",
    [
        lambda _request: httpx.Response(401, json={"error": "invalid_client"}),
        lambda _request: httpx.Response(200, text="no JSON"),
        lambda request: (_ for _ in ()).throw(httpx.ConnectError("away", request=request)),
    ],
    ids=["refused", "nonsense", "away"],
)
def test_issuer_that_gives_no_token_is_told_and_settles_nothing(
    issuer: Callable[[httpx.Request], httpx.Response],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = edge(lambda _request: httpx.Response(500), issuer)
    told = take(service)
    assert told == Trouble(name="no-token", settled=False)
    assert "till-secret" not in "".join(capsys.readouterr())
    service.close()


@pytest.mark.parametrize(
    ("status", "name", "settled"),
    [
        (400, "malformed-request", False),
        (402, "insufficient-balance", True),
        (403, "wrong-cvc", True),
        (403, "channel-forbidden", False),
        (404, "not-found", True),
        (409, "pool-empty", True),
        (422, "request-reused", True),
        (423, "locked", True),
        (429, "too-many-requests", False),
        (500, "internal-error", False),
        (503, "moving", False),
        (504, "no-answer", False),
    ],
)
def test_only_what_the_service_decided_makes_the_next_request_another_one(
    status: int, name: str, settled: bool
) -> None:
    service = edge(lambda _request: problem(status, name), grants("a"))
    told = take(service)
    assert isinstance(told, Trouble)
    assert (told.name, told.settled) == (name, settled)
    service.close()


@pytest.mark.parametrize("status", [201, 409])
@pytest.mark.parametrize(
    "content", [b"<h1>nginx</h1>", b'{"type": "\xff"}', b'{"a":' + b"[" * 50_000, b""]
)
def test_answer_that_nobody_can_read_settles_nothing(status: int, content: bytes) -> None:
    """What stands between us and the service may say anything; no page breaks over it."""
    service = edge(lambda _request: httpx.Response(status, content=content), grants("a"))
    told = take(service)
    assert isinstance(told, Trouble)
    assert (told.name, told.settled) == ("not-understood", False)
    service.close()


def test_answer_that_is_packed_wrongly_is_asked_for_again() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        packed = {"Content-Encoding": "gzip"}
        return httpx.Response(201, headers=packed, stream=httpx.ByteStream(b"no gzip"))

    service = edge(answer, grants("a"))
    assert take(service) == Trouble(name="unreachable", settled=False)
    assert len({request.headers["idempotency-key"] for request in asked}) == 1
    assert len(asked) == 3
    service.close()
