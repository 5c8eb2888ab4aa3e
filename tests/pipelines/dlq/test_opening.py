"""What a person may see of a letter: all that helps, and neither number nor address."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.framing import ConfluentFraming, SingleObjectFraming
from pipelines.contracts.schemas import RecordName, current
from pipelines.dlq.letters import letter_of
from pipelines.dlq.opening import HIDDEN, OpenedLetter, masked, opened_letter, told_time
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    Topic,
)
from tests.contracts.framings import SINGLE_OBJECT, confluent
from tests.contracts.hostile_values import spoilt
from tests.contracts.samples import SAMPLES
from tests.pipelines.dlq.letters_in_memory import SETTINGS, letter, lying, without_headers

CONFLUENT = confluent()
NUMBERS = ("GC-0000-0042", "GC-0000-0041", "GC-0000-0007")
ADDRESS = "token-of-the-crm"
INPUTS: dict[Topic, RecordName] = {
    ALL_SALES_ORDER: RecordName.SALES_ORDER,
    ALL_PAYMENTS: RecordName.PAYMENT,
    ALL_CLIENTS: RecordName.CLIENT,
    FACTS: RecordName.FACT,
    COMMANDS: RecordName.COMMAND,
    POOL: RecordName.POOL_COMMAND,
    INDEX: RecordName.INDEX_ENTRY,
}


def opened(
    value: bytes | None,
    topic: Topic,
    *,
    key: bytes | None = b"key",
    framing: SingleObjectFraming | ConfluentFraming = SINGLE_OBJECT,
) -> OpenedLetter:
    return opened_letter(letter(value, topic=topic, key=key), SETTINGS, framing)


def everything(shown: OpenedLetter) -> Iterator[str]:
    """Every text that a person sees."""
    yield from shown.fields.values()
    yield from shown.fields
    yield from (shown.key, shown.hexadecimal, shown.schema, str(shown.stopped_at))


def test_order_is_shown_with_its_ids_amounts_and_times() -> None:
    value = SINGLE_OBJECT.encode(RecordName.SALES_ORDER, SAMPLES[RecordName.SALES_ORDER])
    shown = opened(value, ALL_SALES_ORDER)
    assert (shown.record, shown.schema) == (RecordName.SALES_ORDER, "SalesOrder, version 1")
    assert (shown.stopped_at, shown.rest) == (None, 0)
    wanted = {
        "eventTime": "2025-01-01T00:00:00Z",
        "orderId": "order-1",
        "version": "3",
        "status": "CONFIRMED",
        "total": "1599.0000",
        "lines[0].amount": "1500.0000",
        "lines[0].certificateId": "…0042",
        "lines[1].certificateId": "null",
        "lines[]": "2 rows",
        "certificateTenders[0].certificateId": "…0007",
        "notification.channel": "SMS",
        "notification.addressToken": HIDDEN,
    }
    assert {path: shown.fields[path] for path in wanted} == wanted


@pytest.mark.parametrize("framing", [SINGLE_OBJECT, CONFLUENT], ids=["single-object", "confluent"])
@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_record_cut_anywhere_shows_neither_number_nor_address(
    topic: Topic, framing: SingleObjectFraming | ConfluentFraming
) -> None:
    """As text, and as the digits of its bytes."""
    whole = framing.encode(INPUTS[topic], SAMPLES[INPUTS[topic]])
    for value in (whole[:length] for length in range(len(whole) + 1)):
        for text in everything(opened(value, topic, key=NUMBERS[0].encode(), framing=framing)):
            for secret in (*NUMBERS, ADDRESS):
                assert secret not in text
                assert secret.encode().hex() not in text.replace(" ", "")


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
@given(data=st.data())
def test_hostile_record_is_shown_on_lines_a_terminal_can_take(
    topic: Topic, data: st.DataObject
) -> None:
    record = INPUTS[topic]
    value = SINGLE_OBJECT.encode(record, data.draw(spoilt(current(record), SAMPLES[record])))
    for text in everything(opened(value, topic, key=data.draw(st.binary(max_size=20)))):
        assert text.isprintable()
        assert len(text) < 1_500


@given(st.one_of(st.none(), st.binary(max_size=200)))
def test_any_bytes_of_any_topic_are_shown_without_their_text(value: bytes | None) -> None:
    for topic in INPUTS:
        shown = opened(value, topic)
        assert all(text.isprintable() for text in everything(shown))


def test_bytes_that_may_be_text_are_only_counted() -> None:
    """Nobody knows what stands in a record that cannot be read: a telephone number, perhaps."""
    shown = opened(b"+79161234567 \x00\x01 GC-0000-0042\x02", ALL_PAYMENTS)
    assert shown.hexadecimal == "[13 bytes that may be text] 00 01 [13 bytes that may be text] 02"
    assert shown.fields == {}
    assert shown.schema.startswith("the record begins neither like")


def test_header_of_a_framed_record_is_shown_whole() -> None:
    """Which schema it names is what an operator looks for."""
    shown = opened(b"\xc3\x01" + b"SCHEMA!!" + b"text of somebody", ALL_PAYMENTS)
    assert shown.hexadecimal == "c3 01 53 43 48 45 4d 41 21 21 [16 bytes that may be text]"
    assert shown.schema == "fingerprint 534348454d412121 is no version of Payment"


def test_long_bytes_are_shown_by_their_beginning() -> None:
    assert opened(b"\x00\x01" * 500, ALL_PAYMENTS).hexadecimal.endswith(" … and 936 more")


def test_letter_without_a_value_says_so() -> None:
    shown = opened(None, ALL_PAYMENTS)
    assert (shown.hexadecimal, shown.rest) == ("no value at all", 0)


def test_letter_of_an_unknown_topic_shows_no_field() -> None:
    shown = opened_letter(
        letter_of(without_headers(lying(), "sourceTopic")), SETTINGS, SINGLE_OBJECT
    )
    assert (shown.record, shown.fields, shown.key) == (None, {}, f"3 bytes {HIDDEN}")


KEYS = [
    (COMMANDS, b"GC-0000-0042", "…0042"),
    (FACTS, b"correlation-1", "correlation-1"),
    (POOL, b"ELECTRONIC", "ELECTRONIC"),
    (ALL_SALES_ORDER, b"order-1", "order-1"),
    (ALL_SALES_ORDER, b"+79161234567", f"12 bytes {HIDDEN}"),
    (ALL_CLIENTS, b"client-7", f"8 bytes {HIDDEN}"),
    (COMMANDS, b"\xff\n", "\ufffd\ufffd"),
    (COMMANDS, None, "none"),
]


@pytest.mark.parametrize(("topic", "key", "shown"), KEYS)
def test_key_is_shown_where_it_is_known_to_be_an_id(
    topic: Topic, key: bytes | None, shown: str
) -> None:
    record = INPUTS[topic]
    assert opened(SINGLE_OBJECT.encode(record, SAMPLES[record]), topic, key=key).key == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GC-0000-0042", "…0042"),
        ("load/GC-0000-0042", "load/…0042"),
        ("the card GC-0000-0042 was stolen", "the card …0042 was stolen"),
        ("ELECTRONIC", "ELECTRONIC"),
        ("3", "3"),
        ("order-1", "order-1"),
    ],
)
def test_what_may_be_a_number_is_cut_to_its_last_four(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_field_that_our_schema_does_not_know_is_not_shown() -> None:
    """A newer writer's: it may be anything, an address too."""
    theirs = current(RecordName.PAYMENT).text.replace(
        '"fields":[', '"fields":[{"name":"phone","type":"string"},', 1
    )
    framing = confluent(theirs)
    body = CONFLUENT.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])[5:]
    value = b"\x00\x00\x00\x00\x01" + b"\x18+79161234567" + body
    shown = opened(value, ALL_PAYMENTS, framing=framing)
    assert shown.fields["phone"] == HIDDEN
    assert shown.fields["paymentId"] == "payment-1"


@pytest.mark.parametrize("at_ms", [-(2**63), -1, 0, 2**63])
def test_time_out_of_range_is_still_told(at_ms: int) -> None:
    assert told_time(at_ms).endswith("Z")
