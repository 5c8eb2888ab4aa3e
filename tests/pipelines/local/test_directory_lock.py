"""One process at a time uses a directory, and a dead holder holds nothing."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.running_broker import LocalError
from tests.pipelines.local.local_machine import project_environment

HOLD_UNTIL_KILLED = """
import sys
from pathlib import Path
from pipelines.local.directory_lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_directory_held_elsewhere_is_refused_with_its_holder(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path), pytest.raises(LocalError) as refused:
        DirectoryLock(tmp_path)
    message = f"{tmp_path} is in use by another giftcert (process {os.getpid()})"
    assert str(refused.value) == message


def test_lock_directory_that_is_not_there_makes_it(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "new" / "deep"):
        assert (tmp_path / "new" / "deep").is_dir()


def test_lock_directory_released_twice_can_be_taken_again(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.release()
    lock.release()
    with DirectoryLock(tmp_path):
        pass


def test_lock_directory_whose_holder_was_killed_works(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=project_environment()
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LocalError, match=f"process {holder.pid}"):
            DirectoryLock(tmp_path)
        holder.kill()
    with DirectoryLock(tmp_path):
        pass


def test_lock_directory_waiting_gets_its_turn_after_release(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with DirectoryLock(tmp_path, wait=True):
            order.append("second")

    with ThreadPoolExecutor() as threads:
        with DirectoryLock(tmp_path):
            waiting = threads.submit(second)
            order.append("first")
        waiting.result(timeout=10)
    assert order == ["first", "second"]
