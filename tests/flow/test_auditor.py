"""`giftcert auditor` beside a running service: right figures, and forged events told once."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from pipelines.audit.alerts import ALERT_CODE, NO_CERTIFICATE
from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
from pipelines.topics import COMMANDS, STREAM
from tests.flow.auditor_process import running_auditor
from tests.flow.measured_process import MeasuredProcess
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Message, Service, running_service
from tests.flow.stream_event import StreamEvent

NO_BREACH: Final = {"certificates_in_breach": 0.0, "alerts_awaited": 0.0}


@pytest.fixture
def own(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Scenario]:
    """A service of its own: what is forged on its stream is on nobody else's."""
    with running_service(broker.bootstrap, tmp_path / "stack", topic_prefix) as service:
        yield Scenario(service)


def forged(service: Service, event: StreamEvent, **changes: Any) -> Message:
    """An event that the service never wrote, made of one that it did."""
    payload = event.fields["payload"]
    if payload is not None:
        payload = {**payload, "version": changes.get("sequence", payload["version"])}
    fields = {**event.fields, "payload": payload, **changes}
    value = service.framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields)
    return Message(topic=STREAM, key=event.key.encode(), value=value)


def alerts_of(scenario: Scenario, key: str) -> list[StreamEvent]:
    """The alerts about breaches that are on the stream under a key."""
    return [event for event in scenario.events(key) if event.reason == ALERT_CODE]


def asked(service: Service) -> int:
    """How many alerts were asked for."""
    commands = [
        service.framing.decode(RecordName.COMMAND, record.value)
        for record in service.log.of(COMMANDS.name)
    ]
    return sum(command["alertCode"] == ALERT_CODE for command in commands)


def logged(auditor: MeasuredProcess) -> list[dict[str, object]]:
    """What its log says of broken laws."""
    lines = [json.loads(line) for line in auditor.log().splitlines()]
    return [line for line in lines if line["event"] == "a law is broken"]


def test_auditor_beside_a_service_at_work_shows_its_money_and_no_breach(own: Scenario) -> None:
    number = own.sell(nominal_minor=5_000_00)
    compares = {"GIFTCERT_TOKEN": own.service.auditor(), "GIFTCERT_AUDIT_COMPARE_S": "1"}
    with running_auditor(own.service, environment=compares) as auditor:
        assert auditor.answers("/healthz")
        assert auditor.answers("/readyz")
        before = auditor.figures()
        assert before["money_minor_units/RUB/remaining"] == 5_000_00
        other = own.sell(nominal_minor=100_00)
        own.spend(number, 1_200_00)
        own.settle()
        events = sum(len(own.events(each)) for each in (number, other, own.pool))
        after = auditor.until(
            {
                **NO_BREACH,
                "events_total": float(events),
                "lag_offsets": 0.0,
                "money_minor_units/RUB/issued": 5_100_00.0,
                "money_minor_units/RUB/redeemed": 1_200_00.0,
                "money_minor_units/RUB/refunded": 0.0,
                "money_minor_units/RUB/annulled": 0.0,
                "money_minor_units/RUB/remaining": 3_900_00.0,
                "money_minor_units/RUB/held": 0.0,
                "money_minor_units/RUB/unexplained": 0.0,
                "certificates/ACTIVE": 1.0,
                "certificates/PARTIALLY_REDEEMED": 1.0,
                "compared_certificates": 2.0,
                "store_comparisons_total/failed": 0.0,
            }
        )
        assert not any(after[name] for name in after if name.startswith("breaches_total/"))
        assert logged(auditor) == []
        assert auditor.end() == 0


def test_auditor_tells_of_a_forged_event_once_however_many_auditors_and_restarts(
    own: Scenario,
) -> None:
    """A rogue producer sells a number that nobody reserved; later the certificate goes on."""
    (number,) = own.load()
    (loaded,) = own.events(number)
    rogue = forged(
        own.service,
        loaded,
        eventType="reserve",
        eventId="rogue-1",
        sequence=5,
        status="RESERVED",
    )
    with running_auditor(own.service) as first, running_auditor(own.service, "second") as second:
        own.service.write(rogue)
        own.await_story(number, "alert")
        for auditor in (first, second):
            found = auditor.until({"certificates_in_breach": 1.0, "alerts_awaited": 0.0})
            assert found["breaches_total/SEQUENCE_GAP/3"] == 1.0
            (line, *_) = logged(auditor)
            assert (line["law"], line["kind"]) == (3, "SEQUENCE_GAP")
            assert line["certificate"] == f"…{number[-4:]}"
            assert number not in auditor.log()
        assert second.end() == 0
    own.settle()
    with running_auditor(own.service, "third") as third:
        third.until({"certificates_in_breach": 1.0, "alerts_awaited": 0.0})
        # The alert itself came at a number that was taken; a true event does so, and its alert.
        own.reserve()
        third.until({"breaches_total/SEQUENCE_REPEATED/3": 3.0, "alerts_awaited": 0.0})
    own.settle()
    gap, repeat = alerts_of(own, number)
    assert "law 3 SEQUENCE_GAP: sequence 5 after 1" in gap.fields["reason"]["text"]
    assert "law 3 SEQUENCE_REPEATED: sequence 3 after 5" in repeat.fields["reason"]["text"]
    assert len({gap.fields["causationId"], repeat.fields["causationId"]}) == 2
    assert gap.fields["actor"] == "auditor"
    assert asked(own.service) <= 3, "the third asked again for what was told"


def test_auditor_tells_of_an_event_under_a_strange_key_under_no_certificate(own: Scenario) -> None:
    (number,) = own.load()
    (loaded,) = own.events(number)
    stray = replace(forged(own.service, loaded, eventId="rogue-2"), key=b"no number at all")
    with running_auditor(own.service) as auditor:
        own.service.write(stray)
        event = own.await_story(NO_CERTIFICATE, "alert")
        assert "WRONG_KEY" in event.fields["reason"]["text"]
        auditor.until({"breaches_total/WRONG_KEY/3": 1.0, "alerts_awaited": 0.0})
        assert auditor.end() == 0
    own.settle()
    assert len(alerts_of(own, NO_CERTIFICATE)) == 1
