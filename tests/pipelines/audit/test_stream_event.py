"""What the audit takes of a record is exact, and a record it cannot read is said to be so."""

from typing import Any

import pytest

from pipelines.audit.event_ids import EventIds, Repeat
from pipelines.audit.stream_event import EventReader
from pipelines.contracts.broken import BrokenRecord

KEY = b"GC-0000-1234"


def fields(currency: str | None = "RUB", **amounts: bytes) -> dict[str, Any]:
    entry = {"kind": "REDEEM", "amount": b"\xff\x38", "remainingBalance": b"\x64", "held": b"\x00"}
    payload = {
        "certificateId": KEY.decode(),
        "pool": "ELECTRONIC",
        "status": "LOCKED",
        "lifecycle": "PARTIALLY_REDEEMED",
        "currency": currency,
        "nominal": b"\x01\x2c",
        "remainingBalance": b"\x64",
        "held": b"\x00",
        "version": 5,
    }
    return {
        "eventId": "event-1",
        "eventType": "redeem.partial",
        "sequence": 5,
        "causationId": "cause-1",
        "entry": entry | {name: raw for name, raw in amounts.items() if name in entry},
        "payload": payload,
    }


def test_event_of_a_record_has_its_amounts_in_minor_units() -> None:
    event = EventReader().event_of(fields(), 2, 77, KEY)
    assert event.entry is not None
    assert event.snapshot is not None
    assert (event.entry.amount_minor, event.entry.remaining_minor) == (-2, 1)
    assert event.snapshot.nominal_minor == 3
    assert (event.partition, event.offset, event.key) == (2, 77, KEY.decode())


def test_event_of_the_same_bytes_in_two_currencies_has_two_amounts() -> None:
    reader, one = EventReader(), b"\x27\x10"
    for currency, amount_minor in (("RUB", 100), ("JPY", 1), ("RUB", 100)):
        record = fields(currency, amount=one, remainingBalance=one)
        record["payload"] |= {"nominal": one, "remainingBalance": one}
        event = reader.event_of(record, 0, 0, KEY)
        assert event.entry is not None
        assert event.entry.amount_minor == amount_minor


BROKEN = [
    ("no key", fields(), None, "no key"),
    ("a hundredth of a kopeck", fields(amount=b"\x01"), KEY, "more decimals"),
    ("an unknown currency", fields("XXX"), KEY, "not an ISO 4217 code"),
    ("money without a currency", fields(None), KEY, "no currency"),
    ("no bytes", fields(held=b""), KEY, "no bytes"),
]


@pytest.mark.parametrize(
    ("record", "key", "said"),
    [pytest.param(record, key, said, id=name) for name, record, key, said in BROKEN],
)
def test_event_of_a_broken_record_is_refused(
    record: dict[str, Any], key: bytes | None, said: str
) -> None:
    with pytest.raises(BrokenRecord, match=said):
        EventReader().event_of(record, 0, 0, key)


def test_add_of_many_ids_tells_of_those_that_came_again_each_time() -> None:
    """So many that every part of the table has grown several times."""
    ids = EventIds()
    assert all(ids.add(f"event-{number}", number % 6, number) is None for number in range(50_000))
    for again in ((5, 9_000_000_000), (0, 9_000_000_001)):
        assert ids.add("event-17", *again) == Repeat(first=(5, 17), again=again)
    assert ids.add("event-50000", 1, 2) is None
