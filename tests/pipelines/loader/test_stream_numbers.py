"""What the stream says of numbers: who loaded them, and what became of them since."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.loader.judgement import foretold, judged
from pipelines.loader.outcomes import ALREADY_LOADED, WOULD_LOAD, Outcome, RowResult
from pipelines.loader.stream_numbers import KnownNumber, StreamNumbers
from tests.contracts.samples import SAMPLES

FRAMING = SingleObjectFraming()
SAMPLE = SAMPLES[RecordName.GIFT_CERTIFICATE_EVENT]
AT_MS = 1_772_359_209_000  # 2026-03-01


@dataclass(frozen=True)
class FakeRecord:
    """A record as the client gives it."""

    key_bytes: bytes | None
    payload: bytes | None

    def key(self) -> bytes | None:
        return self.key_bytes

    def value(self) -> bytes | None:
        return self.payload


def event(
    number: str, kind: str, status: str, cause: str = "any", *, snapshot: bool = True
) -> FakeRecord:
    fields: dict[str, Any] = SAMPLE | {
        "eventType": kind,
        "status": status,
        "causationId": cause,
        "occurredAt": AT_MS,
    }
    payload = SAMPLE["payload"] | {"certificateId": number, "pool": "PHYSICAL", "status": status}
    fields["payload"] = payload if snapshot else None
    return FakeRecord(number.encode(), FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields))


def known_after(*records: FakeRecord) -> dict[str, KnownNumber]:
    numbers = StreamNumbers("this", {"GC-0001": 1, "GC-0002": 2}, FRAMING)
    for record in records:
        numbers.take(record)
    return numbers.known


def loaded_by(load: str, number: str = "GC-0001") -> FakeRecord:
    return event(number, "load", "AVAILABLE", f"load:{load}:{number}")


def test_number_loaded_by_this_load_is_known_as_such() -> None:
    known = known_after(loaded_by("this"))
    assert known == {
        "GC-0001": KnownNumber(
            by_this_load=True, loaded_at_ms=AT_MS, pool="PHYSICAL", state="AVAILABLE"
        )
    }


def test_numbers_that_share_pool_and_state_share_their_texts() -> None:
    """Else a million of them would take some hundred megabytes more."""
    first, second = known_after(loaded_by("this"), loaded_by("this", "GC-0002")).values()
    assert first.pool is second.pool
    assert first.state is second.state


@pytest.mark.parametrize(
    "cause", ["load:that:GC-0001", "load:this:GC-0002", "batch-2026-03/GC-0001", ""]
)
def test_number_loaded_by_anything_else_is_known_as_such(cause: str) -> None:
    known = known_after(event("GC-0001", "load", "AVAILABLE", cause))
    assert known["GC-0001"].by_this_load is False


def test_state_of_a_number_is_that_of_its_last_event() -> None:
    known = known_after(
        loaded_by("this"),
        event("GC-0001", "reserve", "RESERVED"),
        event("GC-0001", "issue", "ISSUED"),
        event("GC-0001", "error", "ISSUED", snapshot=False),
    )
    assert known["GC-0001"].state == "ISSUED"
    assert known["GC-0001"].by_this_load


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(loaded_by("this", "GC-0003"), id="another number"),
        pytest.param(
            event("GC-0001", "alert", "ALERT", snapshot=False), id="an alert about no certificate"
        ),
        pytest.param(FakeRecord(None, loaded_by("this").payload), id="no key"),
        pytest.param(FakeRecord(b"\xff", loaded_by("this").payload), id="a key that is no text"),
        pytest.param(FakeRecord(b"GC-0001", None), id="no value"),
        pytest.param(FakeRecord(b"GC-0001", b"noise"), id="no record"),
    ],
)
def test_record_that_loads_none_of_the_numbers_makes_nothing_known(record: FakeRecord) -> None:
    assert known_after(record) == {}


KNOWN = {
    "GC-0001": KnownNumber(True, AT_MS, "PHYSICAL", "AVAILABLE"),
    "GC-0002": KnownNumber(False, AT_MS, "ELECTRONIC", "PARTIALLY_REDEEMED"),
}
REFUSED = RowResult(
    outcome=Outcome.REFUSED,
    code="DUPLICATE_NUMBER",
    text="this number was loaded before: on 2026-03-01, into ELECTRONIC",
)


def test_known_numbers_are_judged_as_the_service_would_without_their_state() -> None:
    """The state is for who asks for it: the report of a load has whole numbers."""
    assert judged(KNOWN) == {"GC-0001": ALREADY_LOADED, "GC-0002": REFUSED}


def test_foretold_rows_are_new_or_known_in_a_state() -> None:
    assert foretold(["GC-0001", "GC-0002", "GC-0003"], KNOWN) == {
        "GC-0001": RowResult(outcome=Outcome.ALREADY_LOADED, state="AVAILABLE"),
        "GC-0002": RowResult(
            outcome=REFUSED.outcome,
            code=REFUSED.code,
            text=REFUSED.text,
            state="PARTIALLY_REDEEMED",
        ),
        "GC-0003": WOULD_LOAD,
    }


@given(st.integers(0, 2**45))
def test_any_time_of_loading_can_be_told(at_ms: int) -> None:
    """Whoever wrote the event may have had a clock of any kind."""
    known = {"GC-0001": KnownNumber(False, at_ms, "PHYSICAL", "AVAILABLE")}
    assert judged(known)["GC-0001"].code == "DUPLICATE_NUMBER"
