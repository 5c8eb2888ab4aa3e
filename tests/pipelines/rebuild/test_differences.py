"""A difference says which kind of record it is and the last four of what it is about."""

import pytest

from pipelines.rebuild.differences import compare, masked
from pipelines.stores import StoreName
from state.certificate.commands import Origin
from state.stores.image import image_rows
from state.stores.layout import (
    DEADLINES,
    MAIN,
    DeadlineEntry,
    deadline_key,
    history_key,
    member_key,
    outcome_key,
    position_key,
    stored_key,
    take_key,
)

NUMBER = b"GC-0000-1234"
DEADLINE = deadline_key(
    DeadlineEntry(at_ms=1, message_key=NUMBER.decode(), kind="HOLD", subject="secret|id")
)

ROWS = [
    (StoreName.CERTIFICATES, stored_key(NUMBER, MAIN), "certificate of …1234"),
    (StoreName.CERTIFICATES, stored_key(NUMBER, history_key(31_843)), "event of the history"),
    (
        StoreName.CERTIFICATES,
        stored_key(NUMBER, outcome_key(Origin.HTTP, "a|b")),
        "outcome of a request of …1234",
    ),
    (StoreName.CERTIFICATES, stored_key(DEADLINES, DEADLINE), "deadline of …1234"),
    (StoreName.CERTIFICATES, DEADLINES + b"|short", "deadline of something unreadable"),
    (StoreName.POOLS, stored_key(b"ELECTRONIC", MAIN), "head of the pool of ELECTRONIC"),
    (StoreName.POOLS, stored_key(b"ELECTRONIC", position_key(1)), "place in the order of"),
    (StoreName.POOLS, stored_key(b"ELECTRONIC", member_key("GC-9")), "membership of ELECTRONIC"),
    (StoreName.POOLS, stored_key(b"ELECTRONIC", take_key("r")), "number taken of ELECTRONIC"),
    (StoreName.INDEX, stored_key(b"client:C-55501234", MAIN), "head of the entry of client:…1234"),
    (StoreName.CORRELATIONS, stored_key(b"order|0|42", MAIN), "correlation of …0|42"),
    (StoreName.CORRELATIONS, b"no separator", "unknown record of …"),
]


@pytest.mark.parametrize(("store", "key", "says"), ROWS)
def test_difference_names_kind_and_subject(store: StoreName, key: bytes, says: str) -> None:
    compared = compare(store, image_rows({key: b"1"}), image_rows({}))
    assert compared.count == 1
    text = str(compared.first[0])
    assert text.startswith(says)
    assert text.endswith(": missing in the store")
    assert NUMBER.decode() not in text
    assert "GC-9" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GC-0000-1234", "…1234"),
        ("order:42", "order:…42"),
        ("last4:1234", "last4:…1234"),
        ("12:34:56", "…4:56"),
        ("", "…"),
    ],
)
def test_masked_text_shows_four_characters(text: str, shown: str) -> None:
    assert masked(text) == shown
