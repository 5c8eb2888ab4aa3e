"""The calls about certificates: what each asks of the flow, answers, and refuses."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from http_edge.cvc import compute_cvc
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.topics import COMMANDS, POOL
from state.certificate.commands import Channel, Lock, Origin, RevealCvc, Unlock
from state.certificate.record import CertificateState, Status
from state.certificate.rejections import RejectionCode
from state.pool.commands import PoolCommand, TakeNext
from tests.http_edge.edge_under_test import (
    NOW_MS,
    OUTCOME,
    REPLY_TO,
    FakeServices,
    calling,
    problem_of,
)
from tests.pipelines.stages.stage_in_memory import opened
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
ONE = "/certificates/GC-0001"


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


async def post(
    services: FakeServices, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    async with calling(services) as client:
        return await client.post(
            path, json=body, headers={n.replace("_", "-"): v for n, v in headers.items()}
        )


async def get(services: FakeServices, path: str, **headers: str) -> httpx.Response:
    async with calling(services) as client:
        return await client.get(path, headers={n.replace("_", "-"): v for n, v in headers.items()})


async def test_next_by_post_takes_a_number_from_the_pool(services: FakeServices) -> None:
    services.requests.outcome = replace(
        OUTCOME, reservation_id="request-1", reserved_until_ms=NOW_MS
    )
    body = {"pool": "ELECTRONIC", "channel": "POS", "orderId": "order-1"}
    answer = await post(
        services, NEXT, body, idempotency_key="request-1", traceparent="00-0af7-b7ad-01"
    )
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "certificateId": "GC-0001",
            "reservationId": "request-1",
            "reservedUntil": "2025-01-01T00:00:00.123Z",
        },
    )
    ((key, digest, output),) = services.requests.asked
    assert (key, output.topic, output.key) == ("request-1", POOL, b"ELECTRONIC")
    assert output.headers == [("traceparent", b"00-0af7-b7ad-01")]
    assert pool_command_from_record(opened(output)) == PoolCommand(
        pool="ELECTRONIC",
        at_ms=NOW_MS,
        action=TakeNext(
            request_id="request-1",
            body_digest=digest,
            channel=Channel.POS,
            order_id="order-1",
            reserved_until_ms=NOW_MS + 30 * 60_000,
            low_mark=7,
            reply_to=REPLY_TO,
            actor="edge",
        ),
    )


async def test_next_by_get_is_the_very_same_request(services: FakeServices) -> None:
    """A channel may repeat by GET what it began by POST: same key, same digest, same record."""
    body = {"pool": "ELECTRONIC", "channel": "POS", "orderId": "order-1"}
    await post(services, NEXT, body, idempotency_key="request-1")
    query = "pool=ELECTRONIC&channel=POS&orderId=order-1&requestId=request-1"
    await get(services, f"{NEXT}?{query}")
    first, second = services.requests.asked
    assert first == second


async def test_next_without_channel_or_order_has_defaults(services: FakeServices) -> None:
    await post(services, NEXT, {"pool": "ELECTRONIC"}, idempotency_key="r")
    action = pool_command_from_record(opened(services.requests.asked[0][2])).action
    assert isinstance(action, TakeNext)
    assert (action.channel, action.order_id) == (Channel.ONLINE_STORE, None)


async def test_next_with_a_longest_order_id_is_asked_for(services: FakeServices) -> None:
    await post(services, NEXT, {"pool": "ELECTRONIC", "orderId": "o" * 200})
    action = pool_command_from_record(opened(services.requests.asked[0][2])).action
    assert isinstance(action, TakeNext)
    assert action.order_id == "o" * 200


async def test_requests_without_a_key_are_different_requests(services: FakeServices) -> None:
    for _ in range(2):
        await post(services, NEXT, {"pool": "ELECTRONIC"})
    first, second = (key for key, _, _ in services.requests.asked)
    assert first != second


@pytest.mark.parametrize("changed", [{"pool": "PHYSICAL"}, {"channel": "POS"}, {"orderId": "o"}])
async def test_digest_tells_another_body_under_the_same_key(
    services: FakeServices, changed: dict[str, str]
) -> None:
    await post(services, NEXT, {"pool": "ELECTRONIC"}, idempotency_key="r")
    await post(services, NEXT, {"pool": "ELECTRONIC", **changed}, idempotency_key="r")
    first, second = (digest for _, digest, _ in services.requests.asked)
    assert first != second


async def test_empty_pool_is_a_conflict(services: FakeServices) -> None:
    services.requests.refuse(RejectionCode.POOL_EMPTY)
    answer = await post(services, NEXT, {"pool": "ELECTRONIC"})
    assert problem_of(answer) == (409, "pool-empty")


async def test_certificate_is_read_with_its_version_as_etag(services: FakeServices) -> None:
    services.states["GC-0001"] = CertificateState(sequence=5, certificate=specimens.ACTIVE)
    answer = await get(services, ONE)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"5"')
    assert (answer.json()["version"], answer.json()["remainingBalance"]) == (5, "100.00")
    unchanged = await get(services, ONE, if_none_match='"5"')
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await get(services, ONE, if_none_match='"4"')).status_code == 200


async def test_balance_is_read(services: FakeServices) -> None:
    services.states["GC-0001"] = CertificateState(sequence=5, certificate=specimens.HELD)
    answer = await get(services, f"{ONE}/balance")
    assert (answer.status_code, answer.json()["available"]) == (200, "40.00")


@pytest.mark.parametrize("path", [ONE, f"{ONE}/balance"])
async def test_number_that_only_had_an_error_does_not_exist(
    services: FakeServices, path: str
) -> None:
    services.states["GC-0001"] = CertificateState(sequence=1, certificate=None)
    assert problem_of(await get(services, path)) == (404, "not-found")


@pytest.mark.parametrize("path", [ONE, f"{ONE}/balance"])
async def test_read_while_the_partition_moves_is_to_be_repeated(
    services: FakeServices, path: str
) -> None:
    services.move()
    answer = await get(services, path)
    assert (problem_of(answer), answer.headers["retry-after"]) == ((503, "moving"), "1")


@pytest.mark.parametrize("path", ["", "/balance", "/cvc", "/actions/lock", "/actions/unlock"])
@pytest.mark.parametrize("number", ["GC-1", "gc-0001", "ABCDEF", "G" * 33, "GC%200001", "GC%00001"])
async def test_what_cannot_be_a_number_does_not_exist(
    services: FakeServices, path: str, number: str
) -> None:
    call = post if "actions" in path else get
    arguments: tuple[Any, ...] = ({"reason": "lost"},) if "actions" in path else ()
    answer = await call(services, f"/certificates/{number}{path}", *arguments)
    assert problem_of(answer) == (404, "not-found")
    assert services.requests.asked == []


async def test_code_is_computed_from_what_the_log_decided(services: FakeServices) -> None:
    """The key and version of the reveal, which may be older than today's key."""
    services.requests.outcome = replace(OUTCOME, cvc_key_id="2025-01", cvc_version=3)
    answer = await get(services, f"{ONE}/cvc", idempotency_key="reveal-1")
    wanted = compute_cvc(services.cvc_keys, "2025-01", "GC-0001", 3, 6)
    assert (answer.status_code, answer.json()) == (200, {"cvc": wanted})
    assert answer.headers["cache-control"] == "no-store"
    ((key, _, output),) = services.requests.asked
    assert (key, output.topic, output.key) == ("reveal-1", COMMANDS, b"GC-0001")
    command = command_from_record(opened(output))
    assert command.action == RevealCvc(key_id="2025-02")
    assert (command.origin, command.at_ms, command.reply_to) == (Origin.HTTP, NOW_MS, REPLY_TO)
    assert wanted.encode() not in (output.value or b"")


@pytest.mark.parametrize(
    ("code", "status"),
    [(RejectionCode.CVC_ALREADY_REVEALED, 409), (RejectionCode.NOTIFICATION_NOT_OPEN, 409)],
)
async def test_code_that_may_not_be_shown_is_refused(
    services: FakeServices, code: RejectionCode, status: int
) -> None:
    services.requests.refuse(code)
    answer = await get(services, f"{ONE}/cvc")
    assert answer.status_code == status
    assert "cvc" not in answer.json()


@pytest.mark.parametrize(("name", "action"), [("lock", Lock), ("unlock", Unlock)])
async def test_support_acts_with_a_reason(
    services: FakeServices, name: str, action: type[Lock] | type[Unlock]
) -> None:
    services.requests.outcome = replace(
        OUTCOME, status=Status.LOCKED, sequence=6, currency="RUB", remaining_minor=10_000
    )
    answer = await post(services, f"{ONE}/actions/{name}", {"reason": "lost"}, idempotency_key="r")
    assert (answer.status_code, answer.json()["version"]) == (200, 6)
    assert answer.json()["remainingBalance"] == "100.00"
    ((_, _, output),) = services.requests.asked
    assert command_from_record(opened(output)).action == action(reason="lost")


async def test_locked_certificate_answers_423(services: FakeServices) -> None:
    services.requests.refuse(RejectionCode.LOCKED)
    answer = await post(services, f"{ONE}/actions/lock", {"reason": "lost"})
    assert problem_of(answer) == (423, "locked")


async def test_path_that_is_none_is_a_problem(services: FakeServices) -> None:
    assert problem_of(await get(services, "/nothing/here")) == (404, "no-such-path")


async def test_method_that_is_none_is_a_problem_that_names_the_right_ones(
    services: FakeServices,
) -> None:
    answer = await post(services, f"{ONE}/balance", {})
    assert problem_of(answer) == (405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "allowed"), [(f"{NEXT}?pool=ELECTRONIC", {"GET", "POST"}), (f"{ONE}/cvc", {"GET"})]
)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS"])
async def test_call_that_acts_by_get_acts_by_no_other_method(
    services: FakeServices, path: str, allowed: set[str], method: str
) -> None:
    """A link checker's HEAD must not take a number, nor use up the one reveal of a code."""
    async with calling(services) as client:
        answer = await client.request(method, path)
    assert answer.status_code == 405
    # The answer to HEAD has no body, whatever it says.
    assert method == "HEAD" or problem_of(answer) == (405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert services.requests.asked == []


async def test_head_of_a_read_is_a_read(services: FakeServices) -> None:
    services.states["GC-0001"] = CertificateState(sequence=5, certificate=specimens.ACTIVE)
    async with calling(services) as client:
        assert (await client.head(f"{ONE}/balance")).status_code == 200


ACTING = [
    ("POST", NEXT, {"pool": "ELECTRONIC"}),
    ("GET", f"{NEXT}?pool=ELECTRONIC", None),
    ("GET", f"{ONE}/cvc", None),
    ("POST", f"{ONE}/actions/lock", {"reason": "lost"}),
    ("POST", f"{ONE}/actions/unlock", {"reason": "found"}),
]


async def act(
    services: FakeServices, call: tuple[str, str, Any], key: str | None
) -> httpx.Response:
    method, path, body = call
    headers = {} if key is None else {"Idempotency-Key": key}
    async with calling(services) as client:
        return await client.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize("key", [None, "request-1"])
@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused"])
@pytest.mark.parametrize("call", ACTING, ids=lambda call: f"{call[0]} {call[1]}")
async def test_every_answer_tells_the_key_it_was_asked_under(
    services: FakeServices, call: tuple[str, str, Any], refused: bool, key: str | None
) -> None:
    """A caller without a key is told the one made for it: it may have to repeat the request."""
    services.requests.outcome = replace(OUTCOME, cvc_key_id="2025-01", cvc_version=1)
    if refused:
        services.requests.refuse(RejectionCode.LOCKED)
    answer = await act(services, call, key)
    assert answer.is_success is not refused
    ((asked, _, _),) = services.requests.asked
    assert answer.headers["idempotency-key"] == asked
    assert key in (None, asked)


async def test_problem_before_anything_is_asked_tells_the_key_too(services: FakeServices) -> None:
    answer = await act(services, ("POST", NEXT, {"pool": "small"}), "request-1")
    assert (problem_of(answer)[0], answer.headers["idempotency-key"]) == (422, "request-1")


async def test_key_that_cannot_be_one_is_not_told_back(services: FakeServices) -> None:
    answer = await act(services, ("POST", NEXT, {"pool": "ELECTRONIC"}), "a b")
    assert problem_of(answer)[0] == 422
    assert "idempotency-key" not in answer.headers


async def test_code_under_a_key_that_is_gone_is_to_be_asked_for_later(
    services: FakeServices,
) -> None:
    """The reveal is not lost: the same request gets the code once the key is back."""
    services.requests.outcome = replace(OUTCOME, cvc_key_id="2019-01", cvc_version=1)
    answer = await get(services, f"{ONE}/cvc", idempotency_key="reveal-1")
    assert problem_of(answer) == (503, "code-key-missing")
    assert answer.headers["idempotency-key"] == "reveal-1"
    assert "2019-01" not in answer.text


async def test_code_of_another_certificate_is_never_shown(services: FakeServices) -> None:
    """Versions count for each certificate: such a code would be a future one of this number."""
    services.requests.outcome = replace(
        OUTCOME, certificate_id="GC-0002", cvc_key_id="2025-01", cvc_version=1
    )
    with pytest.raises(AssertionError, match="another certificate"):
        await get(services, f"{ONE}/cvc")
