"""What is counted is what was committed, once, under labels from closed lists."""

from dataclasses import replace

import pytest

from pipelines.contracts.broken import BrokenCode
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.metrics.tally import OTHER_ALERT, CommandOutcome, Counts, Since, Tally
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import EVENT_TIME
from pipelines.topics import STREAM
from state.certificate.commands import (
    Activate,
    Command,
    ExpireReservation,
    Load,
    Origin,
    RaiseAlert,
    RefundToCertificate,
    Reserve,
)
from state.certificate.rejections import RejectionCode
from state.pool.commands import Add, PoolAction, PoolCommand, TakeNext
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS, StageInMemory
from tests.state.certificate.specimens import (
    CHANNEL,
    NUMBER,
    command,
    issue_action,
    money,
    redeem_action,
    reserve_number,
)

TOPIC = "here-GiftCertificates.Commands"
COMMITTED_MS = 2_000_000
LATE = (EVENT_TIME, b"1990000")
POOL = "ELECTRONIC"


class Worked:
    """The two stages with a tally, and the commit that a worker would do."""

    def __init__(self) -> None:
        self.tally = Tally(now_ms=lambda: COMMITTED_MS)
        self._certificates = StageInMemory(CertificatesStage(FRAMING, PARTITIONS, self.tally))
        self._pool = StageInMemory(PoolStage(FRAMING, PARTITIONS, self.tally))

    def perform(self, *given: Command, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
        for each in given:
            value = FRAMING.encode(RecordName.COMMAND, command_to_record(each))
            key = each.certificate_id.encode()
            for output in self._certificates.give(value, key, headers=headers):
                if output.topic is STREAM:
                    self.tally.published(output.headers)
            self.tally.performed(TOPIC, COMMITTED_MS - 20)

    def perform_of_pool(self, *actions: PoolAction) -> None:
        for action in actions:
            told = PoolCommand(pool=POOL, at_ms=COMMITTED_MS, action=action)
            value = FRAMING.encode(RecordName.POOL_COMMAND, pool_command_to_record(told))
            self._pool.give(value, POOL.encode())
            self.tally.performed("here-GiftCertificates.Pool", COMMITTED_MS)


@pytest.fixture
def worked() -> Worked:
    return Worked()


def of_fact(given: Command) -> Command:
    return replace(given, origin=Origin.FACT)


SOLD = (
    command(Load(pool=POOL), "load", origin=Origin.LOADER),
    command(reserve_number(), "reservation"),
    of_fact(command(issue_action(), "issue")),
    of_fact(command(Activate(order_id="order-1"), "activate")),
)


def test_records_count_once_they_are_committed(worked: Worked) -> None:
    worked.perform(*SOLD)
    assert worked.tally.counts().hops == {}
    worked.tally.committed(0.02)
    counts = worked.tally.counts()
    assert (counts.hops[TOPIC].count, counts.commits.count) == (4, 1)
    assert counts.hops[TOPIC].sum == pytest.approx(4 * 0.02)
    assert counts.events == {
        b"load": 1,
        b"reserve": 1,
        b"issue": 1,
        b"notification.requested": 1,
        b"activate": 1,
    }


def test_what_was_dropped_counts_for_nothing(worked: Worked) -> None:
    """Whoever has the partitions now performs it, and counts it."""
    worked.perform(*SOLD)
    worked.tally.put_aside(TOPIC, BrokenCode.EMPTY)
    worked.tally.dropped()
    worked.tally.committed(0.02)
    counts = worked.tally.counts()
    assert (counts.dropped, counts.commits.count) == (1, 0)
    assert counts == replace(Counts(), commits=counts.commits, dropped=1)
    worked.tally.dropped()
    assert worked.tally.counts().dropped == 1


def test_commit_of_nothing_is_no_commit(worked: Worked) -> None:
    """The library closes an empty checkpoint many times a second."""
    worked.tally.committed(0.0)
    assert worked.tally.counts().commits.count == 0


def test_sums_that_were_asked_for_stay_as_they_were(worked: Worked) -> None:
    worked.perform(SOLD[0])
    worked.tally.committed(0.1)
    counts = worked.tally.counts()
    worked.perform(SOLD[1])
    worked.tally.committed(0.1)
    assert (counts.commits.count, counts.events) == (1, {b"load": 1})


RESERVE = Reserve(pool=POOL, channel=CHANNEL, order_id=None, until_ms=9_000_000)
OUTCOMES: list[tuple[Command, CommandOutcome, RejectionCode | None]] = [
    (command(reserve_number(), "reservation"), CommandOutcome.REPEATED, None),
    (
        command(reserve_number(), "reservation", body_digest="other"),
        CommandOutcome.REJECTED,
        RejectionCode.REQUEST_REUSED,
    ),
    (
        command(Load(pool=POOL), "again", origin=Origin.LOADER),
        CommandOutcome.REJECTED,
        RejectionCode.DUPLICATE_NUMBER,
    ),
    (
        of_fact(command(redeem_action(900_00), "redeem")),
        CommandOutcome.REJECTED,
        RejectionCode.INSUFFICIENT_BALANCE,
    ),
    (command(RESERVE, "offered"), CommandOutcome.PASSED_ON, None),
    (
        command(ExpireReservation(reservation_id="gone"), "expire", origin=Origin.TIMER),
        CommandOutcome.UNCHANGED,
        None,
    ),
]


@pytest.mark.parametrize(("given", "outcome", "code"), OUTCOMES)
def test_command_counts_under_how_it_ended(
    worked: Worked, given: Command, outcome: CommandOutcome, code: RejectionCode | None
) -> None:
    worked.perform(*SOLD)
    worked.tally.committed(0.1)
    before = worked.tally.counts().commands
    worked.perform(given)
    worked.tally.committed(0.1)
    counts = worked.tally.counts()
    changed = {key: n - before.get(key, 0) for key, n in counts.commands.items()}
    assert [key for key, n in changed.items() if n] == [(type(given.action), outcome)]
    assert counts.rejections == ({} if code is None else {code: 1})


def test_refusal_that_is_only_told_again_is_no_other_refusal(worked: Worked) -> None:
    refused = command(Activate(order_id="order-1"), "early")
    worked.perform(SOLD[0], refused, refused)
    worked.tally.committed(0.1)
    counts = worked.tally.counts()
    assert sum(counts.rejections.values()) == 1
    assert counts.commands[Activate, CommandOutcome.REJECTED] == 1
    assert counts.commands[Activate, CommandOutcome.REPEATED] == 1


def test_latency_counts_from_the_command_s_time_and_from_the_source_s_own(worked: Worked) -> None:
    worked.perform(*SOLD[:2])
    worked.perform(replace(SOLD[2], at_ms=COMMITTED_MS - 500), headers=(LATE,))
    worked.tally.committed(0.1)
    found = {key: (each.count, each.sum) for key, each in worked.tally.counts().latencies.items()}
    assert found == {
        (Origin.LOADER, Since.RECEIPT): (1, 1_000.0),
        (Origin.HTTP, Since.RECEIPT): (1, 1_000.0),
        (Origin.FACT, Since.RECEIPT): (1, 0.5),
        (Origin.FACT, Since.EVENT_TIME): (1, 10.0),
    }


@pytest.mark.parametrize("said", [b"", b"-5", b"soon", b"1" * 16, "١٢".encode()])
def test_source_s_time_that_cannot_be_is_left_out(worked: Worked, said: bytes) -> None:
    worked.perform(*SOLD[:2])
    worked.perform(SOLD[2], headers=((EVENT_TIME, said),))
    worked.tally.committed(0.1)
    assert (Origin.FACT, Since.EVENT_TIME) not in worked.tally.counts().latencies


def test_refund_has_a_latency_of_its_own(worked: Worked) -> None:
    spent = redeem_action(10_00, order_id="order-9")
    back = RefundToCertificate(order_id="order-9", payment_id="pay-10", amount=money(5_00))
    worked.perform(*SOLD, of_fact(command(spent, "spent")))
    worked.perform(of_fact(command(back, "back", at_ms=COMMITTED_MS - 700)), headers=(LATE,))
    worked.tally.committed(0.1)
    found = {since: each.sum for since, each in worked.tally.counts().refunds.items()}
    assert found == {Since.RECEIPT: 0.7, Since.EVENT_TIME: 10.0}


@pytest.mark.parametrize(
    ("code", "label"), [("LAW_BREACH", "LAW_BREACH"), ("GC-0001 is odd", OTHER_ALERT)]
)
def test_alert_counts_under_a_code_of_the_closed_list(
    worked: Worked, code: str, label: str
) -> None:
    worked.perform(of_fact(command(RaiseAlert(code=code, text="look"), "alert")))
    worked.tally.committed(0.1)
    assert worked.tally.counts().alerts == {label: 1}


def test_pool_that_is_low_and_then_empty_counts_both_once(worked: Worked) -> None:
    take = TakeNext(
        request_id="request-1",
        body_digest=None,
        channel=CHANNEL,
        order_id=None,
        reserved_until_ms=9_000_000,
        low_mark=2,
        reply_to=None,
        actor=None,
    )
    second = replace(take, request_id="request-2")
    worked.perform_of_pool(Add(certificate_id=NUMBER), take, second, second)
    worked.tally.committed(0.1)
    counts = worked.tally.counts()
    assert counts.alerts == {"POOL_LOW": 1}
    assert counts.rejections == {RejectionCode.POOL_EMPTY: 1}


def test_broken_records_count_by_topic_and_code(worked: Worked) -> None:
    worked.tally.performed(TOPIC, COMMITTED_MS)
    worked.tally.put_aside(TOPIC, BrokenCode.EMPTY)
    worked.tally.committed(0.1)
    assert worked.tally.counts().letters == {(TOPIC, BrokenCode.EMPTY): 1}


def test_assignment_is_another_one_each_time_also_of_the_same_partitions() -> None:
    """A look into the stores is of one assignment: after it the stores may be others."""
    tally = Tally()
    tally.assigned([(TOPIC, 0)])
    first = tally.assignment
    tally.assigned([(TOPIC, 0)])
    assert tally.assignment == first
    assert tally.assignment is not first
