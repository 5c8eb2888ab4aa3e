"""A proof is written and read back whole, and nothing else is taken for one."""

from pathlib import Path

import pytest

from pipelines.faults import OperatorError
from pipelines.rebuild.partition_work import FoldResult
from pipelines.rebuild.proof import Proof, Proven, read_proof, write_proof
from pipelines.rebuild.verify import Earlier, VerifyReport, compare_earlier, proof_of
from pipelines.stores import StoreName
from tests.pipelines.rebuild.log_in_memory import SETTINGS


def result(partition: int, *, end: int = 9, **changes: object) -> FoldResult:
    given: dict[str, object] = {
        "store": StoreName.POOLS,
        "partition": partition,
        "end": end,
        "performed": 3,
        "broken": 0,
        "records": 2,
        "hash": f"hash-{partition}",
    }
    return FoldResult(**{**given, **changes})  # type: ignore[arg-type]  # a table of its own fields


def read(path: Path, prefix: str = "", partitions: int = 6) -> Proof:
    return read_proof(path, topic_prefix=prefix, partitions=partitions)


def test_proof_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    proof = proof_of([result(0), result(1)], SETTINGS, at="2026-01-01T00:00:00+00:00")
    write_proof(proof, tmp_path / "proof.json")
    assert read(tmp_path / "proof.json") == proof
    assert proof.proven[1] == Proven(
        store=StoreName.POOLS, partition=1, start=0, end=9, records=2, hash="hash-1"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", "is no proof written by this program"),
        (b"no json", "is no proof written by this program"),
        (
            b'{"version":2,"made":"","topicPrefix":"","partitions":6,"at":null,"proven":[]}',
            "is a proof of version 2",
        ),
        (
            b'{"version":1,"made":"","topicPrefix":"x-","partitions":6,"at":null,"proven":[]}',
            "of another installation",
        ),
        (
            b'{"version":1,"made":"","topicPrefix":"","partitions":7,"at":null,"proven":[]}',
            "of another installation",
        ),
    ],
)
def test_file_that_is_no_proof_of_this_installation_is_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / "proof.json").write_bytes(content)
    with pytest.raises(OperatorError, match=says):
        read(tmp_path / "proof.json")


def test_file_that_is_not_there_or_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        read(tmp_path / "none.json")
    with pytest.raises(OperatorError, match="cannot be written"):
        write_proof(proof_of([], SETTINGS), tmp_path / "no" / "proof.json")


def test_earlier_proof_is_compared_at_its_own_offsets() -> None:
    earlier = proof_of([result(each, hash=f"old-{each}") for each in range(5)], SETTINGS)
    now = [
        result(0, end=30, hashes={9: "old-0"}),
        result(1, end=30, hashes={9: "another"}),
        result(2, end=3, hashes={}),
        # Another mark's hash is none of its.
        result(3, end=30, hashes={8: "old-3"}),
    ]
    compared = compare_earlier(earlier, now)
    assert [(each.proven.partition, each.now, each.equal) for each in compared] == [
        (0, "old-0", True),
        (1, "another", False),
        (2, None, False),
        (3, None, False),
    ]


def report(*results: FoldResult, earlier: tuple[Earlier, ...] = ()) -> VerifyReport:
    return VerifyReport(results=results, earlier=earlier, workers=1, seconds=2.0)


def test_report_holds_when_nothing_that_was_compared_differs() -> None:
    from pipelines.rebuild.differences import Compared

    equal = result(0, live_hash="hash-0")
    different = result(1, live_hash="x", compared=Compared(count=1))
    proven = proof_of([result(0)], SETTINGS).proven[0]
    assert report(equal, result(1)).holds
    assert not report(equal, different).holds
    assert report(equal, earlier=(Earlier(proven=proven, now="hash-0"),)).holds
    assert not report(equal, earlier=(Earlier(proven=proven, now=None),)).holds
    assert report(equal, equal).rate == 3.0
