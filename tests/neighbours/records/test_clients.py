"""Client records of the kit: what one gives, each impossible one refused, and no address ever."""

from dataclasses import replace

import pytest

from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.checks import has_address
from pipelines.neighbours.records.clients import Client, DeliveryOutcome, without_addresses
from pipelines.neighbours.records.record import ImpossibleRecord
from pipelines.topics import ALL_CLIENTS
from tests.neighbours.records.specimens import AT_MS, CLIENT, DELIVERY, SOLD

FAILED = replace(DELIVERY, outcome=DeliveryOutcome.FAILED, reason="the phone is switched off")


def told(**changes: object) -> Client:
    return replace(CLIENT, delivery=replace(FAILED, **changes))  # type: ignore[arg-type]  # any field


def test_delivery_gives_every_field_of_the_contract() -> None:
    record = CLIENT.record()
    assert (record.topic, record.name, record.key) == (ALL_CLIENTS, RecordName.CLIENT, b"client-7")
    assert record.value == {
        "eventId": "delivery/order-1/notification/1/SENT",
        "eventTime": AT_MS,
        "clientId": "client-7",
        "correlationId": None,
        "delivery": {
            "certificateId": SOLD,
            "notificationId": "order-1/notification/1",
            "channel": "SMS",
            "outcome": "SENT",
            "reason": None,
        },
    }


def test_record_without_a_delivery_brings_its_own_event_id() -> None:
    assert replace(CLIENT, delivery=None, event_id="e-1").record().value["delivery"] is None
    with pytest.raises(ImpossibleRecord, match="eventId is missing"):
        replace(CLIENT, delivery=None).record()


def test_longest_notification_id_gets_an_event_id_that_fits() -> None:
    """The service makes its ids of others' ids, so they may be longer than those."""
    longest = told(notification_id="n" * 1_000).record()
    assert len(longest.event_id) <= 200
    assert longest.event_id != told(notification_id="m" * 1_000).record().event_id


IMPOSSIBLE = [
    ("no client", replace(CLIENT, client_id=""), "clientId is empty"),
    ("no time", replace(CLIENT, at_ms=-1), "eventTime is not between"),
    ("empty correlation", replace(CLIENT, correlation_id=""), "correlationId is empty"),
    ("no certificate", told(certificate_id="?"), "delivery.certificateId holds something else"),
    ("no notification", told(notification_id=""), "delivery.notificationId is empty"),
    ("endless notification", told(notification_id="n" * 1_001), "more than 1000 characters"),
    (
        "reason of a message that was sent",
        told(outcome=DeliveryOutcome.SENT),
        "delivery.reason is set on a message that was SENT",
    ),
    ("address", told(reason="550 <a.b@example.com>: unknown"), "delivery.reason holds an address"),
    ("phone", told(reason="+79000000000 is blocked"), "delivery.reason holds an address"),
]


@pytest.mark.parametrize(
    ("client", "text"), [pytest.param(client, text, id=name) for name, client, text in IMPOSSIBLE]
)
def test_impossible_client_record_is_refused_with_what_to_do(client: Client, text: str) -> None:
    with pytest.raises(ImpossibleRecord) as refused:
        client.record()
    assert text in str(refused.value)
    assert "example.com" not in str(refused.value)
    assert "79000000000" not in str(refused.value)


ADDRESSES = [
    ("550 5.1.1 <a.b@example.com>: unknown", "550 5.1.1 <***>: unknown"),
    ("to a@b.example, c@d.example", "to *** ***"),
    ("+7 (900) 000-00-00 is switched off", "*** is switched off"),
    ("8 900 000 00 00", "***"),
    ("error 500 after 30000 ms", "error 500 after 30000 ms"),
    (
        "message 3f2b1c40-1111-4222-8333-123456789012",
        "message 3f2b1c40-1111-4222-8333-123456789012",
    ),
    ("", ""),
]


@pytest.mark.parametrize(("text", "masked"), ADDRESSES)
def test_text_of_others_goes_without_addresses(text: str, masked: str) -> None:
    assert without_addresses(text) == masked
    assert not has_address(without_addresses(text))


def test_endless_text_of_others_is_cut_to_what_a_record_takes() -> None:
    cut = without_addresses("no " * 1_000)
    assert len(cut) == 1_000
    assert told(reason=cut).record().event_id
