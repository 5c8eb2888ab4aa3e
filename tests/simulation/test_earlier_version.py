"""Workers of the version before write what that version wrote, and today's code reads it."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, by_fingerprint, published
from pipelines.simulation.earlier_version import EarlierFraming, earlier_state, without_defaults
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Topic
from state.certificate.commands import Origin
from state.certificate.record import CertificateState
from state.correlation.record import Correlation
from state.pool.queue import PoolHead
from state.stores.codec import CERTIFICATE_STATE, CORRELATION, OUTCOME, POOL_HEAD, RecordCodec
from state.stores.layout import MAIN, history_key, outcome_key, take_key
from tests.contracts.samples import SAMPLES
from tests.state.stores import specimens

RECORDS: list[tuple[RecordCodec[Any], Any]] = [
    (CERTIFICATE_STATE, specimens.CERTIFICATE_STATE),
    (CERTIFICATE_STATE, CertificateState()),
    (CERTIFICATE_STATE, CertificateState(sequence=1)),
    (OUTCOME, specimens.OUTCOME),
    (OUTCOME, replace(specimens.OUTCOME, amount_minor=None, reservation_id=None)),
    (CORRELATION, specimens.CORRELATION),
    (CORRELATION, Correlation(correlation_id="order-1", since_ms=5)),
    (POOL_HEAD, specimens.POOL_HEAD),
    (POOL_HEAD, PoolHead()),
]


@pytest.mark.parametrize(("codec", "record"), RECORDS)
def test_leaving_out_defaults_decodes_to_the_very_same_record(
    codec: RecordCodec[Any], record: Any
) -> None:
    assert codec.decode(without_defaults(codec, codec.encode(record))) == record


def test_leaving_out_defaults_leaves_fields_out() -> None:
    empty = CERTIFICATE_STATE.encode(CertificateState())
    assert without_defaults(CERTIFICATE_STATE, empty) == empty[:1] + b"\x80"


_STATE = CERTIFICATE_STATE.encode(CertificateState())
_OUTCOME = OUTCOME.encode(replace(specimens.OUTCOME, amount_minor=None))
_CORRELATION = CORRELATION.encode(Correlation(correlation_id="order-1", since_ms=5))
_HEAD = POOL_HEAD.encode(PoolHead())


@pytest.mark.parametrize(
    ("topic", "key", "value", "shorter"),
    [
        (COMMANDS, MAIN, _STATE, True),
        (COMMANDS, outcome_key(Origin.HTTP, "request"), _OUTCOME, True),
        (COMMANDS, history_key(1), b"any", False),
        (FACTS, MAIN, _CORRELATION, True),
        (POOL, MAIN, _HEAD, True),
        (POOL, take_key("request"), b"any", False),
        (INDEX, MAIN, b"any", False),
    ],
)
def test_rewriting_is_for_the_records_whose_fields_have_defaults(
    topic: Topic, key: bytes, value: bytes, shorter: bool
) -> None:
    rewritten = earlier_state(topic)(key, value)
    assert (len(rewritten) < len(value)) is shorter
    assert (rewritten == value) is not shorter


def test_a_reply_is_written_as_today_for_today_s_edge_hears_no_other() -> None:
    current = SingleObjectFraming().encode(RecordName.REPLY, SAMPLES[RecordName.REPLY])
    assert EarlierFraming().encode(RecordName.REPLY, SAMPLES[RecordName.REPLY]) == current


@pytest.mark.parametrize("record", [each for each in RecordName if each is not RecordName.REPLY])
def test_an_earlier_worker_writes_by_the_schema_before_and_today_s_reads_it(
    record: RecordName,
) -> None:
    written = EarlierFraming().encode(record, SAMPLES[record])
    schema = by_fingerprint(record)[written[2:10]]
    versions = len(published(record))
    assert schema.version == max(versions - 1, 1)

    read = SingleObjectFraming().decode(record, written)
    known = {field["name"] for field in schema.parsed["fields"]}
    assert {name: read[name] for name in known} == {
        name: value for name, value in SAMPLES[record].items() if name in known
    }
