"""`giftcert up` as a process: one line on standard output, and an end as it was asked for."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.pipelines.local.local_machine import await_condition, is_running, project_environment

RUN = """
import sys
from pathlib import Path
from pipelines.local.neighbours import ALL
from pipelines.local.run_stack import run_stack
from pipelines.local.stack_options import StackOptions
options = StackOptions(
    data_dir=Path(sys.argv[1]),
    broker="embedded",
    processors=2,
    auditor=True,
    neighbours=ALL,
    worker_command=(sys.executable, sys.argv[2]),
    issuer_command=(sys.executable, sys.argv[2], "issuer"),
    apply_topics=lambda environment: None,
    ready_timeout_s=60,
)
raise SystemExit(run_stack(options, out=sys.stdout))
"""
FAKE_WORKER = str(Path(__file__).with_name("fake_worker.py"))


def command(data_dir: Path) -> list[str]:
    return [sys.executable, "-c", RUN, str(data_dir), FAKE_WORKER]


@contextmanager
def running(data_dir: Path, fake_worker: str = "") -> Iterator[subprocess.Popen[str]]:
    """The program, killed at the end where it still runs."""
    with subprocess.Popen(
        command(data_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=project_environment() | {"FAKE_WORKER": fake_worker},
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def ready_line(program: subprocess.Popen[str]) -> dict[str, object]:
    assert program.stdout is not None
    line: dict[str, object] = json.loads(program.stdout.readline())
    return line


def worker_pid(url: object) -> int:
    pid: int = httpx.get(str(url), trust_env=False).json()["pid"]
    return pid


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_running_stack_by_signal_is_clean_and_quick(
    stop_signal: signal.Signals, tmp_path: Path
) -> None:
    with running(tmp_path) as program:
        ready = ready_line(program)
        pids = [worker_pid(ready[name]) for name in ("http", "issuer")]
        urls = ready["urls"]
        assert isinstance(urls, dict)
        pids.append(worker_pid(urls["store"]))
        started = monotonic()
        program.send_signal(stop_signal)
        program.send_signal(stop_signal)
        rest, words = program.communicate(timeout=45)
        assert monotonic() - started < 10
    assert program.returncode == 0, words
    assert ready == {
        "ready": True,
        "bootstrap": ready["bootstrap"],
        "http": ready["http"],
        "docs": f"{ready['http']}/docs",
        "issuer": ready["issuer"],
        "auditor": ready["auditor"],
        "urls": {
            "shop": urls["shop"],
            **{page: f"{urls['shop']}{page}/" for page in ("store", "till", "phone", "stream")},
            "bi": f"{urls['shop']}bi/",
            "crm": urls["crm"],
        },
        "broker": "embedded",
    }
    assert rest == ""
    client_secrets = tmp_path / "issuer" / "client-secrets.json"
    assert words.splitlines()[1:] == [
        f"Swagger UI at {ready['docs']}",
        f"the auditor's figures at {ready['auditor']}/metrics",
        f"the internet store at {urls['store']}",
        f"the till at {urls['till']}",
        f"the customers' phone, with every message of the SMS gateway, at {urls['phone']}",
        f"the stream as it grows at {urls['stream']}",
        f"the report of the mart, as soon as it has caught up, at {urls['bi']}",
        f"the CRM's figures at {urls['crm']}",
        (
            "numbers to sell: giftcert generate numbers.csv -n 1000, then giftcert load "
            f"numbers.csv --pool ELECTRONIC --bootstrap {ready['bootstrap']}"
        ),
        f"development issuer at {ready['issuer']}; client secrets in {client_secrets}",
        f"a token on the command line: giftcert token --client till --data-dir {tmp_path}",
        "stopped",
    ]
    assert not any(is_running(pid) for pid in pids)
    with pytest.raises(httpx.TransportError):
        worker_pid(ready["http"])


def test_stop_stack_while_it_waits_for_a_worker_is_clean(tmp_path: Path) -> None:
    with running(tmp_path, "processor:unready") as program:
        log_path = tmp_path / "logs" / "processor-1.log"
        await_condition(lambda: log_path.exists() and "last words" in log_path.read_text())
        program.send_signal(signal.SIGTERM)
        out, words = program.communicate(timeout=45)
    assert program.returncode == 0, words
    assert out == ""


def test_end_of_worker_while_stack_runs_stops_it_with_the_log(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        ready = ready_line(program)
        subprocess.run(["kill", "-9", str(worker_pid(ready["http"]))], check=True)
        rest, words = program.communicate(timeout=45)
    assert program.returncode == 1
    assert rest == ""
    assert words.splitlines()[-2:] == [
        "a fake processor speaks its last words",
        f"processor-0 was ended by SIGKILL; its log is {tmp_path}/logs/processor-0.log",
    ]


def test_start_stack_with_worker_that_dies_fails_with_the_log(tmp_path: Path) -> None:
    with running(tmp_path, "processor:die") as program:
        out, words = program.communicate(timeout=45)
    assert program.returncode == 1
    assert out == ""
    assert "Traceback" not in words
    assert words.splitlines()[-2] == "a fake processor speaks its last words"
    # Both do; which one is noticed first is chance.
    assert re.match(r"processor-[01] ended with exit code 3; its log is ", words.splitlines()[-1])


def test_start_second_stack_on_the_same_data_fails_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        ready_line(program)
        with running(tmp_path) as second:
            out, words = second.communicate(timeout=45)
        assert second.returncode == 1
        assert out == ""
        assert words == f"{tmp_path} is in use by another giftcert (process {program.pid})\n"
        assert program.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="the tether is Linux's")
def test_kill_running_stack_ends_its_workers_and_frees_its_data(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        pid = worker_pid(ready_line(program)["http"])
        program.kill()
    await_condition(lambda: not is_running(pid))
    with running(tmp_path) as again:
        assert ready_line(again)["ready"]
        again.terminate()
        again.communicate(timeout=45)
    assert again.returncode == 0
