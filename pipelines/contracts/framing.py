"""Between records and the bytes on the topics.

Owns the two framings and what makes bytes a broken record. Must not know what a record means: the
converters do. Values are plain dictionaries: enum symbols are text, times epoch milliseconds,
amounts the decimal's bytes.

    single object   C3 01 | fingerprint of the writer's schema, 8 bytes, least first | body
    Confluent       00 | id of the writer's schema in the registry, 4 bytes, most first | body

Every decode resolves the writer's schema into the version current here, so that what was written by
any earlier (or later, compatible) version stays readable. With a registry both framings are read:
what was written before there was one does not become unreadable the day there is.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from typing import Final, Protocol

from fastavro import schemaless_writer
from fastavro.schema import SchemaParseException, UnknownType

from pipelines.contracts.boundless import boundless
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.compatibility import reading_problems
from pipelines.contracts.opened import MISFITS, Fields, Opened
from pipelines.contracts.registry import Registry, RegistryFault
from pipelines.contracts.schema_memory import FILE_NAME, SchemaMemory
from pipelines.contracts.schemas import (
    RecordName,
    Schema,
    by_fingerprint,
    current,
    load_schema,
    published,
)
from pipelines.contracts.subjects import value_subjects
from pipelines.settings import Settings

__all__ = ["ConfluentFraming", "Fields", "Framing", "SingleObjectFraming", "framing_for"]

SINGLE_OBJECT_MARK: Final = b"\xc3\x01"
CONFLUENT_MARK: Final = b"\x00"
_SINGLE_OBJECT_HEADER: Final = 10
_CONFLUENT_HEADER: Final = 5
_LARGEST_ID: Final = 2**31 - 1
_HASTY_S: Final = 1.5
"""How long an answer may take in a loop, or when it is known from before: far below a session."""

_ATTEMPTS: Final = 6
"""How often a worker asks a silent registry; with the waits between, some ten seconds."""


class Framing(Protocol):
    """How the records of the contracts become bytes, and bytes records."""

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        """Frame a value by the current version, or by an older one for a writer of that time.

        A value that does not fit its schema is a bug: fastavro's ValueError or TypeError.
        """
        ...

    def decode(self, record: RecordName, payload: bytes | None) -> Fields:
        """The value in the shape of the current version. BrokenRecord when it cannot be had."""
        ...

    def close(self) -> None:
        """Give up connections, where there are any."""
        ...


class SchemaSource(Protocol):
    """What the registry's framing asks of a registry."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """The id to write by; SchemaMissing when it is not registered."""
        ...

    def schema_text(self, schema_id: int) -> str | None:
        """The JSON of the Avro schema of that id; None when there is none."""
        ...

    def close(self) -> None:
        """Give up the connections."""
        ...


def framing_for(
    settings: Settings, writes: Iterable[RecordName] = (), *, waits: bool = False
) -> "SingleObjectFraming | ConfluentFraming":
    """The framing the settings ask for.

    `writes` are the records this process will write: with a registry their schemas must be there,
    or an OperatorError says how they get there. A process with a state directory remembers there
    what the registry says. `waits`: who decodes has a loop that must turn, and asks again itself.
    """
    if settings.schema_registry_url is None:
        return SingleObjectFraming()
    registry = _registry(settings, waits=waits)
    try:
        return ConfluentFraming(registry, value_subjects(settings), writes)
    except RegistryFault:
        registry.close()
        raise


def _registry(settings: Settings, *, waits: bool) -> SchemaSource:
    patient = Registry.of(settings, attempts=_ATTEMPTS)
    if settings.state_dir is None:
        return patient
    assert settings.schema_registry_url is not None, "there is one"
    return SchemaMemory(
        settings.schema_registry_url,
        settings.state_dir / FILE_NAME,
        patient=patient,
        hasty=Registry.of(settings, timeout_s=_HASTY_S),
        waits=waits,
    )


class SingleObjectFraming:
    """Avro's own framing. Needs nothing but the published schemas."""

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        schema = current(record) if version is None else published(record)[version - 1]
        return _written(SINGLE_OBJECT_MARK + schema.fingerprint, schema, value)

    def decode(self, record: RecordName, payload: bytes | None) -> Fields:
        return self.opened(record, payload).read(record)

    def opened(self, record: RecordName, payload: bytes | None) -> Opened:
        """The schema a payload was written by, and what follows its header. BrokenRecord."""
        if not payload:
            raise BrokenRecord(BrokenCode.EMPTY, "the record has no value")
        if not payload.startswith(SINGLE_OBJECT_MARK):
            raise BrokenRecord(BrokenCode.UNKNOWN_FRAMING, _framing_complaint(payload))
        return _opened_single_object(record, payload)

    def close(self) -> None:
        """Nothing is open."""


class ConfluentFraming:
    """The registry's framing. Schemas are looked up, never registered: that is a command's work.

    A registry that does not answer raises its fault (an OperatorError), never BrokenRecord: the
    record is whole, and the stream must wait for it.
    """

    def __init__(
        self,
        registry: SchemaSource,
        subjects: Mapping[RecordName, str],
        writes: Iterable[RecordName] = (),
    ) -> None:
        self._registry = registry
        self._subjects = subjects
        self._headers: dict[tuple[RecordName, int], bytes] = {}
        self._writers: dict[tuple[RecordName, int], Schema] = {}
        for record in writes:
            self._header(current(record))

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        schema = current(record) if version is None else published(record)[version - 1]
        return _written(self._header(schema), schema, value)

    def decode(self, record: RecordName, payload: bytes | None) -> Fields:
        return self.opened(record, payload).read(record)

    def opened(self, record: RecordName, payload: bytes | None) -> Opened:
        """The schema a payload was written by, and what follows its header. BrokenRecord."""
        if not payload:
            raise BrokenRecord(BrokenCode.EMPTY, "the record has no value")
        if payload.startswith(SINGLE_OBJECT_MARK):
            return _opened_single_object(record, payload)
        if not payload.startswith(CONFLUENT_MARK) or len(payload) < _CONFLUENT_HEADER:
            raise BrokenRecord(BrokenCode.UNKNOWN_FRAMING, _framing_complaint(payload))
        schema_id = int.from_bytes(payload[1:_CONFLUENT_HEADER], "big")
        writer = self._writers.get((record, schema_id))
        if writer is None:
            writer = self._fetch_writer(record, schema_id)
            self._writers[record, schema_id] = writer
        return Opened(writer=writer, payload=payload, start=_CONFLUENT_HEADER)

    def close(self) -> None:
        """Give up the connections to the registry."""
        self._registry.close()

    def _header(self, schema: Schema) -> bytes:
        key = (schema.record, schema.version)
        header = self._headers.get(key)
        if header is None:
            schema_id = self._registry.id_of(self._subjects[schema.record], schema)
            header = CONFLUENT_MARK + schema_id.to_bytes(4, "big")
            self._headers[key] = header
        return header

    def _fetch_writer(self, record: RecordName, schema_id: int) -> Schema:
        """The writer's schema, if our reader can read all that it may write."""
        text = self._registry.schema_text(schema_id) if 0 < schema_id <= _LARGEST_ID else None
        if text is None:
            raise BrokenRecord(
                BrokenCode.UNKNOWN_SCHEMA, f"the registry has no Avro schema of id {schema_id}"
            )
        reader = current(record)
        try:
            writer = load_schema(record, reader.version, text)
            endless = boundless(writer.declared)
            problems = [] if endless else reading_problems(reader.declared, writer.declared)
        except (SchemaParseException, UnknownType, RecursionError, *MISFITS) as error:
            raise BrokenRecord(
                BrokenCode.UNKNOWN_SCHEMA, f"schema {schema_id} is not an Avro schema"
            ) from error
        if endless:
            raise BrokenRecord(
                BrokenCode.UNKNOWN_SCHEMA, f"schema {schema_id} is not one to read by: {endless}"
            )
        if problems:
            raise BrokenRecord(
                BrokenCode.UNKNOWN_SCHEMA,
                f"schema {schema_id} cannot be read as {record.value}: {problems[0]}",
            )
        # Read by the very same schema, the codec skips resolution.
        return reader if writer.parsed == reader.parsed else writer


def _written(header: bytes, schema: Schema, value: Mapping[str, object]) -> bytes:
    buffer = BytesIO()
    buffer.write(header)
    # A field that the schema does not have would be lost without a word: that is a bug.
    schemaless_writer(
        buffer, schema.parsed, _with_branches_named(schema, value), strict_allow_default=True
    )
    return buffer.getvalue()


def _with_branches_named(schema: Schema, value: Mapping[str, object]) -> Mapping[str, object]:
    """The value with every record that is a union's branch told as such, as (name, record).

    To find the branch by itself the codec checks the whole inner record before it writes it, which
    doubles the time that an event or a fact takes.
    """
    named = dict(value)
    for field, branch in _record_branches(schema.record, schema.version):
        inner = named.get(field)
        if inner is not None:
            named[field] = (branch, inner)
    return named


@cache
def _record_branches(record: RecordName, version: int) -> tuple[tuple[str, str], ...]:
    """The fields of a record that are a record or null, and the name of the record."""
    return tuple(
        (field["name"], branch["name"])
        for field in published(record)[version - 1].parsed["fields"]
        if isinstance(field["type"], list)
        for branch in field["type"]
        if isinstance(branch, dict) and branch["type"] == "record"
    )


def _opened_single_object(record: RecordName, payload: bytes) -> Opened:
    writer = by_fingerprint(record).get(payload[2:_SINGLE_OBJECT_HEADER])
    if writer is None:
        raise BrokenRecord(
            BrokenCode.UNKNOWN_SCHEMA,
            f"fingerprint {payload[2:_SINGLE_OBJECT_HEADER].hex()} is no version of {record.value}",
        )
    return Opened(writer=writer, payload=payload, start=_SINGLE_OBJECT_HEADER)


def _framing_complaint(payload: bytes) -> str:
    if payload.startswith(CONFLUENT_MARK) and len(payload) >= _CONFLUENT_HEADER:
        return "the record has a schema registry's framing, but no registry is set"
    return "the record begins neither like Avro's single-object encoding nor like a registry's"
