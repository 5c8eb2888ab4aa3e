"""A commit that never comes back ends the process, and no other does."""

import subprocess
import sys
import threading

from pipelines.commit_watchdog import CommitWatchdog

_ENDS_S = 20.0


def test_watchdog_over_a_commit_that_never_comes_back_ends_the_process() -> None:
    """Even where the main thread is inside a call that hears no signal."""
    program = (
        "import threading\n"
        "from pipelines.commit_watchdog import CommitWatchdog\n"
        "with CommitWatchdog(1_000, tick_s=0.01).watching():\n"
        "    threading.Event().wait(60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert line.startswith("giftcert: a commit has not come back for 6 s")


def test_watchdog_over_commits_that_come_back_ends_nothing() -> None:
    """A hundred short ones in a row are a hundred, not one long one."""
    ended: list[str] = []
    watchdog = CommitWatchdog(1_000, end=ended.append, tick_s=0.005)
    pause = threading.Event()
    for _ in range(100):
        with watchdog.watching():
            pause.wait(0.002)
    pause.wait(0.1)
    assert ended == []


def test_watchdog_counts_a_commit_once_and_says_what_to_do() -> None:
    told = threading.Event()
    said: list[str] = []

    def end(message: str) -> None:
        said.append(message)
        told.set()

    with CommitWatchdog(1_000, end=end, tick_s=0.005).watching():
        assert told.wait(_ENDS_S)
    assert len(said) == 1
    assert "start it again" in said[0]


def test_watchdog_says_what_it_was_that_did_not_come_back() -> None:
    told = threading.Event()
    said: list[str] = []

    def end(message: str) -> None:
        said.append(message)
        told.set()

    watchdog = CommitWatchdog(1_000, end=end, tick_s=0.005)
    with watchdog.watching("giving partitions back"):
        assert told.wait(_ENDS_S)
    assert said[0].startswith("giving partitions back has not come back for 6 s")
