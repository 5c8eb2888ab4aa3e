"""A store's image: its keys and a digest of each value, as of one position of its input.

Owns the compact form in which an image travels and is compared, and the one hash over it. Knows no
record: keys and values are bytes.

    row     length of the key, 4 bytes, most first | key | BLAKE2b of the value, 16 bytes
    image   the rows in the byte order of their keys
    hash    BLAKE2b of the whole image, 32 bytes, as hexadecimal text
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

DIGEST_BYTES: Final = 16
_HASH_BYTES: Final = 32
_LENGTH_BYTES: Final = 4


class StoreImage(Struct, frozen=True, kw_only=True):
    """The image of one partition of a store.

    It shows the effect of every record of its input before `position`, and of none from there on.
    """

    store: str
    partition: int
    position: int
    records: int
    rows: bytes


def rows_of(records: Iterable[tuple[bytes, bytes]]) -> bytearray:
    """The rows of records given in the order of their keys."""
    rows = bytearray()
    digest_of = hashlib.blake2b
    for key, value in records:
        rows += len(key).to_bytes(_LENGTH_BYTES, "big")
        rows += key
        rows += digest_of(value, digest_size=DIGEST_BYTES).digest()
    return rows


def image_rows(records: Mapping[bytes, bytes]) -> bytes:
    """The rows of a store that is in memory."""
    return bytes(rows_of((key, records[key]) for key in sorted(records)))


def image_hash(rows: bytes) -> str:
    """The one hash of an image."""
    return hashlib.blake2b(rows, digest_size=_HASH_BYTES).hexdigest()


def read_rows(rows: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each key and its value's digest. ValueError when the bytes are no rows."""
    place = 0
    while place < len(rows):
        begin = place + _LENGTH_BYTES
        middle = begin + int.from_bytes(rows[place:begin], "big")
        place = middle + DIGEST_BYTES
        if place > len(rows):
            raise ValueError("an image ends within a row")
        yield rows[begin:middle], rows[middle:place]
