"""`giftcert status` and `giftcert show` on a running service, and every line of docs/operators.md.

Real Kafka and real workers. What needs no process of its own runs in this one, as the command line
would.
"""

import json
import os
import pty
import re
import secrets
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Consumer

from pipelines import cli
from pipelines.local.running_broker import Broker
from pipelines.release import release
from pipelines.settings import load_settings
from pipelines.topics import ALL_PAYMENTS, DLQ, STATEFUL, Role, topic_name
from pipelines.topics_admin import apply
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Message, Service, running_service

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
LINES: Final = tuple(
    dict.fromkeys(
        line.removeprefix("$ giftcert ")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("$ giftcert ")
    )
)
WATCHED_S: Final = 60.0

ENDS: Final = {
    "--version": 0,
    "status": 1,  # A letter is open.
    "status --json": 1,
    "dlq retry 2:17 --dry-run": 1,  # Nobody can read it.
    "dlq retry 2:17": 1,
}
"""How a line ends on a service that is well but for one dead letter; the others end well."""

WALKED: Final = frozenset(
    {
        "rebuild --dry-run",
        "rebuild --write rebuilt.json",
        "rebuild --into DIR",
        "verify --against rebuilt.json",
    }
)
"""With all workers stopped and the changelogs gone, in test_rebuild.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A service with a past: what stands for the page's examples."""

    service: Service
    number: str
    order: str
    letter: str
    folder: Path

    def line(self, written: str) -> list[str]:
        """A line of the page, about this service."""
        examples = {
            "GC-2026-00000042": self.number,
            "order-4711": self.order,
            "2:17": self.letter,
            "proof.json": str(self.folder / "proof.json"),
        }
        return [examples.get(word, word) for word in shlex.split(written)]


@pytest.fixture(scope="module")
def known(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """A locked certificate, spent in part, and a record that nobody can read."""
    folder = tmp_path_factory.mktemp("operators")
    prefix = f"operators-{secrets.token_hex(3)}-"
    # The scenario's pools hold a number or two: no mark, so that no pool is low.
    environment = {"GIFTCERT_POOL_LOW_MARK": "0"}
    with running_service(
        broker.bootstrap, folder / "stack", prefix, environment=environment
    ) as service:
        scenario = Scenario(service)
        number = scenario.sell()
        order = scenario.spend(number, 1_200_00)
        scenario.load(2)
        scenario.support(number, "lock", "write to anna@example.org").raise_for_status()
        scenario.await_story(number, "lock")
        service.write(Message(topic=ALL_PAYMENTS, key=b"x", value=b"no record"))
        scenario.settle()
        [letter] = service.log.of(DLQ.name)
        yield Known(
            service=service,
            number=number,
            order=order,
            letter=f"{letter.partition}:{letter.offset}",
            folder=folder,
        )


@pytest.fixture
def environment(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the service for a command in this process."""
    for name, value in known.service.stack.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIFTCERT_TOKEN", known.service.auditor())


def run_line(known: Known, written: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """How a line ends, and what it says on both outputs."""
    words = known.line(written)
    if words[0] not in ("audit", "verify"):
        # A command that asks nobody refuses a token as a setting that it does not know.
        os.environ.pop("GIFTCERT_TOKEN", None)
    code = cli.run(words)
    said = capsys.readouterr()
    return code, said.out + said.err


def runs_here(line: str) -> bool:
    return line not in WALKED and "--watch" not in line


@pytest.mark.parametrize("written", [*filter(runs_here, LINES)])
@pytest.mark.usefixtures("environment")
def test_line_of_the_page_runs_as_it_is_written(
    written: str, known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run_line(known, written, capsys)
    # Once the letter is discarded all is well.
    expected = {0, ENDS.get(written, 0)} if written.startswith("status") else {ENDS.get(written, 0)}
    assert code in expected, said
    assert known.number not in said
    assert "Traceback" not in said


def test_page_has_a_line_for_each_command_that_it_walks_through() -> None:
    walked = {line.split()[0] for line in LINES}
    assert walked == {"--version", "status", "show", "dlq", "audit", "verify", "replay", "rebuild"}
    assert set(ENDS) | WALKED <= set(LINES)


@pytest.mark.parametrize("line", sorted(WALKED))
def test_line_of_the_page_that_needs_stopped_workers_is_run_where_they_are_stopped(
    line: str,
) -> None:
    walk = Path(__file__).with_name("test_rebuild.py").read_text(encoding="utf-8")
    command, option = line.split()[:2]
    assert re.search(rf'giftcert\(\w+, "{command}",[^)]*"{option}"', walk)


@pytest.mark.usefixtures("environment")
def test_status_of_a_running_service_names_workers_partitions_and_versions(
    known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.pop("GIFTCERT_TOKEN", None)
    deadline_s = time.monotonic() + WATCHED_S
    while True:
        began_s = time.monotonic()
        cli.run(["status", "--json"])
        assert time.monotonic() - began_s < 10.0, "it is bounded by three seconds"
        told = json.loads(capsys.readouterr().out)
        # On a machine that is busy with other tests a worker may be late for once.
        if not any(each["fault"] for each in told["workers"]) or time.monotonic() > deadline_s:
            break
    assert [(each["name"], each["ready"], each["fault"]) for each in told["workers"]] == [
        ("correlator-0", True, ""),
        ("processor-0", True, ""),
    ]
    held = told["workers"][1]["partitions"]
    partitions = list(range(known.service.settings.partitions))
    assert {topic.name: held[topic.name] for topic in STATEFUL[Role.PROCESSOR]} == {
        topic.name: partitions for topic in STATEFUL[Role.PROCESSOR]
    }
    assert {each["schemas"] for each in told["workers"]} == {release().schemas}
    assert [each["behind"] for each in told["lags"] if each["behind"] is None] == []
    assert told["letters"]["whole"]
    assert told["alerts"]["whole"]
    assert not told["laws"]["asked"]
    [pool] = told["pools"]
    assert (pool["free"], pool["lowMark"]) == (2, 0)


@pytest.mark.usefixtures("environment")
def test_show_tells_the_whole_story_and_neither_number_nor_address(
    known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.pop("GIFTCERT_TOKEN", None)
    assert cli.run(["show", known.number.lower(), "--json"]) == 0
    out = capsys.readouterr().out
    told = json.loads(out)
    assert [each["eventType"] for each in told["events"]] == [
        event.type for event in known.service.events(known.number)
    ]
    assert told["standing"]["remainingBalance"] == "3800.00"
    assert told["standing"]["lock"]["reason"].startswith("write to (not shown)")
    assert told["missingBefore"] == []
    for secret in (known.number, "anna@example.org"):
        assert secret not in out


@pytest.mark.usefixtures("environment")
def test_show_of_a_number_that_there_is_not_says_so_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.environ.pop("GIFTCERT_TOKEN", None)
    assert cli.run(["show", "NO-SUCH-00000001"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "there is no certificate …0001" in said.err


def test_worker_that_does_not_answer_is_shown_as_such(
    broker: Broker, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A member of the group that nobody can reach, and no correlator at all."""
    settings = load_settings(
        {"bootstrap": broker.bootstrap, "topic_prefix": topic_prefix, "partitions": 1}
    )
    apply(settings, with_sources=True, timeout_s=30.0)
    ghost = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": settings.processor_group,
            "client.id": "ghost@http://127.0.0.1:1",
            "log_level": 0,
        }
    )
    try:
        names = [topic_name(topic, settings) for topic in STATEFUL[Role.PROCESSOR]]
        ghost.subscribe(names)
        deadline_s = time.monotonic() + 30
        while len(ghost.assignment()) < len(names):
            assert time.monotonic() < deadline_s, "the group gave it nothing"
            ghost.poll(0.05)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GIFTCERT_TOPIC_PREFIX", topic_prefix)
            patch.setenv("GIFTCERT_AUDITOR_URL", "http://127.0.0.1:1")
            code = cli.run(["status", "--bootstrap", broker.bootstrap])
    finally:
        ghost.close()
    said = " ".join(capsys.readouterr().out.split())
    assert code == 1
    for part in (
        "ghost (processor) does not answer",
        "No correlator is running",
        "The auditor does not answer",
        "no answer",
    ):
        assert part in said


def test_watched_status_shows_itself_and_ends_with_ctrl_c(known: Known) -> None:
    """On a terminal of its own: the shell's picture comes back, and nothing else is left on it."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "status", "--watch", "--every", "0.5"],
        cwd=PAGE.parents[1],
        env={**os.environ, **known.service.stack.environment, "TERM": "xterm", "COLUMNS": "120"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    try:
        shown += until(terminal, r"processor-0.*processor-0")
        process.send_signal(signal.SIGINT)
        shown += until(terminal, r"\x1b\[\?1049l")
        shown += until(terminal, None)
        assert process.wait(60) in (0, 1)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert shown.index("\x1b[?1049h") < shown.index("processor-0") < shown.index("\x1b[?1049l")
    assert "processor-0" in shown.partition("\x1b[?1049l")[2], "the last picture stays"
    assert "Traceback" not in shown


def until(terminal: int, pattern: str | None) -> str:
    """What comes from a terminal until the pattern is in it, or until it is closed."""
    shown, deadline_s = "", time.monotonic() + WATCHED_S
    while pattern is None or re.search(pattern, shown, re.DOTALL) is None:
        assert time.monotonic() < deadline_s, shown
        ready: Any = select.select([terminal], [], [], 0.1)[0]
        if not ready:
            continue
        text = b""
        with suppress(OSError):  # How a terminal says that nobody is at its other end any more.
            text = os.read(terminal, 65_536)
        if not text:
            break
        shown += text.decode(errors="replace")
    return shown
