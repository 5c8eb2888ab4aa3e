"""The stores' bytes: old ones stay readable, wrong ones are refused, and nothing else happens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.certificate.commands import Origin
from state.certificate.events import Event
from state.certificate.history import HistoryEntry
from state.certificate.record import CertificateState
from state.certificate.transition import Outcome
from state.correlation.record import Correlation
from state.pool.queue import PoolHead, Take
from state.stores import codec
from state.stores.codec import VERSION, RecordCodec, UnreadableRecord
from tests.state.stores.history_specimens import ENTRIES, EVENTS
from tests.state.stores.specimens import RECORDS
from tests.state.stores.values import values_of

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(RECORDS)


def editions(name: str) -> list[Path]:
    """The golden files of one record, oldest first: `<record>.<edition>.hex`."""
    return sorted(GOLDEN.glob(f"{name}.*.hex"), key=edition)


def edition(path: Path) -> int:
    return int(path.suffixes[0][1:])


def golden(path: Path) -> bytes:
    return bytes.fromhex(path.read_text(encoding="ascii"))


def test_every_golden_file_belongs_to_a_record() -> None:
    assert sorted({path.name.split(".")[0] for path in GOLDEN.iterdir()}) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_decode_golden_bytes_of_any_edition_gives_the_specimen(name: str) -> None:
    """What was written once is readable for ever, whatever was added since."""
    record = RECORDS[name]
    for path in editions(name):
        wanted = record.earlier.get(edition(path), record.specimen)
        assert record.decode(golden(path)) == wanted, path.name


@pytest.mark.parametrize("name", NAMES)
def test_encode_specimen_gives_the_newest_golden_bytes(name: str) -> None:
    """A changed byte is a decision: add an edition, never change a file."""
    record = RECORDS[name]
    assert record.encode(record.specimen).hex() == golden(editions(name)[-1]).hex()


@pytest.mark.parametrize("name", NAMES)
def test_specimen_sets_every_field(name: str) -> None:
    """A field at its default in the golden bytes would not notice being renamed."""
    assert list(unset(RECORDS[name].specimen)) == []


def unset(value: object) -> Iterator[str]:
    """The fields of a record, and of the records in it, that hold nothing."""
    if isinstance(value, Mapping):
        for member in value.values():
            yield from unset(member)
    if is_dataclass(value):
        for each in fields(value):
            if getattr(value, each.name) is None:
                yield f"{type(value).__name__}.{each.name}"
            yield from unset(getattr(value, each.name))


def test_every_event_has_a_golden_file() -> None:
    assert [type(event) for event in EVENTS] == list(get_args(Event))


@pytest.mark.parametrize("name", NAMES)
def test_first_byte_is_the_version_and_never_zero(name: str) -> None:
    """A zero would look like the expiry stamp of the stream library."""
    record = RECORDS[name]
    first = record.encode(record.specimen)[0]
    assert first == VERSION
    assert first != 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", [0, 2, 255])
def test_decode_another_version_is_refused(name: str, version: int) -> None:
    stored = golden(editions(name)[-1])
    with pytest.raises(UnreadableRecord):
        RECORDS[name].decode(bytes([version]) + stored[1:])


@pytest.mark.parametrize("name", NAMES)
def test_decode_nothing_is_refused(name: str) -> None:
    with pytest.raises(UnreadableRecord):
        RECORDS[name].decode(b"")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "text"])
def test_decode_truncated_bytes_is_refused_at_every_length(name: str) -> None:
    """Text has no length of its own: any prefix of it is text."""
    stored = golden(editions(name)[-1])
    for length in range(1, len(stored)):
        with pytest.raises(UnreadableRecord):
            RECORDS[name].decode(stored[:length])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "text"])
def test_decode_trailing_bytes_is_refused(name: str) -> None:
    with pytest.raises(UnreadableRecord):
        RECORDS[name].decode(golden(editions(name)[-1]) + b"\x00")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x01\xff\xfe",
        b"\x01\x81\xa8sequence\xa1\xff",
        b"\x01\x81\xaacertificate" + b"\x91" * 5_000,
        b"\x01\x81\xa1?" + b"\x91" * 5_000,
        b"\x01\xc1",
    ],
    ids=["not-utf8", "text-not-utf8", "deep", "deep-in-unknown", "never-used-byte"],
)
def test_decode_garbage_is_refused(name: str, garbage: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        RECORDS[name].decode(garbage)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_decode_damaged_bytes_gives_a_record_or_a_refusal(name: str, data: st.DataObject) -> None:
    """Nothing else may come out: any other exception would be taken for a bug of a rule."""
    stored = bytearray(golden(editions(name)[-1]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(stored) - 1))
        stored[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(stored)))
    for damaged in (bytes(stored), bytes(stored[:cut])):
        try:
            RECORDS[name].decode(damaged)
        except UnreadableRecord:
            continue


@given(st.binary(max_size=60))
def test_decode_any_bytes_gives_a_record_or_a_refusal(garbage: bytes) -> None:
    for record in RECORDS.values():
        for value in (garbage, bytes([VERSION]) + garbage):
            try:
                record.decode(value)
            except UnreadableRecord:
                continue


@given(values_of(CertificateState))
def test_certificate_state_survives_the_round_trip(state: CertificateState) -> None:
    assert codec.CERTIFICATE_STATE.decode(codec.CERTIFICATE_STATE.encode(state)) == state


@given(values_of(Outcome))
def test_outcome_survives_the_round_trip(outcome: Outcome) -> None:
    assert codec.OUTCOME.decode(codec.OUTCOME.encode(outcome)) == outcome


@given(values_of(Correlation))
def test_correlation_survives_the_round_trip(correlation: Correlation) -> None:
    assert codec.CORRELATION.decode(codec.CORRELATION.encode(correlation)) == correlation


@given(values_of(HistoryEntry))
def test_history_entry_survives_the_round_trip(entry: HistoryEntry) -> None:
    assert codec.HISTORY_ENTRY.decode(codec.HISTORY_ENTRY.encode(entry)) == entry


@given(values_of(PoolHead), values_of(Take))
def test_pool_records_survive_the_round_trip(head: PoolHead, take: Take) -> None:
    assert codec.POOL_HEAD.decode(codec.POOL_HEAD.encode(head)) == head
    assert codec.POOL_TAKE.decode(codec.POOL_TAKE.encode(take)) == take


@given(st.text(), st.integers(0, 2**64 - 1))
def test_text_and_number_survive_the_round_trip(text: str, number: int) -> None:
    assert codec.decode_text(codec.encode_text(text)) == text
    assert codec.decode_number(codec.encode_number(number)) == number


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A record as it was."""

    name: str
    gone: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The same record after a field was added and one was given up."""

    name: str
    added: str | None = None
    counted: int = 0


def test_decode_bytes_with_an_unknown_field_ignores_it() -> None:
    """A worker of the version before reads what the newer one wrote, during an upgrade."""
    newer = RecordCodec(Later).encode(Later(name="a", added="b", counted=2))
    assert RecordCodec(Earlier).decode(newer) == Earlier(name="a")


def test_decode_bytes_without_a_defaulted_field_gives_the_default() -> None:
    older = RecordCodec(Earlier).encode(Earlier(name="a"))
    assert RecordCodec(Later).decode(older) == Later(name="a")


def test_decode_bytes_without_a_required_field_is_refused() -> None:
    with pytest.raises(UnreadableRecord):
        RecordCodec(Later).decode(bytes([VERSION]) + msgspec.msgpack.encode({"added": "b"}))


def test_added_field_is_tolerated_by_every_record() -> None:
    """The rule above, for the records that are really kept."""
    for name in NAMES:
        if name in ("text", "number"):
            continue
        record = RECORDS[name]
        content = msgspec.msgpack.decode(record.encode(record.specimen)[1:])
        stored = bytes([VERSION]) + msgspec.msgpack.encode({**content, "addedLater": [1, "x"]})
        assert record.decode(stored) == record.specimen


def test_field_added_to_an_event_is_tolerated_in_every_history() -> None:
    for name, entry in ENTRIES.items():
        content = msgspec.msgpack.decode(golden(editions(name)[-1])[1:])
        content["event"]["addedLater"] = [1, "x"]
        stored = bytes([VERSION]) + msgspec.msgpack.encode(content)
        assert codec.HISTORY_ENTRY.decode(stored) == entry


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "SomethingNewer"},
        {"kind": "Redeemed"},
        {"event": {"pool": b"\xff"}},
        {"event": {}},
        {"event": None},
        {"origin": "NOBODY"},
    ],
)
def test_history_entry_that_no_version_wrote_is_refused(damage: dict[str, object]) -> None:
    """Above all an event of an unknown type, which may have moved money: it is no gap to skip."""
    content = msgspec.msgpack.decode(golden(editions("history-Loaded")[-1])[1:])
    stored = bytes([VERSION]) + msgspec.msgpack.encode({**content, **damage})
    with pytest.raises(UnreadableRecord):
        codec.HISTORY_ENTRY.decode(stored)


def test_history_entry_writes_nothing_that_is_absent() -> None:
    """Most entries have no correlation or no actor, and there is one for every event."""
    bare = HistoryEntry(
        sequence=1, event=EVENTS[0], at_ms=1, origin=Origin.LOADER, causation_id="load/GC-0001"
    )
    content = msgspec.msgpack.decode(codec.HISTORY_ENTRY.encode(bare)[1:])
    assert list(content) == ["sequence", "at_ms", "origin", "causation_id", "kind", "event"]
