"""The published schemas are documented, locked, and say what the domain says."""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest

from pipelines.contracts import schemas
from pipelines.contracts.schemas import (
    Json,
    RecordName,
    Schema,
    current,
    fingerprint_of,
    published,
    schema_folder,
    without_logical_types,
)
from pipelines.topics import DLQ, TOPICS
from state.certificate.commands import Action, Channel, NotificationChannel, Origin
from state.certificate.events import EntryKind, EventType
from state.certificate.record import Lifecycle, NotificationStatus, Status
from state.correlation.facts import (
    CertificateOperation,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.pool.commands import PoolAction
from tests.contracts.golden_files import FINGERPRINTS, digests_of, name_of

EVERY_VERSION = [
    pytest.param(schema, id=name_of(schema))
    for record in RecordName
    for schema in published(record)
]
EVERY_RECORD = [pytest.param(record, id=record.value) for record in RecordName]
AMOUNT = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}
TIME = {"type": "long", "logicalType": "timestamp-millis"}


def named_types(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every record and enum defined in a schema, with the path to it."""
    match schema:
        case list():
            for branch in schema:
                yield from named_types(branch, path)
        case {"type": "record", "fields": fields, "name": name}:
            yield path or name, schema
            for field in fields:
                yield from named_types(field["type"], f"{path or name}.{field['name']}")
        case {"type": "enum"}:
            yield path, schema
        case {"items": items}:
            yield from named_types(items, path)


def fields_of(schema: Json) -> Iterator[tuple[str, Json]]:
    for path, named in named_types(schema):
        for field in named.get("fields", ()):
            yield f"{path}.{field['name']}", field


def enum_of(record: RecordName, name: str) -> list[str]:
    """The symbols of one enum, without the one that stands for what is not known yet."""
    for _, named in named_types(current(record).declared):
        if named["name"] == name:
            symbols: list[str] = named["symbols"]
            return symbols[1:]
    raise AssertionError(f"{record.value} has no enum {name}")


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_every_record_field_and_enum_has_a_sentence_of_documentation(schema: Schema) -> None:
    bare = [
        path
        for path, documented in [*named_types(schema.declared), *fields_of(schema.declared)]
        if not re.fullmatch(r"[A-Z0-9].{8,}\.", documented.get("doc", ""), re.DOTALL)
    ]
    assert bare == []


@pytest.mark.parametrize("record", EVERY_RECORD)
def test_the_file_in_avro_is_the_highest_published_version(record: RecordName) -> None:
    path = schema_folder() / f"{record.value}.avsc"
    assert json.loads(path.read_text(encoding="utf-8")) == current(record).declared, (
        "publish it: python -m tests.contracts.publish"
    )


@pytest.mark.parametrize("record", EVERY_RECORD)
def test_published_versions_are_numbered_without_a_gap(record: RecordName) -> None:
    versions = [schema.version for schema in published(record)]
    assert versions == list(range(1, len(versions) + 1))


def test_every_file_in_avro_is_a_record_or_a_published_version_of_one() -> None:
    """A misspelt file would otherwise be published nowhere and noticed by nobody."""
    folder = schema_folder()
    known = {f"{record.value}.avsc" for record in RecordName} | {"README.md"}
    known |= {
        f"published/{name_of(schema)}.avsc" for record in RecordName for schema in published(record)
    }
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == known


def test_published_versions_are_what_they_were_when_they_were_published() -> None:
    """A published version is on topics for ever; a change of it is a new version."""
    locked = json.loads(FINGERPRINTS.read_text(encoding="utf-8"))
    found = {
        name_of(schema): digests_of(schema) for record in RecordName for schema in published(record)
    }
    assert found == locked


def test_readme_lists_every_record_with_its_topic_and_every_later_version() -> None:
    readme = (schema_folder() / "README.md").read_text(encoding="utf-8")
    for topic in TOPICS:
        if topic is not DLQ:
            assert f"| [{topic.value}]({topic.value}.avsc) | `{topic.name}` |" in readme
    for record in RecordName:
        versions = len(published(record))
        listed = [f"| {record.value} | {n} |" in readme for n in range(1, versions + 1)]
        assert all(listed) or versions == 1, record


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_every_record_lives_in_our_namespace_under_its_name(schema: Schema) -> None:
    assert schema.declared["namespace"] == "giftcertificates"
    assert schema.declared["name"] == schema.record.value


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_every_enum_reads_a_later_symbol_as_unknown(schema: Schema) -> None:
    """So a new symbol breaks no reader that is older than it."""
    for path, named in named_types(schema.declared):
        if named["type"] == "enum":
            assert named["default"] == "UNKNOWN", path
            assert named["symbols"][0] == "UNKNOWN", path


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_every_optional_field_comes_first_as_null_and_defaults_to_it(schema: Schema) -> None:
    for path, field in fields_of(schema.declared):
        if isinstance(field["type"], list):
            first, *others = field["type"]
            assert (first, len(others)) == ("null", 1), path
            assert field["default"] is None, path
        else:
            assert "default" not in field, path


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_every_amount_and_time_has_the_one_type_of_the_contract(schema: Schema) -> None:
    for path, field in fields_of(schema.declared):
        kind = field["type"][1] if isinstance(field["type"], list) else field["type"]
        name = field["name"]
        if name in {"amount", "total", "nominal", "remainingBalance", "held"}:
            assert kind == AMOUNT, path
        elif re.search(r"(^at|At|Time|Until)$", name):
            assert kind == TIME, path
        else:
            assert kind not in ("int", "float", "double", "bytes"), path


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_no_record_can_hold_a_code_or_an_address(schema: Schema) -> None:
    """The token of an address is in the order that comes in, and nowhere else."""
    secret = re.compile(r"^(cvc|pin|otp|secret|address|phone|email)$|addressToken", re.IGNORECASE)
    found = {path for path, field in fields_of(schema.declared) if secret.search(field["name"])}
    allowed = {"SalesOrder.notification.addressToken"}
    assert found == (allowed if schema.record is RecordName.SALES_ORDER else set())


@pytest.mark.parametrize(
    ("record", "name", "values"),
    [
        (RecordName.SALES_ORDER, "Channel", Channel),
        (RecordName.SALES_ORDER, "OrderStatus", OrderStatus),
        (RecordName.SALES_ORDER, "NotificationChannel", NotificationChannel),
        (RecordName.PAYMENT, "Channel", Channel),
        (RecordName.PAYMENT, "PaymentType", PaymentType),
        (RecordName.PAYMENT, "PaymentStatus", PaymentStatus),
        (RecordName.PAYMENT, "Tender", Tender),
        (RecordName.PAYMENT, "CertificateOperation", CertificateOperation),
        (RecordName.CLIENT, "NotificationChannel", NotificationChannel),
        (RecordName.FACT, "Channel", Channel),
        (RecordName.FACT, "OrderStatus", OrderStatus),
        (RecordName.FACT, "NotificationChannel", NotificationChannel),
        (RecordName.FACT, "PaymentType", PaymentType),
        (RecordName.FACT, "PaymentStatus", PaymentStatus),
        (RecordName.FACT, "Tender", Tender),
        (RecordName.FACT, "CertificateOperation", CertificateOperation),
        (RecordName.COMMAND, "Origin", Origin),
        (RecordName.COMMAND, "Channel", Channel),
        (RecordName.COMMAND, "NotificationChannel", NotificationChannel),
        (RecordName.POOL_COMMAND, "Channel", Channel),
        (RecordName.GIFT_CERTIFICATE_EVENT, "Status", Status),
        (RecordName.GIFT_CERTIFICATE_EVENT, "Channel", Channel),
        (RecordName.GIFT_CERTIFICATE_EVENT, "EntryKind", EntryKind),
        (RecordName.GIFT_CERTIFICATE_EVENT, "Lifecycle", Lifecycle),
        (RecordName.GIFT_CERTIFICATE_EVENT, "NotificationChannel", NotificationChannel),
        (RecordName.GIFT_CERTIFICATE_EVENT, "NotificationStatus", NotificationStatus),
        (RecordName.REPLY, "Status", Status),
    ],
)
def test_every_enum_has_the_values_of_the_domain(
    record: RecordName, name: str, values: type[StrEnum]
) -> None:
    assert set(enum_of(record, name)) == {value.value for value in values}


@pytest.mark.parametrize(
    ("record", "name", "actions"),
    [
        (RecordName.COMMAND, "CommandType", get_args(Action)),
        (RecordName.POOL_COMMAND, "PoolCommandType", get_args(PoolAction)),
    ],
)
def test_every_command_type_is_an_action_of_the_domain(
    record: RecordName, name: str, actions: tuple[type, ...]
) -> None:
    """RESERVE_NUMBER is ReserveNumber, and so for each: none missing, none too many."""
    expected = {re.sub(r"(?<!^)([A-Z])", r"_\1", action.__name__).upper() for action in actions}
    assert set(enum_of(record, name)) == expected


def test_event_types_in_the_documentation_are_those_of_the_domain() -> None:
    """They are text, because a symbol has no dots: their list is in the documentation."""
    declared = current(RecordName.GIFT_CERTIFICATE_EVENT).declared
    doc = next(field["doc"] for field in declared["fields"] if field["name"] == "eventType")
    listed = doc.removeprefix("What happened: ").partition(". A string")[0]
    assert set(re.split(r", | or ", listed)) == {event_type.value for event_type in EventType}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("null", 0x63DD24E7CC258F8A),
        ("boolean", 0x9F42FC78A4D4F764),
        ("int", 0x7275D51A3F395C8F),
        ("long", 0xD054E14493F41DB7),
        ("string", 0x8F014872634503C7),
        ("bytes", 0x4FC016DAC3201965),
        ({"type": "fixed", "name": "foo", "size": 15}, 0x18602EC3ED31A504),
        ({"type": "record", "name": "foo", "fields": []}, 0xBD0C50C84319BE7E),
        (
            {
                "type": "record",
                "name": "foo",
                "namespace": "x.y",
                "doc": "d",
                "fields": [{"name": "f1", "type": TIME, "default": 0}],
            },
            0x0F18D53F41D4AB79,
        ),
    ],
)
def test_fingerprint_of_a_known_schema_is_apache_avro_s_least_byte_first(
    schema: Json, expected: int
) -> None:
    """The values are what Apache Avro's Java library gives, as numbers."""
    assert fingerprint_of(schema) == expected.to_bytes(8, "little")


def test_fingerprint_ignores_logical_types_defaults_and_documentation() -> None:
    """So a record is found by the fingerprint of the bare schema that the codec works with."""
    declared = current(RecordName.PAYMENT).declared
    assert "timestamp-millis" in json.dumps(declared)
    assert "logicalType" not in json.dumps(without_logical_types(declared))
    assert fingerprint_of(declared) == current(RecordName.PAYMENT).fingerprint


def test_schemas_lie_in_the_package_else_beside_it_else_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed wheel carries its own copy; a source tree has them at its top."""
    package = tmp_path / "pipelines" / "contracts"
    packaged, at_the_top = package / "avro", tmp_path / "avro"
    packaged.mkdir(parents=True)
    at_the_top.mkdir()
    monkeypatch.setattr(schemas, "__file__", str(package / "schemas.py"))
    assert schemas.schema_folder() == packaged
    packaged.rmdir()
    assert schemas.schema_folder() == at_the_top
    at_the_top.rmdir()
    with pytest.raises(AssertionError, match="missing from the installation"):
        schemas.schema_folder()
