"""What lies on the dead letter queue, whoever wrote it, and which of it is open."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.broken import BrokenRecord
from pipelines.dlq.letters import (
    LetterQueue,
    Place,
    Resolution,
    Resolved,
    Source,
    letter_of,
    resolution_record,
)
from pipelines.rebuild.dead_letters import places_named
from pipelines.stages.record import Headers, Incoming, dead_letter
from tests.pipelines.dlq.letters_in_memory import (
    AT_MS,
    DAY_MS,
    NOISE,
    PLACE,
    PUT_ASIDE_MS,
    letter,
    lying,
    on_the_topic,
    resolved,
    source_record,
    without_headers,
)


def test_letter_says_what_the_worker_wrote() -> None:
    found = letter(b"\xff\x00")
    assert found.place == PLACE
    assert found.source == Source(
        topic="here-All_Payments", partition=3, offset=17, timestamp_ms=AT_MS
    )
    assert (found.key, found.value) == (b"key", b"\xff\x00")
    assert (found.code, found.text) == ("UNKNOWN_FRAMING", "no framing")
    assert found.trace == (("traceparent", b"00-1-2-01"),)
    assert found.cut_from is None
    assert found.expires_ms == PUT_ASIDE_MS + 30 * DAY_MS


def test_letter_of_an_earlier_version_has_no_time_of_its_record() -> None:
    found = letter_of(without_headers(lying(), "sourceTimestamp"))
    assert found.source is not None
    assert found.source.timestamp_ms is None


def test_letter_that_was_cut_says_what_it_was_cut_from() -> None:
    written = dead_letter(source_record(b"v" * 40_000_000), NOISE)
    assert letter_of(on_the_topic(written, offset=1)).cut_from == "3+40000000"


@pytest.mark.parametrize("header", ["sourceTopic", "sourcePartition", "sourceOffset"])
def test_letter_that_does_not_say_where_it_was_has_no_source(header: str) -> None:
    assert letter_of(without_headers(lying(), header)).source is None


def test_letter_is_open_until_a_resolution_behind_it_names_it() -> None:
    first, second = lying(offset=17), lying(offset=18)
    queue = LetterQueue.of([first, second, resolved(first, offset=19)])
    assert [queue.is_open(each) for each in queue.in_order()] == [False, True]
    assert queue.resolutions[PLACE] == Resolution(
        place=PLACE,
        how=Resolved.DISCARDED,
        at_ms=PUT_ASIDE_MS + 1_000,
        by="anna",
        reason="sent again",
    )
    assert queue.strange == 0


def test_first_resolution_of_a_letter_stands() -> None:
    record = lying()
    queue = LetterQueue.of(
        [
            record,
            resolved(record, offset=18, how=Resolved.RETRIED, by="anna"),
            resolved(record, offset=19, by="boris"),
        ]
    )
    assert queue.resolutions[PLACE].by == "anna"


def test_resolution_of_a_letter_that_was_deleted_is_no_matter() -> None:
    queue = LetterQueue.of([resolved(lying(), offset=18), lying(offset=19)])
    assert queue.resolutions == {}
    assert queue.strange == 0
    assert len(queue.letters) == 1


def test_resolution_before_its_letter_resolves_nothing() -> None:
    """Nobody can know the offset of what is not there yet."""
    record = lying()
    queue = LetterQueue.of([resolved(record, offset=16), record])
    assert queue.is_open(letter_of(record))


def test_resolution_in_another_partition_is_strange() -> None:
    record = lying()
    elsewhere = replace(resolved(record, offset=18), partition=1)
    queue = LetterQueue.of([record, elsewhere])
    assert queue.is_open(letter_of(record))
    assert queue.strange == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resolution", b"FORGOTTEN"),
        ("letterOffset", b""),
        ("letterOffset", b"-1"),
        ("letterOffset", b"\xd9\xa1"),
        ("letterOffset", b"9" * 5_000),
        ("letterPartition", b"two"),
        ("letterPartition", None),
    ],
)
def test_resolution_that_cannot_be_one_resolves_nothing(name: str, value: bytes | None) -> None:
    record = lying()
    good = resolved(record, offset=18)
    headers = [(each, value if each == name else kept) for each, kept in good.headers]
    queue = LetterQueue.of([record, replace(good, headers=headers)])
    assert queue.is_open(letter_of(record))
    assert queue.strange == 1


def test_letters_are_in_the_order_in_which_they_were_put_aside() -> None:
    records = [
        lying(partition=0, offset=1, at_ms=30),
        lying(partition=1, offset=9, at_ms=10),
        lying(partition=0, offset=0, at_ms=20),
        lying(partition=0, offset=2, at_ms=30),
    ]
    order = [str(each.place) for each in LetterQueue.of(records).in_order()]
    assert order == ["1:9", "0:0", "0:1", "0:2"]


def test_resolution_stands_in_the_partition_of_its_letter_and_has_no_value() -> None:
    written = resolution_record(letter(), Resolved.RETRIED, by="anna", written="1 to Facts")
    assert (written.partition, written.key, written.value) == (2, b"key", None)
    names = [name for name, _ in written.headers]
    assert names == ["resolution", "letterPartition", "letterOffset", "by", "written"]


def test_reader_of_letters_passes_a_resolution_over() -> None:
    """Whoever looks for `errorCode` or `sourceTopic` finds none: ours, and others' readers."""
    record = lying()
    ended = resolved(record, offset=18)
    assert "errorCode" not in dict(ended.headers)
    assert places_named([record, ended]) == places_named([record])


HEADER = st.tuples(
    st.sampled_from(
        [
            "sourceTopic",
            "sourcePartition",
            "sourceOffset",
            "sourceTimestamp",
            "errorCode",
            "errorText",
            "cutFrom",
            "traceparent",
            "resolution",
            "letterPartition",
            "letterOffset",
            "by",
            "reason",
            "written",
            "their own",
        ]
    ),
    st.one_of(
        st.none(),
        st.binary(max_size=20),
        st.sampled_from([b"RETRIED", b"2", b"17", b"-1", b"1e5", b"\xff", b"here-All_Payments"]),
    ),
)


@given(st.lists(st.tuples(st.lists(HEADER, max_size=9), st.binary(max_size=5)), max_size=8))
def test_anything_on_the_topic_is_a_letter_a_resolution_or_strange(
    content: list[tuple[Headers, bytes]],
) -> None:
    """Whoever writes there, the operator still sees it: the reader has no dead letters itself."""
    records = [
        Incoming(
            topic="here-GiftCertificates.DLQ",
            partition=2,
            offset=offset,
            key=value or None,
            value=value or None,
            headers=headers,
            timestamp_ms=PUT_ASIDE_MS,
        )
        for offset, (headers, value) in enumerate(content)
    ]
    queue = LetterQueue.of(records)
    named = sum("resolution" in dict(headers) for headers, _ in content)
    assert len(queue.letters) == len(content) - named
    for found in queue.in_order():
        assert found.code.isprintable()
        assert found.text.isprintable()


@pytest.mark.parametrize("text", ["0:0", "2:17", "5:123456789"])
def test_place_is_read_as_it_is_written(text: str) -> None:
    assert str(Place.parsed(text)) == text


@pytest.mark.parametrize(
    "text", ["", "17", "2:", ":17", "2:-1", "2:1:1", "a:b", "2: 1", "\u0662:\u0661"]
)
def test_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        Place.parsed(text)


def test_broken_record_keeps_its_text_in_the_letter() -> None:
    error = BrokenRecord(NOISE.code, "what is wrong")
    assert letter(error=error).text == "what is wrong"
