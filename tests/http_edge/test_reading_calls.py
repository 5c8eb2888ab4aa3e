"""Reading one certificate: its snapshot, its version, its balance."""

import pytest

from state.certificate.money import Money
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import STORE, SUPPORT, TILL, FakeServices, call, problem_of

pytestmark = pytest.mark.anyio
ONE = f"/certificates/{made.NUMBER}"


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


async def test_certificate_is_read_with_its_version_as_etag(services: FakeServices) -> None:
    answer = await call(services, "GET", ONE, TILL)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"6"')
    assert answer.json() == {
        "certificateId": "GC-0001",
        "pool": "ELECTRONIC",
        "status": "ACTIVE",
        "lifecycle": "ACTIVE",
        "channel": "ONLINE_STORE",
        "orderId": "order-1",
        "clientId": "client-1",
        "nominal": "100.00",
        "remainingBalance": "100.00",
        "held": "0.00",
        "available": "100.00",
        "currency": "RUB",
        "reservedUntil": None,
        "issuedAt": "2025-01-01T00:00:00.123Z",
        "activatedAt": "2025-01-01T00:00:00.123Z",
        "expiresAt": None,
        "notification": {
            "id": "order-1/issue/GC-0001",
            "channel": "SMS",
            "status": "REQUESTED",
        },
        "lock": None,
        "version": 6,
    }


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"6"', 304),
        ('W/"6"', 304),
        ("*", 304),
        ('"5", "6"', 304),
        ('"5",W/"6" ', 304),
        ('"5"', 200),
        ("6", 200),
        ('"66"', 200),
        ('"06"', 200),
        ("", 200),
        ('w/"6"', 200),
    ],
)
async def test_version_that_the_caller_has_is_not_sent_again(
    services: FakeServices, condition: str, status: int
) -> None:
    answer = await call(services, "GET", ONE, TILL, headers={"If-None-Match": condition})
    assert (answer.status_code, answer.headers["etag"]) == (status, '"6"')
    assert bool(answer.content) is (status == 200)
    assert ("content-type" in answer.headers) is (status == 200)


async def test_version_changes_with_every_event(services: FakeServices) -> None:
    for version in (7, 8):
        made.held(services.flow, amount_minor=100, hold_id=f"hold-{version}")
        answer = await call(services, "GET", ONE, TILL, headers={"If-None-Match": '"6"'})
        assert (answer.headers["etag"], answer.json()["version"]) == (f'"{version}"', version)


async def test_certificate_that_the_caller_may_not_know_of_has_no_version() -> None:
    services = FakeServices()
    made.available(services.flow)
    answer = await call(services, "GET", ONE, TILL, headers={"If-None-Match": "*"})
    assert problem_of(answer) == (404, "not-found")
    assert "etag" not in answer.headers


async def test_balance_is_what_a_till_needs_in_one_call(services: FakeServices) -> None:
    made.held(services.flow)
    answer = await call(services, "GET", f"{ONE}/balance", TILL)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "remainingBalance": "100.00",
            "held": "60.00",
            "available": "40.00",
            "currency": "RUB",
            "status": "ACTIVE",
            "lifecycle": "ACTIVE",
            "locked": False,
        },
    )


async def test_balance_of_a_locked_certificate_says_so(services: FakeServices) -> None:
    made.locked(services.flow)
    told = (await call(services, "GET", f"{ONE}/balance", TILL)).json()
    assert (told["locked"], told["status"], told["lifecycle"]) == (True, "LOCKED", "ACTIVE")


@pytest.mark.parametrize(
    ("nominal", "text"),
    [(Money(amount_minor=1500, currency="JPY"), "1500"), (made.NOMINAL, "100.00")],
)
async def test_amounts_have_the_digits_of_their_currency(nominal: Money, text: str) -> None:
    services = FakeServices()
    made.active(services.flow, nominal=nominal)
    told = (await call(services, "GET", f"{ONE}/balance", TILL)).json()
    assert (told["remainingBalance"], told["currency"]) == (text, nominal.currency)


async def test_reservation_has_no_amounts_yet() -> None:
    services = FakeServices()
    made.reserved(services.flow)
    told = (await call(services, "GET", ONE, STORE)).json()
    amounts = ("nominal", "remainingBalance", "held", "available", "currency")
    assert [told[name] for name in amounts] == [None] * 5
    assert (told["orderId"], told["reservedUntil"]) == ("order-1", "2025-01-01T00:30:00.123Z")


async def test_why_and_by_whom_it_was_locked_is_told(services: FakeServices) -> None:
    made.locked(services.flow)
    told = (await call(services, "GET", ONE, SUPPORT)).json()
    assert told["lock"] == {
        "reason": "stolen",
        "by": "support",
        "at": "2025-01-01T00:00:00.123Z",
    }


async def test_partition_that_leaves_while_it_is_read_is_moving(services: FakeServices) -> None:
    """What was read of it is void: another process may have changed it by now."""
    for path in ("", "/balance", "/history"):
        services.certificates.is_closed = True
        assert problem_of(await call(services, "GET", ONE + path, TILL)) == (503, "moving")
