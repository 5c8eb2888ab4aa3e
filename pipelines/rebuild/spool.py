"""Folded records on their way: to a file between two processes, or into a store for inspection.

Owns the two forms. A file holds, record by record, the length of the key and of the value, four
bytes each, most first, then both.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rocksdict import Options, Rdict, WriteBatch

_LENGTH: Final = 4
_BATCH: Final = 10_000


def write_spool(records: Mapping[bytes, bytes], path: Path) -> None:
    """Write records in the order of their keys."""
    with path.open("wb") as file:
        for key in sorted(records):
            value = records[key]
            file.write(len(key).to_bytes(_LENGTH, "big") + len(value).to_bytes(_LENGTH, "big"))
            file.write(key)
            file.write(value)


def read_spool(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The records of a file, one at a time."""
    with path.open("rb") as file:
        while lengths := file.read(2 * _LENGTH):
            key_length = int.from_bytes(lengths[:_LENGTH], "big")
            value_length = int.from_bytes(lengths[_LENGTH:], "big")
            key, value = file.read(key_length), file.read(value_length)
            assert len(value) == value_length, "a spool was written whole before it is read"
            yield key, value


def write_store(records: Mapping[bytes, bytes], path: Path) -> None:
    """Write records into a fresh RocksDB, keys and values as a worker's store has them."""
    store = Rdict(str(path), Options(raw_mode=True))
    batch = WriteBatch(raw_mode=True)
    for count, (key, value) in enumerate(records.items(), 1):
        batch.put(key, value)
        if count % _BATCH == 0:
            store.write(batch)
            batch = WriteBatch(raw_mode=True)
    store.write(batch)
    store.close()
