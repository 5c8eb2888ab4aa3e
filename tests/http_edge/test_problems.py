"""Every refusal and fault as problem+json: a status, a type, and nothing secret."""

import json

import pytest

from http_edge.problems import (
    TYPE_ROOT,
    Problem,
    code_key_missing,
    internal_error,
    invalid,
    moving,
    no_answer,
    not_found,
    overloaded,
    refusal,
    stopping,
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
    body = json.loads(bytes(Problem(status=418, kind="teapot", title="short").response().body))
    assert (body["title"], body["detail"]) == ("short", "short")


@pytest.mark.parametrize(
    ("problem", "status", "kind", "headers"),
    [
        (invalid("pool is missing"), 422, "invalid-request", {}),
        (not_found(), 404, "not-found", {}),
        (moving(), 503, "moving", {"Retry-After": "1"}),
        (overloaded(), 503, "overloaded", {"Retry-After": "1"}),
        (stopping(), 503, "stopping", {"Retry-After": "1"}),
        (code_key_missing(), 503, "code-key-missing", {}),
        (no_answer(), 504, "no-answer", {}),
        (internal_error(), 500, "internal-error", {}),
    ],
)
def test_fault_has_its_status_type_and_headers(
    problem: Problem, status: int, kind: str, headers: dict[str, str]
) -> None:
    assert (problem.status, problem.kind, problem.headers) == (status, kind, headers)
    for name, value in headers.items():
        assert problem.response().headers[name] == value
