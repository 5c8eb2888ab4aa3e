"""A payload whose header was understood: between its body and the fields in it.

Owns the reading of the body, whole or as far as it goes, and what makes its bytes a broken record.
Must not know of framings, which found the schema, nor what a record means.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, cast

from fastavro import schemaless_reader
from fastavro.read import SchemaResolutionError
from fastavro.schema import parse_schema

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.schemas import Json, RecordName, Schema, current, without_logical_types

Fields = dict[str, Any]
"""A decoded record. The converters give its values their types."""

LARGEST_DECODED_BYTES: Final = 2 * 1024 * 1024
"""Of a record that is looked into. An order of six-byte lines takes seventy times its size in
memory: a worker must not die of one, again after every restart."""

# All that the codec can raise on bytes that do not match their schema: ends too early, an index or
# a length out of range, text that is not UTF-8, a default that is missing.
MISFITS: Final = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    SchemaResolutionError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A payload whose header was understood: the writer's schema, and where its body starts."""

    writer: Schema
    payload: bytes
    start: int

    def read(self, record: RecordName) -> Fields:
        """The value in the shape of the record's current version. BrokenRecord."""
        payload, writer, reader = self.payload, self.writer, current(record)
        if len(payload) > LARGEST_DECODED_BYTES:
            mebibytes = LARGEST_DECODED_BYTES // (1024 * 1024)
            raise BrokenRecord(BrokenCode.CONTRACT, f"the record has more than {mebibytes} MiB")
        buffer = BytesIO(payload)
        buffer.seek(self.start)
        resolve_into: Json = None if writer is reader else reader.parsed
        try:
            value = schemaless_reader(buffer, writer.parsed, resolve_into)
        except MISFITS as error:
            raise BrokenRecord(
                BrokenCode.UNDECODABLE,
                f"the bytes are no {reader.record.value}: {type(error).__name__}",
            ) from error
        rest = len(payload) - buffer.tell()
        if rest:
            raise BrokenRecord(BrokenCode.TRAILING_BYTES, f"{rest} bytes follow the record")
        assert isinstance(value, dict), "every published schema is a record"
        return value

    def begins_with(self) -> tuple[Fields, int, str | None]:
        """As many of the fields as can be read from the start, the number of bytes they take, and
        the name of the field that cannot be; None where all can.

        For a person who looks at a broken record; in the shape in which it was written.
        """
        names = [field["name"] for field in self.writer.declared["fields"]]
        if len(self.payload) > LARGEST_DECODED_BYTES:
            return {}, self.start, names[0]
        for count in range(len(names), 0, -1):
            some = without_logical_types(self.writer.declared)
            some["fields"] = some["fields"][:count]
            buffer = BytesIO(self.payload)
            buffer.seek(self.start)
            try:
                value = schemaless_reader(buffer, parse_schema(some), None)
            except MISFITS:
                continue
            return cast(Fields, value), buffer.tell(), None if count == len(names) else names[count]
        return {}, self.start, names[0]
