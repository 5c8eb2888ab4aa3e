"""The edge as its callers see it: the same request, the same answer; wrong ones get a problem."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from http_edge.asking.asking import request_id_of
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service

JSON = {"content-type": "application/json"}


def kind(answer: httpx.Response) -> str:
    """The last part of a problem's type."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return str(body["type"]).rsplit("/", maxsplit=1)[-1]


def test_next_repeated_with_the_same_key_and_body_gets_the_same_number(scenario: Scenario) -> None:
    """A checkout that timed out asks again and has one number, not two."""
    first, second = scenario.load(2)
    key = f"{scenario.tag}-checkout"
    answers = [scenario.ask_next(order_id="o-1", key=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert [answer.json() for answer in answers] == [answers[0].json()] * 3
    assert answers[0].json()["certificateId"] == first
    assert answers[0].json()["reservationId"] == request_id_of("store", key)
    assert answers[0].json()["reservedUntil"].endswith("Z")
    assert scenario.reserve() == second


def test_next_asked_many_times_at_once_with_one_key_reserves_one_number(scenario: Scenario) -> None:
    """Impatient callers do not empty the pool."""
    scenario.load(2)
    key = f"{scenario.tag}-impatient"
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: scenario.ask_next(key=key), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["certificateId"] for answer in answers}) == 1
    assert scenario.ask_next().status_code == 201


def test_next_with_the_same_key_and_another_body_is_refused(scenario: Scenario) -> None:
    """The key belongs to another request; the same word of another client is another key."""
    first, second = scenario.load(2)
    key = f"{scenario.tag}-checkout"
    assert scenario.ask_next(order_id="o-1", key=key).json()["certificateId"] == first
    answer = scenario.ask_next(order_id="o-2", key=key)
    assert (answer.status_code, kind(answer)) == (422, "request-reused")
    tills = scenario.ask_next(order_id="o-1", key=key, channel="POS")
    assert tills.json()["certificateId"] == second


def test_next_for_the_channel_of_another_client_is_refused(scenario: Scenario) -> None:
    """The store does not sell for the tills, and support sells for nobody."""
    scenario.load()
    refused = {}
    for client in ("store", "support"):
        answer = scenario.http.post(
            "/certificates/next",
            json={"pool": scenario.pool, "channel": "POS"},
            headers={"Idempotency-Key": f"{scenario.tag}-{client}"},
            auth=scenario.service.acting_as(client, "certificates:reserve"),
        )
        refused[client] = answer.status_code
    assert refused == {"store": 403, "support": 403}
    assert scenario.reserve(channel="POS")


def test_next_through_get_is_the_same_call(scenario: Scenario) -> None:
    """For channels that can only GET: requestId is the key, and a POST of it is a repeat."""
    [number] = scenario.load()
    query = {
        "pool": scenario.pool,
        "channel": "ONLINE_STORE",
        "orderId": "o-1",
        "requestId": f"{scenario.tag}-get",
    }
    got = scenario.http.get("/certificates/next", params=query)
    assert (got.status_code, got.json()["certificateId"]) == (201, number)
    assert scenario.http.get("/certificates/next", params=query).json() == got.json()
    posted = scenario.ask_next(order_id="o-1", key=f"{scenario.tag}-get")
    assert (posted.status_code, posted.json()) == (201, got.json())
    dry = scenario.http.get("/certificates/next", params=query | {"requestId": scenario.tag})
    assert (dry.status_code, kind(dry)) == (409, "pool-empty")
    nameless = scenario.http.get("/certificates/next", params={"pool": scenario.pool})
    assert (nameless.status_code, kind(nameless)) == (400, "idempotency-key-missing")


def test_lock_repeated_with_the_same_key_happens_once(scenario: Scenario) -> None:
    """The second answer is the first one's; another reason under the key is refused."""
    number = scenario.sell()
    path, headers = f"/certificates/{number}/actions/lock", {"Idempotency-Key": f"{number}-lock"}
    answers = [scenario.http.post(path, json={"reason": "lost"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    other = scenario.http.post(path, json={"reason": "found"}, headers=headers)
    assert (other.status_code, kind(other)) == (422, "request-reused")
    scenario.settle()
    assert scenario.story(number)[-2:] == ["activate", "lock"]


def test_read_of_an_unchanged_certificate_is_not_sent_again(scenario: Scenario) -> None:
    """The ETag is the version."""
    number = scenario.sell()
    answer = scenario.http.get(f"/certificates/{number}")
    etag = answer.headers["etag"]
    assert etag == f'"{answer.json()["version"]}"'
    again = scenario.http.get(f"/certificates/{number}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    scenario.support(number, "lock")
    changed = scenario.http.get(f"/certificates/{number}", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["status"]) == (200, "LOCKED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A request that is refused before anything is asked of the flow."""

    name: str
    method: str
    path: str
    status: int
    kind: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


NEXT = "/certificates/next"
WRONG = [
    Wrong(
        name="unknown number",
        method="GET",
        path="/certificates/NONE-0001",
        status=404,
        kind="not-found",
    ),
    Wrong(
        name="unknown balance",
        method="GET",
        path="/certificates/NONE-0001/balance",
        status=404,
        kind="not-found",
    ),
    Wrong(
        name="unknown code",
        method="GET",
        path="/certificates/NONE-0001/cvc?requestId=unknown-code",
        status=404,
        kind="not-found",
    ),
    Wrong(
        name="no number", method="GET", path="/certificates/no-number", status=404, kind="not-found"
    ),
    Wrong(
        name="no path",
        method="GET",
        path="/certificates/NONE-0001/else",
        status=404,
        kind="no-such-path",
    ),
    Wrong(
        name="no method",
        method="DELETE",
        path="/certificates/NONE-0001",
        status=405,
        kind="method-not-allowed",
    ),
    Wrong(
        name="lock of unknown",
        method="POST",
        path="/certificates/NONE-0001/actions/lock",
        status=404,
        kind="not-found",
        content=body(reason="lost"),
        headers=JSON,
    ),
    Wrong(
        name="too large",
        method="POST",
        path=NEXT,
        status=413,
        kind="too-large",
        content=b" " * 16_385,
        headers=JSON,
    ),
    Wrong(
        name="no json type",
        method="POST",
        path=NEXT,
        status=415,
        kind="media-type",
        content=body(pool="ELECTRONIC"),
        headers={"content-type": "text/plain"},
    ),
    Wrong(
        name="no json",
        method="POST",
        path=NEXT,
        status=422,
        kind="invalid-request",
        content=b"{",
        headers=JSON,
    ),
    Wrong(
        name="no pool",
        method="POST",
        path=NEXT,
        status=422,
        kind="invalid-request",
        content=body(),
        headers=JSON,
    ),
    Wrong(
        name="wrong pool",
        method="POST",
        path=NEXT,
        status=422,
        kind="invalid-request",
        content=body(pool="lower"),
        headers=JSON,
    ),
    Wrong(
        name="unknown field",
        method="POST",
        path=NEXT,
        status=422,
        kind="invalid-request",
        content=body(pool="ELECTRONIC", amount=1),
        headers=JSON,
    ),
    Wrong(
        name="unknown channel",
        method="POST",
        path=NEXT,
        status=422,
        kind="invalid-request",
        content=body(pool="ELECTRONIC", channel="CATALOGUE"),
        headers=JSON,
    ),
    Wrong(
        name="wrong key",
        method="POST",
        path=NEXT,
        status=400,
        kind="malformed-request",
        content=body(pool="ELECTRONIC"),
        headers={**JSON, "Idempotency-Key": "no spaces please"},
    ),
    Wrong(
        name="get without pool",
        method="GET",
        path=f"{NEXT}?requestId=no-pool",
        status=422,
        kind="invalid-request",
    ),
    Wrong(
        name="code without key",
        method="GET",
        path="/certificates/NONE-0001/cvc",
        status=400,
        kind="idempotency-key-missing",
    ),
    Wrong(
        name="lock without reason",
        method="POST",
        path="/certificates/NONE-0001/actions/lock",
        status=422,
        kind="invalid-request",
        content=body(reason=""),
        headers=JSON,
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_request_is_answered_with_a_problem(service: Service, wrong: Wrong) -> None:
    """RFC 9457: a type, a title, the status."""
    answer = service.edges[0].request(
        wrong.method, wrong.path, content=wrong.content, headers=dict(wrong.headers)
    )
    assert (answer.status_code, kind(answer)) == (wrong.status, wrong.kind)


def test_health_and_readiness_answer_while_the_service_runs(service: Service) -> None:
    """What an orchestrator asks."""
    assert service.edges[0].get("/healthz").json() == {"alive": True}
    assert service.edges[0].get("/readyz").json() == {"ready": True}
