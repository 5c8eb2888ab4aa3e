"""What every call goes through: who may, under which identity, and by which method."""

from uuid import UUID

import httpx
import pytest

from http_edge.access.callers import Scope
from http_edge.api.calls import API
from http_edge.api.models import Sent
from pipelines.topics import POOL
from state.certificate.rejections import RejectionCode
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import FakeServices, call, problem_of, token
from tests.http_edge.every_call import (
    ACTING,
    EXAMPLES,
    GETS_THAT_ACT,
    POSTS,
    call_of,
    ready_for,
)

pytestmark = pytest.mark.anyio
OPERATIONS = [each.operation for each in API]


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


async def ask(
    services: FakeServices,
    operation: str,
    caller: dict[str, str] | None = None,
    *,
    key: str | None = "request-1",
    **headers: str,
) -> httpx.Response:
    """The example of a call, by a caller that may make it unless told otherwise."""
    example, row = EXAMPLES[operation], call_of(operation)
    if caller is None:
        caller = token(example.client, row.scope)
    return await call(
        services,
        row.method,
        example.path.replace("{key}", key or ""),
        caller,
        key=key if operation in POSTS else None,
        body=example.body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_every_call_has_an_example() -> None:
    assert list(EXAMPLES) == OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_call_with_its_scope_is_performed(services: FakeServices, operation: str) -> None:
    """The one about correlations goes to a correlator; every other one is answered here."""
    ready_for(services, operation)
    answer = await ask(services, operation)
    wanted = 200 if operation == "explainCorrelation" else call_of(operation).status
    assert (answer.status_code, answer.headers["cache-control"]) == (wanted, "no-store")
    assert bool(services.flow.asked) is call_of(operation).acts
    assert bool(services.forwarder.forwarded) is (operation == "explainCorrelation")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_call_without_its_scope_is_refused_whatever_else_the_token_allows(
    services: FakeServices, operation: str
) -> None:
    scope = call_of(operation).scope
    others = [each for each in Scope if each is not scope]
    for scopes in ([], *([each] for each in others), others):
        answer = await ask(services, operation, token(EXAMPLES[operation].client, *scopes))
        assert problem_of(answer) == (403, "scope-missing")
        challenge = answer.headers["www-authenticate"]
        assert f'error="insufficient_scope", scope="{scope}"' in challenge
        assert scope in answer.json()["detail"]
    assert services.flow.asked == []
    assert services.forwarder.forwarded == []


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("authorization", "status", "kind"),
    [
        (None, 401, "token-missing"),
        ("Bearer forged certificates:support", 401, "token-invalid"),
        ("Bearer nobody certificates:support", 403, "client-unknown"),
    ],
)
async def test_call_of_a_stranger_is_refused(
    services: FakeServices, operation: str, authorization: str | None, status: int, kind: str
) -> None:
    caller = {} if authorization is None else {"Authorization": authorization}
    answer = await ask(services, operation, caller)
    assert problem_of(answer) == (status, kind)
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert services.flow.asked == []
    assert services.forwarder.forwarded == []


async def test_stranger_learns_nothing_of_what_is_wrong_with_the_request(
    services: FakeServices,
) -> None:
    answer = await call(services, "POST", "/certificates/next", body={"pool": 5})
    assert problem_of(answer) == (401, "token-missing")
    assert "idempotency-key" not in answer.headers


@pytest.mark.parametrize("operation", POSTS)
async def test_post_without_a_key_is_refused(services: FakeServices, operation: str) -> None:
    answer = await ask(services, operation, key=None)
    assert problem_of(answer) == (400, "idempotency-key-missing")
    assert "Idempotency-Key" in answer.json()["detail"]
    assert "idempotency-key" not in answer.headers
    assert services.flow.asked == []


@pytest.mark.parametrize("operation", GETS_THAT_ACT)
@pytest.mark.parametrize("query", ["", "&requestId="])
async def test_get_that_acts_without_a_request_id_is_refused(
    services: FakeServices, operation: str, query: str
) -> None:
    """The header is for POST: a link with it in would not be the same request elsewhere."""
    path = EXAMPLES[operation].path.partition("?")[0] + f"?pool=ELECTRONIC{query}"
    caller = token(EXAMPLES[operation].client, call_of(operation).scope)
    answer = await call(services, "GET", path, caller, key="request-1")
    assert problem_of(answer) == (400, "idempotency-key-missing")
    assert "requestId" in answer.json()["detail"]
    assert services.flow.asked == []


@pytest.mark.parametrize("operation", ACTING)
@pytest.mark.parametrize("refused", [False, True], ids=["done", "refused"])
async def test_answer_tells_the_key_it_was_asked_under(
    services: FakeServices, operation: str, refused: bool
) -> None:
    ready_for(services, operation)
    if refused:
        services.flow.refuse(RejectionCode.LOCKED)
    answer = await ask(services, operation, key="till-7/42")
    assert answer.is_success is not refused
    assert answer.headers["idempotency-key"] == "till-7/42"


async def test_refusal_of_the_body_tells_the_key_too(services: FakeServices) -> None:
    caller = token("store", Scope.RESERVE)
    answer = await call(
        services, "POST", "/certificates/next", caller, key="request-1", body={"pool": "small"}
    )
    assert problem_of(answer) == (422, "invalid-request")
    assert answer.headers["idempotency-key"] == "request-1"


@pytest.mark.parametrize("operation", ACTING)
async def test_request_is_known_by_client_and_key(services: FakeServices, operation: str) -> None:
    """The id that the log keeps for ever: a repeat after any restart must give it again."""
    services.flow.refuse(RejectionCode.LOCKED)
    ready_for(services, operation)
    scope = call_of(operation).scope
    for client in ("store", "store", "till"):
        await ask(services, operation, token(client, scope))
    first, again, other = (each.request_id for each in services.flow.asked)
    assert first == again != other
    assert first == "27f86305-f48e-5b31-a712-8dbecb8c3192"
    assert UUID(other).version == 5


@pytest.mark.parametrize("operation", ACTING)
async def test_same_key_gives_the_same_answer_and_does_it_once(
    services: FakeServices, operation: str
) -> None:
    ready_for(services, operation)
    first = await ask(services, operation)
    events = list(services.flow.events(made.NUMBER))
    again = await ask(services, operation)
    assert first.is_success
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert list(services.flow.events(made.NUMBER)) == events
    assert first.headers["giftcert-position"].partition(".")[0].isdigit()


OTHER_CONTENT: dict[str, dict[str, str]] = {
    "takeNext": {"pool": "ELECTRONIC", "orderId": "order-2"},
    "reserveNumber": {"orderId": "order-2"},
    "lock": {"reason": "another"},
    "unlock": {"reason": "another"},
    "annul": {"reason": "another"},
    "notify": {"reason": "asked by the customer", "channel": "EMAIL"},
    "authorize": {**(EXAMPLES["authorize"].body or {}), "amount": "10.01"},
    "capture": {"amount": "10.00"},
}


@pytest.mark.parametrize("operation", OTHER_CONTENT)
async def test_same_key_with_other_content_is_refused_by_the_log(
    services: FakeServices, operation: str
) -> None:
    ready_for(services, operation)
    caller = token(EXAMPLES[operation].client, call_of(operation).scope)
    assert (await ask(services, operation)).is_success
    answer = await call(
        services,
        "POST",
        EXAMPLES[operation].path,
        caller,
        key="request-1",
        body=OTHER_CONTENT[operation],
    )
    assert problem_of(answer) == (422, "request-reused")
    first, second = services.flow.asked
    assert first.request_id == second.request_id


@pytest.mark.parametrize(
    ("first", "second"), [("lock", "annul"), ("reserveNumber", "lock"), ("capture", "authorize")]
)
async def test_same_key_for_another_call_is_refused_by_the_log(
    services: FakeServices, first: str, second: str
) -> None:
    ready_for(services, first)
    caller = token("till", *Scope)
    assert (await ask(services, first, caller)).is_success
    assert problem_of(await ask(services, second, caller)) == (422, "request-reused")


@pytest.mark.parametrize("operation", ACTING)
async def test_who_acts_is_told_to_the_log(services: FakeServices, operation: str) -> None:
    ready_for(services, operation)
    example, row = EXAMPLES[operation], call_of(operation)
    await ask(services, operation, token(f"{example.client}/ann", row.scope))
    (asked,) = services.flow.asked
    if asked.output.topic is POOL:
        action = asked.pool_command.action
        assert getattr(action, "actor", None) == f"{example.client}/ann"
    else:
        assert asked.command.actor == f"{example.client}/ann"
    assert list(services.flow.events(made.NUMBER))[-1]["actor"] == f"{example.client}/ann"


@pytest.mark.parametrize("operation", ACTING)
async def test_trace_of_the_caller_goes_with_the_command(
    services: FakeServices, operation: str
) -> None:
    ready_for(services, operation)
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    await ask(services, operation, traceparent=trace)
    (asked,) = services.flow.asked
    assert list(asked.output.headers) == [("traceparent", trace.encode())]


@pytest.mark.parametrize("trace", ["", "x", "00-0af7-b7ad-01", f"00-{'0' * 32}-{'b' * 16}-01"])
async def test_what_is_no_trace_is_not_handed_on(services: FakeServices, trace: str) -> None:
    """It would be in the log for ever, and some reader of it would stumble."""
    ready_for(services, "lock")
    answer = await ask(services, "lock", traceparent=trace)
    assert answer.status_code == 200
    assert list(services.flow.asked[0].output.headers) == []


PATHS = sorted({each.path.partition("?")[0] for each in EXAMPLES.values()})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_path_answers_no_other_method(services: FakeServices, path: str, method: str) -> None:
    """A link checker's HEAD must not take a number, nor use up the one reveal of a code."""
    answer = await call(services, method, f"{path}?pool=ELECTRONIC&requestId=r", token("support"))
    assert answer.status_code == 405
    # The answer to HEAD has no body, whatever it says.
    assert method == "HEAD" or problem_of(answer) == (405, "method-not-allowed")
    allowed = {
        call_of(name).method
        for name, example in EXAMPLES.items()
        if example.path.partition("?")[0] == path
    }
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert services.flow.asked == []


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_parameter_that_the_call_does_not_know_is_refused(
    services: FakeServices, operation: str
) -> None:
    """A filter that is silently passed over would look like an answer."""
    ready_for(services, operation)
    row, example = call_of(operation), EXAMPLES[operation]
    path = example.path.replace("{key}", "request-1")
    path += ("&" if "?" in path else "?") + "force=true"
    caller = token(example.client, row.scope)
    key = "request-1" if operation in POSTS else None
    answer = await call(services, row.method, path, caller, key=key, body=example.body)
    assert problem_of(answer) == (422, "invalid-request")
    assert "force" in answer.json()["detail"]
    assert services.flow.asked == []


@pytest.mark.parametrize("operation", POSTS)
async def test_field_that_the_call_does_not_know_is_refused(
    services: FakeServices, operation: str
) -> None:
    """An `amout` that is passed over would capture the whole hold."""
    row, example = call_of(operation), EXAMPLES[operation]
    body = {**(example.body or {}), "amout": "1.00"}
    caller = token(example.client, row.scope)
    answer = await call(services, "POST", example.path, caller, key="request-1", body=body)
    assert problem_of(answer) == (422, "invalid-request")
    assert "amout" in answer.json()["detail"]
    assert services.flow.asked == []


def test_every_body_and_query_refuses_what_it_does_not_know() -> None:
    """By its type, so that a new call cannot forget it."""
    types = {kind for row in API for kind in (row.path_type, row.query_type, row.body_type) if kind}
    assert all(issubclass(kind, Sent) for kind in types)
    assert all(kind.__struct_config__.forbid_unknown_fields for kind in types)
