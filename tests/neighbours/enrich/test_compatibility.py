"""Versions 1 and 2 in both directions: old readers of new records, new readers of old ones.

A reader here is a schema of ours as it was published, resolved by the Avro library itself.
"""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.schemas import RecordName, published
from pipelines.neighbours.enrich.reading import AnyFraming, PaymentsReader, could_say
from pipelines.neighbours.enrich.records import Destination
from pipelines.neighbours.records.record import SourceRecord
from tests.contracts.framings import SINGLE_OBJECT, confluent
from tests.neighbours.enrich.enrichment_in_memory import EnrichmentInMemory, taken
from tests.neighbours.enrich.stories import GOODS, PURCHASE, SOLD, payment, payments
from tests.neighbours.records.specimens import PURCHASE as MARKED
from tests.neighbours.records.specimens import REDEMPTION

VERSION_1, VERSION_2 = published(RecordName.PAYMENT)
NEW_FIELDS = {
    "certificateId",
    "certificateOperation",
    "authorizationId",
    "originalPaymentId",
    "failureReason",
}


def read_by_version_1(payload: bytes | None) -> dict[str, Any]:
    """A record of version 2 as a system sees it that knows version 1 only."""
    buffer = BytesIO(payload or b"")
    buffer.seek(10)  # The header of Avro's single-object encoding.
    fields = schemaless_reader(buffer, VERSION_2.parsed, VERSION_1.parsed)
    assert isinstance(fields, dict)
    return fields


def test_versions_differ_by_what_version_1_cannot_say() -> None:
    def names(schema: Any) -> set[str]:
        return {field["name"] for field in schema.declared["fields"]}

    assert names(VERSION_2) - names(VERSION_1) == NEW_FIELDS
    assert (could_say(VERSION_1), could_say(VERSION_2)) == (False, True)


@pytest.mark.parametrize("record", [MARKED.record(), REDEMPTION.record()], ids=["money", "spent"])
def test_old_reader_reads_a_version_2_payment_of_the_kit(record: SourceRecord) -> None:
    old = read_by_version_1(record.encode(SINGLE_OBJECT))
    assert old == {name: value for name, value in record.value.items() if name not in NEW_FIELDS}


@given(data=st.data())
def test_old_reader_of_the_enriched_payment_reads_the_payment_as_it_was(
    data: st.DataObject,
) -> None:
    """Whoever reads the output instead of the input, and knows version 1 only, loses nothing."""
    paid = data.draw(payments("order-1"))
    told = data.draw(st.sampled_from([PURCHASE, GOODS]))
    enrichment = EnrichmentInMemory()
    enrichment.take(told.record(), *(each.record() for each in paid))
    assert [read_by_version_1(given.value) for given in enrichment.given] == [
        each.record().value for each in paid
    ]


def test_new_reader_reads_a_version_1_payment_with_nothing_said() -> None:
    record = payment(7_00).record()
    read = SINGLE_OBJECT.decode(RecordName.PAYMENT, record.encode(SINGLE_OBJECT))
    assert read == {**record.value, **dict.fromkeys(NEW_FIELDS)}


@pytest.mark.parametrize(
    "framing", [SINGLE_OBJECT, confluent()], ids=["single-object", "confluent"]
)
def test_both_versions_of_one_payment_can_lie_beside_each_other(framing: AnyFraming) -> None:
    """While a payment system is being updated both are written: neither disturbs the other."""
    old, new = payment(1_500_00), MARKED
    enrichment = EnrichmentInMemory(framing=framing)
    enrichment.take(PURCHASE.record())
    written = enrichment.take(old.record(), new.record())
    assert [each.why for each in written] == ["marked", None]
    assert [each.fields["certificateOperation"] for each in written] == ["PURCHASE", "PURCHASE"]


def version_3() -> str:
    """What might come: a new field, and one more kind of tender."""
    schema = json.loads(VERSION_2.text)
    schema["fields"].append({"name": "terminalId", "type": ["null", "string"], "default": None})
    (tender,) = [field for field in schema["fields"] if field["name"] == "tender"]
    tender["type"]["symbols"].append("CRYPTO")
    return json.dumps(schema)


def test_payment_of_a_newer_version_passes_byte_for_byte() -> None:
    """What we do not know of it is not lost on the way."""
    framing = confluent(version_3())
    record = MARKED.record()
    body = record.encode(SINGLE_OBJECT)[10:]
    appended = b"\x02" + bytes([2 * len("till-9")]) + b"till-9"
    source = taken(record, framing)
    newer = b"\x00" + (1).to_bytes(4, "big") + body + appended
    (given,) = PaymentsReader(framing)(replace(source, value=newer))
    assert (given.destination, given.value) == (Destination.OUTPUT, newer)


def test_version_1_of_another_team_s_registry_is_known_by_what_it_cannot_say() -> None:
    """Their schema may have more of its own fields; ours decides by the one that is missing."""
    schema = json.loads(VERSION_1.text)
    schema["fields"].append({"name": "acquirer", "type": ["null", "string"], "default": None})
    framing = confluent(json.dumps(schema))
    source = taken(payment(1_500_00).record(), SINGLE_OBJECT)
    theirs = b"\x00" + (1).to_bytes(4, "big") + (source.value or b"")[10:] + b"\x00"
    enrichment = EnrichmentInMemory(framing=framing)
    enrichment.take(PURCHASE.record())
    (written,) = enrichment.take(replace(source, value=theirs))
    assert written.marks == ("PURCHASE", SOLD)
