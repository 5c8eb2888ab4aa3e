"""A mart over a real broker: a year made anew, and how far it is then behind 200 events a second.

`GIFTCERT_TEST_BROKER` chooses the broker as for the flow tests. The mart is asked as anybody asks
it: by opening its file while it is kept, with its page beside it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from pipelines.local.broker import AUTO, start_broker
from pipelines.neighbours.bi.calendar import epoch_ms
from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.topic_record import TopicRecord
from pipelines.settings import Settings, load_settings
from pipelines.topics_admin import apply
from tests.bench.bench_mart import CERTIFICATES, certificates, ordinary
from tests.bench.measuring import title

RATE = 200
SECONDS = 45
PAGE_S = 15
ALLOWED_S = 5.0
STARTED_S = 60.0
REBUILT_S = 120.0
WAITING_MAX = 50_000
TURN = 12
"""Records of one certificate; each topic gets some of every turn."""
_NEWEST = (
    "SELECT min(newest_at) FROM (SELECT max(newest_at) AS newest_at FROM mart_position "
    "GROUP BY topic) AS each_topic"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The topics of a year, and the mart that was made of them."""

    settings: Settings
    mart: Path
    records: int
    made_in_s: float


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as broker:
        title(f"a mart over {broker.kind}")
        settings = load_settings({"bootstrap": broker.bootstrap, "topic_prefix": "year-"})
        apply(settings, with_sources=True)
        records = [*certificates(0, CERTIFICATES), *ordinary()]
        _write(settings, records)
        mart = tmp_path_factory.mktemp("mart") / "mart.duckdb"
        began_s = time.monotonic()
        assert _started(settings, mart, "--until-caught-up").wait(600) == 0
        yield Year(
            settings=settings,
            mart=mart,
            records=len(records),
            made_in_s=time.monotonic() - began_s,
        )


def _write(settings: Settings, records: Sequence[TopicRecord]) -> None:
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random", "linger.ms": 50}
    )
    for record in records:
        while len(producer) > WAITING_MAX:
            producer.poll(0.1)
        producer.produce(
            f"{settings.topic_prefix}{record.topic}", key=record.key, value=record.value
        )
        producer.poll(0)
    assert producer.flush(60) == 0


def _started(
    settings: Settings, mart: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    told = {
        **os.environ,
        "GIFTCERT_BOOTSTRAP": settings.bootstrap,
        "GIFTCERT_TOPIC_PREFIX": settings.topic_prefix,
        "GIFTCERT_BI_MART": str(mart),
        **(environment or {}),
    }
    command = [sys.executable, "-m", "pipelines.cli", "bi", "run", *options]
    return subprocess.Popen(command, env=told, text=True)


def test_mart_of_a_year_is_made_anew(year: Year) -> None:
    with DuckDbTarget(year.mart).session(writing=False) as session:
        ((records,),) = session.rows("SELECT sum(records) FROM mart_position")
    assert records == year.records
    print(f"  a year, {records:,} records: made anew in {year.made_in_s:.1f} s, start to end")
    assert year.made_in_s < REBUILT_S


def test_mart_of_a_year_keeps_up_with_its_page_beside_it(year: Year, tmp_path: Path) -> None:
    page = {"GIFTCERT_BI_PAGE_DIR": str(tmp_path / "page"), "GIFTCERT_BI_PAGE_S": str(PAGE_S)}
    process = _started(year.settings, year.mart, environment=page)
    try:
        _until_there(tmp_path / "page" / "index.html")
        lags_s = list(_lags(year.settings, DuckDbTarget(year.mart)))
    finally:
        process.terminate()
        assert process.wait(30) == 0
    print(
        f"  {SECONDS} s of {RATE} a second into it: behind by {median(lags_s):.1f} s at the "
        f"median, {max(lags_s):.1f} s at most, asked {len(lags_s)} times"
    )
    assert max(lags_s) < ALLOWED_S


def _later() -> list[TopicRecord]:
    """Certificates that the year has none of, with events of their own."""
    records = certificates(CERTIFICATES, RATE * SECONDS // TURN + 20)
    return [
        replace(record, value=(record.value or b"").replace(b"event-", b"later-"))
        for record in records
    ]


def _lags(settings: Settings, target: DuckDbTarget) -> Iterator[float]:
    """Write at the rate, and ask now and then how old the newest record in the mart is."""
    records = _later()
    producer = Producer(
        {"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random", "linger.ms": 0}
    )
    began_s = time.time()
    asked_s = began_s
    for place, record in enumerate(records[: RATE * SECONDS]):
        due_s = began_s + place / RATE
        time.sleep(max(0.0, due_s - time.time()))
        topic = f"{settings.topic_prefix}{record.topic}"
        producer.produce(topic, key=record.key, value=record.value)
        producer.poll(0)
        if time.time() - asked_s >= 0.3 and place > 2 * RATE:
            asked_s = time.time()
            with target.session(writing=False) as session:
                ((newest_at,),) = session.rows(_NEWEST)
            # What is older than the first of these is of the year. The newest that could be there
            # is as old as the pause between two of its topic.
            newest_s = max(began_s, epoch_ms(newest_at) / 1_000)
            yield max(0.0, time.time() - newest_s - TURN / RATE)
    assert producer.flush(10) == 0


def _until_there(page: Path) -> None:
    """Wait for the first page: it comes once the run that was started has caught up."""
    deadline_s = time.monotonic() + STARTED_S
    while not page.exists():
        assert time.monotonic() < deadline_s, "nobody keeps the mart"
        time.sleep(0.1)
