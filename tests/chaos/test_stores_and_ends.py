"""What is judged beside the log: the live reader, the stores on disk, how workers ended."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from pipelines.topics import COMMANDS
from tests.chaos.breaches import Findings, Law
from tests.chaos.faults import FaultRecord
from tests.chaos.fleet import PARTITIONS, WorkerEnd
from tests.chaos.forged_run import a_run
from tests.chaos.law_outputs import STATEFUL, Folded, folded, judge_stores
from tests.chaos.law_service import judge_ends
from tests.chaos.law_stream import judge_live_reader
from tests.chaos.options import FaultKind

Store = dict[bytes, bytes]


def test_live_reader_that_missed_an_event_or_saw_one_twice_is_found() -> None:
    run = a_run()
    for seen in (run.seen()[:-1], [*run.seen(), run.seen()[0]], run.seen()[::-1]):
        findings = Findings()
        judge_live_reader(seen, run.evidence(), findings)
        assert {breach.law for breach in findings.breaches} == {Law.LIVE_READER}


STORE_CHANGES: list[tuple[str, Callable[[Store], object], int]] = [
    ("as it should be", lambda _: None, 0),
    ("a record is missing", lambda store: store.popitem(), 1),
    ("a record is different", lambda store: store.update({next(iter(store)): b"other"}), 1),
    ("a record is invented", lambda store: store.update({b"invented|c": b"x"}), 1),
]


@pytest.mark.parametrize(
    ("change", "breaches"), [pytest.param(change, n, id=name) for name, change, n in STORE_CHANGES]
)
def test_store_on_disk_that_is_not_what_its_topic_folds_into_is_found(
    change: Callable[[Store], object], breaches: int, tmp_path: Path
) -> None:
    run = a_run()
    fold = folded(run.evidence())
    stores = {
        (topic.name, partition): dict(fold.stores.get((topic.name, partition), {}))
        for topics in STATEFUL.values()
        for topic in topics
        for partition in range(PARTITIONS)
    }
    change(next(store for (name, _), store in stores.items() if name == COMMANDS.name and store))
    kept = {
        place: written(tmp_path / place[0] / str(place[1]), store)
        for place, store in stores.items()
    }
    findings = Findings()
    judge_stores(kept, fold, PARTITIONS, findings)
    assert [breach.law for breach in findings.breaches] == [Law.STORES] * breaches


def written(path: Path, store: Store) -> Path:
    """A store on disk, as the workers keep it."""
    path.mkdir(parents=True)
    database = Rdict(str(path), options=Options(raw_mode=True))
    for key, value in store.items():
        database[key] = value
    database.close()
    return path


def test_store_that_nobody_keeps_is_found() -> None:
    findings = Findings()
    judge_stores({}, Folded(), 1, findings)
    assert [breach.law for breach in findings.breaches] == [Law.STORES] * 4


def a_fault(kind: FaultKind) -> FaultRecord:
    return FaultRecord(
        index=0, kind=kind, alone=True, target="processor-0", began_ns=100, whole_ns=200
    )


ENDS: list[tuple[str, int, bool, int, FaultKind, bool]] = [
    ("asked to and well", 0, True, 150, FaultKind.RESTART_WORKER, True),
    ("asked to and not well", 1, True, 150, FaultKind.RESTART_WORKER, False),
    ("the broker was away", 3, False, 150, FaultKind.KILL_BROKER, True),
    ("a bug", 70, False, 150, FaultKind.KILL_BROKER, False),
    ("a bug on a harmed disk", 70, False, 150, FaultKind.FLIP_BYTES, True),
    ("a bug after the disk was mended", 70, False, 250, FaultKind.FLIP_BYTES, False),
    ("aborted by a library", -6, False, 150, FaultKind.KILL_BROKER, False),
]


@pytest.mark.parametrize(
    ("code", "asked", "at_ns", "kind", "fine"),
    [pytest.param(*row, id=name) for name, *row in ENDS],
)
def test_end_of_a_worker_is_a_breach_unless_a_fault_explains_it(
    code: int, asked: bool, at_ns: int, kind: FaultKind, fine: bool
) -> None:
    end = WorkerEnd(worker="processor-0", code=code, at_ns=at_ns, asked=asked, said="why")
    findings = Findings()
    judge_ends([end], [a_fault(kind)], findings)
    assert [breach.law for breach in findings.breaches] == ([] if fine else [Law.SERVING])


@pytest.mark.parametrize(
    ("said", "fine"),
    [("OSError: [Errno 22] Invalid argument", True), ("AssertionError: a bug", False)],
)
def test_end_of_a_worker_with_a_clock_of_its_own_is_explained_by_a_refused_sleep_alone(
    said: str, fine: bool
) -> None:
    end = WorkerEnd(worker="processor-0", code=70, at_ns=150, asked=False, said=said)
    findings = Findings()
    judge_ends([end], [a_fault(FaultKind.JUMP_CLOCK)], findings)
    assert [breach.law for breach in findings.breaches] == ([] if fine else [Law.SERVING])


@pytest.mark.parametrize(
    ("asked", "code", "said", "fine"),
    [
        (True, -signal.SIGTERM, "", True),
        (True, -signal.SIGTERM, "The application started", False),
        (True, -signal.SIGSEGV, "", False),
        (False, -signal.SIGTERM, "", False),
    ],
    ids=["before its first word", "at work", "another signal", "nobody asked"],
)
def test_worker_may_die_of_being_asked_to_end_only_before_it_has_begun(
    asked: bool, code: int, said: str, fine: bool
) -> None:
    end = WorkerEnd(worker="processor-0", code=code, at_ns=150, asked=asked, said=said)
    findings = Findings()
    judge_ends([end], [], findings)
    assert [breach.law for breach in findings.breaches] == ([] if fine else [Law.SERVING])
