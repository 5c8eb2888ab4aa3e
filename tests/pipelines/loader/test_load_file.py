"""A load that was killed anywhere goes on when it is run again, and nothing is loaded twice."""

import csv
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faults import BrokerRefused, BrokerUnreachable
from pipelines.loader import load_file as module
from pipelines.loader.load_file import READ_FOR_ONE_ROW, LoadInterrupted, load_file
from pipelines.loader.outcomes import ALREADY_LOADED, LOADED, Outcome, RowResult
from pipelines.loader.row import LoadFileFault
from pipelines.loader.rows import LoadFile
from pipelines.loader.stream_numbers import KnownNumber
from pipelines.loader.window import Answer, Patience
from pipelines.progress import Advance
from pipelines.settings import Settings

SETTINGS = Settings(bootstrap="127.0.0.1:1")
PATIENCE = Patience(rows_under_way=4, silence_s=0.0, attempts=50)
REFUSED = RowResult(outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before")


class KilledError(BaseException):
    """Stands for kill -9: nothing of the loader runs after it."""


@dataclass(kw_only=True)
class FakeService:
    """Topics that outlive the loader, and a processor that performs them when it likes.

    `loads` are the load events, by number, each with its cause. `kill_in` says after how many
    steps of the loader it is killed.
    """

    chance: random.Random = field(default_factory=lambda: random.Random(1))
    commands: list[tuple[str, str, int]] = field(default_factory=list)
    loads: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    kill_in: int | None = None
    run: int = 0
    stream_is_refused: bool = False
    looked: int = 0

    def step(self) -> None:
        if self.kill_in is not None:
            if self.kill_in == 0:
                raise KilledError
            self.kill_in -= 1

    def perform(self, count: int) -> list[tuple[str, str, int, bool]]:
        """Perform so many commands; each with whether the number was loaded by it, then or now."""
        done = []
        for cause, number, run in self.commands[:count]:
            events = self.loads.setdefault(number, [])
            if not events:
                events.append((cause, "ELECTRONIC", run))
            done.append((cause, number, events[0][2], events[0][0] == cause))
        del self.commands[:count]
        return done

    # What the loader is given in the place of Kafka

    def known_numbers(
        self,
        file: LoadFile,
        settings: Settings,
        advance: Advance,
        *,
        most_records: int | None = None,
    ) -> dict[str, KnownNumber]:
        self.looked += 1
        self.step()
        if self.stream_is_refused:
            raise BrokerRefused("no right to read it")
        if most_records is not None and len(self.loads) > most_records:
            return {}
        return {
            number: KnownNumber(
                by_this_load=events[0][0] == f"load:{file.load_id}:{number}",
                loaded_at_ms=1,
                pool=events[0][1],
                state="AVAILABLE",
            )
            for number, events in self.loads.items()
            if number in file.rows
        }

    def exchange(self, _settings: Settings, load_id: str) -> "FakeExchange":
        self.run += 1
        return FakeExchange(self, load_id)


@dataclass
class FakeExchange:
    """One run's conversation with it."""

    service: FakeService
    load_id: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def send(self, certificate_id: str, pool: str) -> None:
        self.service.step()
        self.service.sent[certificate_id] += 1
        cause = f"load:{self.load_id}:{certificate_id}"
        self.service.commands.append((cause, certificate_id, self.service.run))

    def answers(self, timeout_s: float) -> Iterable[Answer]:
        self.service.step()
        # Now and then it performs nothing, and now and then its answer is lost.
        some = self.service.chance.choice([0, 1, len(self.service.commands)])
        for cause, number, run, own in self.service.perform(some):
            if not cause.startswith(f"load:{self.load_id}:") or not self.service.chance.randrange(
                5
            ):
                continue
            result = (LOADED if run == self.service.run else ALREADY_LOADED) if own else REFUSED
            yield Answer(certificate_id=number, result=result)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    return installed(FakeService(), monkeypatch)


def installed(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    monkeypatch.setattr(module, "known_numbers", service.known_numbers)
    monkeypatch.setattr(module, "KafkaExchange", service.exchange)
    return service


def file_of(folder: Path, count: int, more: str = "") -> Path:
    path = folder / "numbers.csv"
    path.write_text("".join(f"GC-{line:04d}\n" for line in range(1, count + 1)) + more)
    return path


@given(
    rows=st.integers(1, 25),
    others=st.sets(st.integers(1, 25), max_size=5),
    kills=st.lists(st.integers(0, 60), max_size=4),
    later=st.lists(st.integers(0, 30), min_size=4, max_size=4),
    seed=st.integers(0, 2**16),
    stream_is_refused=st.booleans(),
)
def test_load_killed_at_any_step_goes_on_and_loads_every_number_once(
    tmp_path_factory: pytest.TempPathFactory,
    rows: int,
    others: set[int],
    kills: list[int],
    later: list[int],
    seed: int,
    stream_is_refused: bool,
) -> None:
    """Whatever of the sent was performed before, between or after the runs."""
    folder = tmp_path_factory.mktemp("load")
    path, report = file_of(folder, rows, "bad\n"), folder / "report.csv"
    taken = {f"GC-{line:04d}" for line in others}
    with pytest.MonkeyPatch.context() as monkeypatch:
        service = FakeService(chance=random.Random(seed), stream_is_refused=stream_is_refused)
        service.loads = {number: [("load:other:x", "PHYSICAL", 0)] for number in taken}
        installed(service, monkeypatch)
        for kill_in, performed in zip(kills, later, strict=False):
            service.kill_in = kill_in
            try:
                load_file(path, "ELECTRONIC", SETTINGS, reports=[report], patience=PATIENCE)
            except KilledError:
                service.perform(performed)
        service.kill_in = None
        summary = load_file(path, "ELECTRONIC", SETTINGS, reports=[report], patience=PATIENCE)
    numbers = [f"GC-{line:04d}" for line in range(1, rows + 1)]
    assert all(len(service.loads[number]) == 1 for number in numbers)
    in_file = taken & set(numbers)
    assert summary.count(Outcome.REFUSED) == len(in_file) + 1
    assert summary.good == rows - len(in_file)
    with report.open(newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["certificateId"] for row in told] == [*numbers, "bad"]
    assert {row["certificateId"] for row in told if row["outcome"] == "refused"} == {
        *in_file,
        "bad",
    }


def test_load_run_again_sends_nothing_that_is_on_the_stream(
    service: FakeService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, 20)
    service.kill_in = 25
    with pytest.raises(KilledError):
        load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    service.kill_in = None
    service.perform(100)
    before = service.sent.copy()
    summary = load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    sent_again = service.sent - before
    assert 0 < len(before) < 20
    assert not set(sent_again) & set(before)
    assert summary.count(Outcome.ALREADY_LOADED) == len(before)
    assert summary.complete


def test_load_that_is_all_in_sends_nothing_and_says_so(
    service: FakeService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, 5)
    load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    service.perform(100)
    service.sent.clear()
    runs = service.run
    summary = load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    assert summary.outcomes == {Outcome.ALREADY_LOADED: 5}
    assert (service.sent, service.run) == (Counter(), runs)


def test_load_of_few_rows_does_not_read_a_long_stream(service: FakeService, tmp_path: Path) -> None:
    """It sends them: what was loaded before is answered as it was then."""
    path = file_of(tmp_path, 2)
    numbers = (f"OTHER-{line}" for line in range(2 * READ_FOR_ONE_ROW))
    service.loads = {number: [("load:other:x", "PHYSICAL", 0)] for number in numbers}
    load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    service.perform(10)
    service.sent.clear()
    summary = load_file(path, "ELECTRONIC", SETTINGS, patience=PATIENCE)
    assert summary.outcomes == {Outcome.ALREADY_LOADED: 2}
    assert set(service.sent) == {"GC-0001", "GC-0002"}


@pytest.mark.parametrize("dry_run", [False, True])
def test_load_of_a_file_of_bad_rows_alone_asks_nobody(
    service: FakeService, tmp_path: Path, dry_run: bool
) -> None:
    path = file_of(tmp_path, 0, "bad1\n")
    summary = load_file(path, "ELECTRONIC", SETTINGS, dry_run=dry_run)
    assert summary.outcomes == {Outcome.REFUSED: 1}
    assert (service.looked, service.run) == (0, 0)


def test_load_interrupted_reports_on_the_whole_file(service: FakeService, tmp_path: Path) -> None:
    path, report = file_of(tmp_path, 20), tmp_path / "report.csv"

    def interrupted(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(LoadInterrupted) as ended:
        load_file(
            path,
            "ELECTRONIC",
            SETTINGS,
            reports=[report],
            watch=lambda _what: Given(interrupted),
            patience=PATIENCE,
        )
    assert ended.value.summary.rows == 20
    assert ended.value.summary.count(Outcome.NOT_SENT) > 0
    assert len(report.read_text().splitlines()) == 21


def test_load_that_loses_kafka_reports_what_was_in_until_then(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, report = file_of(tmp_path, 20), tmp_path / "report.csv"

    def unreachable(_exchange: FakeExchange, _timeout_s: float) -> Iterable[Answer]:
        raise BrokerUnreachable("gone")

    monkeypatch.setattr(FakeExchange, "answers", unreachable)
    with pytest.raises(BrokerUnreachable):
        load_file(path, "ELECTRONIC", SETTINGS, reports=[report], patience=PATIENCE)
    lines = report.read_text().splitlines()
    assert sum("no answer" in line for line in lines) == 4
    assert sum("not sent" in line for line in lines) == 16


def test_dry_run_sends_nothing_and_tells_states(service: FakeService, tmp_path: Path) -> None:
    path, report = file_of(tmp_path, 3), tmp_path / "report.csv"
    service.loads = {"GC-0002": [("load:other:x", "PHYSICAL", 0)]}
    summary = load_file(path, "ELECTRONIC", SETTINGS, dry_run=True, reports=[report])
    assert service.sent == Counter()
    assert summary.states == {"AVAILABLE": 1}
    with report.open(newline="") as file:
        told = [
            (row["certificateId"], row["outcome"], row["state"]) for row in csv.DictReader(file)
        ]
    assert told == [
        ("…0001", "would load", ""),
        ("…0002", "refused", "AVAILABLE"),
        ("…0003", "would load", ""),
    ]


def test_dry_run_that_fails_leaves_the_earlier_report(service: FakeService, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    report.write_text("the earlier one")
    service.stream_is_refused = True
    with pytest.raises(BrokerRefused):
        load_file(file_of(tmp_path, 3), "ELECTRONIC", SETTINGS, dry_run=True, reports=[report])
    assert report.read_text() == "the earlier one"


def test_load_with_a_report_that_cannot_be_written_sends_nothing(
    service: FakeService, tmp_path: Path
) -> None:
    with pytest.raises(LoadFileFault):
        load_file(
            file_of(tmp_path, 3), "ELECTRONIC", SETTINGS, reports=[tmp_path / "none" / "r.csv"]
        )
    assert service.sent == Counter()


class Given:
    """A watch that hands out what it was given."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def __enter__(self) -> Advance:
        return self._advance

    def __exit__(self, *_: object) -> None: ...
