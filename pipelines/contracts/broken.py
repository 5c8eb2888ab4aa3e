"""A record that cannot be taken in: the one exception that ends in the dead letter queue.

Owns the closed list of reasons. A business "no" is no broken record (it is a value), nor is a
registry that does not answer (the stream waits or stops), nor a bug (an assert).
"""

from enum import StrEnum


class BrokenCode(StrEnum):
    """Why a record is broken, in the order in which it is found out."""

    EMPTY = "EMPTY"  # no value at all
    UNKNOWN_FRAMING = "UNKNOWN_FRAMING"  # neither Confluent's header nor Avro's single-object one
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"  # framed, but by a schema that is not one of this record's
    UNDECODABLE = "UNDECODABLE"  # the bytes are not what their schema says
    TRAILING_BYTES = "TRAILING_BYTES"  # a whole record, and then something more
    CONTRACT = "CONTRACT"  # well-formed, but it says what the contract does not allow


class BrokenRecord(Exception):
    """One record is broken. `text` is for people and holds no value of the record's own."""

    def __init__(self, code: BrokenCode, text: str) -> None:
        super().__init__(f"{code.value}: {text}")
        self.code = code
        self.text = text
