"""`giftcert replay`: what a repaired ingest and correlation would have written, found and appended.

The service under test drops unmarked payments and ordinary orders; the one that replays takes them.
That is the bug and its fix.
"""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
from pipelines.rebuild import derived
from pipelines.rebuild.findings import COMMAND, FACT, Verdict
from pipelines.rebuild.replay_presentation import show_replay
from pipelines.rebuild.replay_report import ReplayOptions, ReplayReport
from pipelines.rebuild.run_replay import run_replay
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, FACTS
from state.certificate.commands import Command, Origin, RaiseAlert
from state.correlation.facts import Fact, PaymentSeen, PaymentStatus, PaymentType, Policy, Tender
from tests.flow.giftcert_command import giftcert
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import Message, Service, now_ms, running_service
from tests.flow.source_messages import Delivery, Order, Payment

APPLY = ReplayOptions(apply=True)


@pytest.fixture
def service(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A service that takes marked payments only."""
    with running_service(
        broker.bootstrap,
        tmp_path / "stack",
        topic_prefix,
        environment={"GIFTCERT_ACCEPT_UNMARKED_PAYMENTS": "false"},
    ) as running:
        yield running


def told_by_a_shop(scenario: Scenario, *, pay: bool = True) -> tuple[str, str]:
    """A certificate ordered, and paid for in a way that the service does not understand."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(purchase(number, order_id))
    if pay:
        scenario.tell(unmarked(order_id))
    scenario.settle()
    return number, order_id


def unmarked(order_id: str) -> Payment:
    return Payment(
        payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR, contract=1
    )


def found(report: ReplayReport) -> set[tuple[str, Verdict, str]]:
    return {(each.kind, each.verdict, each.about) for each in report.findings}


@pytest.mark.timeout(300)
def test_facts_that_a_bug_dropped_are_shown_then_appended_once_and_taken_in(
    service: Service,
) -> None:
    scenario = Scenario(service)
    number, order_id = told_by_a_shop(scenario)
    scenario.tell(Order(order_id=f"{scenario.tag}-bread", total_minor=5_00, lines=[]))
    scenario.settle()
    assert scenario.story(number) == ["load", "reserve"]

    shown = run_replay(service.settings, ReplayOptions())
    assert found(shown) == {
        (FACT, Verdict.MISSING, order_id),
        (FACT, Verdict.MISSING, f"{scenario.tag}-bread"),
    }
    assert scenario.story(number) == ["load", "reserve"], "something was changed"
    only = run_replay(
        service.settings, ReplayOptions(correlations=frozenset({order_id}), apply=True)
    )
    assert only.left == ()
    scenario.await_story(number, "issue", "notification.requested", "activate")
    assert run_replay(service.settings, APPLY).left == ()
    service.settle()
    assert run_replay(service.settings, APPLY).findings == ()
    assert service.log.of(FACTS.name)[-1].key == f"{scenario.tag}-bread".encode()


@pytest.mark.timeout(300)
def test_replay_of_a_service_without_a_bug_finds_everything_equal(service: Service) -> None:
    scenario = Scenario(service)
    number, order_id = told_by_a_shop(scenario, pay=False)
    scenario.tell(
        Payment(
            payment_id=f"{order_id}-pay",
            order_id=order_id,
            amount_minor=NOMINAL_MINOR,
            number=number,
            operation="PURCHASE",
        )
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")
    scenario.tell(Delivery(number=number, notification_id=scenario.notification(number)))
    spent_in = f"{scenario.tag}-goods"
    scenario.tell(goods(number, spent_in, 100_00), redemption(number, spent_in, 100_00))
    scenario.await_story(number, "redeem.partial")
    scenario.settle()
    done = giftcert(service, "replay", "--json")
    body: dict[str, Any] = json.loads(done.out)
    assert (done.code, body["differences"]) == (0, [])
    nothing = {"missing": 0, "different": 0, "extra": 0}
    assert body["counts"] == {
        "facts": {"equal": 4, **nothing},
        "deliveries": {"equal": 1, **nothing},
        "commands": {"equal": 3, **nothing},
    }


@pytest.mark.timeout(300)
def test_what_appending_cannot_repair_is_named_and_left_alone(service: Service) -> None:
    """A fact that says something else than its source; a command that nothing led to."""
    scenario = Scenario(service)
    number, order_id = told_by_a_shop(scenario, pay=False)
    scenario.tell(unmarked(order_id), at_ms=now_ms())
    scenario.settle()
    source = scenario.written[-1]
    _write_fact(service, source, order_id, NOMINAL_MINOR - 1)
    stray = scenario.command(number, RaiseAlert(code="STRAY", text="stray"), origin=Origin.FACT)
    scenario.settle()
    before = len(service.log.of(FACTS.name)), len(service.log.of(COMMANDS.name))
    report = run_replay(service.settings, APPLY)
    # Other scenarios of the same service have strays of their own.
    (fact,) = [each for each in report.findings if each.about == order_id]
    (command,) = [each for each in report.findings if each.record_id == stray]
    assert (fact.kind, fact.verdict) == (FACT, Verdict.DIFFERENT)
    wanted = f"happening.amount_minor {NOMINAL_MINOR - 1} on the topic, {NOMINAL_MINOR} today"
    assert fact.text == wanted
    assert (command.kind, command.verdict) == (COMMAND, Verdict.EXTRA)
    assert {fact, command} <= set(report.left)
    scenario.settle()
    after = len(service.log.of(FACTS.name)), len(service.log.of(COMMANDS.name))
    assert after == before
    shown = StringIO()
    show_replay(report, Console(file=shown, width=200))
    assert "its owner tells it again under a new id" in shown.getvalue()
    assert "what was written stays" in shown.getvalue()
    assert number not in shown.getvalue()


def _write_fact(service: Service, source: Message, order_id: str, amount_minor: int) -> None:
    """The fact of a payment as a wrong ingest would have written it."""
    told = service.framing.decode(RecordName.PAYMENT, source.value)
    fact = Fact(
        fact_id=told["eventId"],
        correlation_id=order_id,
        at_ms=source.at_ms or 0,
        # So long that no timer speaks up before the test has ended.
        policy=Policy(missing_after_ms=86_400_000, forget_after_ms=86_400_000),
        happening=PaymentSeen(
            payment_id=told["paymentId"],
            order_id=order_id,
            type=PaymentType.CAPTURE,
            status=PaymentStatus.SUCCEEDED,
            amount_minor=amount_minor,
            currency="RUB",
            tender=Tender.CARD,
        ),
    )
    value = service.framing.encode(RecordName.FACT, fact_to_record(fact))
    service.write(Message(topic=FACTS, key=order_id.encode(), value=value))


@pytest.mark.timeout(300)
def test_commands_that_a_repaired_correlation_sends_are_appended_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = Scenario(service)
    number, order_id = told_by_a_shop(scenario, pay=False)

    class Repaired(CorrelateStage):
        """Also says that it saw the order."""

        def __call__(self, incoming: Any, records: Any, deadlines: Any, /) -> list[Outgoing]:
            command = Command(
                command_id=f"{order_id}/alert/SEEN",
                at_ms=incoming.timestamp_ms,
                certificate_id=number,
                origin=Origin.FACT,
                action=RaiseAlert(code="SEEN", text="seen"),
                correlation_id=order_id,
                actor="correlator",
            )
            value = service.framing.encode(RecordName.COMMAND, command_to_record(command))
            seen = Outgoing(topic=COMMANDS, key=number.encode(), value=value)
            return [*super().__call__(incoming, records, deadlines), seen]

    monkeypatch.setattr(derived, "CorrelateStage", Repaired)
    shown = run_replay(service.settings, ReplayOptions())
    assert found(shown) == {(COMMAND, Verdict.MISSING, order_id)}
    assert run_replay(service.settings, APPLY).left == ()
    event = scenario.await_story(number, "reserve", "alert")
    assert event.fields["reason"]["code"] == "SEEN"
    assert run_replay(service.settings, APPLY).findings == ()
    scenario.settle()
    assert scenario.story(number).count("alert") == 1
