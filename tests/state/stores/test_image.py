"""A store's image: rows in the order of their keys, one hash over them, nothing of a value."""

import pytest

from state.stores.image import DIGEST_BYTES, image_hash, image_rows, read_rows, rows_of

RECORDS = {b"b|c": b"two", b"a|c": b"one", b"a|e\x00": b"", b"": b"empty key"}


def test_rows_stand_in_the_order_of_their_keys_and_hold_no_value() -> None:
    rows = image_rows(RECORDS)
    assert [key for key, _ in read_rows(rows)] == sorted(RECORDS)
    assert all(len(digest) == DIGEST_BYTES for _, digest in read_rows(rows))
    assert b"one" not in rows


def test_image_of_a_store_read_in_order_is_that_of_the_same_records_in_memory() -> None:
    assert bytes(rows_of(sorted(RECORDS.items()))) == image_rows(dict(reversed(RECORDS.items())))


@pytest.mark.parametrize(
    "other",
    [
        {**RECORDS, b"a|c": b"One"},
        {**RECORDS, b"c|c": b"three"},
        {key: value for key, value in RECORDS.items() if key != b"b|c"},
        # The boundary between key and value is part of it.
        {**{k: v for k, v in RECORDS.items() if k != b"a|c"}, b"a|co": b"ne"},
    ],
)
def test_hash_of_other_records_is_another(other: dict[bytes, bytes]) -> None:
    assert image_hash(image_rows(other)) != image_hash(image_rows(RECORDS))
    assert image_hash(image_rows(dict(RECORDS))) == image_hash(image_rows(RECORDS))


def test_hash_of_nothing_is_the_published_one() -> None:
    """A hash that was written down must mean the same for ever."""
    assert image_hash(b"").startswith("0e5751c026e543b2")
    assert image_hash(image_rows({b"GC-1|c": b"\x01\x02"})) == (
        "c483875e94f89a6556377211bcc847b6b817602e30f614994fa297790124caa3"
    )


@pytest.mark.parametrize("cut", range(1, 4 + 3 + DIGEST_BYTES))
def test_reading_of_rows_that_end_early_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="ends within a row"):
        list(read_rows(image_rows({b"a|c": b"one"})[:cut]))
