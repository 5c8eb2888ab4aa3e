"""Two-phase spending: what is set aside, spent and given up."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from http_edge.access.callers import Scope
from http_edge.asking.asking import request_id_of
from state.certificate.commands import (
    Authorize,
    Capture,
    Channel,
    Origin,
    Void,
)
from state.certificate.money import Money
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import (
    NOW_MS,
    STORE,
    SUPPORT,
    TILL,
    FakeServices,
    call,
    problem_of,
    token,
)

pytestmark = pytest.mark.anyio
HOLDS = f"/certificates/{made.NUMBER}/authorizations"
CODE = made.code_of()
AUTHORIZE = {"amount": "60.00", "currency": "RUB", "orderId": "order-9", "cvc": CODE}
QUARTER_MS = 15 * 60_000


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


async def authorize(
    services: FakeServices, key: str = "r-1", caller: Mapping[str, str] = TILL, **changes: Any
) -> httpx.Response:
    return await call(services, "POST", HOLDS, caller, key=key, body={**AUTHORIZE, **changes})


async def act(
    services: FakeServices,
    name: str,
    body: Any = None,
    *,
    hold: str = "hold-1",
    key: str = "r-9",
    caller: Mapping[str, str] = TILL,
) -> httpx.Response:
    return await call(services, "POST", f"{HOLDS}/{hold}/{name}", caller, key=key, body=body)


async def test_money_is_set_aside(services: FakeServices) -> None:
    answer = await authorize(services)
    hold = request_id_of("till", "r-1")
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "authorizationId": hold,
            "certificateId": made.NUMBER,
            "amount": "60.00",
            "currency": "RUB",
            "expiresAt": "2025-01-01T00:15:00.123Z",
            "remainingBalance": "100.00",
            "held": "60.00",
            "available": "40.00",
            "version": 7,
        },
    )
    command = services.flow.asked[0].command
    assert (command.command_id, command.actor, command.origin) == (hold, "till", Origin.HTTP)
    assert command.action == Authorize(
        order_id="order-9",
        amount=Money(amount_minor=60_00, currency="RUB"),
        cvc_matches=True,
        cvc_version=1,
        accept_partial=False,
        expires_at_ms=NOW_MS + QUARTER_MS,
        channel=Channel.POS,
    )


AMOUNTS: list[tuple[str, str, int | None]] = [
    ("60", "RUB", 60_00),
    ("60.5", "RUB", 60_50),
    ("0.01", "RUB", 1),
    ("100.00", "RUB", 100_00),
    ("0", "RUB", None),
    ("0.00", "RUB", None),
    ("0.001", "RUB", None),
    ("60.000", "RUB", None),
    ("-1", "RUB", None),
    ("+1", "RUB", None),
    ("1e2", "RUB", None),
    ("1,50", "RUB", None),
    (".5", "RUB", None),
    ("5.", "RUB", None),
    ("060", "RUB", None),
    (" 60", "RUB", None),
    ("60\n", "RUB", None),
    ("", "RUB", None),
    ("NaN", "RUB", None),
    ("٦٠", "RUB", None),
    ("9" * 15, "RUB", None),
    ("1.5", "JPY", None),
    ("60", "XXX", None),
    ("60", "XAU", None),
    ("60", "QQQ", None),
    ("60", "rub", None),
    ("60", "", None),
]


@pytest.mark.parametrize(("amount", "currency", "minor"), AMOUNTS)
async def test_amount_is_read_exactly_or_refused(
    services: FakeServices, amount: str, currency: str, minor: int | None
) -> None:
    """Nothing is rounded, and nothing is guessed."""
    answer = await authorize(services, amount=amount, currency=currency)
    if minor is None:
        assert problem_of(answer) == (422, "invalid-request")
        assert services.flow.asked == []
    else:
        assert answer.status_code == 201
        assert services.flow.asked[0].command.action.amount.amount_minor == minor


@pytest.mark.parametrize("amount", [60, 60.0, None, True, ["60"]])
async def test_amount_that_is_not_text_is_refused(services: FakeServices, amount: Any) -> None:
    """A JSON number has been a float on its way by the time anybody looks."""
    answer = await authorize(services, amount=amount)
    assert problem_of(answer) == (422, "invalid-request")
    assert services.flow.asked == []


@pytest.mark.parametrize("field", ["amount", "currency", "orderId", "cvc"])
async def test_every_part_of_an_authorization_is_required(
    services: FakeServices, field: str
) -> None:
    body = {name: value for name, value in AUTHORIZE.items() if name != field}
    answer = await call(services, "POST", HOLDS, TILL, key="r-1", body=body)
    assert problem_of(answer) == (422, "invalid-request")
    assert field in answer.json()["detail"]


@pytest.mark.parametrize("amount", ["60", "60.0", "60.00"])
async def test_same_amount_is_the_same_request_however_it_is_written(
    services: FakeServices, amount: str
) -> None:
    first = await authorize(services)
    again = await authorize(services, amount=amount)
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize(
    "changes", [{"amount": "60.01"}, {"orderId": "order-8"}, {"acceptPartial": True}]
)
async def test_other_content_under_the_same_key_is_refused(
    services: FakeServices, changes: dict[str, Any]
) -> None:
    await authorize(services)
    assert problem_of(await authorize(services, **changes)) == (422, "request-reused")


async def test_more_than_there_is_is_refused_unless_less_is_enough(services: FakeServices) -> None:
    assert problem_of(await authorize(services, amount="100.01")) == (402, "insufficient-balance")
    less = await authorize(services, "r-2", amount="100.01", acceptPartial=True)
    assert (less.status_code, less.json()["amount"], less.json()["available"]) == (
        201,
        "100.00",
        "0.00",
    )
    nothing = await authorize(services, "r-3", amount="1.00", acceptPartial=True)
    assert problem_of(nothing) == (402, "insufficient-balance")


async def test_several_holds_share_one_balance(services: FakeServices) -> None:
    left = [
        (await authorize(services, f"r-{each}", amount="30.00")).json().get("available")
        for each in range(4)
    ]
    assert left == ["70.00", "40.00", "10.00", None]


async def test_refusals_of_an_authorization_have_their_own_types(services: FakeServices) -> None:
    wrong = await authorize(services, currency="USD", amount="1.00")
    assert problem_of(wrong) == (409, "currency-mismatch")
    made.locked(services.flow)
    assert problem_of(await authorize(services, "r-2")) == (423, "locked")
    unpaid = FakeServices()
    made.issued(unpaid.flow)
    assert problem_of(await authorize(unpaid)) == (409, "not-active")


# Capture and void


async def test_hold_is_spent_whole_without_an_amount(services: FakeServices) -> None:
    made.held(services.flow)
    answer = await act(services, "capture")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "authorizationId": "hold-1",
            "certificateId": made.NUMBER,
            "amount": "60.00",
            "currency": "RUB",
            "remainingBalance": "40.00",
            "held": "0.00",
            "available": "40.00",
            "status": "PARTIALLY_REDEEMED",
            "version": 9,
        },
    )
    assert services.flow.asked[0].command.action == Capture(
        authorization_id="hold-1", amount=None, channel=Channel.POS
    )


@pytest.mark.parametrize("currency", [None, "RUB"])
async def test_hold_is_spent_in_part_and_the_rest_is_freed(
    services: FakeServices, currency: str | None
) -> None:
    made.held(services.flow)
    answer = await act(services, "capture", {"amount": "45.5", "currency": currency})
    told = answer.json()
    assert (told["amount"], told["remainingBalance"], told["held"], told["available"]) == (
        "45.50",
        "54.50",
        "0.00",
        "54.50",
    )


CAPTURES: list[tuple[Any, int, str]] = [
    ({"amount": "60.01"}, 409, "hold-exceeded"),
    ({"amount": "10.00", "currency": "USD"}, 409, "currency-mismatch"),
    ({"amount": "0"}, 422, "invalid-request"),
    ({"amount": "1.001"}, 422, "invalid-request"),
    ({"amount": "1.5", "currency": "JPY"}, 422, "invalid-request"),
    ({"currency": "RUB"}, 422, "invalid-request"),
    ({"amount": None, "currency": "RUB"}, 422, "invalid-request"),
    ({"amount": 10}, 422, "invalid-request"),
]


@pytest.mark.parametrize(("body", "status", "kind"), CAPTURES)
async def test_capture_that_does_not_fit_spends_nothing(
    services: FakeServices, body: Any, status: int, kind: str
) -> None:
    made.held(services.flow)
    assert problem_of(await act(services, "capture", body)) == (status, kind)
    told = (await call(services, "GET", f"/certificates/{made.NUMBER}/balance", TILL)).json()
    assert (told["remainingBalance"], told["held"]) == ("100.00", "60.00")


async def test_hold_is_given_up(services: FakeServices) -> None:
    made.held(services.flow)
    answer = await act(services, "void")
    told = answer.json()
    assert (answer.status_code, told["held"], told["remainingBalance"]) == (200, "0.00", "100.00")
    assert services.flow.asked[0].command.action == Void(
        authorization_id="hold-1", channel=Channel.POS
    )


@pytest.mark.parametrize("first", ["capture", "void"])
@pytest.mark.parametrize("second", ["capture", "void"])
async def test_hold_that_was_closed_stays_closed(
    services: FakeServices, first: str, second: str
) -> None:
    made.held(services.flow)
    assert (await act(services, first, key="r-1")).status_code == 200
    closed = await act(services, second, key="r-2")
    assert problem_of(closed) == (409, "authorization-not-open")


@pytest.mark.parametrize("name", ["capture", "void"])
@pytest.mark.parametrize("hold", ["hold-2", "x" * 200])
async def test_hold_that_is_none_is_not_open(services: FakeServices, name: str, hold: str) -> None:
    assert problem_of(await act(services, name, hold=hold)) == (409, "authorization-not-open")


@pytest.mark.parametrize("hold", ["x" * 201, "a%20b", "a%7Cb", "a%0A", "%D1%8F"])
async def test_what_cannot_be_a_hold_is_not_found(services: FakeServices, hold: str) -> None:
    assert problem_of(await act(services, "void", hold=hold)) == (404, "not-found")
    assert services.flow.asked == []


WHOSE: list[tuple[Channel | None, Mapping[str, str], bool]] = [
    (Channel.POS, TILL, True),
    (Channel.POS, STORE, False),
    (Channel.POS, SUPPORT, True),
    (Channel.ONLINE_STORE, STORE, True),
    (Channel.ONLINE_STORE, TILL, False),
    (None, TILL, True),
]


@pytest.mark.parametrize(("channel", "caller", "may"), WHOSE)
@pytest.mark.parametrize("name", ["capture", "void"])
async def test_hold_is_its_own_channels(
    services: FakeServices,
    name: str,
    channel: Channel | None,
    caller: Mapping[str, str],
    may: bool,
) -> None:
    """To another channel it is no hold: whose it is, is not to be learned."""
    made.held(services.flow, channel=channel)
    answer = await act(services, name, caller=caller)
    if may:
        assert answer.status_code == 200
    else:
        none = await act(services, name, caller=caller, hold="hold-2", key="r-8")
        assert problem_of(answer) == problem_of(none) == (409, "authorization-not-open")
        assert answer.content == none.content


async def test_capture_of_what_is_only_reserved_finds_no_hold() -> None:
    """It has no currency yet, so that an amount of it cannot even be read."""
    services = FakeServices()
    made.reserved(services.flow, channel=Channel.POS)
    answer = await act(services, "capture", {"amount": "1.00"})
    assert problem_of(answer) == (404, "not-found")
    assert services.flow.asked == []


async def test_lock_lets_nothing_out_but_a_hold_may_be_given_up(services: FakeServices) -> None:
    made.held(services.flow)
    made.locked(services.flow)
    assert problem_of(await act(services, "capture", key="r-1")) == (423, "locked")
    assert (await act(services, "void", key="r-2")).status_code == 200


async def test_same_capture_is_the_same_however_its_amount_is_written(
    services: FakeServices,
) -> None:
    made.held(services.flow)
    first = await act(services, "capture", {"amount": "10"})
    again = await act(services, "capture", {"amount": "10.00"})
    assert (first.status_code, again.content) == (200, first.content)
    other = await act(services, "capture", {"amount": "10.01"})
    assert problem_of(other) == (422, "request-reused")
    whole = await act(services, "capture")
    assert problem_of(whole) == (422, "request-reused")


async def test_client_without_a_channel_makes_no_holds(services: FakeServices) -> None:
    """It sells and spends for nobody, whatever its issuer lets it ask for."""
    answer = await authorize(services, caller=token("support", Scope.REDEEM))
    assert problem_of(answer) == (403, "channel-forbidden")
    assert services.flow.asked == []


@pytest.mark.parametrize(
    ("scopes", "status"),
    [((Scope.REDEEM,), 403), ((Scope.REDEEM, Scope.SUPPORT), 200)],
)
@pytest.mark.parametrize("call_name", ["capture", "void"])
async def test_client_without_a_channel_ends_holds_as_support_only(
    services: FakeServices, call_name: str, scopes: tuple[Scope, ...], status: int
) -> None:
    made.held(services.flow)
    answer = await act(services, call_name, caller=token("crm", *scopes))
    assert answer.status_code == status
