"""How a call goes on its way: handed on, held to its time, counted, and written down."""

import asyncio
from typing import Any

import httpx
import pytest

from http_edge.access.callers import Scope
from http_edge.access.limits import RateHeaders
from http_edge.api.problems import keys_unavailable, too_many_requests
from http_edge.serving.hop import Answered
from pipelines.topics import COMMANDS, FACTS
from state.certificate.rejections import RejectionCode
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import (
    BASE,
    CRM,
    SIBLING,
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    calling,
    problem_of,
    token,
)
from tests.http_edge.every_call import (
    ACTING,
    EXAMPLES,
    OF_ONE_CERTIFICATE,
    ONE,
    POSTS,
    call_of,
    ready_for,
)

pytestmark = pytest.mark.anyio
PARTITION = 5
NEXT = "/certificates/next"
KEPT_BY_THEIR_LOG = ("reserveNumber",)
"""The number's own log decides whether it is free; nothing is read before."""


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


async def ask(services: FakeServices, operation: str, **headers: str) -> httpx.Response:
    example, row = EXAMPLES[operation], call_of(operation)
    return await call(
        services,
        row.method,
        example.path.replace("{key}", "request-1"),
        token(example.client, row.scope),
        key="request-1" if operation in POSTS else None,
        body=example.body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def bytes_sent(body: Any) -> bytes:
    """What the client makes of a body."""
    return httpx.Request("POST", BASE, json=body).content


def test_partition_of_the_example_is_as_the_tests_say(services: FakeServices) -> None:
    assert services.partition_of(made.NUMBER.encode()) == PARTITION


@pytest.mark.parametrize(
    "operation", [each for each in OF_ONE_CERTIFICATE if each not in KEPT_BY_THEIR_LOG]
)
async def test_call_about_what_another_keeps_goes_there_as_it_came(
    services: FakeServices, operation: str
) -> None:
    services.certificates.held.discard(PARTITION)
    services.forwarder.answer = Answered(
        owner=SIBLING,
        status=409,
        headers={"content-type": "application/problem+json", "giftcert-position": "5.7"},
        content=b'{"type":"x"}',
    )
    answer = await ask(services, operation, traceparent="00-0af7-b7ad-01")
    assert (answer.status_code, answer.content) == (409, b'{"type":"x"}')
    assert answer.headers["giftcert-position"] == "5.7"
    ((outbound, place),) = services.forwarder.forwarded
    assert place == (COMMANDS, PARTITION)
    example, row = EXAMPLES[operation], call_of(operation)
    assert outbound.target == example.path.replace("{key}", "request-1").encode()
    assert (outbound.method, outbound.acts) == (row.method, row.acts)
    assert outbound.body == (b"" if example.body is None else bytes_sent(example.body))
    for name in ("authorization", "traceparent"):
        assert name in outbound.headers
    assert ("idempotency-key" in outbound.headers) is (operation in POSTS)
    assert services.flow.asked == []


async def test_correlation_is_a_correlators_to_explain(services: FakeServices) -> None:
    await call(services, "GET", "/correlations/a/b?", SUPPORT)
    ((outbound, place),) = services.forwarder.forwarded
    assert outbound.target == b"/correlations/a/b"
    assert place == (FACTS, services.partition_of(b"a/b"))


@pytest.mark.parametrize(
    "operation", [each for each in OF_ONE_CERTIFICATE if each not in KEPT_BY_THEIR_LOG]
)
async def test_call_while_everything_moves_is_to_be_repeated(
    services: FakeServices, operation: str
) -> None:
    services.certificates.is_moving = True
    services.worker.serving = False
    answer = await ask(services, operation)
    assert (problem_of(answer), answer.headers["retry-after"]) == ((503, "moving"), "1")
    assert services.flow.asked == []
    assert services.forwarder.forwarded == []


async def test_wrong_request_is_refused_here_and_not_handed_on(services: FakeServices) -> None:
    services.certificates.held.discard(PARTITION)
    answer = await call(
        services, "POST", f"{ONE}/actions/lock", SUPPORT, key="r", body={"reason": ""}
    )
    assert problem_of(answer) == (422, "invalid-request")
    assert services.forwarder.forwarded == []


@pytest.mark.parametrize(
    ("told", "wanted_s"),
    [
        (None, 5.0),
        ("1200", 1.2),
        ("9000", 5.0),
        ("0", 0.001),
        ("-5", 5.0),
        ("soon", 5.0),
        ("1" * 30, 5.0),
    ],
)
async def test_call_takes_no_longer_than_who_handed_it_on_can_wait(
    services: FakeServices, told: str | None, wanted_s: float
) -> None:
    made.active(services.flow)
    headers = {} if told is None else {"giftcert_deadline_ms": told}
    await ask(services, "lock", **headers)
    assert wanted_s - 1 < services.flow.asked[0].timeout_s <= wanted_s
    services.certificates.held.discard(PARTITION)
    await ask(services, "readCertificate", **headers)
    assert wanted_s - 1 < services.forwarder.forwarded[0][0].timeout_s <= wanted_s


@pytest.mark.parametrize("operation", ACTING)
async def test_change_tells_where_in_the_log_it_was_decided(
    services: FakeServices, operation: str
) -> None:
    ready_for(services, operation)
    answer = await ask(services, operation)
    partition, _, offset = answer.headers["giftcert-position"].partition(".")
    assert int(partition) == PARTITION
    assert 0 < int(offset) <= services.flow.offset


async def test_answer_that_the_log_of_certificates_did_not_give_has_no_position(
    services: FakeServices,
) -> None:
    made.active(services.flow)
    for operation in ("readCertificate", "readBalance", "readPools"):
        assert "giftcert-position" not in (await ask(services, operation)).headers


READS = ("readCertificate", "readBalance", "readHistory")


@pytest.mark.parametrize("operation", READS)
async def test_read_with_a_position_waits_until_the_store_is_past_it(
    services: FakeServices, operation: str
) -> None:
    """What a caller did before is in what it reads now, whichever process it asks."""
    made.active(services.flow)
    services.worker.behind = 7
    reading = asyncio.ensure_future(ask(services, operation, giftcert_position=f"{PARTITION}.7"))
    await asyncio.wait({reading}, timeout=0.05)
    assert not reading.done(), "the store is at 7, not past it"
    services.worker.behind = 8
    assert (await reading).status_code == 200


@pytest.mark.parametrize("operation", READS)
async def test_read_that_waits_too_long_is_to_be_repeated(
    services: FakeServices, operation: str
) -> None:
    made.active(services.flow)
    services.worker.behind = 7
    answer = await ask(
        services, operation, giftcert_position=f"{PARTITION}.7", giftcert_deadline_ms="30"
    )
    assert problem_of(answer) == (503, "not-there-yet")


@pytest.mark.parametrize("position", ["4.7", "7", "x.y", f"{PARTITION}.-1", f"{PARTITION}.7.7", ""])
async def test_position_that_is_not_of_this_certificate_is_nothing_to_wait_for(
    services: FakeServices, position: str
) -> None:
    made.active(services.flow)
    services.worker.behind = 0
    answer = await ask(services, "readCertificate", giftcert_position=position)
    assert answer.status_code == 200


async def test_clients_share_is_told_and_held(services: FakeServices) -> None:
    """Each client has its own; whoever is over it learns when to come again."""
    made.active(services.flow)
    limited = FakeServices(
        services.settings.model_copy(update={"rate_limit": "2/minute"}), services.flow
    )
    async with calling(limited) as client:
        for left in (1, 0):
            answer = await client.get(ONE, headers=STORE)
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"default";q=2;w=60'
            assert answer.headers["ratelimit"].startswith(f'"default";r={left};')
        over = await client.get(ONE, headers=STORE)
        assert problem_of(over) == (429, "too-many-requests")
        assert 1 <= int(over.headers["retry-after"]) <= 60
        assert over.headers["ratelimit"].startswith('"default";r=0;')
        assert (await client.get(ONE, headers=TILL)).status_code == 200
        figures = (await client.get("/metrics")).text
    assert 'giftcert_http_rate_limited_total{client="store"} 1.0' in figures


async def test_calls_without_the_scope_use_up_the_share_too(services: FakeServices) -> None:
    limited = FakeServices(services.settings.model_copy(update={"rate_limit": "2/minute"}))
    async with calling(limited) as client:
        kinds = [
            problem_of(await client.get("/pools", headers=token("store")))[1] for _ in range(3)
        ]
    assert kinds == ["scope-missing", "scope-missing", "too-many-requests"]


async def test_strangers_are_counted_by_address_and_do_not_take_from_others(
    services: FakeServices,
) -> None:
    made.active(services.flow)
    limited = FakeServices(
        services.settings.model_copy(update={"rejected_rate_limit": "2/minute"}), services.flow
    )
    async with calling(limited) as client:
        statuses = [(await client.get(ONE)).status_code for _ in range(4)]
        assert statuses == [401, 401, 429, 429]
        assert (await client.get(ONE, headers=STORE)).status_code == 200
        figures = (await client.get("/metrics")).text
    assert 'giftcert_http_rate_limited_total{client="none"} 2.0' in figures


async def test_that_the_issuer_is_away_is_not_counted_against_the_callers(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would still be turned away when it is back."""

    async def away(_authorization: str | None) -> None:
        raise keys_unavailable()

    limited = FakeServices(services.settings.model_copy(update={"rejected_rate_limit": "2/minute"}))
    monkeypatch.setattr(limited.gate.tokens, "caller_of", away)
    async with calling(limited) as client:
        kinds = {problem_of(await client.get(ONE, headers=STORE)) for _ in range(5)}
    assert kinds == {(503, "keys-unavailable")}


async def test_call_is_written_down_with_who_what_and_how_it_ended(
    services: FakeServices, log_lines: LogLines
) -> None:
    """Of a number the last four; of what was said and of the caller's key nothing."""
    made.active(services.flow, "GC-12345678")
    await call(
        services,
        "POST",
        "/certificates/GC-12345678/actions/lock",
        token("support/ann", Scope.SUPPORT),
        key="my-secret-key",
        body={"reason": "told by phone"},
        headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"},
    )
    (line,) = log_lines.calls()
    assert line.pop("duration_ms") >= 0
    assert line.pop("timestamp")
    assert line == {
        "event": "call",
        "level": "info",
        "logger": "http_edge.serving.call_log",
        "operation": "lock",
        "method": "POST",
        "client": "support",
        "subject": "ann",
        "certificate": "…5678",
        "request_id": services.flow.asked[0].request_id,
        "status": 200,
        "outcome": "done",
        "trace_id": "a" * 32,
    }


@pytest.mark.parametrize("code", [RejectionCode.LOCKED, None])
async def test_refusal_is_written_down_with_its_kind(
    services: FakeServices, log_lines: LogLines, code: RejectionCode | None
) -> None:
    made.active(services.flow)
    if code is not None:
        services.flow.refuse(code)
    await ask(services, "unlock")
    (line,) = log_lines.calls()
    wanted = (423, "locked") if code else (409, "not-locked")
    assert (line["status"], line["problem"], line["outcome"]) == (*wanted, "refused")


async def test_strangers_call_is_written_down_with_where_it_came_from(
    services: FakeServices, log_lines: LogLines
) -> None:
    await call(services, "GET", ONE)
    (line,) = log_lines.calls()
    assert (line["status"], line["problem"], line["peer"]) == (401, "token-missing", "127.0.0.1")
    assert "client" not in line


async def test_call_that_was_handed_on_is_written_down_with_where_it_went(
    services: FakeServices, log_lines: LogLines
) -> None:
    services.certificates.held.discard(PARTITION)
    await ask(services, "lock")
    (line,) = log_lines.calls()
    assert (line["forwarded_to"], line["status"]) == (SIBLING, 200)
    figures = services.gate.metrics.exposition().decode()
    assert 'giftcert_http_forwarded_total{operation="lock"} 1.0' in figures


async def test_call_that_came_by_a_hop_is_written_down_as_such(
    services: FakeServices, log_lines: LogLines
) -> None:
    made.active(services.flow)
    await ask(services, "lock", x_giftcert_hop="1")
    assert log_lines.calls()[0]["hop"] is True


async def test_nothing_secret_is_written_down(services: FakeServices, log_lines: LogLines) -> None:
    """Neither the code that came, nor the one that was told, nor a token."""
    made.active(services.flow)
    code, wrong = made.code_of(), made.wrong_code(made.code_of())
    made.issued(services.flow, "GC-0002")
    body = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": code}
    holds = f"{ONE}/authorizations"
    await call(services, "POST", holds, TILL, key="r-1", body=body)
    await call(services, "POST", holds, TILL, key="r-2", body={**body, "cvc": wrong})
    told = await call(services, "GET", "/certificates/GC-0002/cvc?requestId=r-3", CRM)
    assert told.status_code == 200
    text = log_lines.text
    for secret in (code, wrong, told.json()["cvc"], TILL["Authorization"], CRM["Authorization"]):
        assert secret not in text
    assert len(log_lines.calls()) == 3


def test_share_headers_are_the_drafts() -> None:
    told = RateHeaders(quota=5, window_s=60, remaining=3, effective_s=60).told()
    assert set(told) == {"RateLimit-Policy", "RateLimit"}
    assert too_many_requests(0, told).headers["Retry-After"] == "1"
