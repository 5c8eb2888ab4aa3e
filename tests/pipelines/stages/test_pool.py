"""The pool stage: numbers come in and go out first in first out, and an empty pool says so."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.reply_record import reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, REPLIES, STREAM
from state.certificate.commands import Channel, Command, Origin, Reserve
from state.certificate.rejections import RejectionCode
from state.pool.commands import Add, Forget, PoolAction, PoolCommand, TakeNext
from tests.pipelines.stages.stage_in_memory import (
    AT_MS,
    FRAMING,
    PARTITIONS,
    TRACE,
    StageInMemory,
    opened,
    to,
)

POOL = "ELECTRONIC"
REPLY_TO = "0123456789abcdef"
TAKE = TakeNext(
    request_id="request-1",
    body_digest="digest",
    channel=Channel.ONLINE_STORE,
    order_id="order-1",
    reserved_until_ms=AT_MS + 60_000,
    low_mark=0,
    reply_to=REPLY_TO,
    actor="edge",
)


@pytest.fixture
def stage() -> StageInMemory:
    return StageInMemory(PoolStage(FRAMING, PARTITIONS))


def give(
    stage: StageInMemory, action: PoolAction, *, at_ms: int = AT_MS, **changes: Any
) -> list[Outgoing]:
    command = PoolCommand(pool=POOL, at_ms=at_ms, action=action)
    value = FRAMING.encode(RecordName.POOL_COMMAND, pool_command_to_record(command))
    return stage.give(value, changes.pop("key", POOL.encode()), **changes)


def fill(stage: StageInMemory, *numbers: str) -> None:
    for number in numbers:
        assert give(stage, Add(certificate_id=number)) == []


def offered(outputs: list[Outgoing]) -> Command:
    (output,) = to(COMMANDS, outputs)
    return command_from_record(opened(output))


def test_taken_number_is_asked_to_be_reserved_for_the_request(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002")
    (output,) = give(stage, TAKE)
    assert (output.topic, output.key, output.headers) == (COMMANDS, b"GC-0001", [TRACE])
    assert offered([output]) == Command(
        command_id="request-1",
        at_ms=AT_MS,
        certificate_id="GC-0001",
        origin=Origin.HTTP,
        action=Reserve(
            pool=POOL,
            channel=Channel.ONLINE_STORE,
            order_id="order-1",
            until_ms=AT_MS + 60_000,
        ),
        actor="edge",
        reply_to=REPLY_TO,
        body_digest="digest",
    )


def test_numbers_leave_in_the_order_in_which_they_came(stage: StageInMemory) -> None:
    numbers = [f"GC-000{index}" for index in range(1, 6)]
    fill(stage, *numbers)
    assert give(stage, Forget(certificate_id="GC-0002")) == []
    taken = [
        offered(give(stage, replace(TAKE, request_id=f"r-{index}"))).certificate_id
        for index in range(4)
    ]
    assert taken == ["GC-0001", "GC-0003", "GC-0004", "GC-0005"]


def test_same_request_gets_the_same_number(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002")
    first = offered(give(stage, TAKE))
    again = offered(give(stage, replace(TAKE, reply_to="another-edge"), at_ms=AT_MS + 5))
    assert (first.certificate_id, again.certificate_id) == ("GC-0001", "GC-0001")
    assert again.reply_to == "another-edge"


def test_number_that_was_not_free_is_replaced_by_the_next(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002")
    give(stage, TAKE)
    again = give(stage, replace(TAKE, instead_of="GC-0001"))
    assert offered(again).certificate_id == "GC-0002"


def test_empty_pool_is_published_and_answered(stage: StageInMemory) -> None:
    event, reply = give(stage, TAKE)
    told = opened(event)
    assert (event.topic, event.key) == (STREAM, POOL.encode())
    assert (told["eventType"], told["status"], told["channel"], told["sequence"]) == (
        "issue.blocked",
        "ISSUE_BLOCKED",
        "ONLINE_STORE",
        1,
    )
    assert (told["causationId"], told["reason"]["code"]) == ("request-1", "POOL_EMPTY")
    assert event.headers == [
        ("eventType", b"issue.blocked"),
        ("status", b"ISSUE_BLOCKED"),
        ("channel", b"ONLINE_STORE"),
        TRACE,
    ]
    assert (reply.topic, reply.key) == (REPLIES, b"request-1")
    assert reply.partition == partition_of(REPLY_TO.encode(), PARTITIONS)
    rejection = reply_from_record(opened(reply)).outcome.rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.POOL_EMPTY


def test_repeat_at_an_empty_pool_is_answered_and_not_published_again(stage: StageInMemory) -> None:
    """Even when the pool was filled meanwhile: one request, one outcome."""
    give(stage, TAKE)
    fill(stage, "GC-0001")
    (reply,) = give(stage, TAKE)
    rejection = reply_from_record(opened(reply)).outcome.rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.POOL_EMPTY


def test_request_id_with_another_body_is_refused(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002")
    give(stage, TAKE)
    (reply,) = give(stage, replace(TAKE, body_digest="other"))
    rejection = reply_from_record(opened(reply)).outcome.rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.REQUEST_REUSED


def test_nobody_is_answered_where_nobody_asked(stage: StageInMemory) -> None:
    (event,) = give(stage, replace(TAKE, reply_to=None))
    assert event.topic is STREAM


def test_low_level_is_told_once_and_with_the_rate(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002", "GC-0003")
    first = give(stage, replace(TAKE, request_id="r-1", low_mark=2))
    assert to(STREAM, first) == [], "two left are not fewer than two"
    later_ms = AT_MS + 10 * 60_000
    second = give(stage, replace(TAKE, request_id="r-2", low_mark=2), at_ms=later_ms)
    (event,) = to(STREAM, second)
    told = opened(event)
    assert (told["eventType"], told["status"], told["channel"], told["sequence"]) == (
        "alert",
        "ALERT",
        None,
        1,
    )
    assert told["reason"] == {
        "code": "POOL_LOW",
        "text": "1 numbers left; 2 taken in 10 min; at this rate empty in 10 min",
    }
    third = give(stage, replace(TAKE, request_id="r-3", low_mark=2), at_ms=later_ms)
    assert to(STREAM, third) == []


def test_low_level_without_a_rate_promises_no_time(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0002")
    (event,) = to(STREAM, give(stage, replace(TAKE, low_mark=5)))
    assert opened(event)["reason"]["text"] == "1 numbers left; 1 taken in 1 min"


def test_number_given_twice_is_kept_once(stage: StageInMemory) -> None:
    fill(stage, "GC-0001", "GC-0001")
    give(stage, TAKE)
    assert to(COMMANDS, give(stage, replace(TAKE, request_id="r-2"))) == []


@pytest.mark.parametrize("changes", [{"key": b"PHYSICAL"}, {"key": None}, {"partition": 0}])
def test_command_where_it_does_not_belong_is_broken(
    stage: StageInMemory, changes: dict[str, Any]
) -> None:
    assert partition_of(POOL.encode(), PARTITIONS) != 0
    with pytest.raises(BrokenRecord):
        give(stage, Add(certificate_id="GC-0001"), **changes)
    assert all(not records.written for records in stage.records.values())
