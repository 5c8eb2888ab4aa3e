"""The correlate stage: facts fold into one record a key, and ask for what they call for."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from state.certificate.commands import Activate, Channel, Issue, RaiseAlert
from state.correlation.facts import (
    CertificateLine,
    DeadlineReached,
    Fact,
    Happening,
    OrderSeen,
    OrderStatus,
    OrdinaryOrderSeen,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Policy,
    Tender,
)
from state.correlation.record import MAX_PAYMENTS
from state.stores.codec import CORRELATION
from state.stores.layout import MAIN, DeadlineEntry
from tests.pipelines.stages.stage_in_memory import (
    AT_MS,
    FRAMING,
    PARTITIONS,
    TRACE,
    StageInMemory,
    opened,
)

ID = "order-1"
KEY = ID.encode()
NUMBER = "GC-0001"
MISSING_MS = 86_400_000
FORGET_MS = 604_800_000
ORDER = OrderSeen(
    order_id=ID,
    version=1,
    channel=Channel.ONLINE_STORE,
    status=OrderStatus.CONFIRMED,
    client_id=None,
    currency="RUB",
    total_minor=10_000,
    lines=(CertificateLine(line_id="1", amount_minor=10_000, certificate_id=NUMBER),),
    tenders=(),
    notification_channel=None,
)
ORDINARY = OrdinaryOrderSeen(order_id=ID, version=1, status=OrderStatus.CONFIRMED)
PAYMENT = PaymentSeen(
    payment_id="payment-1",
    order_id=ID,
    type=PaymentType.CAPTURE,
    status=PaymentStatus.SUCCEEDED,
    amount_minor=10_000,
    currency="RUB",
    tender=Tender.CARD,
)


@pytest.fixture
def stage() -> StageInMemory:
    return StageInMemory(CorrelateStage(FRAMING, PARTITIONS))


def give(
    stage: StageInMemory, happening: Happening, *, at_ms: int = AT_MS, **changes: Any
) -> list[Outgoing]:
    fact = Fact(
        fact_id=f"event-{stage.offset}",
        correlation_id=ID,
        at_ms=at_ms,
        policy=Policy(missing_after_ms=MISSING_MS, forget_after_ms=FORGET_MS),
        happening=happening,
    )
    value = FRAMING.encode(RecordName.FACT, fact_to_record(fact))
    # Received when it happened; how the two differ is the fold's to judge, and its tests'.
    return stage.give(value, changes.pop("key", KEY), **{"timestamp_ms": at_ms, **changes})


def deadline(at_ms: int) -> set[DeadlineEntry]:
    return {DeadlineEntry(at_ms=at_ms, message_key=ID, kind="CORRELATION", subject="")}


def actions(outputs: list[Outgoing]) -> list[type]:
    assert {output.topic for output in outputs} <= {COMMANDS}
    return [type(command_from_record(opened(output)).action) for output in outputs]


def test_paid_order_issues_and_activates_its_certificate(stage: StageInMemory) -> None:
    assert give(stage, ORDER) == []
    outputs = give(stage, PAYMENT)
    assert actions(outputs) == [Issue, Activate]
    for output in outputs:
        assert (output.key, output.headers) == (NUMBER.encode(), [TRACE])
    issue = command_from_record(opened(outputs[0]))
    assert (issue.command_id, issue.correlation_id, issue.at_ms) == ("order-1/issue/1", ID, AT_MS)


def test_commands_say_when_the_fact_happened_that_they_waited_for(stage: StageInMemory) -> None:
    give(stage, ORDER, headers=[("eventTime", b"1000")])
    outputs = give(stage, PAYMENT, headers=[TRACE, ("eventTime", b"2000")])
    assert [output.headers for output in outputs] == 2 * [[TRACE, ("eventTime", b"2000")]]


def test_facts_told_again_ask_for_nothing_and_write_nothing(stage: StageInMemory) -> None:
    give(stage, ORDER)
    give(stage, PAYMENT)
    for happening in (PAYMENT, ORDER, replace(ORDER, version=0)):
        assert give(stage, happening, at_ms=AT_MS + 9) == []
        assert stage.of(KEY).written == []


def test_deadline_of_a_missing_payment_stands_until_it_comes(stage: StageInMemory) -> None:
    give(stage, ORDER)
    assert stage.deadlines.entries == deadline(AT_MS + MISSING_MS)
    give(stage, PAYMENT, at_ms=AT_MS + 1_000)
    assert stage.deadlines.entries == set()


def test_deadline_moves_when_what_is_missing_changes(stage: StageInMemory) -> None:
    """A marked payment waits for its order; then the order waits for the rest of the money."""
    part = replace(PAYMENT, certificate_id=NUMBER, amount_minor=4_000)
    give(stage, part)
    assert stage.deadlines.entries == deadline(AT_MS + MISSING_MS)
    give(stage, ORDER, at_ms=AT_MS + 5_000)
    assert stage.deadlines.entries == deadline(AT_MS + 5_000 + MISSING_MS)


def test_deadline_reached_raises_one_alert(stage: StageInMemory) -> None:
    give(stage, ORDER)
    due_ms = AT_MS + MISSING_MS
    assert give(stage, DeadlineReached(), at_ms=due_ms - 1) == []
    assert stage.deadlines.entries == deadline(due_ms)
    (alert,) = give(stage, DeadlineReached(), at_ms=due_ms)
    action = command_from_record(opened(alert)).action
    assert isinstance(action, RaiseAlert)
    assert action.code == "PAYMENT_MISSING"
    assert stage.deadlines.entries == set()
    assert give(stage, DeadlineReached(), at_ms=due_ms + 1) == []
    assert stage.of(KEY).written == []


def test_alert_without_a_certificate_is_filed_under_the_longest_correlation(
    stage: StageInMemory,
) -> None:
    """Its command must be one that the certificates stage can read."""
    long = "c" * 200
    fact = Fact(
        fact_id="event",
        correlation_id=long,
        at_ms=AT_MS,
        policy=Policy(missing_after_ms=1, forget_after_ms=1),
        happening=replace(PAYMENT, tender=Tender.GIFT_CERTIFICATE),
    )
    later = replace(fact, happening=DeadlineReached(), at_ms=AT_MS + 1)
    outputs: list[Outgoing] = []
    for each in (fact, later):
        value = FRAMING.encode(RecordName.FACT, fact_to_record(each))
        outputs = stage.give(value, long.encode())
    (alert,) = outputs
    assert command_from_record(opened(alert)).certificate_id == f"correlation:{long}"


def test_ordinary_traffic_is_deleted_when_its_time_is_over(stage: StageInMemory) -> None:
    """An unmarked payment waits in case its order sells a certificate; then nothing is left."""
    give(stage, PAYMENT)
    give(stage, ORDINARY)
    over_ms = AT_MS + FORGET_MS
    assert stage.deadlines.entries == deadline(over_ms)
    kept = CORRELATION.decode(stage.of(KEY).records[MAIN])
    assert kept.payments == {}
    assert give(stage, DeadlineReached(), at_ms=over_ms - 1) == []
    assert stage.of(KEY).records != {}
    assert give(stage, DeadlineReached(), at_ms=over_ms) == []
    assert stage.of(KEY).records == {}
    assert stage.deadlines.entries == set()


def test_deadline_of_what_is_forgotten_already_writes_nothing(stage: StageInMemory) -> None:
    assert give(stage, DeadlineReached()) == []
    assert stage.of(KEY).written == []


def test_one_payment_too_many_is_broken_and_changes_nothing(stage: StageInMemory) -> None:
    for index in range(MAX_PAYMENTS):
        give(stage, replace(PAYMENT, payment_id=f"payment-{index}"))
    kept = dict(stage.of(KEY).records)
    with pytest.raises(BrokenRecord) as caught:
        give(stage, replace(PAYMENT, payment_id="one too many"))
    assert caught.value.code is BrokenCode.CONTRACT
    assert stage.of(KEY).written == []
    assert stage.of(KEY).records == kept


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"order-2"},
        {"key": None},
        {"partition": (partition_of(KEY, PARTITIONS) + 1) % PARTITIONS},
    ],
)
def test_fact_where_it_does_not_belong_is_broken(
    stage: StageInMemory, changes: dict[str, Any]
) -> None:
    with pytest.raises(BrokenRecord):
        give(stage, ORDER, **changes)
    assert all(not records.written for records in stage.records.values())
