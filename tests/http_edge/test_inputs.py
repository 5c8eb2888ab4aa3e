"""What callers send: read exactly, or refused with what to change."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from http_edge.asking.asking import request_id_of
from http_edge.asking.inputs import MAX_BODY_BYTES
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import STORE, SUPPORT, FakeServices, call, calling, problem_of

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
LOCK = f"/certificates/{made.NUMBER}/actions/lock"
CAPTURE = f"/certificates/{made.NUMBER}/authorizations/hold-1/capture"
JSON = {"content-type": "application/json"}
KEY = {"idempotency-key": "request-1"}


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


async def post(services: FakeServices, path: str, **request: Any) -> httpx.Response:
    """By support, under a key."""
    headers = {**SUPPORT, **KEY, **request.pop("headers", {})}
    async with calling(services) as client:
        return await client.post(path, headers=headers, **request)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_json_is_read_however_its_type_is_spelled(
    services: FakeServices, content_type: str
) -> None:
    answer = await post(
        services, LOCK, content=b'{"reason":"lost"}', headers={"content-type": content_type}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", None])
async def test_body_of_another_type_is_refused(
    services: FakeServices, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await post(services, LOCK, content=b'{"reason":"lost"}', headers=headers)
    assert problem_of(answer) == (415, "media-type")
    assert services.flow.asked == []


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"reason=lost",
    "cut off": b'{"reason":"lo',
    "not UTF-8": b'{"reason":"\xff"}',
    "half a surrogate pair": b'{"reason":"\\ud800"}',
    "no object": b"[]",
    "no reason": b"{}",
    "null": b'{"reason":null}',
    "number": b'{"reason":5}',
    "empty": b'{"reason":""}',
    "too long": b'{"reason":"' + b"x" * 201 + b'"}',
    "control character": b'{"reason":"a\\u0000b"}',
    "line break": b'{"reason":"a\\nb"}',
    "line break at the end": b'{"reason":"a\\n"}',
    "right-to-left override": b'{"reason":"a\\u202eb"}',
    "unknown field": b'{"reason":"lost","force":true}',
    "deep": b'{"reason":' + b"[" * 5_000,
    "two bodies": b'{"reason":"a"}{"reason":"b"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
async def test_wrong_body_is_refused_and_nothing_is_asked(
    services: FakeServices, body: bytes
) -> None:
    answer = await post(services, LOCK, content=body, headers=JSON)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.flow.asked == []


@pytest.mark.parametrize("reason", ["x", "x" * 200, "потеряна — звонил клиент", "失われた"])
async def test_text_in_any_language_is_taken(services: FakeServices, reason: str) -> None:
    answer = await post(services, LOCK, json={"reason": reason})
    assert answer.status_code == 200
    assert services.flow.asked[0].command.action.reason == reason


@pytest.mark.parametrize("chunks", [1, 50])
async def test_body_over_the_limit_is_refused_without_being_read_whole(
    services: FakeServices, chunks: int
) -> None:
    """Whole or in pieces: what a caller says of its length is not believed."""
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(1_000):
            given += 1
            yield b" " * (MAX_BODY_BYTES // chunks + 1)

    answer = await post(services, LOCK, content=endless(), headers=JSON)
    assert problem_of(answer) == (413, "too-large")
    assert services.flow.asked == []


async def test_body_at_the_limit_is_read(services: FakeServices) -> None:
    body = b'{"reason":"lost"}'
    padded = body + b" " * (MAX_BODY_BYTES - len(body))
    assert (await post(services, LOCK, content=padded, headers=JSON)).status_code == 200
    over = await post(services, LOCK, content=padded + b" ", headers=JSON)
    assert problem_of(over) == (413, "too-large")


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_body_that_has_nothing_to_say_may_be_left_out(
    services: FakeServices, body: bytes
) -> None:
    """And then it needs no type."""
    made.held(services.flow)
    answer = await post(services, CAPTURE, content=body, headers=JSON if body else {})
    assert (answer.status_code, answer.json()["amount"]) == (200, "60.00")


QUERIES: dict[str, str] = {
    "no pool": "channel=ONLINE_STORE",
    "small letters": "pool=electronic",
    "a number": "pool=GC-0001",
    "with a separator": "pool=A%7Cc",
    "line break at the end": "pool=ELECTRONIC%0A",
    "one letter": "pool=E",
    "too long": "pool=" + "P" * 33,
    "unknown channel": "pool=ELECTRONIC&channel=FAX",
    "empty order": "pool=ELECTRONIC&orderId=",
    "long order": "pool=ELECTRONIC&orderId=" + "o" * 201,
    "control character": "pool=ELECTRONIC&orderId=a%00b",
    "unknown parameter": "pool=ELECTRONIC&chanel=POS",
    "parameter given twice": "pool=ELECTRONIC&pool=ELECTRONIC",
    "parameter given twice, differently": "pool=ELECTRONIC&pool=PHYSICAL",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
async def test_wrong_query_is_refused_and_nothing_is_asked(
    services: FakeServices, query: str
) -> None:
    answer = await call(services, "GET", f"{NEXT}?requestId=r-1&{query}", STORE)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.flow.asked == []


async def test_request_id_given_twice_is_refused(services: FakeServices) -> None:
    """Which of them is the identity would be anybody's guess."""
    query = "pool=ELECTRONIC&requestId=r-1&requestId=r-2"
    answer = await call(services, "GET", f"{NEXT}?{query}", STORE)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.flow.asked == []


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("request-1", "request-1"),
        ('"request-1"', "request-1"),
        ("urn:uuid:6fa459ea/ee8a@3ca4+8=9", "urn:uuid:6fa459ea/ee8a@3ca4+8=9"),
        ("k" * 128, "k" * 128),
    ],
)
async def test_key_is_taken_from_the_header_without_its_quotes(
    services: FakeServices, header: str, key: str
) -> None:
    answer = await post(
        services, LOCK, json={"reason": "lost"}, headers={"idempotency-key": header}
    )
    assert answer.headers["idempotency-key"] == key
    assert services.flow.asked[0].request_id == request_id_of("support", key)


WRONG_KEYS = ["a b", '""', '"', "k" * 129, "a|b", "a\tb", '"a', "a,b", "{}"]


@pytest.mark.parametrize("header", WRONG_KEYS)
async def test_wrong_key_is_refused_and_not_told_back(services: FakeServices, header: str) -> None:
    answer = await post(
        services, LOCK, json={"reason": "lost"}, headers={"idempotency-key": header}
    )
    assert problem_of(answer) == (400, "malformed-request")
    assert "idempotency-key" not in answer.headers
    assert services.flow.asked == []


@pytest.mark.parametrize("text", ["a%20b", "%D1%8F", "k" * 129, "a%7Cb", "a%0A"])
async def test_wrong_request_id_is_refused(services: FakeServices, text: str) -> None:
    answer = await call(services, "GET", f"{NEXT}?pool=ELECTRONIC&requestId={text}", STORE)
    assert problem_of(answer) == (400, "malformed-request")
    assert services.flow.asked == []


async def test_header_says_nothing_in_a_get(services: FakeServices) -> None:
    """The same link must be the same request, whoever opens it."""
    path = f"{NEXT}?pool=ELECTRONIC&requestId=query"
    answer = await call(services, "GET", path, STORE, key="header")
    assert answer.headers["idempotency-key"] == "query"
    assert services.flow.asked[0].request_id == request_id_of("store", "query")


@pytest.mark.parametrize(
    "number",
    ["GC-1", "gc-0001", "ABCDEF", "G1" + "G" * 31, "GC%200001", "GC%00001", "GC-0001%0A", "%D9%A1"],
)
@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "", None),
        ("GET", "/balance", None),
        ("GET", "/history", None),
        ("GET", "/cvc?requestId=r-1", None),
        ("POST", "/actions/lock", {"reason": "lost"}),
        ("POST", "/actions/reserve", {}),
        ("POST", "/authorizations/hold-1/void", {}),
    ],
)
async def test_what_cannot_be_a_number_does_not_exist(
    services: FakeServices, number: str, method: str, rest: str, body: Any
) -> None:
    answer = await call(
        services, method, f"/certificates/{number}{rest}", SUPPORT, key="r", body=body
    )
    assert problem_of(answer) == (404, "not-found")
    assert services.flow.asked == []
