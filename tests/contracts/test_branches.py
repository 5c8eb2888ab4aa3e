"""Naming the branches of unions is only a shortcut: the bytes are those of the codec by itself."""

from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, published
from tests.contracts.generated import values_of
from tests.contracts.samples import SAMPLES

FRAMING = SingleObjectFraming()
VERSIONS = [(name, schema.version) for name in RecordName for schema in published(name)]


@pytest.mark.parametrize(("name", "version"), VERSIONS)
@given(data=st.data())
def test_encoded_value_is_what_the_codec_writes_without_help(
    name: RecordName, version: int, data: st.DataObject
) -> None:
    schema = published(name)[version - 1]
    value = data.draw(values_of(schema))
    buffer = BytesIO()
    schemaless_writer(buffer, schema.parsed, value, strict=True, disable_tuple_notation=True)
    assert FRAMING.encode(name, value, version=version)[10:] == buffer.getvalue()


@pytest.mark.parametrize(
    ("record", "field", "inner"),
    [
        (RecordName.GIFT_CERTIFICATE_EVENT, "entry", {"kind": "ISSUE"}),
        (RecordName.GIFT_CERTIFICATE_EVENT, "reason", {"code": None, "text": ""}),
        (RecordName.GIFT_CERTIFICATE_EVENT, "reason", {"code": "A", "text": "", "more": 1}),
        (RecordName.GIFT_CERTIFICATE_EVENT, "reason", "a text"),
        (RecordName.GIFT_CERTIFICATE_EVENT, "reason", 5),
        (RecordName.FACT, "payment", {}),
        (RecordName.REPLY, "rejection", {"code": "LOCKED", "text": 5, "detail": ""}),
    ],
)
def test_inner_record_that_does_not_fit_is_still_a_bug(
    record: RecordName, field: str, inner: Any
) -> None:
    """What the codec found out by trying, it finds out by writing."""
    with pytest.raises((ValueError, TypeError)):
        FRAMING.encode(record, {**SAMPLES[record], field: inner})


def test_encode_leaves_the_value_as_it_was() -> None:
    value = dict(SAMPLES[RecordName.GIFT_CERTIFICATE_EVENT])
    before = dict(value)
    FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, value)
    assert value == before
