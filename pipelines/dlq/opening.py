"""What of a letter a person may see: as much as can be read of it, and no more than he may know.

Owns the masks. A certificate number is shown by its last four, an address (or a token for one) not
at all, and of bytes that cannot be read no text: nobody knows what stands in it. Judges nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from pipelines.contracts.amounts import PRECISION, SCALE
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.fields import LAST_INSTANT_MS
from pipelines.contracts.framing import (
    CONFLUENT_MARK,
    SINGLE_OBJECT_MARK,
    ConfluentFraming,
    Fields,
    SingleObjectFraming,
)
from pipelines.contracts.schemas import Json, RecordName, current
from pipelines.dlq.letters import Letter
from pipelines.settings import Settings
from pipelines.topics import OURS, TOPICS, topic_name

HIDDEN: Final = "(not shown)"
HEX_BYTES: Final = 64
"""How much of the bytes is shown."""

_LONGEST_SHOWN: Final = 200
_NUMBER: Final = re.compile(r"(?<![A-Z0-9-])(?=[A-Z0-9-]*[0-9])[A-Z0-9-]{2,28}([A-Z0-9-]{4})")
_PLAIN: Final = frozenset(
    {
        "eventId",
        "orderId",
        "correlationId",
        "paymentId",
        "originalPaymentId",
        "clientId",
        "storeId",
        "lineId",
        "factId",
    }
)
"""Ids that others give and people need whole. Where one holds the record's number, it is masked."""
_SECRET: Final = frozenset({"addressToken"})
_TEXT_RUN: Final = re.compile(rb"[\x20-\x7e\x80-\xff]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLetter:
    """A letter laid open. `fields` are as far as the record could be read, values as text.

    `stopped_at` is the field that could not be read; `rest` how many bytes were left there.
    """

    record: RecordName | None
    schema: str
    fields: Mapping[str, str]
    stopped_at: str | None
    rest: int
    key: str
    hexadecimal: str


def record_of(letter: Letter, settings: Settings) -> RecordName | None:
    """The record that the letter should be, by the topic it comes from."""
    source = None if letter.source is None else letter.source.topic
    for topic in TOPICS:
        if topic_name(topic, settings) == source:
            return RecordName(topic.value) if topic.value in set(RecordName) else None
    return None


def opened_letter(
    letter: Letter, settings: Settings, framing: SingleObjectFraming | ConfluentFraming
) -> OpenedLetter:
    """Everything of a letter that may be shown."""
    record = record_of(letter, settings)
    fields: dict[str, str] = {}
    found: Fields = {}
    stopped_at, rest, schema = None, len(letter.value or b""), "unknown"
    if record is not None:
        try:
            opened = framing.opened(record, letter.value)
        except BrokenRecord as broken:
            schema = broken.text
        else:
            version = opened.writer.version
            schema = f"{record.value}, version {version}"
            found, taken, stopped_at = opened.begins_with()
            rest = len(opened.payload) - taken
            declared = opened.writer.declared
            fields = _shown_fields(record, declared, found, whole=stopped_at is None)
    return OpenedLetter(
        record=record,
        schema=schema,
        fields=fields,
        stopped_at=stopped_at,
        rest=rest,
        key=_shown_key(letter, settings, found),
        hexadecimal=_hexadecimal(letter.value),
    )


def _shown_key(letter: Letter, settings: Settings, found: Mapping[str, object]) -> str:
    """The key. Others' may be a telephone number, so of theirs only a known id is shown."""
    if letter.key is None:
        return "none"
    source = None if letter.source is None else letter.source.topic
    ours = source in {topic_name(topic, settings) for topic in OURS}
    text = letter.key.decode(errors="replace")
    if ours or text in (found.get("orderId"), found.get("correlationId")):
        return masked(_one_line(text))
    return f"{len(letter.key)} bytes {HIDDEN}"


def masked(text: str) -> str:
    """A text with whatever may be a certificate number cut to its last four."""
    return _NUMBER.sub(r"…\1", text)


def _one_line(text: str) -> str:
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text):,})"
    return "".join(each if each.isprintable() else "\ufffd" for each in shown)


def _shown_fields(
    record: RecordName, declared: Json, found: Mapping[str, object], *, whole: bool
) -> dict[str, str]:
    """The fields by their paths. One that our own schema does not know may hold anything."""
    numbers = sorted(_numbers(found), key=len, reverse=True)
    known = {field["name"] for field in current(record).declared["fields"]}
    types = {field["name"]: field["type"] for field in declared["fields"]}
    shown: dict[str, str] = {}
    for name, value in found.items():
        if name not in known:
            shown[name] = HIDDEN
            continue
        for path, told in _leaves(types[name], value, name):
            leaf = path.rpartition(".")[2].partition("[")[0]
            if leaf in _SECRET and told != _NULL:
                shown[path] = HIDDEN
            elif isinstance(told, _Free):
                text = _without(numbers, told)
                shown[path] = text if whole and leaf in _PLAIN else masked(text)
            else:
                shown[path] = told
    return shown


def _numbers(value: object) -> set[str]:
    """The certificate numbers that a record says it is about."""
    found: set[str] = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("certificateId", "insteadOf") and isinstance(inner, str) and len(inner) > 4:
                found.add(inner)
            else:
                found |= _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _numbers(inner)
    return found


def _without(numbers: list[str], text: str) -> str:
    for number in numbers:
        text = text.replace(number, f"…{_one_line(number[-4:])}")
    return text


class _Free(str):
    """A text that its writer chose: it may hold a number."""

    __slots__ = ()


def _leaves(schema: Json, value: object, path: str) -> list[tuple[str, str]]:
    """The path and the text of every value within one."""
    match value:
        case dict():
            types = _field_types(schema)
            return [
                row
                for name, inner in value.items()
                for row in _leaves(types.get(name), inner, f"{path}.{name}")
            ]
        case list():
            items = _item_type(schema)
            rows = [
                row
                for position, inner in enumerate(value[:_ROWS_SHOWN])
                for row in _leaves(items, inner, f"{path}[{position}]")
            ]
            return [*rows, (f"{path}[]", f"{len(value):,} rows")]
        case _:
            return [(path, _text(_logical_type(schema), value))]


_ROWS_SHOWN: Final = 5
_NULL: Final = "null"


def _branches(schema: Json) -> list[Json]:
    return schema if isinstance(schema, list) else [schema]


def _field_types(schema: Json) -> dict[str, Json]:
    for branch in _branches(schema):
        if isinstance(branch, dict) and "fields" in branch:
            return {field["name"]: field["type"] for field in branch["fields"]}
    return {}


def _item_type(schema: Json) -> Json:
    found = [each["items"] for each in _branches(schema) if isinstance(each, dict)]
    return found[0] if found else None


def _logical_type(schema: Json) -> str | None:
    for branch in _branches(schema):
        if isinstance(branch, dict) and "logicalType" in branch:
            return str(branch["logicalType"])
    return None


def _text(logical_type: str | None, value: object) -> str:
    match value:
        case None:
            return _NULL
        case str():
            return _Free(_one_line(value))
        case bytes() if logical_type == "decimal" and 0 < len(value) <= PRECISION:
            return str(Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-SCALE))
        case bytes():
            return f"{len(value):,} bytes"
        case int() if logical_type == "timestamp-millis" and 0 <= value <= LAST_INSTANT_MS:
            return told_time(value)
        case _:
            return _one_line(str(value))


def told_time(at_ms: int) -> str:
    """A time in UTC, to the second."""
    seconds = min(max(at_ms, 0), LAST_INSTANT_MS) // 1_000
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hexadecimal(value: bytes | None) -> str:
    """The first bytes, two digits each; of a run that may be text only that it is there."""
    if value is None:
        return "no value at all"
    shown: list[str] = []
    position = 0
    head = value[:HEX_BYTES]
    for run in _TEXT_RUN.finditer(head, _header_bytes(head)):
        shown += [f"{byte:02x}" for byte in head[position : run.start()]]
        shown.append(f"[{len(run[0])} bytes that may be text]")
        position = run.end()
    shown += [f"{byte:02x}" for byte in head[position:]]
    more = len(value) - len(head)
    return " ".join(shown) + (f" … and {more:,} more" if more else "")


def _header_bytes(head: bytes) -> int:
    """Mark and fingerprint, or mark and schema id: no text, whatever it looks like."""
    if head.startswith(SINGLE_OBJECT_MARK):
        return 10
    return 5 if head.startswith(CONFLUENT_MARK) else 0
