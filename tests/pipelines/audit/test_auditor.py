"""The auditor's turns: what is read is judged, alerts wait until all of the past was read."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from confluent_kafka import Message
from structlog.testing import capture_logs

from pipelines.audit.alerts import ALERT_CODE
from pipelines.audit.auditor import Auditor, hangs_after_s
from pipelines.audit.breaches import BreachKind
from pipelines.audit.live_stores import LiveRecord, LiveStores
from pipelines.audit.metrics import AuditMetrics
from pipelines.audit.store_check import StoreCheck
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerUnreachable
from pipelines.last_turn import LastTurn
from pipelines.live_workers import ProcessorUnreachable
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from state.certificate.commands import Command
from tests.pipelines.audit.test_ledger_on_real_events import NUMBER, SELLING, played

FRAMING = SingleObjectFraming()
EVENT = RecordName.GIFT_CERTIFICATE_EVENT
PARTITIONS = 6
HOME = partition_of(NUMBER.encode(), PARTITIONS)
AT_MS = 1_735_689_600_000


class FakeMessage:
    """A record as the Kafka client gives it."""

    def __init__(self, value: bytes, offset: int, key: bytes = NUMBER.encode()) -> None:
        self._value, self._offset, self._key = value, offset, key

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def partition(self) -> int:
        return HOME

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, AT_MS + self._offset


class FakeStream:
    """Records of one partition that come in batches, and an end that is known or is not."""

    partitions = PARTITIONS

    def __init__(self) -> None:
        self.waiting: list[list[FakeMessage]] = []
        self.next = 0
        self.end = 0
        self.silent = False

    def write(self, *values: bytes) -> None:
        """A batch; markers stand between the records."""
        self.waiting.append(
            [FakeMessage(value, self.end + 2 * at) for at, value in enumerate(values)]
        )
        self.end += 2 * len(values)

    def batch(self) -> list[Message]:
        found = self.waiting.pop(0) if self.waiting else []
        if not self.waiting:
            self.next = self.end
        return cast(list[Message], found)

    def ends(self) -> dict[int, int]:
        if self.silent:
            raise BrokerUnreachable("Kafka does not say where it ends")
        return {HOME: self.end}

    def owed(self, ends: Mapping[int, int]) -> int:
        return max(0, ends[HOME] - self.next)


class Bench:
    """An auditor over a made-up stream, and what it sent."""

    def __init__(self, check: StoreCheck | None = None) -> None:
        self.stream = FakeStream()
        self.now_s = 100.0
        self.sent: list[tuple[bytes, bytes, Callable[[str], None]]] = []
        self.metrics = AuditMetrics()
        self.last_turn = LastTurn(hangs_after_s=60.0, clock=lambda: self.now_s)
        self.auditor = Auditor(
            self.stream,
            FRAMING,
            lambda *command: self.sent.append(command),
            self.metrics,
            self.last_turn,
            check=check,
            clock=lambda: self.now_s,
            wall_clock=lambda: AT_MS / 1_000,
        )

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.now_s += 1.5
            self.auditor.turn()

    @property
    def commands(self) -> list[Command]:
        return [
            command_from_record(FRAMING.decode(RecordName.COMMAND, value))
            for _, value, _ in self.sent
        ]


def events(count: int, **forged: Any) -> list[bytes]:
    """The first events of a sale; the last of them forged."""
    records, _ = played(SELLING)
    told = [dict(record) for record in records[:count]]
    told[-1] |= forged
    return [FRAMING.encode(EVENT, record) for record in told]


def test_turn_reads_what_is_there_and_shows_it() -> None:
    bench = Bench()
    bench.stream.write(*events(4))
    bench.stream.write(*events(5)[4:])
    bench.turn()
    latest = bench.metrics.latest
    assert (latest.findings.events, latest.caught_up) == (4, False)
    bench.turn()
    latest = bench.metrics.latest
    assert (latest.findings.events, latest.caught_up, latest.lag) == (5, True, 0)
    assert latest.last_event_at_s == (AT_MS + 8) / 1_000
    assert latest.findings.sums.money_minor["RUB"]["remaining"] == 1_000
    assert bench.sent == []
    bench.turn(4)
    assert bench.metrics.latest.events_a_second > 0


def test_breach_is_logged_at_once_and_its_alert_sent_when_the_past_was_read() -> None:
    bench = Bench()
    bench.stream.write(*events(2, sequence=5))
    bench.stream.write(*events(1, sequence=6))
    with capture_logs() as logs:
        bench.turn()
    (line,) = [each for each in logs if each["log_level"] == "error"]
    assert (line["kind"], line["law"], line["offset"]) == ("SEQUENCE_GAP", 3, 2)
    assert line["certificate"] == NUMBER, "the log's own processor hides all but the last four"
    assert bench.sent == []
    bench.turn(2)
    first, *_ = bench.commands
    assert (first.certificate_id, first.at_ms) == (NUMBER, AT_MS)
    assert getattr(first.action, "code", None) == ALERT_CODE
    assert bench.sent[0][0] == NUMBER.encode()
    sent = len(bench.sent)
    bench.turn(3)
    assert len(bench.sent) == sent, "asked for again"


def test_alert_that_kafka_did_not_take_is_sent_again() -> None:
    bench = Bench()
    bench.stream.write(*events(2, sequence=5))
    bench.turn(3)
    ((_, value, failed),) = bench.sent
    failed("no broker")
    bench.turn()
    assert [each for _, each, _ in bench.sent] == [value, value]


def test_end_of_the_stream_that_is_not_known_is_asked_for_again() -> None:
    bench = Bench()
    bench.stream.write(*events(2))
    bench.stream.silent = True
    bench.turn(2)
    assert (bench.metrics.latest.lag, bench.metrics.latest.caught_up) == (None, False)
    bench.stream.silent = False
    bench.turn(2)
    assert (bench.metrics.latest.lag, bench.metrics.latest.caught_up) == (0, True)


def test_record_that_is_no_event_is_a_breach() -> None:
    bench = Bench()
    bench.stream.write(b"no event")
    bench.turn(3)
    assert bench.metrics.latest.findings.breaches == {BreachKind.UNREADABLE: 1}
    assert len(bench.sent) == 1


def test_breaches_without_number_are_not_all_logged() -> None:
    bench = Bench()
    bench.stream.write(*[b"no event"] * 1_500)
    with capture_logs() as logs:
        bench.turn()
    errors = [each for each in logs if each["log_level"] == "error"]
    assert len(errors) == 1_001
    assert bench.metrics.latest.findings.breaches == {BreachKind.UNREADABLE: 1_500}


class FakeStores:
    """Processors that show one page after another, and tell when each was taken."""

    def __init__(self, *pages: list[LiveRecord]) -> None:
        self.shown = list(pages)

    def __enter__(self) -> "FakeStores":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def owners(self) -> dict[int, str]:
        return {HOME: "http://processor"}

    def pages(self, partition: int) -> list[list[LiveRecord]]:
        assert partition == HOME
        return self.shown


def record(**changes: Any) -> LiveRecord:
    """What a faithful store keeps after the sale."""
    kept: dict[str, Any] = {
        "certificate_id": NUMBER,
        "sequence": 6,
        "pool": "ELECTRONIC",
        "status": "NOTIFICATION_REQUESTED",
        "lifecycle": "ACTIVE",
        "currency": "RUB",
        "nominal_minor": 1_000,
        "remaining_minor": 1_000,
        "held_minor": 0,
        "redeemed_minor": 0,
        "refunded_minor": 0,
        "annulled_minor": 0,
        "holds": {},
    }
    return LiveRecord(**{**kept, **changes})


def checked(stores: Callable[[], FakeStores]) -> Bench:
    """An auditor that has read a whole sale and compared the stores once."""
    settings = Settings(_env_prefix="NO_SUCH_PREFIX_", audit_compare_s=60)
    bench = Bench(
        StoreCheck(
            settings,
            lambda: "token",
            open_stores=lambda: cast(LiveStores, stores()),
            pause=lambda _seconds: None,
        )
    )
    whole = events(6)
    bench.stream.write(*whole)
    bench.turn(3)
    return bench


def faithful() -> LiveRecord:
    _, state = played(SELLING)
    assert state.certificate is not None
    return record(status=state.certificate.status.value, sequence=state.sequence)


def test_stores_that_agree_are_compared_and_nothing_is_broken() -> None:
    bench = checked(lambda: FakeStores([faithful()], []))
    latest = bench.metrics.latest
    assert (latest.comparisons.done, latest.comparisons.certificates) == (1, 1)
    assert latest.findings.breaches == {}
    bench.turn(30)
    assert bench.metrics.latest.comparisons.done == 1, "compared before it was time"
    bench.turn(15)
    assert bench.metrics.latest.comparisons.done == 2


def test_store_with_another_balance_is_a_breach_and_an_alert() -> None:
    bench = checked(lambda: FakeStores([record(sequence=faithful().sequence, remaining_minor=999)]))
    bench.turn(2)
    assert bench.metrics.latest.findings.breaches == {BreachKind.STORE_DISAGREES: 1}
    (command,) = bench.commands
    assert "STORE_DISAGREES" in getattr(command.action, "text", "")


def test_store_that_is_behind_at_one_look_only_is_no_breach() -> None:
    """At any moment one of many is about to take what the stream has."""
    looks = [[faithful()], [record(sequence=3)]]

    class Late(FakeStores):
        def pages(self, partition: int) -> list[list[LiveRecord]]:
            return [looks.pop() if len(looks) > 1 else looks[0]]

    bench = checked(Late)
    assert bench.metrics.latest.findings.breaches == {}
    assert bench.metrics.latest.comparisons.certificates == 1


def test_store_that_stays_behind_is_a_breach() -> None:
    bench = checked(lambda: FakeStores([record(sequence=3)]))
    assert bench.metrics.latest.findings.breaches == {BreachKind.STORE_BEHIND: 1}


def test_processors_that_do_not_answer_are_a_failed_comparison_and_no_breach() -> None:
    def nobody() -> FakeStores:
        raise ProcessorUnreachable("no live processor")

    with capture_logs() as logs:
        bench = checked(nobody)
    assert bench.metrics.latest.comparisons.failed == 1
    assert bench.metrics.latest.findings.breaches == {}
    assert any(each.get("fault") == "no live processor" for each in logs)


def test_comparison_that_takes_long_is_no_loop_that_hangs() -> None:
    """The loop is silent for as long as one page takes, however many there are."""
    bench_of: list[Bench] = []
    alive: list[bool] = []

    class Slow(FakeStores):
        def pages(self, partition: int) -> Any:
            for _ in range(10):
                bench_of[0].now_s += 50.0
                alive.append(bench_of[0].last_turn.alive)
                yield [faithful()]

    settings = Settings(_env_prefix="NO_SUCH_PREFIX_")
    bench = Bench(
        StoreCheck(
            settings,
            lambda: "token",
            open_stores=lambda: cast(LiveStores, Slow()),
            pause=lambda _seconds: None,
        )
    )
    bench_of.append(bench)
    bench.stream.write(*events(6))
    bench.turn(3)
    assert (len(alive), all(alive)) == (10, True)
    bench.now_s += 61.0
    assert not bench.last_turn.alive


def test_bound_of_silence_is_beyond_a_kafka_and_processors_that_answer_late() -> None:
    """Ten seconds each, one after the other."""
    assert all(hangs_after_s(count) > 2 * 10.0 * count + 60.0 for count in (1, 6, 100))


def test_stream_is_read_on_between_two_pages() -> None:
    """A million records take a while, and a theft must not wait for them."""
    bench_of: list[Bench] = []

    class Slow(FakeStores):
        def pages(self, partition: int) -> Any:
            yield [faithful()]
            yield []
            assert bench_of[0].metrics.latest.findings.events == 7

    settings = Settings(_env_prefix="NO_SUCH_PREFIX_")
    bench = Bench(
        StoreCheck(
            settings,
            lambda: "token",
            open_stores=lambda: cast(LiveStores, Slow()),
            pause=lambda _seconds: None,
        )
    )
    bench_of.append(bench)
    bench.stream.write(*events(6))
    bench.stream.write(b"no event")
    bench.turn()
    bench.stream.end -= 2
    bench.turn(2)
    assert bench.metrics.latest.findings.events == 7


@pytest.mark.parametrize("module", ["pipelines.audit.auditor", "pipelines.audit.run_audit"])
def test_audit_shares_no_code_with_what_it_audits(module: str) -> None:
    """A second opinion: neither the rules of a certificate, nor the stages that perform them."""
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    rules = {
        "state.certificate.machine",
        "state.certificate.transition",
        "state.certificate.evolution",
        "state.correlation.fold",
        "state.pool.queue",
        "pipelines.stages.certificates",
        "pipelines.stages.pool",
        "pipelines.stages.correlate",
    }
    assert loaded & rules == set()
