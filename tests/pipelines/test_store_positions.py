"""What readers of the stores are told of how far these are."""

from pipelines.store_positions import StorePositions


def test_performed_record_is_seen_once_it_is_committed() -> None:
    positions = StorePositions()
    positions.note_performed("Commands", 2, 41)
    assert positions.reached("Commands", 2) == 0
    positions.note_committed()
    assert positions.reached("Commands", 2) == 42
    assert positions.reached("Commands", 1) == 0


def test_commit_without_records_leaves_what_is_known() -> None:
    positions = StorePositions()
    positions.note_performed("Commands", 2, 41)
    positions.note_committed()
    positions.note_committed()
    assert positions.reached("Commands", 2) == 42


def test_assignment_brings_what_earlier_owners_committed_and_drops_what_was_not() -> None:
    positions = StorePositions()
    positions.note_performed("Commands", 2, 41)
    positions.note_assigned([("Commands", 3, 7), ("Commands", 4, -1001)])
    positions.note_committed()
    assert positions.reached("Commands", 2) == 0
    assert positions.reached("Commands", 3) == 7
    assert positions.reached("Commands", 4) == 0, "nothing was ever committed there"
