"""What support does: lock, unlock, annul, notify again."""

import pytest

from http_edge.access.callers import Scope
from state.certificate.commands import (
    Action,
    Annul,
    Lock,
    NotificationChannel,
    Origin,
    RequestNotification,
    Unlock,
    Void,
)
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import FakeServices, call, problem_of, token

pytestmark = pytest.mark.anyio
ONE = f"/certificates/{made.NUMBER}"
ANN = token("support/ann", Scope.SUPPORT)
WHY = "told by phone"


@pytest.fixture
def services() -> FakeServices:
    services = FakeServices()
    made.active(services.flow)
    return services


@pytest.mark.parametrize(
    ("name", "action", "status"),
    [
        ("lock", Lock(reason=WHY), "LOCKED"),
        ("unlock", Unlock(reason=WHY), "ACTIVE"),
        ("annul", Annul(reason=WHY), "ANNULLED"),
        (
            "notify",
            RequestNotification(notification_channel=None, reason=WHY),
            "NOTIFICATION_REQUESTED",
        ),
    ],
)
async def test_support_acts_with_a_reason_and_a_name(
    services: FakeServices, name: str, action: Action, status: str
) -> None:
    if name == "unlock":
        made.locked(services.flow)
    version = 8 if name == "unlock" else 7
    answer = await call(
        services, "POST", f"{ONE}/actions/{name}", ANN, key="r-1", body={"reason": WHY}
    )
    nothing_left = name == "annul"
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "certificateId": made.NUMBER,
            "status": status,
            "remainingBalance": "0.00" if nothing_left else "100.00",
            "held": "0.00",
            "currency": "RUB",
            "version": version,
        },
    )
    assert services.flow.asked[0].command.action == action
    event = list(services.flow.events(made.NUMBER))[-1]
    assert (event["actor"], event["reason"]["text"]) == ("support/ann", WHY)


@pytest.mark.parametrize("channel", NotificationChannel)
async def test_notification_goes_the_way_that_support_chooses(
    services: FakeServices, channel: NotificationChannel
) -> None:
    body = {"reason": WHY, "channel": channel}
    await call(services, "POST", f"{ONE}/actions/notify", ANN, key="r-1", body=body)
    action = services.flow.asked[0].command.action
    assert action == RequestNotification(notification_channel=channel, reason=WHY)


@pytest.mark.parametrize("name", ["lock", "unlock", "annul", "notify"])
async def test_reason_is_required(services: FakeServices, name: str) -> None:
    answer = await call(services, "POST", f"{ONE}/actions/{name}", ANN, key="r-1", body={})
    assert problem_of(answer) == (422, "invalid-request")
    assert "reason" in answer.json()["detail"]


async def test_refusals_are_told_with_their_own_types(services: FakeServices) -> None:
    async def refused(name: str, key: str) -> tuple[int, str]:
        path, body = f"{ONE}/actions/{name}", {"reason": WHY}
        return problem_of(await call(services, "POST", path, ANN, key=key, body=body))

    assert await refused("unlock", "r-1") == (409, "not-locked")
    made.held(services.flow)
    assert await refused("annul", "r-2") == (409, "open-holds")
    void = Void(authorization_id="hold-1")
    services.flow.command(made.NUMBER, void, "void-1", origin=Origin.HTTP)
    services.flow.command(made.NUMBER, Annul(reason=WHY), "annul-1", origin=Origin.HTTP)
    assert await refused("annul", "r-3") == (409, "annulled")
    assert await refused("notify", "r-4") == (409, "annulled")


async def test_number_that_is_not_sold_may_be_stopped_too() -> None:
    """A card that was stolen from the shelf."""
    services = FakeServices()
    made.available(services.flow)
    body = {"reason": "stolen from the shelf"}
    answer = await call(services, "POST", f"{ONE}/actions/lock", ANN, key="r-1", body=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "LOCKED")
    assert (answer.json()["remainingBalance"], answer.json()["currency"]) == (None, None)


async def test_unknown_number_is_told_to_support_without_asking_the_log() -> None:
    services = FakeServices()
    body = {"reason": WHY}
    answer = await call(services, "POST", f"{ONE}/actions/lock", ANN, key="r-1", body=body)
    assert problem_of(answer) == (404, "not-found")
    assert services.flow.asked == []
