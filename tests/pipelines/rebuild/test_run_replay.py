"""A replay over topics in memory: what it reads when, refuses, passes over, and appends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pytest

from pipelines.audit.alerts import BREACH_ID_PREFIX
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.contracts.source_records import read_payment
from pipelines.dlq.letters import LetterQueue, Resolved, letter_of, resolution_record
from pipelines.rebuild import run_replay as run_replay_module
from pipelines.rebuild import unread as unread_module
from pipelines.rebuild.findings import FACT, Verdict
from pipelines.rebuild.kafka_places import Span
from pipelines.rebuild.replay_report import ReplayOptions, ReplayReport
from pipelines.rebuild.run_replay import ReplayRefused, run_replay
from pipelines.rebuild.unread import LETTERS_KEPT_MS
from pipelines.settings import Settings
from pipelines.stages.record import Incoming, dead_letter
from pipelines.topics import ALL_PAYMENTS, COMMANDS, DLQ, FACTS, Role, Topic, topic_name
from pipelines.topology import policy_of
from state.certificate.commands import Origin, RaiseAlert
from state.correlation.facts import Fact
from tests.flow.source_messages import Payment
from tests.pipelines.rebuild.log_in_memory import SETTINGS, LogInMemory
from tests.pipelines.stages.stage_in_memory import AT_MS, FRAMING

APPLY = ReplayOptions(apply=True)
NOW_MS = AT_MS + 1_000


class Kafka:
    """The rest of it, around the log: the letters, what is committed, what is appended."""

    def __init__(self, log: LogInMemory) -> None:
        self.log = log
        self.queue = LetterQueue()
        self.done: list[str] = []
        self.hidden: set[Topic] = set()
        """Behind a worker's open transaction, until one waits for it."""

    # The queue

    def read_queue(self, _settings: Settings, *, under_way: bool) -> LetterQueue:
        self.done.append("read, what is under way too" if under_way else "read")
        return self.queue

    def put_aside(self, record: Incoming, how: Resolved | None = None) -> None:
        """A letter about a record, and what became of it."""
        letter = dead_letter(record, BrokenRecord(BrokenCode.CONTRACT, "no"))
        lain = replace(
            record,
            topic=topic_name(DLQ, SETTINGS),
            offset=2 * len(self.queue.letters),
            headers=letter.headers,
        )
        self.queue.take(lain)
        if how is not None:
            headers = resolution_record(letter_of(lain), how, by="me").headers
            self.queue.take(replace(lain, offset=lain.offset + 1, headers=headers))

    # The places

    def committed(self, _role: Role) -> Mapping[tuple[str, int], int]:
        return {}

    def written(self, topic: Topic) -> dict[int, int]:
        return self.log.ends(topic)

    def spans(self, topic: Topic) -> dict[int, Span]:
        ends = self.log.ends(topic)
        return {
            part: Span(start=0, end=0 if topic in self.hidden else end)
            for part, end in ends.items()
        }

    # The transaction

    def __enter__(self) -> Self:
        self.done.append("begin")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.done.append("abort" if kind else "commit")

    def put(self, name: str, key: bytes, value: bytes, headers: object) -> None:
        del key, value, headers
        self.done.append(f"append to {name}")


@pytest.fixture
def kafka(log: LogInMemory, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka(log)

    @contextmanager
    def places(_settings: Settings) -> Iterator[Kafka]:
        yield made

    fakes: dict[str, Any] = {
        "GroupPlaces": lambda _settings: made,
        "LogTransaction": lambda _settings, _name: made,
        "topic_places": places,
        "read_queue": made.read_queue,
        "clock_ms": lambda: NOW_MS,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(run_replay_module, name, fake)
    monkeypatch.setattr(unread_module, "dead_letter_places", lambda _settings: frozenset())
    return made


def pay(log: LogInMemory, order_id: str, *, at_ms: int = AT_MS) -> Incoming:
    """A payment that ingest never made a fact of."""
    told = Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=100)
    value = FRAMING.encode(RecordName.PAYMENT, told.record(f"{order_id}-told", at_ms))
    return log.append(ALL_PAYMENTS, order_id.encode(), value, at_ms=at_ms)


def abouts(report: ReplayReport) -> list[tuple[str, Verdict, str]]:
    return [(each.kind, each.verdict, each.about) for each in report.findings]


def test_applying_begins_its_transaction_before_it_reads_anything(
    kafka: Kafka, log: LogInMemory
) -> None:
    pay(log, "order-1")
    report = run_replay(SETTINGS, APPLY)
    name = topic_name(FACTS, SETTINGS)
    begun = ["begin", "read, what is under way too", f"append to {name}", "commit"]
    assert (kafka.done, report.clean) == (begun, True)


def test_applying_sees_what_another_appended_behind_an_open_transaction(
    kafka: Kafka, log: LogInMemory
) -> None:
    paid = pay(log, "order-1")
    told = Fact(
        fact_id="order-1-told",
        correlation_id="order-1",
        at_ms=AT_MS,
        policy=policy_of(SETTINGS),
        happening=read_payment(FRAMING.decode(RecordName.PAYMENT, paid.value)),
    )
    value = FRAMING.encode(RecordName.FACT, fact_to_record(told))
    log.append(FACTS, b"order-1", value)
    kafka.hidden = {FACTS}
    assert abouts(run_replay(SETTINGS, ReplayOptions())) == [(FACT, Verdict.MISSING, "order-1")]
    assert run_replay(SETTINGS, APPLY).findings == ()


def test_looking_begins_no_transaction(kafka: Kafka, log: LogInMemory) -> None:
    pay(log, "order-1")
    report = run_replay(SETTINGS, ReplayOptions())
    assert abouts(report) == [(FACT, Verdict.MISSING, "order-1")]
    assert kafka.done == ["read"]


@pytest.mark.parametrize(
    ("how", "missing"), [(Resolved.DISCARDED, False), (Resolved.RETRIED, True), (None, True)]
)
def test_payment_that_a_person_discarded_is_never_performed(
    kafka: Kafka, log: LogInMemory, how: Resolved | None, missing: bool
) -> None:
    """The code of its day could not read it; today's can."""
    kafka.put_aside(pay(log, "order-1"), how)
    report = run_replay(SETTINGS, APPLY)
    assert abouts(report) == ([(FACT, Verdict.MISSING, "order-1")] if missing else [])
    assert report.discarded == (0 if missing else 1)
    assert any(each.startswith("append") for each in kafka.done) is missing


@pytest.mark.parametrize(
    ("told_ms", "chosen", "appended"),
    [
        (NOW_MS - LETTERS_KEPT_MS - 1, (), False),
        (NOW_MS - LETTERS_KEPT_MS, (), True),
        (NOW_MS - LETTERS_KEPT_MS - 1, ("order-1",), True),
    ],
)
def test_payment_from_before_the_dead_letters_is_appended_only_where_it_is_named(
    kafka: Kafka, log: LogInMemory, told_ms: int, chosen: tuple[str, ...], appended: bool
) -> None:
    pay(log, "order-1", at_ms=told_ms)
    report = run_replay(SETTINGS, ReplayOptions(correlations=frozenset(chosen), apply=True))
    assert any(each.startswith("append") for each in kafka.done) is appended
    assert report.clean is appended


@pytest.mark.parametrize("topic", [ALL_PAYMENTS, FACTS, COMMANDS])
def test_record_that_nobody_can_read_is_no_clean_replay_and_nothing_is_appended(
    kafka: Kafka, log: LogInMemory, topic: Topic
) -> None:
    """Another framing: everything would be missing."""
    pay(log, "order-1")
    broken = log.append(topic, b"GC-1", b"\x00\x00\x00\x00\x07body")
    report = run_replay(SETTINGS, ReplayOptions())
    assert (report.unread.count, report.clean) == (1, False)
    with pytest.raises(ReplayRefused, match="nothing was appended"):
        run_replay(SETTINGS, APPLY)
    assert kafka.done[-1] == "abort"
    kafka.put_aside(broken)
    known = run_replay(SETTINGS, APPLY)
    assert (known.unread.count, known.unreadable, known.clean) == (0, 1, True)


@pytest.mark.parametrize(
    ("command_id", "findings"), [(f"{BREACH_ID_PREFIX}3/abc", 0), ("order-1/alert/X", 1)]
)
def test_alert_that_the_auditor_asked_for_is_nothing_extra(
    kafka: Kafka, log: LogInMemory, command_id: str, findings: int
) -> None:
    alert = RaiseAlert(code="LAW_BREACH", text="told")
    log.command("GC-0001", alert, command_id, origin=Origin.FACT, correlation_id=None)
    assert len(run_replay(SETTINGS, ReplayOptions()).findings) == findings
    assert kafka.done == ["read"]
