"""What a retry writes: the right record, under the right key, where it belongs; or why nothing."""

from typing import Any

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_from_record, fact_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import letter_of
from pipelines.dlq.repair import Attempt, Repair, attempt
from pipelines.partitioning import partition_of
from pipelines.stages.record import dead_letter
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    REPLIES,
    Topic,
)
from tests.contracts.actions import ACTIONS, ORDER, POOL_ACTIONS, command, fact, pool_command
from tests.contracts.samples import SAMPLES
from tests.pipelines.dlq.letters_in_memory import (
    AT_MS,
    NOISE,
    PUT_ASIDE_MS,
    SETTINGS,
    letter,
    lying,
    on_the_topic,
    source_record,
    without_headers,
)

FRAMING = SingleObjectFraming()
REPAIR = Repair(SETTINGS, FRAMING)

OURS: list[tuple[Topic, RecordName, dict[str, Any], str]] = [
    (COMMANDS, RecordName.COMMAND, command_to_record(command(ACTIONS[0])), "GC-0000-0042"),
    (FACTS, RecordName.FACT, fact_to_record(fact(ORDER)), "correlation-1"),
    (
        POOL,
        RecordName.POOL_COMMAND,
        pool_command_to_record(pool_command(POOL_ACTIONS[0])),
        "ELECTRONIC",
    ),
    (INDEX, RecordName.INDEX_ENTRY, SAMPLES[RecordName.INDEX_ENTRY], "order:order-1"),
]


@pytest.mark.parametrize(
    ("topic", "record", "fields", "key"), OURS, ids=[topic.name for topic, *_ in OURS]
)
def test_record_of_ours_is_written_as_it_was_where_it_belongs(
    topic: Topic, record: RecordName, fields: dict[str, Any], key: str
) -> None:
    """Whatever key it was under, and wherever it lay."""
    value = FRAMING.encode(record, fields)
    [written] = REPAIR.records(letter(value, topic=topic, key=b"another key"))
    assert (written.topic, written.key, written.value) == (topic, key.encode(), value)
    assert written.partition == partition_of(key.encode(), SETTINGS.partitions)
    assert list(written.headers) == [("traceparent", b"00-1-2-01")]


SOURCES: list[tuple[Topic, RecordName, Topic, bytes]] = [
    (ALL_SALES_ORDER, RecordName.SALES_ORDER, FACTS, b"correlation-1"),
    (ALL_PAYMENTS, RecordName.PAYMENT, FACTS, b"correlation-1"),
    (ALL_CLIENTS, RecordName.CLIENT, COMMANDS, b"GC-0000-0042"),
]


@pytest.mark.parametrize(
    ("topic", "record", "to", "key"), SOURCES, ids=[topic.name for topic, *_ in SOURCES]
)
def test_record_of_the_others_is_put_through_today_s_ingest(
    topic: Topic, record: RecordName, to: Topic, key: bytes
) -> None:
    """Their topics are theirs: only what ingest would have written is."""
    [written] = REPAIR.records(letter(FRAMING.encode(record, SAMPLES[record]), topic=topic))
    assert (written.topic, written.key, written.partition) == (to, key, None)


def test_fact_of_a_retry_is_the_one_that_ingest_would_have_written() -> None:
    """With its id and its time: where the owner sent it again as well, it is known by then."""
    value = FRAMING.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])
    [written] = REPAIR.records(letter(value, topic=ALL_PAYMENTS))
    found = fact_from_record(FRAMING.decode(RecordName.FACT, written.value))
    assert (found.fact_id, found.at_ms) == ("payment-event-1", AT_MS)


def test_record_of_an_earlier_letter_is_taken_for_as_old_as_its_letter() -> None:
    value = FRAMING.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])
    earlier = without_headers(lying(value, topic=ALL_PAYMENTS), "sourceTimestamp")
    [written] = REPAIR.records(letter_of(earlier))
    found = fact_from_record(FRAMING.decode(RecordName.FACT, written.value))
    assert found.at_ms == PUT_ASIDE_MS


def test_record_that_concerns_no_certificate_is_done_with_nothing_written() -> None:
    client = SAMPLES[RecordName.CLIENT] | {"delivery": None}
    judged = attempt(REPAIR, letter(FRAMING.encode(RecordName.CLIENT, client), topic=ALL_CLIENTS))
    assert judged.records == ()
    assert judged.says == "nothing: it concerns no certificate"


def unmarked(accepted: bool) -> Attempt:
    payment = SAMPLES[RecordName.PAYMENT] | {
        "tender": "CARD",
        "certificateId": None,
        "certificateOperation": None,
    }
    settings = SETTINGS.model_copy(update={"accept_unmarked_payments": accepted})
    value = FRAMING.encode(RecordName.PAYMENT, payment)
    return attempt(Repair(settings, FRAMING), letter(value, topic=ALL_PAYMENTS))


def test_retry_goes_by_the_settings_that_it_is_given() -> None:
    assert unmarked(True).says == "1 to GiftCertificates.Facts"
    assert unmarked(False).records == ()


STILL_BROKEN = [
    (COMMANDS, None, BrokenCode.EMPTY),
    (COMMANDS, b"noise", BrokenCode.UNKNOWN_FRAMING),
    (FACTS, FRAMING.encode(RecordName.COMMAND, OURS[0][2]), BrokenCode.UNKNOWN_SCHEMA),
    (COMMANDS, FRAMING.encode(RecordName.COMMAND, OURS[0][2])[:-1], BrokenCode.UNDECODABLE),
    (POOL, FRAMING.encode(RecordName.POOL_COMMAND, OURS[2][2]) + b"x", BrokenCode.TRAILING_BYTES),
    (
        INDEX,
        FRAMING.encode(RecordName.INDEX_ENTRY, OURS[3][2] | {"certificateId": "x"}),
        BrokenCode.CONTRACT,
    ),
    (ALL_SALES_ORDER, b"noise", BrokenCode.UNKNOWN_FRAMING),
]


@pytest.mark.parametrize(("topic", "value", "code"), STILL_BROKEN)
def test_record_that_is_still_broken_is_not_written(
    topic: Topic, value: bytes | None, code: BrokenCode
) -> None:
    found = letter(value, topic=topic)
    with pytest.raises(BrokenRecord) as caught:
        REPAIR.records(found)
    assert caught.value.code is code
    judged = attempt(REPAIR, found)
    assert judged.records is None
    assert judged.says.startswith(f"still broken: {code}")


def test_letter_that_no_retry_can_help_says_why() -> None:
    foreign = attempt(REPAIR, letter_of(without_headers(lying(), "sourceTopic")))
    assert (foreign.records, foreign.says) == (
        None,
        "cannot be retried: it does not say where it comes from: it is none of our workers'",
    )
    other = attempt(REPAIR, letter(topic=REPLIES))
    assert other.says.endswith("here-GiftCertificates.Replies is no topic whose records are taken "
    "in here")  # fmt: skip
    cut = dead_letter(source_record(b"v" * 40_000_000), NOISE)
    too_large = attempt(REPAIR, letter_of(on_the_topic(cut, offset=1)))
    assert "too large to be kept whole" in too_large.says
