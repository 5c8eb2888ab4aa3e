"""How far a recovery is, as another thread may ask at any moment of it."""

from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.recovery.recoveries import AssignedStore, Recoveries, RecoveryProgress
from pipelines.settings import Settings
from pipelines.topics import Role
from tests.pipelines.test_recovery_catch_up import Record, recovery, take

COMMANDS = "here-GiftCertificates.Commands"
CHANGELOG = "changelog"


@pytest.fixture
def recoveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recoveries:
    """Of one worker, whose stores need nothing opened."""
    made = Recoveries(
        Settings(state_dir=tmp_path), Role.PROCESSOR, cast("Any", None), cast("Any", None), 0.0
    )
    found = [recovery(last=9)[1], None]
    monkeypatch.setattr(made, "_begin", lambda *_: found.pop(0))
    return made


def assigned(partition: int) -> AssignedStore:
    nothing = cast("Any", None)
    return AssignedStore(
        store=nothing, input_topic=COMMANDS, changelog=CHANGELOG, partition=partition, log=nothing
    )


def test_nothing_is_left_before_anything_was_assigned(recoveries: Recoveries) -> None:
    assert recoveries.progress() == RecoveryProgress(stores=0, left={}, applied=0, seconds=0.0)


class BeginsMeanwhile(dict[Any, Any]):
    """An empty table; as soon as it was read, the loop goes on and begins its first assignment."""

    def __init__(self, recoveries: Recoveries) -> None:
        super().__init__()
        self._recoveries: Recoveries | None = recoveries

    def values(self) -> Any:
        found = list(super().values())
        recoveries, self._recoveries = self._recoveries, None
        if recoveries is not None:
            recoveries.begin([assigned(3)])
        return found


@pytest.mark.parametrize("table", ["_folded", "_under_way"])
def test_progress_asked_while_the_first_assignment_begins_is_of_before_it(
    recoveries: Recoveries, table: str
) -> None:
    setattr(recoveries, table, BeginsMeanwhile(recoveries))
    told = recoveries.progress()
    assert (told.stores, sum(told.left.values())) == (0, 0)
    assert recoveries.progress() == RecoveryProgress(
        stores=1, left={COMMANDS: 10}, applied=0, seconds=0.0
    )


def test_what_is_left_is_of_the_stores_that_lack_something(recoveries: Recoveries) -> None:
    recoveries.begin([assigned(3), assigned(4)])
    assert recoveries.progress() == RecoveryProgress(
        stores=1, left={COMMANDS: 10}, applied=0, seconds=0.0
    )
    (under_way,) = recoveries._under_way.values()
    take(under_way, Record(0), Record(1))
    assert recoveries.progress().left == {COMMANDS: 8}
    recoveries.revoke_partition(3)
    assert recoveries.progress() == RecoveryProgress(
        stores=0, left={COMMANDS: 0}, applied=0, seconds=0.0
    )
