"""The order in which a rebuild does things: looked at again before anything is deleted."""

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pytest

from pipelines.faults import BrokerUnreachable
from pipelines.rebuild import rebuild as rebuild_module
from pipelines.rebuild.partition_work import FoldResult
from pipelines.rebuild.rebuild import RebuildOptions, RebuildRefused, run_rebuild
from pipelines.rebuild.unread import Unread
from pipelines.stores import StoreName
from pipelines.topics import Role
from tests.pipelines.rebuild.log_in_memory import SETTINGS
from tests.pipelines.rebuild.test_proof import result

REPLACE = RebuildOptions(stores=(StoreName.POOLS,), replace=True)


class Kafka:
    """Whom a rebuild asks, and what it has done to it, in order. `comes_at`: a worker's moment."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.comes_at = ""
        self.fails_at = ""
        self.results: tuple[FoldResult, ...] = (result(0),)

    def do(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails_at:
            raise BrokerUnreachable("Kafka is gone")

    # The groups

    def members(self, _role: Role) -> list[str]:
        return ["worker@host"] if self.comes_at in self.done else []

    def committed(self, _role: Role) -> Mapping[tuple[str, int], int]:
        return {}

    # The transaction

    def __enter__(self) -> Self:
        self.do("begin")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.do("abort" if kind else "commit")

    def write(self, *_record: object) -> None:
        self.do("write")

    def flush(self) -> None:
        self.do("flush")


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()

    def fold(*_arguments: object) -> tuple[FoldResult, ...]:
        made.do("fold")
        return made.results

    def make_empty(_settings: object, _stores: object, *, delete: list[str]) -> None:
        made.do(f"delete {','.join(delete)}")

    fakes: dict[str, Any] = {
        "GroupPlaces": lambda _settings: made,
        "LogTransaction": lambda _settings, _name: made,
        "_await_rest": lambda *_: None,
        "whole_spans": lambda *_: {StoreName.POOLS: {}},
        "_fold": fold,
        "present": lambda *_: ["changelog"],
        "filled": lambda *_: [],
        "make_empty": make_empty,
        "read_spool": lambda _path: (),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(rebuild_module, name, fake)
    return made


def test_rebuild_fences_others_before_it_reads_and_has_all_written_before_it_looks_again(
    kafka: Kafka,
) -> None:
    report = run_rebuild(SETTINGS, REPLACE)
    assert kafka.done == ["begin", "fold", "delete changelog", "write", "flush", "commit"]
    assert report.written


def test_worker_that_comes_while_it_folds_keeps_its_changelog(kafka: Kafka) -> None:
    kafka.comes_at = "fold"
    with pytest.raises(RebuildRefused, match="stop all of them first") as refused:
        run_rebuild(SETTINGS, REPLACE)
    assert kafka.done == ["begin", "fold", "abort"]
    assert "deleted" not in str(refused.value)


@pytest.mark.parametrize("moment", ["delete changelog", "write", "flush"])
def test_worker_that_comes_after_the_deletion_is_told_what_was_deleted(
    kafka: Kafka, moment: str
) -> None:
    kafka.comes_at = moment
    with pytest.raises(RebuildRefused, match=r"changelog had been deleted.*start no worker"):
        run_rebuild(SETTINGS, REPLACE)
    assert kafka.done[-1] == "abort"


@pytest.mark.parametrize("moment", ["delete changelog", "write", "flush", "commit"])
def test_broker_that_goes_after_the_deletion_is_no_silence_about_it(
    kafka: Kafka, moment: str
) -> None:
    kafka.fails_at = moment
    with pytest.raises(RebuildRefused, match="Kafka is gone; changelog had been deleted"):
        run_rebuild(SETTINGS, REPLACE)


def test_broker_that_goes_before_anything_was_deleted_is_told_of_as_ever(kafka: Kafka) -> None:
    kafka.fails_at = "flush"
    with pytest.raises(BrokerUnreachable, match=r"^Kafka is gone$"):
        run_rebuild(SETTINGS, RebuildOptions(stores=(StoreName.POOLS,)))


@pytest.mark.parametrize("options", [REPLACE, replace(REPLACE, dry_run=True)])
def test_record_that_nobody_could_read_stops_it_before_anything_is_deleted(
    kafka: Kafka, options: RebuildOptions
) -> None:
    unread = Unread(count=2_000, first=((("Pool", 0, 5), 0),))
    kafka.results = (result(0, unread=unread),)
    with pytest.raises(RebuildRefused, match=r"2,000 records cannot be read.*nothing was changed"):
        run_rebuild(SETTINGS, options)
    assert not any(each.startswith("delete") for each in kafka.done)
