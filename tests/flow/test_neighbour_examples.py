"""The examples of the pages about the neighbours run as they stand there, one after the other.

In one shell and one directory, as the index page says. Only where things listen and lie is changed,
so that nothing of the machine is in the way.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import httpx
import pytest

from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "neighbours"
ORDER: Final = (
    "README.md",
    "batch-loader.md",
    "orders.md",
    "payments.md",
    "sms-gateway.md",
    "crm.md",
    "pos.md",
    "bi.md",
    "online-store.md",
)
_SECTION: Final = re.compile(
    r"^## (?:An example|Before the examples)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
_PROGRAM: Final = re.compile(
    r"saved as (?P<name>\w+\.py)\b.*?```python\n(?P<text>.*?)```", re.DOTALL
)
_CONSOLE: Final = re.compile(r"```console\n(.*?)```", re.DOTALL)
_COMMAND: Final = re.compile(r"^\$ ((?:.*\\\n)*.*)$", re.MULTILINE)
# Of a program that need not be on this machine.
_NOT_OURS: Final = ("duckdb ",)
_DEADLINE_S: Final = 60.0
_END_S: Final = 45.0
_AGAIN_S: Final = 0.05


class Shell:
    """A person's shell: what is typed runs, and what is said can be read."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._said = folder / "said.log"
        self._marks = 0
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def type(self, command: str) -> str:
        """Run a command, which must succeed; what was said meanwhile."""
        self._marks += 1
        mark, before = f"end-of-{self._marks}", len(self.said())
        assert self._process.stdin is not None, "it was made so"
        self._process.stdin.write(f"{command}\necho {mark} $?\n".encode())
        self._process.stdin.flush()
        self.until(lambda: f"{mark} " in self.said()[before:], command)
        said = self.said()[before:]
        assert f"{mark} 0" in said, f"{command}\n{said}"
        return said

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that a person would wait for."""
        deadline_s, pause = monotonic() + _DEADLINE_S, Event()
        while not holds():
            assert monotonic() < deadline_s, f"waited in vain: {what}\n{self.said()}"
            pause.wait(_AGAIN_S)

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def text_of(self, name: str) -> str:
        """What a file holds by now; nothing where it is not there."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def close(self) -> None:
        """End what it started, as a person would, and it; whatever is left is killed."""
        assert self._process.stdin is not None, "it was made so"
        try:
            self._process.stdin.write(b"kill $(jobs -p)\nwait\n")
            self._process.stdin.close()
            self._process.wait(_END_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def programs_of(section: str) -> dict[str, str]:
    return {found["name"]: found["text"] for found in _PROGRAM.finditer(section)}


def commands_of(section: str) -> list[str]:
    return [
        command
        for block in _CONSOLE.findall(section)
        for command in _COMMAND.findall(block)
        if not command.startswith(_NOT_OURS)
    ]


def section_of(page: str) -> str:
    found = _SECTION.search((PAGES / page).read_text(encoding="utf-8"))
    assert found is not None, f"{page} has no example"
    return found[1]


@pytest.fixture
def ports() -> Iterator[dict[str, str]]:
    """A free port in the place of each that the pages name."""
    with ExitStack() as held:
        free = {}
        for named in ("8080", "8090", "8095", "9095"):
            port = HeldPort()
            held.callback(port.release)
            free[named] = str(port.port)
        yield free


@contextmanager
def shell_in(folder: Path, prefix: str, ports: Mapping[str, str]) -> Iterator[Shell]:
    """A shell that has `giftcert` on its path, and a home of its own."""
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "GIFTCERT_TOPIC_PREFIX": prefix,
        "GIFTCERT_PARTITIONS": "3",
        "GIFTCERT_CRM_SERVICE_URL": f"http://{LOOPBACK}:{ports['8080']}",
        "GIFTCERT_SHOP_EDGE_URL": f"http://{LOOPBACK}:{ports['8080']}",
        "GIFTCERT_SHOP_PORT": ports["8090"],
    }
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    shell = Shell(folder, kept | own)
    try:
        yield shell
    finally:
        shell.close()


def test_every_page_about_a_neighbour_is_on_the_index_and_has_an_example() -> None:
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    there = {path.name for path in PAGES.glob("*.md")}
    assert there == set(ORDER)
    for page in there - {"README.md"}:
        assert f"({page})" in index, page
        assert f"({page}#an-example)" in index, page
        assert commands_of(section_of(page)), page
        text = (PAGES / page).read_text(encoding="utf-8")
        assert all(f"\n| {word} |" in text for word in ("sends", "gets", "needs")), page


def test_examples_of_all_pages_run_one_after_the_other(
    broker: Broker, topic_prefix: str, tmp_path: Path, ports: dict[str, str]
) -> None:
    """And do what the pages say: a number is loaded, sold, told, taken, counted."""
    changed = {
        "giftcert up": f"giftcert up --broker {broker.bootstrap} --http-port {ports['8080']}",
        "/var/tmp": str(tmp_path),
        **{f":{named}/": f":{free}/" for named, free in ports.items()},
        **{f"={named} ": f"={free} " for named, free in ports.items()},
        f", {8095})": f", {ports['8095']})",
    }
    said: dict[str, str] = {}
    with shell_in(tmp_path, topic_prefix, ports) as shell:
        for page in ORDER:
            section = section_of(page)
            for old, new in changed.items():
                section = section.replace(old, new)
            for name, text in programs_of(section).items():
                (tmp_path / name).write_text(text, encoding="utf-8")
            for command in commands_of(section):
                before_it(shell, command)
                said[page] = said.get(page, "") + shell.type(command)
        assert_done(shell, said)
        shop = f"http://{LOOPBACK}:{ports['8090']}/readyz"
        shell.until(lambda: says_yes(shop), "the shop is open")


def before_it(shell: Shell, command: str) -> None:
    """Wait as a person would who reads on only once the page's last sentence holds."""
    if command.startswith("where()"):
        shell.until(lambda: "ready" in shell.text_of("stack.json"), "the stack is ready")
    if command.startswith("CODE="):
        shell.until(lambda: "code is" in shell.text_of("messages"), "the code came")
    if command.startswith("giftcert bi report"):
        page = "giftcert-bi/index.html"
        shell.until(lambda: "1,500.00" in shell.text_of(page), "the mart has caught up")


def assert_done(shell: Shell, said: Mapping[str, str]) -> None:
    assert "200 rows: 200 loaded" in said["batch-loader.md"]
    assert re.search(
        r"^ +1 +PURCHASE, and names the certificate", said["payments.md"], re.MULTILINE
    )
    assert shell.text_of("messages").startswith("to +79001234567: Gift certificate *")
    assert '"lifecycle":"ACTIVE"' in said["pos.md"]
    assert '"amount":"1500.00"' in said["pos.md"]
    assert "ONLINE_STORE" in said["bi.md"]
    assert "1,500.00" in said["bi.md"]
    assert "liability_daily.csv: 1 rows" in said["bi.md"]
    assert "Traceback" not in shell.said()


def says_yes(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
