"""Outcomes as Client records: what the service takes in, told again the same event."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.crm.outcome import Failed, FailureReason, Sent, outcome_record
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.stages.ingest import ClientsIngest
from pipelines.stages.record import Incoming
from state.certificate.commands import Command, NotificationResult
from tests.neighbours.crm.asked_messages import AT_MS, FRAMING, request

SMS = NotificationChannel.SMS


def taken_in(value: bytes) -> Command:
    """The command that the service makes of a record."""
    incoming = Incoming(
        topic="All_Clients",
        partition=0,
        offset=0,
        key=b"any",
        value=value,
        headers=(),
        timestamp_ms=AT_MS,
    )
    (output,) = ClientsIngest(FRAMING)(incoming)
    return command_from_record(FRAMING.decode(RecordName.COMMAND, output.value))


def test_message_that_was_sent_is_a_result_for_its_notification() -> None:
    record = outcome_record(request(), Sent(channel=SMS), AT_MS + 900)
    command = taken_in(record.encode(FRAMING))
    assert command.certificate_id == request().certificate_id
    assert command.action == NotificationResult(notification_id="42/issue/1", sent=True, reason="")
    assert (record.key, record.value["eventTime"]) == (b"client-7", AT_MS + 900)


def test_outcome_told_again_is_the_same_event_for_the_service() -> None:
    first = outcome_record(request(), Sent(channel=SMS), AT_MS)
    again = outcome_record(request(offset=9), Sent(channel=SMS), AT_MS + 60_000)
    assert first.event_id == again.event_id
    assert taken_in(first.encode(FRAMING)).command_id == taken_in(again.encode(FRAMING)).command_id


@given(st.sampled_from(FailureReason))
def test_failure_says_why_in_a_word_and_a_phrase(reason: FailureReason) -> None:
    outcome = Failed(channel=SMS, reason=reason, why="the gateway answers 422")
    action = taken_in(outcome_record(request(), outcome, AT_MS).encode(FRAMING)).action
    assert isinstance(action, NotificationResult)
    assert (action.sent, action.reason) == (False, f"{reason}: the gateway answers 422")


def test_outcome_of_the_longest_ids_and_of_nobody_is_taken_in() -> None:
    asked = request(
        number="X1" + "0" * 30, notification="заказ/" + "n" * 900, order="o" * 200, client=None
    )
    record = outcome_record(asked, Sent(channel=SMS), AT_MS)
    action = taken_in(record.encode(FRAMING)).action
    assert isinstance(action, NotificationResult)
    assert action.notification_id == asked.notification_id
    assert record.key == b"unknown"
