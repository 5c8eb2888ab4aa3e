"""`giftcert load` against a running service: once in is in, run again, interrupted or killed."""

import csv
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.audit.run_audit import run_audit
from pipelines.loader.load_file import load_file
from pipelines.loader.outcomes import Outcome
from pipelines.loader.rows import read_load_file
from pipelines.loader.window import ROWS_UNDER_WAY, Patience
from pipelines.local.running_broker import Broker
from pipelines.settings import load_settings
from pipelines.topics_admin import apply
from tests.flow.giftcert_command import ended, giftcert, started
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service, running_service

DEADLINE_S = 60.0
INTERRUPTED_ROWS = 8 * ROWS_UNDER_WAY
"""So many that a load is still at work when its first rows are seen to be in."""


@pytest.fixture(scope="module")
def numbers_of() -> Iterator[int]:
    """A new range of numbers for every file of this module."""
    return iter(range(1, 1_000))


@pytest.fixture
def prefix(numbers_of: Iterator[int]) -> str:
    return f"LOAD{next(numbers_of):03d}-"


def file_of(path: Path, prefix: str, count: int) -> list[str]:
    """Write a load file of bare numbers; the numbers."""
    numbers = [f"{prefix}{position:06d}" for position in range(1, count + 1)]
    path.write_text("certificateId\n" + "".join(f"{number}\n" for number in numbers))
    return numbers


def report_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def level_of(service: Service, pool: str) -> int:
    """How many free numbers the processors say the pool has."""
    rows = [row for edge in service.edges for row in edge.get("/internal/pools").json()]
    return next((int(row["level"]) for row in rows if row["pool"] == pool), 0)


def test_load_of_a_file_twice_puts_every_number_into_its_pool_once(
    scenario: Scenario, tmp_path: Path, prefix: str
) -> None:
    service, path, report = scenario.service, tmp_path / "numbers.csv", tmp_path / "report.csv"
    numbers = file_of(path, prefix, 500)
    asked = ("load", str(path), "--pool", scenario.pool, "--report", str(report))

    planned = giftcert(service, *asked, "--dry-run")
    assert (planned.code, "500 would load" in planned.out) == (0, True), planned
    assert service.events(numbers[0]) == []

    first = giftcert(service, *asked)
    assert (first.code, "500 rows: 500 loaded;" in first.out) == (0, True), first
    rows = report_of(report)
    assert [row["certificateId"] for row in rows] == numbers
    assert [row["line"] for row in rows] == [str(line) for line in range(2, 502)]
    assert {row["outcome"] for row in rows} == {"loaded"}

    again = giftcert(service, *asked)
    assert (again.code, "500 rows: 500 already loaded;" in again.out) == (0, True), again
    planned_again = giftcert(service, *asked, "--dry-run")
    assert (planned_again.code, "500 already loaded" in planned_again.out) == (0, True)
    assert "were there already: AVAILABLE 500" in planned_again.out

    service.settle()
    for number in numbers:
        assert [event.type for event in service.events(number)] == ["load"]
    assert level_of(service, scenario.pool) == 500


def test_load_of_numbers_that_another_file_or_program_loaded_refuses_them_by_line(
    scenario: Scenario, tmp_path: Path, prefix: str
) -> None:
    service = scenario.service
    (outside,) = scenario.load()
    first = file_of(tmp_path / "first.csv", prefix, 3)
    assert giftcert(service, "load", str(tmp_path / "first.csv"), "--pool", scenario.pool).code == 0

    second, report = tmp_path / "second.csv", tmp_path / "report.csv"
    fresh = f"{prefix}NEW-1"
    second.write_text(f"{first[1]}\n{outside}\nbad\n{fresh}\n{fresh}\n")
    asked = ("load", str(second), "--pool", scenario.pool, "--report", str(report))
    planned = giftcert(service, *asked, "--dry-run")
    assert planned.code == 1
    plan = [(row["line"], row["outcome"], row["code"]) for row in report_of(report)]
    done = giftcert(service, *asked)
    assert done.code == 1
    assert "DUPLICATE_IN_FILE 1, DUPLICATE_NUMBER 2, FORM 1" in done.out
    became = [(row["line"], row["outcome"], row["code"]) for row in report_of(report)]
    assert became == [
        ("1", "refused", "DUPLICATE_NUMBER"),
        ("2", "refused", "DUPLICATE_NUMBER"),
        ("3", "refused", "FORM"),
        ("4", "loaded", ""),
        ("5", "refused", "DUPLICATE_IN_FILE"),
    ]
    expected = [("4", "would load", "") if row[0] == "4" else row for row in became]
    assert plan == expected, "the dry run foretold something else"
    assert not set(first) & set(re.findall(r"[A-Z0-9-]{6,}", planned.out)), "a whole number is told"
    # A refusal is an answer for ever: it does not turn into a yes when asked again.
    assert giftcert(service, *asked).code == 1
    assert [row["code"] for row in report_of(report)][:2] == ["DUPLICATE_NUMBER"] * 2


def test_load_interrupted_and_run_again_loads_every_number_once(
    scenario: Scenario, tmp_path: Path, prefix: str
) -> None:
    service, path = scenario.service, tmp_path / "numbers.csv"
    numbers = file_of(path, prefix, INTERRUPTED_ROWS)
    asked = ("load", str(path), "--pool", scenario.pool)
    process = started(service, *asked)
    deadline = time.monotonic() + DEADLINE_S
    while level_of(service, scenario.pool) == 0:
        assert time.monotonic() < deadline, "nothing was loaded"
        assert process.poll() is None, "it ended before it could be interrupted"
    process.send_signal(signal.SIGINT)
    interrupted = ended(process)
    assert interrupted.code == 130, interrupted
    assert interrupted.err.splitlines()[-1] == (
        "interrupted: run the same command again to continue"
    )
    done = giftcert(service, *asked)
    assert done.code == 0, done
    assert "refused" not in done.out
    service.settle()
    events = Counter(len(service.events(number)) for number in numbers)
    assert events == {1: len(numbers)}
    assert level_of(service, scenario.pool) == len(numbers)


def test_load_killed_again_and_again_goes_on_and_loads_every_number_once(
    scenario: Scenario, tmp_path: Path, prefix: str
) -> None:
    service, path, report = scenario.service, tmp_path / "numbers.csv", tmp_path / "report.csv"
    numbers = file_of(path, prefix, INTERRUPTED_ROWS)
    asked = ("load", str(path), "--pool", scenario.pool, "--report", str(report))
    for _ in range(2):
        before = level_of(service, scenario.pool)
        process = started(service, *asked)
        deadline = time.monotonic() + DEADLINE_S
        while level_of(service, scenario.pool) == before:
            assert time.monotonic() < deadline, "nothing was loaded"
            assert process.poll() is None, "it ended before it could be killed"
        process.kill()
        process.communicate()
        assert not report.exists(), "half of a report is there"
        # What was sent is performed, so that the next run finds it on the stream.
        service.settle()
    done = giftcert(service, *asked)
    assert done.code == 0, done
    became = Counter(row["outcome"] for row in report_of(report))
    assert became.total() == len(numbers)
    assert set(became) <= {"loaded", "already loaded"}
    assert became["already loaded"] > 0
    service.settle()
    events = Counter(len(service.events(number)) for number in numbers)
    assert events == {1: len(numbers)}
    assert level_of(service, scenario.pool) == len(numbers)


def test_generated_parquet_file_feeds_two_pools_and_the_reports_tell_of_both(
    scenario: Scenario, tmp_path: Path, prefix: str
) -> None:
    service = scenario.service
    cards, codes = tmp_path / "cards.csv", tmp_path / "codes.parquet"
    asked = ("--pattern", f"{prefix}######==", "-n", "40", "--guessable")
    assert giftcert(service, "generate", str(cards), *asked).code == 0
    other = f"{scenario.pool}_CARDS"[:32]
    assert (
        giftcert(
            service, "generate", str(codes), *asked, "--pool", other, "--not-in", str(cards)
        ).code
        == 0
    )
    both = tmp_path / "both.csv"
    rows = [f"{number},\n" for number in read_load_file(cards, "ELECTRONIC").rows]
    rows += [f"{number},{other}\n" for number in read_load_file(codes, "ELECTRONIC").rows]
    both.write_text("certificateId,pool\n" + "".join(rows))
    page = tmp_path / "report.html"
    done = giftcert(service, "load", str(both), "--pool", scenario.pool, "--report", str(page))
    assert done.code == 0, done
    assert f"are in: {scenario.pool} 40, {other} 40" in done.out
    assert "Every row is in" in page.read_text()
    service.settle()
    assert (level_of(service, scenario.pool), level_of(service, other)) == (40, 40)
    # The same numbers from another file, of another form: known, and in which state.
    planned = giftcert(service, "load", str(codes), "--dry-run", "--report", str(page))
    assert (planned.code, "DUPLICATE_NUMBER 40" in planned.out) == (1, True), planned
    assert "were there already: AVAILABLE 40" in planned.out
    assert prefix not in page.read_text(), "the page shows more than the last four"


def test_load_without_a_service_names_the_rows_and_goes_on_once_there_is_one(
    broker: Broker, topic_prefix: str, tmp_path: Path, prefix: str
) -> None:
    settings = load_settings(
        {"bootstrap": broker.bootstrap, "topic_prefix": topic_prefix, "partitions": 3}
    )
    apply(settings, with_sources=True)
    path, report = tmp_path / "numbers.csv", tmp_path / "report.csv"
    numbers = file_of(path, prefix, 50)
    patience = Patience(rows_under_way=10, silence_s=0.5, attempts=2)
    summary = load_file(path, "ELECTRONIC", settings, reports=[report], patience=patience)
    assert not summary.complete
    assert summary.outcomes == {Outcome.NO_ANSWER: 10, Outcome.NOT_SENT: 40}
    codes = [row["code"] for row in report_of(report)]
    assert codes == ["NO_ANSWER"] * 10 + ["NOT_SENT"] * 40

    with running_service(broker.bootstrap, tmp_path / "stack", topic_prefix) as service:
        summary = load_file(path, "ELECTRONIC", settings)
        assert summary.complete
        assert summary.outcomes == {Outcome.ALREADY_LOADED: 10, Outcome.LOADED: 40}
        service.settle()
        assert level_of(service, "ELECTRONIC") == len(numbers)
        report_of_audit = run_audit(settings, service.stack.http_urls, token=service.auditor)
    assert report_of_audit.holds
    assert report_of_audit.certificates == len(numbers)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.csv",), "none.csv cannot be read"),
        (("--pool", "pool1", "numbers.csv"), "the pool 'pool1' is not"),
        (("--report", "none/report.csv", "numbers.csv"), "none/report.csv cannot be written"),
    ],
    ids=["no file", "wrong pool", "no place for the report"],
)
def test_load_that_cannot_begin_says_why_in_one_line(
    service: Service, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    file_of(tmp_path / "numbers.csv", "LOAD000-", 1)
    placed = [str(tmp_path / word) if "." in word else word for word in arguments]
    done = giftcert(service, "load", *placed)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
