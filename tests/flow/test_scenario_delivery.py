"""The one-time code reaches the customer: given once, delivered or not, sent again on request."""

import pytest

from state.certificate.commands import RequestNotification
from tests.flow.scenario import Scenario
from tests.flow.source_messages import Delivery


def test_notification_asks_the_crm_with_channel_and_correlation(scenario: Scenario) -> None:
    """What the CRM needs is in the event; how to reach the customer is not."""
    number = scenario.sell()
    asked = scenario.events(number)[3]
    certificate = scenario.certificate(number)
    assert (asked.type, asked.status) == ("notification.requested", "NOTIFICATION_REQUESTED")
    assert asked.fields["correlationId"] == certificate["orderId"]
    assert asked.payload["clientId"] == f"{certificate['orderId']}-client"
    assert asked.payload["notification"] == {
        "id": asked.fields["causationId"],
        "channel": "SMS",
        "status": "REQUESTED",
    }


def test_cvc_is_revealed_once_and_again_only_to_the_same_request(scenario: Scenario) -> None:
    """A second request is refused; a repeat of the first gets the same answer."""
    number = scenario.sell()
    first = scenario.ask_cvc(number, f"{number}-a")
    assert first.status_code == 200, first.text
    assert first.headers["cache-control"] == "no-store"
    assert len(first.json()["cvc"]) == 8, "as many digits as the setting says"
    assert scenario.ask_cvc(number, f"{number}-a").json() == first.json()
    second = scenario.ask_cvc(number, f"{number}-b")
    assert second.status_code == 409
    assert second.json()["type"].endswith("/cvc-already-revealed")
    scenario.settle()
    assert scenario.story(number).count("cvc.revealed") == 1


@pytest.mark.parametrize(
    ("outcome", "type_", "status", "reason"),
    [
        ("SENT", "notification.sent", "NOTIFICATION_SENT", None),
        ("FAILED", "notification.failed", "NOTIFICATION_FAILED", "DELIVERY_FAILED"),
    ],
)
def test_delivery_told_by_the_crm_becomes_the_status(
    scenario: Scenario, outcome: str, type_: str, status: str, reason: str | None
) -> None:
    """All_Clients closes the notification; telling it again changes nothing."""
    number = scenario.sell()
    told = Delivery(
        number=number,
        notification_id=scenario.notification(number),
        outcome=outcome,
        reason="no such address" if outcome == "FAILED" else None,
    )
    scenario.tell(told)
    closed = scenario.await_story(number, "activate", type_)
    assert (closed.status, closed.reason) == (status, reason)
    assert closed.payload["lifecycle"] == "ACTIVE"
    assert scenario.certificate(number)["status"] == status
    scenario.service.write(*scenario.written[-1:])
    scenario.settle()
    assert scenario.story(number)[-1] == type_


def test_delivery_of_a_notification_nobody_asked_for_is_an_error(scenario: Scenario) -> None:
    """A CRM that answers something else must be seen."""
    number = scenario.sell()
    scenario.tell(Delivery(number=number, notification_id="another"))
    assert scenario.await_story(number, "error").reason == "NOTIFICATION_NOT_OPEN"


def test_resend_after_a_failed_delivery_grants_one_more_code_and_the_old_one_dies(
    scenario: Scenario,
) -> None:
    """Failure, request for another message, another code, delivered."""
    number = scenario.sell()
    before = scenario.ask_cvc(number, f"{number}-a").json()["cvc"]
    failed = Delivery(
        number=number, notification_id=scenario.notification(number), outcome="FAILED"
    )
    scenario.tell(failed)
    scenario.await_story(number, "notification.failed")
    assert scenario.ask_cvc(number, f"{number}-b").status_code == 409

    again = scenario.command(number, RequestNotification(notification_channel=None))
    asked = scenario.await_story(number, "notification.failed", "notification.requested")
    assert asked.payload["notification"] == {"id": again, "channel": "SMS", "status": "REQUESTED"}
    after = scenario.ask_cvc(number, f"{number}-c")
    assert after.status_code == 200, after.text
    assert after.json()["cvc"] != before
    assert scenario.ask_cvc(number, f"{number}-d").status_code == 409
    scenario.tell(Delivery(number=number, notification_id=again))
    assert scenario.await_story(number, "notification.sent").status == "NOTIFICATION_SENT"


def test_cvc_of_a_number_that_was_not_issued_is_not_given(scenario: Scenario) -> None:
    """A free number has no code, and to the CRM it is as unknown as one that was never loaded."""
    [number] = scenario.load()
    answers = [scenario.ask_cvc(each, f"{number}-a") for each in (number, f"{number}-NONE")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["type"].endswith("/not-found")
