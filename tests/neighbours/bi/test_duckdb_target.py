"""The file of a mart: shared in turns, refused where it is none, whole after every kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.target import MartAway, MartFault, MartMissing
from tests.neighbours.bi.mart_in_memory import MartUnderTest, filled
from tests.neighbours.bi.simulated_topics import simulated_topics
from tests.neighbours.bi.told_topics import NOON_MS

SEED, STEPS = 32, 500


def mart_in(path: Path) -> MartUnderTest:
    return MartUnderTest(target=DuckDbTarget(path, patience_s=0.0))


def test_session_of_a_file_that_is_missing_makes_it_only_to_write(tmp_path: Path) -> None:
    path = tmp_path / "mart.duckdb"
    with pytest.raises(MartMissing, match="there is no mart at"):
        mart_in(path).report()
    assert not path.exists()
    mart_in(path).begin()
    assert path.exists()


def test_session_of_a_file_that_is_something_else_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mart.duckdb"
    path.write_text("certificates;balances\n" * 100)
    with pytest.raises(MartFault, match="cannot be opened"):
        mart_in(path).begin()
    assert path.read_text().startswith("certificates;")


HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
print(connection.execute("SELECT count(*) FROM mart_meta").fetchall(), flush=True)
input()
"""


@contextmanager
def opened_elsewhere(path: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another program has the file open; it ends when told something."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "[(3,)]\n"
        yield holder
        holder.communicate("end\n")


def test_session_of_a_file_that_another_program_writes_waits_and_then_says_who(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mart.duckdb"
    mart_in(path).begin()
    with (
        opened_elsewhere(path, "writes") as holder,
        pytest.raises(MartAway, match=rf"was open in another program.*PID {holder.pid}"),
    ):
        mart_in(path).report()
    assert mart_in(path).report().money == []


def test_session_between_two_batches_leaves_the_file_to_readers(tmp_path: Path) -> None:
    path = tmp_path / "mart.duckdb"
    records = simulated_topics(SEED, STEPS)
    mart = mart_in(path).begin().feed(records[:100])
    with opened_elsewhere(path, "reads"):
        assert mart.rows("SELECT sum(records) FROM mart_position") == [(100,)]
        with pytest.raises(MartAway):
            mart.feed(records[100:200])
    mart.feed(records[100:200])
    assert mart.rows("SELECT sum(records) FROM mart_position") == [(200,)]


def test_reading_session_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mart.duckdb"
    mart = mart_in(path).begin()
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        mart.rows("DELETE FROM mart_run")


WRITER = """
import os, signal, sys
from pathlib import Path
from pipelines.neighbours.bi.duckdb_target import DuckDbSession, DuckDbTarget
from tests.neighbours.bi.mart_in_memory import MartUnderTest
from tests.neighbours.bi.simulated_topics import simulated_topics

path, dies_at = Path(sys.argv[1]), int(sys.argv[2])
records = simulated_topics({seed}, {steps})
done = 0
rows = DuckDbSession.rows

def dying(self, sql, parameters=()):
    global done
    done += 1
    if done == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows(self, sql, parameters)

mart = MartUnderTest(target=DuckDbTarget(path), writer=str(dies_at))
starts = mart.mart.begin(mart.now_ms)
DuckDbSession.rows = dying
left = [r for r in records if r.offset >= starts.get((r.topic, r.partition), 0)]
for place in range(0, len(left), 40):
    mart.feed(left[place : place + 40])
"""


def test_mart_whose_writer_is_killed_again_and_again_ends_like_one_that_never_was(
    tmp_path: Path,
) -> None:
    """With signal 9, at another statement each time: in the middle of a transaction, at its end."""
    path = tmp_path / "mart.duckdb"
    program = WRITER.format(seed=SEED, steps=STEPS)
    root = Path(__file__).parents[3]
    for dies_at in (3, 17, 30, 41, 10_000):
        done = subprocess.run(
            [sys.executable, "-c", program, path, str(dies_at)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == (-signal.SIGKILL if dies_at < 10_000 else 0), done.stderr
    whole = filled(simulated_topics(SEED, STEPS), now_ms=NOON_MS)
    assert mart_in(path).tables() == whole.tables()
