"""What callers send: read exactly, or refused with what to change."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from http_edge.inputs import MAX_BODY_BYTES, digest_of
from tests.http_edge.edge_under_test import FakeServices, calling, problem_of

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
LOCK = "/certificates/GC-0001/actions/lock"
JSON = {"content-type": "application/json"}


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


async def post(services: FakeServices, path: str, **request: Any) -> httpx.Response:
    async with calling(services) as client:
        return await client.post(path, **request)


async def get(services: FakeServices, query: str) -> httpx.Response:
    async with calling(services) as client:
        return await client.get(f"{NEXT}?{query}")


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
    "unknown field": b'{"reason":"lost","force":true}',
    "deep": b'{"reason":' + b"[" * 5_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
async def test_wrong_body_is_refused_and_nothing_is_asked(
    services: FakeServices, body: bytes
) -> None:
    answer = await post(services, LOCK, content=body, headers=JSON)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.requests.asked == []


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
    assert services.requests.asked == []


async def test_body_at_the_limit_is_read(services: FakeServices) -> None:
    body = b'{"reason":"lost"}'
    padded = body + b" " * (MAX_BODY_BYTES - len(body))
    assert (await post(services, LOCK, content=padded, headers=JSON)).status_code == 200
    over = await post(services, LOCK, content=padded + b" ", headers=JSON)
    assert problem_of(over) == (413, "too-large")


QUERIES: dict[str, str] = {
    "no pool": "channel=POS",
    "small letters": "pool=electronic",
    "a number": "pool=GC-0001",
    "with a separator": "pool=A%7Cc",
    "one letter": "pool=E",
    "too long": "pool=" + "P" * 33,
    "unknown channel": "pool=ELECTRONIC&channel=FAX",
    "empty order": "pool=ELECTRONIC&orderId=",
    "long order": "pool=ELECTRONIC&orderId=" + "o" * 201,
    "control character": "pool=ELECTRONIC&orderId=a%00b",
    "unknown parameter": "pool=ELECTRONIC&chanel=POS",
    "empty key": "pool=ELECTRONIC&requestId=",
    "key with a space": "pool=ELECTRONIC&requestId=a%20b",
    "key not ASCII": "pool=ELECTRONIC&requestId=%D1%8F",
    "key too long": "pool=ELECTRONIC&requestId=" + "k" * 129,
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
async def test_wrong_query_is_refused_and_nothing_is_asked(
    services: FakeServices, query: str
) -> None:
    assert problem_of(await get(services, query)) == (422, "invalid-request")
    assert services.requests.asked == []


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
    await post(services, LOCK, json={"reason": "lost"}, headers={"idempotency-key": header})
    assert services.requests.asked[0][0] == key


@pytest.mark.parametrize("header", ["a b", '""', '"', "k" * 129, "a|b", "a\tb"])
async def test_wrong_key_is_refused_and_nothing_is_asked(
    services: FakeServices, header: str
) -> None:
    answer = await post(
        services, LOCK, json={"reason": "lost"}, headers={"idempotency-key": header}
    )
    assert problem_of(answer) == (422, "invalid-request")
    assert services.requests.asked == []


async def test_header_goes_before_the_query(services: FakeServices) -> None:
    async with calling(services) as client:
        await client.get(
            f"{NEXT}?pool=ELECTRONIC&requestId=query", headers={"idempotency-key": "header"}
        )
    assert services.requests.asked[0][0] == "header"


def test_digest_keeps_parts_apart() -> None:
    """Concatenation would let two different bodies look the same."""
    digests = {
        digest_of("next", "ab", "c"),
        digest_of("next", "a", "bc"),
        digest_of("next", "abc", None),
        digest_of("next", "abc", ""),
        digest_of("nexta", "bc"),
        digest_of("lock", "ab", "c"),
    }
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {32}
