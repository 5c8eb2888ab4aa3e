"""A process whose loop hangs says so to its probe, and one whose loop goes on is well again."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker
from pipelines.settings import Settings
from pipelines.topics_admin import apply
from tests.flow.hanging_process import PATIENCE, STAND_STILL, STEPS
from tests.flow.measured_process import ROOT, MeasuredProcess
from tests.pipelines.local.local_machine import await_condition

PARTITIONS: Final = 2
SHORT_S: Final = 3.0
OF_A_CLIENT_S: Final = 8.0
"""More than the five seconds in which a client at rest says that its loop polls."""

PROCESSES: Final = [
    (["auditor"], ["auditor"], SHORT_S),
    (["bi", "run"], ["mart"], SHORT_S),
    (["crm"], ["stream", "orders", "deliveries"], SHORT_S),
    (["enrich"], ["enrichment"], OF_A_CLIENT_S),
]


def test_every_loop_is_made_to_hang() -> None:
    assert {step for _, steps, _ in PROCESSES for step in steps} == set(STEPS)


@pytest.mark.parametrize(
    ("command", "steps", "patience_s"),
    [pytest.param(*each, id=each[0][0]) for each in PROCESSES],
)
def test_process_is_not_alive_while_a_loop_of_it_hangs(
    command: Sequence[str],
    steps: Sequence[str],
    patience_s: float,
    broker: Broker,
    topic_prefix: str,
    tmp_path: Path,
) -> None:
    settings = Settings(
        bootstrap=broker.bootstrap, topic_prefix=topic_prefix, partitions=PARTITIONS
    )
    apply(settings, with_sources=True)
    with running(command, settings, tmp_path, patience_s) as process:
        await_condition(lambda: process.answers("/readyz"), timeout_s=90)
        for step in steps:
            await_condition(lambda: process.answers("/healthz"), timeout_s=60)
            (tmp_path / step).touch()
            await_condition(lambda: not process.answers("/healthz"), timeout_s=30)
            assert process.figures(), "who looks for the reason needs its figures now"
            (tmp_path / step).unlink()
        await_condition(lambda: process.answers("/healthz"), timeout_s=60)
        assert process.end() == 0, process.log()


@contextmanager
def running(
    command: Sequence[str], settings: Settings, folder: Path, patience_s: float
) -> Iterator[MeasuredProcess]:
    """The program with a command; killed at the end where it still runs."""
    port, log_path = HeldPort(), folder / "log"
    told = {
        "GIFTCERT_BOOTSTRAP": settings.bootstrap,
        "GIFTCERT_TOPIC_PREFIX": settings.topic_prefix,
        "GIFTCERT_PARTITIONS": str(settings.partitions),
        "GIFTCERT_WORKER_ID": command[0],
        "GIFTCERT_STATE_DIR": str(folder / "state"),
        "GIFTCERT_HTTP_HOST": LOOPBACK,
        "GIFTCERT_HTTP_PORT": str(port.port),
        "GIFTCERT_BI_HTTP_PORT": str(port.port),
        "GIFTCERT_BI_MART": str(folder / "mart.duckdb"),
        "GIFTCERT_ENRICH_HTTP_PORT": str(port.port),
        "GIFTCERT_CRM_SMS_URL": f"http://{LOOPBACK}:9/messages",
        "GIFTCERT_TOKEN": "no-token",
        STAND_STILL: str(folder),
        PATIENCE: str(patience_s),
    }
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.hanging_process", *command],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    url = f"http://{LOOPBACK}:{port.port}"
    try:
        yield MeasuredProcess(process, url, log_path, prefix="giftcert_", end_s=20.0)
    finally:
        process.kill()
        process.wait()
        port.release()
