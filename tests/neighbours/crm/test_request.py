"""What the CRM reads of the stream is what the service writes, and nothing else stops it."""

from dataclasses import replace

import pytest

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.crm.request import (
    Balance,
    Closed,
    Happening,
    Request,
    StreamRecord,
    happening_of,
)
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import (
    AT_MS,
    CLIENT,
    FRAMING,
    NUMBER,
    ORDER,
    TRACE,
    Life,
    request,
    stream_of,
)

EVENT = RecordName.GIFT_CERTIFICATE_EVENT


def told(*records: StreamRecord) -> list[Happening]:
    found = (happening_of(record, FRAMING) for record in records)
    return [each for each in found if each is not None]


def test_life_of_a_certificate_holds_one_request_and_its_end() -> None:
    life = Life(channel=NotificationChannel.EMAIL)
    life.reveal()
    life.sent()
    asked, closed = told(*stream_of(life, partition=3, first_offset=100, trace=TRACE))
    assert asked == Request(
        partition=3,
        offset=103,
        certificate_id=NUMBER,
        notification_id="42/issue/1",
        channel=NotificationChannel.EMAIL,
        order_id=ORDER,
        client_id=CLIENT,
        correlation_id=ORDER,
        balance=Balance(amount_minor=1_500_00, currency="RUB"),
        asked_at_ms=AT_MS + 3,
        trace=TRACE,
    )
    assert closed == Closed(certificate_id=NUMBER, notification_id="42/issue/1")


def test_failed_message_is_closed_and_the_next_is_another_request() -> None:
    life = Life()
    life.failed()
    life.ask_again()
    first, closed, second = told(*stream_of(life))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert closed == Closed(certificate_id=NUMBER, notification_id=first.notification_id)
    assert (first.channel, second.notification_id) == (None, "notify-1")


def test_request_time_is_kafkas_and_not_that_of_the_order() -> None:
    """The order may have waited hours for its payment; the CRM is asked now."""
    (record,) = [each for each in stream_of(Life()) if told(each)]
    (found,) = told(replace(record, timestamp_ms=AT_MS + 3_600_000))
    assert isinstance(found, Request)
    assert found.asked_at_ms == AT_MS + 3_600_000


def test_events_of_other_types_are_told_by_their_header_without_being_decoded() -> None:
    record = StreamRecord(
        partition=0,
        offset=0,
        timestamp_ms=AT_MS,
        value=b"not even a record",
        headers=[("eventType", b"redeem.full")],
    )
    assert happening_of(record, FRAMING) is None


def test_event_without_headers_is_known_by_its_content() -> None:
    records = [replace(record, headers=()) for record in stream_of(Life())]
    assert len(told(*records)) == 1


def test_symbol_of_a_newer_service_is_no_way_to_the_customer() -> None:
    (record,) = [each for each in stream_of(Life()) if told(each)]
    fields = FRAMING.decode(EVENT, record.value)
    payload = {**fields["payload"], "notification": {**fields["payload"]["notification"]}}
    payload["notification"]["channel"] = "UNKNOWN"
    value = FRAMING.encode(EVENT, {**fields, "payload": payload})
    (found,) = told(replace(record, value=value))
    assert isinstance(found, Request)
    assert found.channel is None


@pytest.mark.parametrize(
    "change",
    [
        {"payload": None},
        {"certificateId": "no number"},
        {"certificateId": "../../../admin1"},
        {"notification": None},
        {"orderId": "new\nline"},
        {"clientId": "x" * 201},
        {"currency": None},
        {"remainingBalance": b""},
        {"remainingBalance": b"\x01"},
    ],
)
def test_event_that_the_service_never_writes_is_broken(change: dict[str, object]) -> None:
    (record,) = [each for each in stream_of(Life()) if told(each)]
    fields = FRAMING.decode(EVENT, record.value)
    payload = None if "payload" in change else {**fields["payload"], **change}
    value = FRAMING.encode(EVENT, {**fields, "payload": payload})
    with pytest.raises(BrokenRecord):
        happening_of(replace(record, value=value), FRAMING)


@pytest.mark.parametrize("value", [None, b"", b"\x00rubbish", b"\xc3\x01" + b"\x00" * 8])
def test_record_that_is_no_event_is_broken(value: bytes | None) -> None:
    record = StreamRecord(partition=0, offset=0, timestamp_ms=AT_MS, value=value)
    with pytest.raises(BrokenRecord):
        happening_of(record, FRAMING)


def test_key_of_a_delivery_is_its_own_and_tells_neither_id() -> None:
    """Support may use one key for two certificates: both notifications then have one id."""
    keys = {
        request().key,
        request(number="GC-00000043").key,
        request(notification="notify-1").key,
    }
    assert len(keys) == 3
    assert request(offset=7).key == request().key
    assert all(NUMBER not in key and len(key) == 36 for key in keys)


def test_request_shows_no_trace_and_only_the_last_four_to_people() -> None:
    assert request().last_four == "…0042"
    assert "traceparent" not in repr(replace(request(), trace=TRACE))
