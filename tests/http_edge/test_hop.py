"""What of a call goes to its owner and what of the answer comes back, byte by byte."""

from collections.abc import Mapping

import pytest
from starlette.requests import Request

from http_edge.serving.hop import DEADLINE, HOP, Answered, Forwarded, remaining_ms
from tests.http_edge.forwarded_calls import BODY, OWN, a_call, forwarding, refused
from tests.http_edge.raw_owner import DEADLINE_S, KnownPlace, listening, says

pytestmark = pytest.mark.anyio


async def test_call_goes_to_the_owner_with_what_belongs_to_it() -> None:
    given = {
        "authorization": "Bearer t",
        "content-type": "application/json",
        "giftcert-position": "3.17",
        "idempotency-key": "r-1",
        "if-none-match": '"4"',
        "traceparent": "00-0af7-b7ad-01",
    }
    others = {"cookie": "session=secret", "host": "edge.test", "x-forwarded-for": "203.0.113.7"}
    target = b"/certificates/GC%2D0001?requestId=r%201&pool=A"
    async with listening(says()) as owner, forwarding() as forwarder:
        outbound = a_call(target=target, headers={**given, **others})
        await forwarder.forward(outbound, KnownPlace(owner.url))
    [received] = owner.received
    assert received.line == f"POST {target.decode()} HTTP/1.1"
    assert received.body == BODY
    told = dict(received.headers)
    assert told.pop("host") == owner.url.removeprefix("http://")
    assert told.pop(HOP) == "1"
    assert 0 < int(told.pop(DEADLINE)) <= DEADLINE_S * 1000
    assert told.pop("content-length") == str(len(BODY))
    assert told == given


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("HEAD", None), ("POST", "0")])
async def test_call_without_a_body_says_so_as_its_method_does(
    method: str, length: str | None
) -> None:
    async with listening(says(204)) as owner, forwarding() as forwarder:
        await forwarder.forward(a_call(method, body=b""), KnownPlace(owner.url))
    assert owner.received[0].headers.get("content-length") == length


@pytest.mark.parametrize("status", [200, 201, 304, 401, 404, 409, 422, 429, 500, 504])
async def test_owners_answer_is_handed_on_with_the_callers_headers_only(status: int) -> None:
    kept = {
        "cache-control": "no-store",
        "content-type": "application/json",
        "etag": '"5"',
        "giftcert-position": "3.18",
        "idempotency-key": "r-1",
        "location": "/certificates/GC-0001/authorizations/a",
        "ratelimit": '"default";r=1;t=60',
        "ratelimit-policy": '"default";q=2;w=60',
        "retry-after": "1",
        "www-authenticate": 'Bearer realm="gift-certificates"',
    }
    dropped = {"server": "x", "set-cookie": "a=b", "x-internal": "y", "date": "today"}
    behaviour = says(status, {**kept, **dropped}, version=5)
    async with listening(behaviour) as owner, forwarding() as forwarder:
        answered = await forwarder.forward(a_call("GET"), KnownPlace(owner.url))
    assert (answered.owner, answered.status, answered.headers) == (owner.url, status, kept)
    assert answered.content == (b"" if status == 304 else b'{"version": 5}')
    response = answered.response()
    assert (response.status_code, response.body) == (status, answered.content)
    length = {} if status == 304 else {"content-length": str(len(answered.content))}
    assert dict(response.headers) == {**kept, **length}


@pytest.mark.parametrize("target", [b"//evil.test/x", b"http://evil.test/x", b"/../x", b"/?a=//b"])
async def test_target_leads_to_the_owner_whatever_it_looks_like(target: bytes) -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        await forwarder.forward(a_call("GET", target), KnownPlace(owner.url))
    assert [each.line for each in owner.received] == [f"GET {target.decode()} HTTP/1.1"]


async def test_owner_behind_a_path_is_asked_there() -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        await forwarder.forward(a_call("GET", b"/pools"), KnownPlace(f"{owner.url}/giftcert"))
    assert owner.received[0].line == "GET /giftcert/pools HTTP/1.1"


async def test_header_of_any_bytes_is_passed_on_as_it_came() -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        await forwarder.forward(a_call(headers={"traceparent": "\xe9\xff"}), KnownPlace(owner.url))
    assert owner.received[0].headers["traceparent"] == "\xe9\xff"


@pytest.mark.parametrize("value", ["a\x00b", "a\r\nx-giftcert-actor: admin", "a\nb"])
async def test_header_that_http_does_not_allow_is_the_callers_fault(value: str) -> None:
    async with listening(says()) as owner, forwarding() as forwarder:
        outbound = a_call(headers={"traceparent": value})
        problem = await refused(forwarder, outbound, KnownPlace(owner.url))
    assert (problem, owner.received) == ((400, "malformed-request"), [])


def a_request(query: bytes = b"", headers: Mapping[str, str] | None = None) -> Request:
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/certificates/GC-0001",
            "raw_path": b"/certificates/GC%2D0001",
            "query_string": query,
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()
            ],
        }
    )


@pytest.mark.parametrize(
    ("query", "target"),
    [(b"", b"/certificates/GC%2D0001"), (b"a=%20b", b"/certificates/GC%2D0001?a=%20b")],
)
def test_forwarded_request_is_the_one_that_came(query: bytes, target: bytes) -> None:
    request = a_request(query, {"traceparent": "00"})
    outbound = Forwarded.of(request, BODY, 1.5, acts=True)
    assert (outbound.method, outbound.target, outbound.body) == ("POST", target, BODY)
    assert (outbound.acts, outbound.timeout_s) == (True, 1.5)
    assert outbound.headers["traceparent"] == "00"


@pytest.mark.parametrize("content", [b"", b"busy", b"[]", b'{"type": 5}', b"\xff", b"{}"])
def test_answer_that_is_no_problem_turns_nobody_away(content: bytes) -> None:
    assert answered(503, content).turned_away() is False


@pytest.mark.parametrize(
    ("status", "turned_away"), [(503, True), (200, False), (404, False), (500, False), (504, False)]
)
def test_owner_turns_away_with_the_status_of_that_problem_only(
    status: int, turned_away: bool
) -> None:
    content = b'{"type":"https://gift-certificates.example/problems/moving"}'
    assert answered(status, content).turned_away() is turned_away


def answered(status: int, content: bytes) -> Answered:
    return Answered(owner=OWN, status=status, headers={}, content=content)


@pytest.mark.parametrize(
    ("told", "left_ms"),
    [
        (None, 5_000),
        ("1200", 1_200),
        ("1", 1),
        ("0", 1),
        ("5000", 5_000),
        ("5001", 5_000),
        ("999999999", 5_000),
        ("9999999999", 5_000),
        ("-1", 5_000),
        ("1.5", 5_000),
        ("", 5_000),
        ("1e3", 5_000),
        ("12 ", 5_000),
        ("\xb2", 5_000),
    ],
)
def test_deadline_of_who_passed_the_call_on_only_shortens_our_own(
    told: str | None, left_ms: int
) -> None:
    headers = {} if told is None else {DEADLINE: told}
    assert remaining_ms(a_request(headers=headers), 5_000) == left_ms
