"""A child has a log, an end that is told, and does not outlive us."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from pipelines.local import tether
from pipelines.local.child import Child, stop_all
from tests.pipelines.local.local_machine import await_condition, is_running, project_environment

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the tether is Linux's")

WAIT = "import sys; print('up', flush=True); sys.stdin.close(); import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT
PARENT = """
import sys
from pathlib import Path
from pipelines.local.child import Child
child = Child("child", [sys.executable, "-c", sys.argv[2]], log_path=Path(sys.argv[1]))
print(child.pid, flush=True)
sys.stdin.read()
"""


def python(code: str, log_path: Path) -> Child:
    return Child("the child", [sys.executable, "-c", code], log_path=log_path)


def said_up(child: Child) -> bool:
    return child.log_tail().endswith("up")


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("raise SystemExit(7)", "ended with exit code 7"),
        ("pass", "ended with exit code 0"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
    ],
)
def test_end_of_child_by_itself_is_told_with_its_last_words(
    code: str, ending: str, tmp_path: Path
) -> None:
    child = python(f"print('last words', flush=True); {code}", tmp_path / "child.log")
    assert child.wait(10)
    failure = child.failure()
    assert failure is not None
    assert str(failure) == f"the child {ending}; its log is {tmp_path / 'child.log'}"
    assert failure.detail == "last words"
    assert failure.__notes__ == ["last words"]


def test_start_child_whose_program_is_missing_says_so_in_its_log(tmp_path: Path) -> None:
    child = Child("the child", ["no-such-program"], log_path=tmp_path / "child.log")
    assert child.wait(10)
    assert child.exit_code() == 1
    assert child.log_tail() == "no-such-program: No such file or directory"


def test_stop_child_that_heeds_it_is_clean(tmp_path: Path) -> None:
    child = python(WAIT, tmp_path / "child.log")
    await_condition(lambda: said_up(child))
    assert child.failure() is None
    assert stop_all([child], 10) == []
    assert child.exit_code() == -signal.SIGTERM


def test_stop_children_one_of_which_does_not_heed_it_kills_that_one(tmp_path: Path) -> None:
    children = [python(STUBBORN, tmp_path / "1.log"), python(WAIT, tmp_path / "2.log")]
    await_condition(lambda: all(said_up(child) for child in children))
    assert stop_all(children, 0.3) == children[:1]
    assert [child.exit_code() for child in children] == [-signal.SIGKILL, -signal.SIGTERM]


def test_stop_no_children_needs_no_time() -> None:
    assert stop_all([], 0) == []


def test_start_child_again_appends_to_its_log_and_quotes_its_own_run(tmp_path: Path) -> None:
    for word in ("first", "second"):
        child = python(f"print('{word}')", tmp_path / "child.log")
        assert child.wait(10)
    assert child.log_tail() == "second"
    assert (tmp_path / "child.log").read_text() == "first\nsecond\n"


def test_start_child_with_large_log_puts_it_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.local.child._LOG_KEPT_BYTES", 10)
    for word in ("a long first line", "second"):
        assert python(f"print('{word}')", tmp_path / "child.log").wait(10)
    assert (tmp_path / "child.log").read_text() == "second\n"
    assert (tmp_path / "child.log.1").read_text() == "a long first line\n"


def test_start_child_gives_it_a_session_of_its_own(tmp_path: Path) -> None:
    child = python(WAIT, tmp_path / "child.log")
    await_condition(lambda: said_up(child))
    assert os.getsid(child.pid) == child.pid
    child.kill()


def test_start_child_from_a_thread_that_ends_leaves_it_running(tmp_path: Path) -> None:
    children: list[Child] = []
    thread = Thread(target=lambda: children.append(python(WAIT, tmp_path / "child.log")))
    thread.start()
    thread.join()
    await_condition(lambda: said_up(children[0]))
    assert not children[0].wait(0.2)
    children[0].kill()


@on_linux
def test_kill_parent_ends_a_stubborn_child(tmp_path: Path) -> None:
    log_path = tmp_path / "child.log"
    command = [sys.executable, "-c", PARENT, str(log_path), STUBBORN]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=project_environment()
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        await_condition(lambda: log_path.read_text() == "up\n")
        assert is_running(pid)
        parent.kill()
    await_condition(lambda: not is_running(pid))


@on_linux
def test_tether_to_a_parent_that_is_gone_refuses() -> None:
    with pytest.raises(SystemExit, match="has already ended"):
        tether.tether(parent_pid=0, death_signal=0)


@on_linux
def test_tether_with_a_signal_that_is_none_refuses() -> None:
    with pytest.raises(SystemExit, match="refused"):
        tether.tether(parent_pid=os.getppid(), death_signal=10_000)


def test_tether_becomes_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda name, arguments: became.append([name, *arguments]))
    tether.main([str(os.getppid()), "0", "program", "one", "two"])
    assert became == [["program", "program", "one", "two"]]


def test_tether_to_a_program_that_is_missing_refuses() -> None:
    with pytest.raises(SystemExit, match="no-such-program: No such file"):
        tether.main([str(os.getppid()), "0", "no-such-program"])
