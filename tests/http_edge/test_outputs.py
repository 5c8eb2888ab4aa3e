"""What callers get: amounts as text, times as ISO 8601, and nothing kept by caches between."""

import json

import pytest

from http_edge.outputs import (
    balance,
    json_response,
    reservation,
    snapshot,
    standing,
    timestamp,
)
from state.certificate.record import Status
from state.certificate.transition import Outcome
from tests.contracts.violations import LAST_INSTANT_MS
from tests.state.certificate import specimens
from tests.state.stores.specimens import AT_MS, CERTIFICATE


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00.000Z"),
        (AT_MS, "2025-01-01T00:00:00.123Z"),
        (1_735_689_600_999, "2025-01-01T00:00:00.999Z"),
        (LAST_INSTANT_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_timestamp_is_iso_8601_in_utc_to_the_millisecond(
    at_ms: int | None, text: str | None
) -> None:
    """Up to the last instant that contracts let in, so that no record makes a read fail."""
    assert timestamp(at_ms) == text


def test_snapshot_shows_everything_that_others_may_know() -> None:
    assert json.loads(bytes(json_response(snapshot(CERTIFICATE, 17)).body)) == {
        "certificateId": "GC-0000-0042",
        "pool": "ELECTRONIC",
        "status": "LOCKED",
        "lifecycle": "PARTIALLY_REDEEMED",
        "channel": "ONLINE_STORE",
        "orderId": "order-1",
        "clientId": "client-7",
        "nominal": "1500.00",
        "remainingBalance": "999.50",
        "held": "100.00",
        "available": "899.50",
        "currency": "RUB",
        "reservedUntil": "2025-01-01T00:00:00.124Z",
        "issuedAt": "2025-01-01T00:00:00.125Z",
        "activatedAt": "2025-01-01T00:00:00.126Z",
        "expiresAt": "2025-01-01T00:00:00.127Z",
        "notification": {"id": "correlation-1/issue/1", "channel": "SMS", "status": "SENT"},
        "lock": {
            "reason": "reported stolen",
            "by": "support-3",
            "at": "2025-01-01T00:00:00.128Z",
        },
        "version": 17,
    }


def test_snapshot_before_issue_has_no_amounts() -> None:
    shown = snapshot(specimens.RESERVED, 2)
    amounts = ("nominal", "remainingBalance", "held", "available", "currency")
    assert [shown[name] for name in amounts] == [None] * 5
    assert (shown["orderId"], shown["notification"], shown["lock"]) == (specimens.ORDER, None, None)


def test_balance_is_what_a_till_needs() -> None:
    assert balance(specimens.HELD) == {
        "remainingBalance": "100.00",
        "held": "60.00",
        "available": "40.00",
        "currency": "RUB",
        "status": Status.ACTIVE,
        "lifecycle": "ACTIVE",
        "locked": False,
    }
    assert balance(specimens.locked(specimens.ACTIVE))["locked"] is True


def test_reservation_and_standing_are_read_from_the_outcome() -> None:
    outcome = Outcome(
        command_id="r",
        certificate_id="GC-0001",
        body_digest=None,
        decided_at_ms=AT_MS,
        sequence=5,
        status=Status.LOCKED,
        currency="JPY",
        remaining_minor=1500,
        held_minor=0,
        reservation_id="r",
        reserved_until_ms=AT_MS,
    )
    assert reservation(outcome) == {
        "certificateId": "GC-0001",
        "reservationId": "r",
        "reservedUntil": "2025-01-01T00:00:00.123Z",
    }
    assert standing(outcome) == {
        "certificateId": "GC-0001",
        "status": Status.LOCKED,
        "remainingBalance": "1500",
        "held": "0",
        "currency": "JPY",
        "version": 5,
    }


def test_answer_is_never_kept_by_a_cache() -> None:
    response = json_response({"cvc": "123456"}, 201, {"X-Other": "1"})
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    assert response.headers["x-other"] == "1"
