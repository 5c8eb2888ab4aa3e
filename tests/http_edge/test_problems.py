"""Every refusal and fault as problem+json: a status, a type, and nothing secret."""

import json

import pytest

from http_edge.api.problems import (
    INVALID,
    REFUSALS,
    TECHNICAL,
    TYPE_ROOT,
    Problem,
    channel_forbidden,
    client_unknown,
    code_key_missing,
    head_too_large,
    internal_error,
    invalid,
    key_missing,
    keys_unavailable,
    malformed_request,
    media_type,
    moving,
    no_answer,
    not_found,
    not_there_yet,
    overloaded,
    refusal,
    request_timeout,
    scope_missing,
    stopping,
    target_too_long,
    token_invalid,
    token_missing,
    too_large,
    too_many_requests,
)
from state.certificate.rejections import MEANINGS, RejectionCode, reject

# One row a code, so that a new code is a decision and not a default.
STATUSES: dict[RejectionCode, int] = {
    RejectionCode.REQUEST_REUSED: 422,
    RejectionCode.POOL_EMPTY: 409,
    RejectionCode.NOT_FOUND: 404,
    RejectionCode.DUPLICATE_NUMBER: 409,
    RejectionCode.ANNULLED: 409,
    RejectionCode.ALREADY_ISSUED: 409,
    RejectionCode.NUMBER_GONE: 409,
    RejectionCode.WRONG_CHANNEL: 409,
    RejectionCode.NOT_AVAILABLE: 409,
    RejectionCode.NOT_RESERVED: 409,
    RejectionCode.NOT_DUE: 409,
    RejectionCode.NOT_ISSUED: 409,
    RejectionCode.ORDER_MISMATCH: 409,
    RejectionCode.ALREADY_ACTIVE: 409,
    RejectionCode.NOT_ACTIVE: 409,
    RejectionCode.NOT_LOCKED: 409,
    RejectionCode.LOCKED: 423,
    RejectionCode.CVC_ALREADY_REVEALED: 409,
    RejectionCode.NOTIFICATION_NOT_OPEN: 409,
    RejectionCode.WRONG_CVC: 403,
    RejectionCode.CURRENCY_MISMATCH: 409,
    RejectionCode.AUTHORIZATION_NOT_OPEN: 409,
    RejectionCode.HOLD_EXCEEDED: 409,
    RejectionCode.INSUFFICIENT_BALANCE: 402,
    RejectionCode.REFUND_EXCEEDS_REDEMPTION: 409,
    RejectionCode.OPEN_HOLDS: 409,
}


def test_every_rejection_has_a_status_here() -> None:
    assert STATUSES.keys() == set(RejectionCode)


@pytest.mark.parametrize(("code", "status"), STATUSES.items())
def test_rejection_becomes_a_problem_of_its_own_type(code: RejectionCode, status: int) -> None:
    response = refusal(reject(code, "for a reason")).response()
    assert response.status_code == status
    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": TYPE_ROOT + code.value.lower().replace("_", "-"),
        "title": MEANINGS[code],
        "status": status,
        "detail": f"{MEANINGS[code]}: for a reason",
    }


def test_problem_without_a_detail_repeats_its_title() -> None:
    """A reader that shows only the detail must have something to show."""
    body = json.loads(bytes(Problem(INVALID).response().body))
    assert body["title"] == body["detail"] == INVALID.title


BEARER = 'Bearer realm="gift-certificates"'
FAULTS: list[tuple[Problem, int, str, dict[str, str]]] = [
    (malformed_request("the header x came twice"), 400, "malformed-request", {}),
    (key_missing("the header Idempotency-Key"), 400, "idempotency-key-missing", {}),
    (token_missing(), 401, "token-missing", {"WWW-Authenticate": BEARER}),
    (
        token_invalid("it has expired"),
        401,
        "token-invalid",
        {"WWW-Authenticate": f'{BEARER}, error="invalid_token"'},
    ),
    (client_unknown(), 403, "client-unknown", {}),
    (
        scope_missing("cvc:read"),
        403,
        "scope-missing",
        {"WWW-Authenticate": f'{BEARER}, error="insufficient_scope", scope="cvc:read"'},
    ),
    (channel_forbidden(), 403, "channel-forbidden", {}),
    (not_found(), 404, "not-found", {}),
    (request_timeout(), 408, "request-timeout", {"Connection": "close"}),
    (too_large(), 413, "too-large", {}),
    (target_too_long(), 414, "target-too-long", {}),
    (media_type(), 415, "media-type", {}),
    (invalid("pool is missing"), 422, "invalid-request", {}),
    (too_many_requests(7, {"RateLimit": "x"}), 429, "too-many-requests", {"Retry-After": "7"}),
    (head_too_large(), 431, "head-too-large", {}),
    (internal_error(), 500, "internal-error", {}),
    (moving(), 503, "moving", {"Retry-After": "1"}),
    (not_there_yet(), 503, "not-there-yet", {"Retry-After": "1"}),
    (overloaded(), 503, "overloaded", {"Retry-After": "1"}),
    (stopping(), 503, "stopping", {"Retry-After": "1"}),
    (keys_unavailable(), 503, "keys-unavailable", {"Retry-After": "5"}),
    (code_key_missing(), 503, "code-key-missing", {}),
    (no_answer(), 504, "no-answer", {}),
]


@pytest.mark.parametrize(
    ("problem", "status", "kind", "headers"), FAULTS, ids=[row[2] for row in FAULTS]
)
def test_fault_has_its_status_type_and_headers(
    problem: Problem, status: int, kind: str, headers: dict[str, str]
) -> None:
    response = problem.response()
    assert (response.status_code, problem.kind.name) == (status, kind)
    assert json.loads(bytes(response.body))["type"] == TYPE_ROOT + kind
    assert {name: response.headers[name] for name in headers} == headers
    assert response.headers["cache-control"] == "no-store"


def test_every_technical_problem_is_in_the_list_once_and_by_status() -> None:
    names = [kind.name for kind in TECHNICAL]
    assert len(set(names)) == len(names)
    statuses = [kind.status for kind in TECHNICAL]
    assert statuses == sorted(statuses)
    assert {row[2] for row in FAULTS} - {"not-found"} | {"no-such-path", "method-not-allowed"} == (
        set(names)
    )


def test_no_problem_has_the_name_of_another() -> None:
    refusals = {kind.name for kind in REFUSALS.values()}
    assert refusals.isdisjoint(kind.name for kind in TECHNICAL)
    assert len(refusals) == len(RejectionCode)
