"""A store whose whole history is known, on a disk that can be damaged.

Owns making it and damaging it. What a store held after each write is worked out by hand, so that
whatever a damaged one still shows can be compared with what once was true.
"""

import random
import shutil
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

from pipelines.recovery.store_faults import StoreDamaged
from pipelines.runtime_store import KeptOptions, KeptPartition, KeptStore

WRITES = 1_500
KEYS = 1_000
TOPIC = "Commands"
PARTITION = 4
LOG = "cluster/topic"
EVERYTHING = (b"", b"\xff" * 8)

_caches = count(4 * 1024 * 1024)

Change = tuple[bytes, bytes | None]


def options() -> KeptOptions:
    """Small buffers, so that there are several table files, and a block cache of their own.

    One of the same size would be shared, and hide damage behind what was read before it.
    """
    return KeptOptions(
        write_buffer_size=32 * 1024, block_cache_size=next(_caches), on_corrupted_recreate=False
    )


@cache
def history() -> tuple[tuple[Change, ...], ...]:
    """The changes of each write."""
    chance = random.Random(20_260_101)
    return tuple(
        tuple(
            (
                b"key-%04d" % chance.randrange(KEYS),
                None if chance.random() < 0.2 else chance.randbytes(60),
            )
            for _ in range(3)
        )
        for _ in range(WRITES)
    )


@cache
def content_at(offset: int | None) -> dict[bytes, bytes]:
    """What a store holds whose last write was that one."""
    if offset is None:
        return {}
    content = dict(content_at((offset // 100) * 100 - 1 if offset >= 100 else None))
    for changes in history()[(offset // 100) * 100 : offset + 1]:
        for key, value in changes:
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
    return content


def kept_store(folder: Path) -> KeptStore:
    """The store of one topic, as a worker with that state directory has it."""
    return KeptStore(name="default", stream_id=TOPIC, base_dir=str(folder), options=options())


def path_in(folder: Path) -> Path:
    """Where the one partition is."""
    return folder / "default" / TOPIC / str(PARTITION)


def make_stores(killed: Path, closed: Path) -> None:
    """Write the whole history; leave a copy as a killed worker would, and one that was closed."""
    path = path_in(closed)
    path.parent.mkdir(parents=True)
    partition = KeptPartition(str(path), options=options())
    partition.begin_log(LOG, 1)
    for offset, changes in enumerate(history()):
        partition.apply(changes, offset)
    _await_rest(partition)
    shutil.copytree(path, path_in(killed))
    (path_in(killed) / "LOCK").unlink()
    partition.close()


def _await_rest(partition: KeptPartition) -> None:
    """Until nothing is written in the background any more."""
    database = partition.get_or_create_column_family("default")
    names = ("num-running-compactions", "num-running-flushes", "mem-table-flush-pending")
    deadline_s = time.monotonic() + 30
    while any(database.property_int_value(f"rocksdb.{name}") for name in names):
        assert time.monotonic() < deadline_s, "RocksDB is still at work"
        time.sleep(0.01)


def damages(file: Path, chance: random.Random, samples: int) -> Iterator[tuple[str, bytes | None]]:
    """Ways in which a file can be wrong: what it is called, and its new content."""
    content = file.read_bytes()
    yield "missing", None
    if not content:
        return
    yield "empty", b""
    yield "without its last byte", content[:-1]
    for at in sorted(chance.sample(range(len(content)), min(samples, len(content)))):
        flipped = bytearray(content)
        flipped[at] ^= 1 << chance.randrange(8)
        yield f"bit flipped at {at}", bytes(flipped)
        yield f"cut off at {at}", content[:at]
        zeros = bytes(min(4096, len(content) - at))
        yield f"zeros from {at}", content[:at] + zeros + content[at + len(zeros) :]


def shown(folder: Path) -> tuple[str, int | None, dict[bytes, bytes]]:
    """What the store shows once a worker has opened it: all of it, twice, by scan and by key.

    When a read says that it is damaged, it is opened again as the next start would.
    """
    said = "opened"
    for _ in range(2):
        store = kept_store(folder)
        partition = store.create_new_partition(PARTITION)
        try:
            offset = partition.get_changelog_offset()
            scanned = dict(partition.iter_items(*EVERYTHING))
            one_by_one = {}
            for number in range(KEYS):
                key = b"key-%04d" % number
                value = partition.get(key)
                if isinstance(value, bytes):
                    one_by_one[key] = value
        except StoreDamaged:
            said = "said so while it was read"
            continue
        finally:
            partition.close()
        assert scanned == one_by_one, "a scan and single reads differ"
        return said, offset, scanned
    raise AssertionError("damaged again right after it was thrown away")
