"""What callers get: amounts as text, times as ISO 8601."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from http_edge.api.models import Told
from http_edge.handlers.outputs import (
    authorization,
    balance,
    captured,
    reservation,
    snapshot,
    standing,
    timestamp,
)
from state.certificate.record import Status
from state.certificate.transition import Outcome
from tests.contracts.violations import LAST_INSTANT_MS
from tests.http_edge.flow_in_memory import AT_MS
from tests.state.certificate import specimens
from tests.state.stores.specimens import CERTIFICATE


def shown(told: Told) -> Any:
    """As a caller reads it."""
    return msgspec.json.decode(msgspec.json.encode(told))


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (AT_MS, "2025-01-01T00:00:00.123Z"),
        (1_735_689_600_999, "2025-01-01T00:00:00.999Z"),
        (LAST_INSTANT_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_timestamp_is_iso_8601_in_utc_to_the_millisecond(at_ms: int, text: str) -> None:
    """Up to the last instant that contracts let in, so that no record makes a read fail."""
    assert timestamp(at_ms) == text


def test_snapshot_shows_everything_that_others_may_know() -> None:
    assert shown(snapshot(CERTIFICATE, 17)) == {
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
    told = shown(snapshot(specimens.RESERVED, 2))
    amounts = ("nominal", "remainingBalance", "held", "available", "currency")
    assert [told[name] for name in amounts] == [None] * 5
    assert (told["orderId"], told["notification"], told["lock"]) == (specimens.ORDER, None, None)


def test_balance_is_what_a_till_needs() -> None:
    assert shown(balance(specimens.HELD)) == {
        "remainingBalance": "100.00",
        "held": "60.00",
        "available": "40.00",
        "currency": "RUB",
        "status": Status.ACTIVE,
        "lifecycle": "ACTIVE",
        "locked": False,
    }
    assert balance(specimens.locked(specimens.ACTIVE)).locked


OUTCOME = Outcome(
    command_id="r",
    certificate_id="GC-0001",
    body_digest=None,
    decided_at_ms=AT_MS,
    sequence=5,
    status=Status.LOCKED,
    currency="JPY",
    remaining_minor=1500,
    held_minor=100,
    amount_minor=70,
    reservation_id="r",
    reserved_until_ms=AT_MS,
    authorization_id="hold-1",
    hold_expires_at_ms=AT_MS,
)


def test_what_a_request_came_to_is_read_from_its_outcome() -> None:
    """In the digits of its currency; JPY has none."""
    assert shown(reservation(OUTCOME)) == {
        "certificateId": "GC-0001",
        "reservationId": "r",
        "reservedUntil": "2025-01-01T00:00:00.123Z",
    }
    assert shown(standing(OUTCOME)) == {
        "certificateId": "GC-0001",
        "status": "LOCKED",
        "remainingBalance": "1500",
        "held": "100",
        "currency": "JPY",
        "version": 5,
    }
    spent = {
        "authorizationId": "hold-1",
        "certificateId": "GC-0001",
        "amount": "70",
        "currency": "JPY",
        "remainingBalance": "1500",
        "held": "100",
        "available": "1400",
        "version": 5,
    }
    assert shown(authorization(OUTCOME)) == {**spent, "expiresAt": "2025-01-01T00:00:00.123Z"}
    assert shown(captured(OUTCOME)) == {**spent, "status": "LOCKED"}


@pytest.mark.parametrize(
    "lacking",
    ["currency", "amount_minor", "authorization_id", "hold_expires_at_ms", "reserved_until_ms"],
)
def test_outcome_that_lacks_what_it_must_have_is_a_bug(lacking: str) -> None:
    """Never an answer with a null where a till reads an amount."""
    outcome = replace(OUTCOME, **{lacking: None})  # type: ignore[arg-type]  # every field may be
    with pytest.raises(AssertionError):
        (reservation if lacking == "reserved_until_ms" else authorization)(outcome)
