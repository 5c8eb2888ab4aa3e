"""The certificates stage: commands in; events, pool effects, index entries and replies out."""

from dataclasses import replace

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.reply_record import Position, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.record import Outgoing
from pipelines.topics import INDEX, POOL, REPLIES, STREAM
from state.certificate.commands import (
    Action,
    Activate,
    Capture,
    Command,
    ExpireHold,
    ExpireReservation,
    Load,
    Lock,
    Origin,
    RaiseAlert,
    Reserve,
    RevealCvc,
    Void,
)
from state.certificate.rejections import RejectionCode
from state.pool.commands import Add, Forget, TakeNext
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import MAIN, DeadlineEntry, history_key, outcome_key
from tests.pipelines.stages.stage_in_memory import (
    FRAMING,
    PARTITIONS,
    TRACE,
    StageInMemory,
    opened,
    to,
)
from tests.state.certificate.specimens import (
    CHANNEL,
    HOLD_UNTIL_MS,
    NOW_MS,
    NUMBER,
    ORDER,
    RESERVED_UNTIL_MS,
    SPENDER,
    authorize_action,
    command,
    issue_action,
    redeem_action,
    reserve_number,
)
from tests.state.certificate.specimens import (
    POOL as POOL_NAME,
)

KEY = NUMBER.encode()
REPLY_TO = "0123456789abcdef"


@pytest.fixture
def stage() -> StageInMemory:
    return StageInMemory(CertificatesStage(FRAMING, PARTITIONS))


def give(stage: StageInMemory, sent: Command) -> list[Outgoing]:
    value = FRAMING.encode(RecordName.COMMAND, command_to_record(sent))
    return stage.give(value, sent.certificate_id.encode())


def perform(stage: StageInMemory, *steps: tuple[str, Action]) -> list[Outgoing]:
    """Actions one after another; what came of the last."""
    outputs: list[Outgoing] = []
    for command_id, action in steps:
        outputs = give(stage, command(action, command_id, correlation_id="correlation-1"))
    return outputs


LOADED = ("load", Load(pool=POOL_NAME))
RESERVED = ("reservation", reserve_number())
ISSUED = ("notification-1", issue_action())
REVEALED = ("reveal", RevealCvc(key_id="key-1"))
ACTIVE = ("activate", Activate(order_id=ORDER))
HELD = ("hold-1", authorize_action())
RESERVATION_END = DeadlineEntry(
    at_ms=RESERVED_UNTIL_MS, message_key=NUMBER, kind="RESERVATION", subject="reservation"
)
HOLD_END = DeadlineEntry(at_ms=HOLD_UNTIL_MS, message_key=NUMBER, kind="HOLD", subject="hold-1")


@pytest.mark.parametrize("key", [b"GC-0002", b"", None, NUMBER.lower().encode()])
def test_command_under_another_key_is_broken_and_changes_nothing(
    stage: StageInMemory, key: bytes | None
) -> None:
    value = FRAMING.encode(RecordName.COMMAND, command_to_record(command(Load(pool=POOL_NAME))))
    with pytest.raises(BrokenRecord, match="key") as caught:
        stage.give(value, key)
    assert caught.value.code is BrokenCode.CONTRACT
    assert stage.of(key).written == []


def test_command_in_another_partition_is_broken_and_changes_nothing(stage: StageInMemory) -> None:
    """A producer with CRC32 would make a second truth about the same number."""
    value = FRAMING.encode(RecordName.COMMAND, command_to_record(command(Load(pool=POOL_NAME))))
    elsewhere = (partition_of(KEY, PARTITIONS) + 1) % PARTITIONS
    with pytest.raises(BrokenRecord, match="murmur2"):
        stage.give(value, KEY, partition=elsewhere)
    assert stage.of(KEY).written == []


@pytest.mark.parametrize("value", [None, b"", b"not a record", b"\xc3\x01 too short"])
def test_undecodable_value_is_broken(stage: StageInMemory, value: bytes | None) -> None:
    with pytest.raises(BrokenRecord):
        stage.give(value, KEY)


def test_load_publishes_stores_and_gives_the_number_to_its_pool(stage: StageInMemory) -> None:
    outputs = perform(stage, LOADED)
    event, pool = outputs
    assert (event.topic, event.key) == (STREAM, KEY)
    assert opened(event)["eventType"] == "load"
    assert (pool.topic, pool.key) == (POOL, POOL_NAME.encode())
    given = pool_command_from_record(opened(pool))
    assert (given.action, given.at_ms) == (Add(certificate_id=NUMBER), NOW_MS)
    assert set(stage.of(KEY).records) == {
        MAIN,
        history_key(1),
        outcome_key(Origin.HTTP, "load"),
    }


def test_events_carry_headers_for_filtering_and_the_trace_only(stage: StageInMemory) -> None:
    event, *_ = perform(stage, LOADED, RESERVED)
    assert event.headers == [
        ("eventType", b"reserve"),
        ("status", b"RESERVED"),
        ("channel", b"ONLINE_STORE"),
        ("certificateId", KEY),
        TRACE,
    ]


def test_every_output_hands_the_trace_on(stage: StageInMemory) -> None:
    perform(stage, LOADED)
    sent = replace(command(reserve_number(), "reservation"), reply_to=REPLY_TO)
    outputs = give(stage, sent)
    assert {output.topic for output in outputs} == {STREAM, POOL, INDEX, REPLIES}
    assert all(TRACE in output.headers for output in outputs)
    assert not any(name == "other" for output in outputs for name, _ in output.headers)


def test_reserving_a_number_by_hand_makes_the_pool_forget_it(stage: StageInMemory) -> None:
    (pool,) = to(POOL, perform(stage, LOADED, RESERVED))
    assert pool_command_from_record(opened(pool)).action == Forget(certificate_id=NUMBER)


def test_pool_is_asked_again_when_its_offer_is_not_free(stage: StageInMemory) -> None:
    """The same request, with whom to answer; that it was passed on is kept, nothing published."""
    perform(stage, LOADED, RESERVED)
    offer = Reserve(pool=POOL_NAME, channel=CHANNEL, order_id="order-5", until_ms=5)
    sent = replace(command(offer, "request-5", body_digest="digest"), reply_to=REPLY_TO)
    (pool,) = give(stage, sent)
    assert pool_command_from_record(opened(pool)).action == TakeNext(
        request_id="request-5",
        body_digest="digest",
        channel=CHANNEL,
        order_id="order-5",
        reserved_until_ms=5,
        low_mark=0,
        reply_to=REPLY_TO,
        actor=None,
        instead_of=NUMBER,
    )
    assert stage.of(KEY).written == [outcome_key(Origin.HTTP, "request-5")]


def test_reply_goes_to_the_partition_of_whoever_asked(stage: StageInMemory) -> None:
    sent = replace(command(Load(pool=POOL_NAME), "load-1"), reply_to=REPLY_TO)
    (reply,) = to(REPLIES, give(stage, sent))
    assert reply.key == b"load-1"
    assert reply.partition == partition_of(REPLY_TO.encode(), PARTITIONS)
    told = reply_from_record(opened(reply))
    assert told.reply_to == REPLY_TO
    assert told.outcome.rejection is None
    assert told.position == Position(
        topic="GiftCertificates.Commands", partition=partition_of(KEY, PARTITIONS), offset=0
    )


def test_nobody_is_answered_where_nobody_asked(stage: StageInMemory) -> None:
    assert to(REPLIES, perform(stage, LOADED, RESERVED)) == []


def test_repeated_request_gets_the_same_answer_and_changes_nothing(stage: StageInMemory) -> None:
    perform(stage, LOADED)
    sent = replace(command(reserve_number(), "r", body_digest="d"), reply_to=REPLY_TO)
    first = reply_from_record(opened(to(REPLIES, give(stage, sent))[0]))
    # Another edge asks, later, after the certificate went on.
    perform(stage, ISSUED)
    kept = dict(stage.of(KEY).records)
    (again,) = give(stage, replace(sent, at_ms=sent.at_ms + 99, reply_to="another-edge"))
    told = reply_from_record(opened(again))
    assert told.outcome == first.outcome
    assert told.reply_to == "another-edge"
    assert stage.of(KEY).written == []
    assert stage.of(KEY).records == kept


def test_request_id_with_another_body_is_refused_and_keeps_the_first_outcome(
    stage: StageInMemory,
) -> None:
    perform(stage, LOADED)
    sent = replace(command(reserve_number(), "r", body_digest="one"), reply_to=REPLY_TO)
    give(stage, sent)
    (again,) = give(stage, replace(sent, body_digest="other"))
    rejection = reply_from_record(opened(again)).outcome.rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.REQUEST_REUSED
    assert stage.of(KEY).written == []


def test_same_request_id_of_another_origin_is_another_request(stage: StageInMemory) -> None:
    """A correlation named like somebody's idempotency key answers for itself."""
    perform(stage, LOADED, ("same", reserve_number()))
    given = give(stage, command(issue_action(), "same", origin=Origin.FACT))
    assert [opened(event)["eventType"] for event in to(STREAM, given)] == [
        "issue",
        "notification.requested",
    ]


def test_refusal_of_a_fact_is_published_as_an_error(stage: StageInMemory) -> None:
    given = give(stage, command(Activate(order_id=ORDER), "a", origin=Origin.FACT))
    (event,) = given
    told = opened(event)
    assert (told["eventType"], told["reason"]["code"], told["payload"]) == (
        "error",
        "NOT_FOUND",
        None,
    )
    state = CERTIFICATE_STATE.decode(stage.of(KEY).records[MAIN])
    assert (state.sequence, state.certificate) == (1, None)


def test_refusal_of_a_caller_is_answered_and_not_published(stage: StageInMemory) -> None:
    """The outcome is kept, so that a repeat is refused too; the certificate is not written anew."""
    sent = replace(command(Lock(reason="lost"), "lock"), reply_to=REPLY_TO)
    (reply,) = give(stage, sent)
    rejection = reply_from_record(opened(reply)).outcome.rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.NOT_FOUND
    assert stage.of(KEY).written == [outcome_key(Origin.HTTP, "lock")]


def test_sequence_goes_on_without_a_gap_over_an_error_before_the_load(
    stage: StageInMemory,
) -> None:
    give(stage, command(Activate(order_id=ORDER), "a", origin=Origin.FACT))
    (event, _) = perform(stage, LOADED)
    assert opened(event)["sequence"] == 2


def test_events_of_one_command_have_ids_that_follow_from_its_place(stage: StageInMemory) -> None:
    """A replay gives the same ids, and no two events share one."""
    first = [
        opened(event)["eventId"] for event in to(STREAM, perform(stage, LOADED, RESERVED, ISSUED))
    ]
    again = StageInMemory(CertificatesStage(FRAMING, PARTITIONS))
    assert [
        opened(event)["eventId"] for event in to(STREAM, perform(again, LOADED, RESERVED, ISSUED))
    ] == first
    assert len(set(first)) == 2


INDEXED = {
    "reserve": ((LOADED, RESERVED), ["request:reservation", f"order:{ORDER}"]),
    "reserve without order": (
        (LOADED, ("reservation", reserve_number(order_id=None))),
        ["request:reservation"],
    ),
    "issue": (
        (LOADED, RESERVED, ISSUED),
        [f"order:{ORDER}", "last4:0001", "correlation:correlation-1", "client:client-1"],
    ),
    "issue for nobody known": (
        (LOADED, RESERVED, ("notification-1", replace(issue_action(), client_id=None))),
        [f"order:{ORDER}", "last4:0001", "correlation:correlation-1"],
    ),
    "redeem": (
        (LOADED, RESERVED, ISSUED, ACTIVE, ("redeem", redeem_action(100))),
        [f"order:{SPENDER}"],
    ),
    "activate": ((LOADED, RESERVED, ISSUED, ACTIVE), []),
}


@pytest.mark.parametrize(("steps", "entries"), INDEXED.values(), ids=list(INDEXED))
def test_certificate_is_indexed_by_what_it_is_looked_for(
    stage: StageInMemory, steps: tuple[tuple[str, Action], ...], entries: list[str]
) -> None:
    outputs = to(INDEX, perform(stage, *steps))
    assert [opened(output)["entry"] for output in outputs] == entries
    for output in outputs:
        assert output.key == opened(output)["entry"].encode()
        assert opened(output)["certificateId"] == NUMBER


DEADLINES: dict[str, tuple[tuple[tuple[str, Action], ...], set[DeadlineEntry]]] = {
    "loaded": ((LOADED,), set()),
    "reserved": ((LOADED, RESERVED), {RESERVATION_END}),
    "issued": ((LOADED, RESERVED, ISSUED), set()),
    "held": ((LOADED, RESERVED, ISSUED, REVEALED, ACTIVE, HELD), {HOLD_END}),
    "held twice": (
        (LOADED, RESERVED, ISSUED, REVEALED, ACTIVE, HELD, ("hold-2", authorize_action(100))),
        {HOLD_END, replace(HOLD_END, subject="hold-2")},
    ),
    "voided": (
        (
            *(LOADED, RESERVED, ISSUED, REVEALED, ACTIVE, HELD),
            ("void", Void(authorization_id="hold-1")),
        ),
        set(),
    ),
    "captured": (
        (
            *(LOADED, RESERVED, ISSUED, REVEALED, ACTIVE, HELD),
            ("capture", Capture(authorization_id="hold-1", amount=None)),
        ),
        set(),
    ),
}


@pytest.mark.parametrize(("steps", "entries"), DEADLINES.values(), ids=list(DEADLINES))
def test_deadlines_stand_exactly_while_they_are_open(
    stage: StageInMemory, steps: tuple[tuple[str, Action], ...], entries: set[DeadlineEntry]
) -> None:
    perform(stage, *steps)
    assert stage.deadlines.entries == entries


@pytest.mark.parametrize(
    ("steps", "action", "at_ms", "event"),
    [
        (
            (LOADED, RESERVED),
            ExpireReservation(reservation_id="reservation"),
            RESERVED_UNTIL_MS,
            "release",
        ),
        (
            (LOADED, RESERVED, ISSUED, REVEALED, ACTIVE, HELD),
            ExpireHold(authorization_id="hold-1"),
            HOLD_UNTIL_MS,
            "hold.expired",
        ),
    ],
)
def test_timer_closes_a_deadline_once_and_keeps_no_outcome(
    stage: StageInMemory,
    steps: tuple[tuple[str, Action], ...],
    action: Action,
    at_ms: int,
    event: str,
) -> None:
    """A timer may ask twice, or too early: it is judged anew each time."""
    perform(stage, *steps)
    early = command(action, "expire", origin=Origin.TIMER, at_ms=at_ms - 1)
    assert give(stage, early) == []
    assert len(stage.deadlines.entries) == 1
    due = replace(early, at_ms=at_ms)
    assert [opened(output)["eventType"] for output in to(STREAM, give(stage, due))] == [event]
    assert stage.deadlines.entries == set()
    assert give(stage, due) == []
    assert outcome_key(Origin.TIMER, "expire") not in stage.of(KEY).records


def test_released_number_returns_to_its_pool(stage: StageInMemory) -> None:
    perform(stage, LOADED, RESERVED)
    expire = ExpireReservation(reservation_id="reservation")
    given = give(stage, command(expire, "expire", origin=Origin.TIMER, at_ms=RESERVED_UNTIL_MS))
    (pool,) = to(POOL, given)
    assert pool_command_from_record(opened(pool)).action == Add(certificate_id=NUMBER)


def test_ids_with_a_separator_never_write_over_another_record(stage: StageInMemory) -> None:
    """Alerts about a correlation, and about another that is spelled to meet the first's outcome."""
    alert = RaiseAlert(code="ORDER_MISSING", text="no order")
    for subject, command_id in (("correlation:1", "x|c"), ("correlation:1|qFx", "y")):
        give(stage, command(alert, command_id, origin=Origin.FACT, certificate_id=subject))
    kept = {
        (key or b"") + b"|" + inner: value
        for key, records in stage.records.items()
        for inner, value in records.records.items()
    }
    assert len(kept) == sum(len(records.records) for records in stage.records.values())
