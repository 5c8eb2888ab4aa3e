"""Dead letters as they lie on their topic, without Kafka.

Owns the making of the topic's records: letters of the real stages' runtime, and resolutions.
"""

from dataclasses import replace

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.dlq.letters import Letter, Place, Resolved, letter_of, resolution_record
from pipelines.settings import Settings
from pipelines.stages.record import Incoming, Outgoing, dead_letter
from pipelines.topics import ALL_PAYMENTS, Topic, topic_name

SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-", partitions=6)
PUT_ASIDE_MS = 1_735_700_000_000
AT_MS = 1_735_689_600_123
NOISE = BrokenRecord(BrokenCode.UNKNOWN_FRAMING, "no framing")
DAY_MS = 86_400_000


def source_record(
    value: bytes | None, *, topic: Topic = ALL_PAYMENTS, key: bytes | None = b"key", offset: int = 7
) -> Incoming:
    """A record of an input, as a stage was given it."""
    return Incoming(
        topic=topic_name(topic, SETTINGS),
        partition=3,
        offset=offset,
        key=key,
        value=value,
        headers=(("traceparent", b"00-1-2-01"), ("other", b"dropped")),
        timestamp_ms=AT_MS,
    )


def on_the_topic(
    output: Outgoing, *, partition: int = 2, offset: int, at_ms: int = PUT_ASIDE_MS
) -> Incoming:
    """What was written, as a reader of the topic sees it."""
    return Incoming(
        topic="here-GiftCertificates.DLQ",
        partition=partition if output.partition is None else output.partition,
        offset=offset,
        key=output.key,
        value=output.value,
        headers=output.headers,
        timestamp_ms=at_ms,
    )


def lying(
    value: bytes | None = b"noise",
    *,
    offset: int = 17,
    partition: int = 2,
    at_ms: int = PUT_ASIDE_MS,
    topic: Topic = ALL_PAYMENTS,
    key: bytes | None = b"key",
    error: BrokenRecord = NOISE,
) -> Incoming:
    """A dead letter on the topic."""
    written = dead_letter(source_record(value, topic=topic, key=key, offset=offset), error)
    return on_the_topic(written, partition=partition, offset=offset, at_ms=at_ms)


def letter(value: bytes | None = b"noise", **changes: object) -> Letter:
    """The same, read."""
    return letter_of(lying(value, **changes))  # type: ignore[arg-type]  # handed on as they are


def resolved(
    record: Incoming, *, offset: int, how: Resolved = Resolved.DISCARDED, by: str = "anna"
) -> Incoming:
    """The resolution of a letter, on the topic."""
    written = resolution_record(letter_of(record), how, by=by, reason="sent again")
    return on_the_topic(written, offset=offset, at_ms=record.timestamp_ms + 1_000)


def without_headers(record: Incoming, *names: str) -> Incoming:
    """The same record with some headers left out."""
    kept = [(name, value) for name, value in record.headers if name not in names]
    return replace(record, headers=kept)


PLACE = Place(partition=2, offset=17)
