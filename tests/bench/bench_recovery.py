"""How long a killed processor takes to serve again: on its own volume, and on an empty one.

Prints figures and asserts none. GIFTCERT_TEST_CERTIFICATES: how many are loaded in all.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from pipelines.local.broker import AUTO, start_broker
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.settings import Settings, load_settings
from pipelines.topics_admin import apply
from tests.bench.measuring import title
from tests.bench.recovery_changelogs import fill

CERTIFICATES = int(os.environ.get("GIFTCERT_TEST_CERTIFICATES", "1000000"))
ROUNDS = 5
REST_S = 2.0
PREFIX = "recovery-"
READY_S = 600.0

_RECOVERED = re.compile(r"stores recovered.*?records=(\d+).*?seconds=([\d.]+)")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as running:
        title(f"recovery on {running.kind}, everything on this machine")
        yield running


@pytest.fixture(scope="module")
def settings(broker: Broker) -> Settings:
    """Topics of a service in which that many certificates were loaded."""
    made = load_settings({"bootstrap": broker.bootstrap, "topic_prefix": PREFIX})
    apply(made, with_sources=True, timeout_s=30)
    started_s = time.perf_counter()
    records = fill(made, CERTIFICATES)
    print(
        f"  {CERTIFICATES:,} certificates are {records:,} changelog records"
        f" ({records / CERTIFICATES:.1f} each), made in {time.perf_counter() - started_s:.0f} s"
    )
    return made


@pytest.mark.parametrize("processors", [3, 1])
def test_recovery(broker: Broker, settings: Settings, processors: int, tmp_path: Path) -> None:
    options = StackOptions(
        data_dir=tmp_path,
        broker=broker.bootstrap,
        processors=processors,
        topic_prefix=settings.topic_prefix,
        ready_timeout_s=READY_S,
    )
    who = "one processor alone" if processors == 1 else f"one of {processors} processors"
    with Stack(options) as stack:
        log = tmp_path / "logs" / "processor-0.log"
        at_rest = partial(_await_rest, tmp_path)
        own, empty = partial(_restart, stack, False), partial(_restart, stack, True)
        _measure(f"{who}, own volume", log, own, before=at_rest)
        _measure(f"{who}, own volume, files being merged", log, own, before=empty)
        _measure(f"{who}, empty volume", log, empty)


def _restart(stack: Stack, forget_state: bool) -> None:
    stack.kill_processor(0)
    stack.restart_processor(0, forget_state=forget_state)


def _await_rest(state_dir: Path) -> None:
    """Until RocksDB has merged what a recovery gave it: as a service is, except right after one.

    A store that is killed amid that is thrown away, and measured by itself.
    """
    tables: object = None
    while tables != (tables := {each.name for each in state_dir.rglob("*.sst")}):
        time.sleep(REST_S)


def _measure(
    name: str, log: Path, work: Callable[[], None], before: Callable[[], None] = lambda: None
) -> None:
    """The seconds from the kill until it says that it is ready, and what of them was reading."""
    taken_s, reading_s, records = [], [0.0], 0
    for _ in range(ROUNDS):
        before()
        said = log.stat().st_size
        started_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - started_s)
        for found in _RECOVERED.finditer(log.read_text(encoding="utf-8")[said:]):
            records = int(found[1])
            reading_s.append(float(found[2]))
    reading = max(reading_s)
    rate = f", {records:,} records at {records / reading:,.0f}/s" if reading else ""
    print(
        f"  {name:<54} {median(taken_s):5.2f} s ({min(taken_s):.2f} to {max(taken_s):.2f})"
        f", reading at most {reading:.2f} s{rate}"
    )
