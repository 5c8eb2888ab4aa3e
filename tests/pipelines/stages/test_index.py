"""The index stage: each certificate once under each entry, in the order in which it came."""

from typing import Any

import pytest

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.index import IndexStage
from state.stores.codec import decode_number, decode_text
from state.stores.layout import MAIN, member_key, position_key
from tests.pipelines.stages.stage_in_memory import AT_MS, FRAMING, PARTITIONS, StageInMemory

ENTRY = "order:42"


@pytest.fixture
def stage() -> StageInMemory:
    return StageInMemory(IndexStage(FRAMING, PARTITIONS))


def give(stage: StageInMemory, number: str, entry: str = ENTRY, **changes: Any) -> None:
    record = {"entry": entry, "certificateId": number, "at": AT_MS}
    key = changes.pop("key", entry.encode())
    value = FRAMING.encode(RecordName.INDEX_ENTRY, record)
    assert stage.give(value, key, **changes) == []


def listed(stage: StageInMemory, entry: str = ENTRY) -> list[str]:
    """The list, read as a reader would: the count, then each position."""
    records = stage.of(entry.encode()).records
    count = decode_number(records[MAIN])
    return [decode_text(records[position_key(position)]) for position in range(count)]


def test_certificates_are_listed_in_the_order_in_which_they_came(stage: StageInMemory) -> None:
    for number in ("GC-0003", "GC-0001", "GC-0002"):
        give(stage, number)
    assert listed(stage) == ["GC-0003", "GC-0001", "GC-0002"]
    positions = stage.of(ENTRY.encode()).records
    assert decode_number(positions[member_key("GC-0001")]) == 1


def test_repeated_certificate_changes_nothing(stage: StageInMemory) -> None:
    give(stage, "GC-0001")
    give(stage, "GC-0002")
    give(stage, "GC-0001")
    assert listed(stage) == ["GC-0001", "GC-0002"]
    assert stage.of(ENTRY.encode()).written == []


def test_entries_do_not_mix(stage: StageInMemory) -> None:
    give(stage, "GC-0001", "order:1")
    give(stage, "GC-0001", "client:1")
    give(stage, "GC-0002", "client:1")
    assert listed(stage, "order:1") == ["GC-0001"]
    assert listed(stage, "client:1") == ["GC-0001", "GC-0002"]


def test_longest_ids_of_others_make_an_entry_that_is_read(stage: StageInMemory) -> None:
    """`request:` and the id of a command that is made of a correlation's and a line's."""
    entry = f"request:{'c' * 200}/issue/{'l' * 200}"
    give(stage, "GC-0001", entry)
    assert listed(stage, entry) == ["GC-0001"]


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"order:43"},
        {"key": None},
        {"partition": (partition_of(ENTRY.encode(), PARTITIONS) + 1) % PARTITIONS},
        {"number": ""},
        {"entry": "order:4\n2"},
    ],
)
def test_entry_where_it_does_not_belong_is_broken(
    stage: StageInMemory, changes: dict[str, Any]
) -> None:
    with pytest.raises(BrokenRecord):
        give(stage, **{"number": "GC-0001", **changes})
    assert all(not records.written for records in stage.records.values())
