"""What a record may say that its contract does not allow, and how to tell that it was refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord

Fields = dict[str, Any]

TOO_LONG = "x" * 201
"""One more than another system's id may have."""

WRONG_IDS: Mapping[str, object] = {
    "empty": "",
    "too long": TOO_LONG,
    "line break": "order\n1",
    "NUL": "order\x001",
    "right-to-left mark": "order\u200f1",
}

LAST_INSTANT_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

WRONG_INSTANTS: Mapping[str, object] = {
    "before 1970": -1,
    "microseconds": 1_735_689_600_123_000,
    "largest long": 2**63 - 1,
}


def assert_refused(read: Callable[[Fields], object], fields: Fields, says: str) -> None:
    """The record is broken by contract, and the text names the field and none of its content."""
    with pytest.raises(BrokenRecord) as caught:
        read(fields)
    assert caught.value.code is BrokenCode.CONTRACT
    assert says in caught.value.text
    for value in fields.values():
        if isinstance(value, str) and len(value) > 8 and value.isprintable():
            assert value not in caught.value.text
