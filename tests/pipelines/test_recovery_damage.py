"""Damaged stores: whatever is done to a file, nothing is ever shown that was not once true.

Each file of a store that was killed, and of one that was closed, is damaged in many ways. A worker
that opens it shows what the store held after some write, whole, and knows after which one, so that
the changelog brings it on from there; or it shows nothing, and the changelog brings everything.
"""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quixstreams.state.rocksdb.partition import RocksDBStorePartition

from pipelines.recovery.store_directory import StoreDirectory
from pipelines.recovery.store_faults import StoreDamaged, StoreFault, StoreFull, StoreUnusable
from pipelines.runtime_store import KeptPartition
from tests.pipelines.recovery_store import (
    EVERYTHING,
    LOG,
    PARTITION,
    WRITES,
    content_at,
    damages,
    history,
    kept_store,
    make_stores,
    options,
    path_in,
    shown,
)

KINDS = ("sst", "log", "MANIFEST", "CURRENT", "OPTIONS", "IDENTITY", "json")
SAMPLES = {"sst": 3, "log": 6, "MANIFEST": 25}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store as a killed worker leaves it, and one that was closed in order."""
    folder = tmp_path_factory.mktemp("stores")
    make_stores(folder / "killed", folder / "closed")
    return {"killed": folder / "killed", "closed": folder / "closed"}


def of_kind(folder: Path, kind: str) -> list[Path]:
    return sorted(
        file
        for file in path_in(folder).iterdir()
        if (file.name.split("-")[0] if file.suffix == "" else file.suffix[1:]) == kind
    )


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to


@pytest.fixture
def partition(tmp_path: Path) -> Iterator[KeptPartition]:
    opened = KeptPartition(str(tmp_path / "store" / "0"), options=options())
    yield opened
    opened.close()


@pytest.mark.parametrize("state", ["killed", "closed"])
def test_undamaged_store_shows_all_that_was_written(
    stores: dict[str, Path], state: str, tmp_path: Path
) -> None:
    """Also the point of the next test: without damage it has to show the last write."""
    assert {kind: bool(of_kind(stores[state], kind)) for kind in KINDS} == dict.fromkeys(
        KINDS, True
    )
    assert len(of_kind(stores[state], "sst")) >= 4
    folder = copied(stores[state], tmp_path / "copy")
    assert shown(folder) == ("opened", WRITES - 1, content_at(WRITES - 1))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["killed", "closed"])
def test_damaged_file_never_makes_a_store_show_what_was_not_so(
    stores: dict[str, Path], state: str, kind: str, tmp_path: Path
) -> None:
    chance = random.Random(f"{state} {kind}")
    outcomes: Counter[str] = Counter()
    for file in of_kind(stores[state], kind):
        for what, content in damages(file, chance, SAMPLES.get(kind, 4)):
            folder = copied(stores[state], tmp_path / "copy")
            damaged = path_in(folder) / file.name
            if content is None:
                damaged.unlink()
            else:
                damaged.write_bytes(content)
            said, offset, content_shown = shown(folder)
            assert content_shown == content_at(offset), f"{file.name}, {what}: {said}, {offset}"
            outcomes[said if offset is not None else "thrown away"] += 1
    # RocksDB needs neither its own copy of the options nor its identity; and with the end of its
    # log it loses only the last writes.
    spared = kind in ("OPTIONS", "IDENTITY", "json", "log")
    assert (outcomes["thrown away"] > 0) != spared, outcomes


def test_scan_over_a_damaged_block_says_so_and_marks_the_store(
    stores: dict[str, Path], tmp_path: Path
) -> None:
    """The binding's own iterator ends there as if nothing followed, and a pool would look empty."""
    found = 0
    for file in of_kind(stores["closed"], "sst"):
        folder = copied(stores["closed"], tmp_path / "copy")
        table = bytearray((path_in(folder) / file.name).read_bytes())
        table[len(table) // 4] ^= 1
        (path_in(folder) / file.name).write_bytes(table)
        partition = kept_store(folder).create_new_partition(PARTITION)
        try:
            if partition.get_changelog_offset() is None:
                continue  # Small files are read when they are opened, and this one was thrown away.
            plain = dict(RocksDBStorePartition.iter_items(partition, *EVERYTHING))
            assert len(plain) < len(content_at(WRITES - 1)), "it was not the default records' file"
            with pytest.raises(StoreDamaged, match="start this worker again"):
                dict(partition.iter_items(*EVERYTHING))
        finally:
            partition.close()
        found += 1
        assert StoreDirectory(path_in(folder)).unfit() == "it was marked as damaged"
        again = kept_store(folder).create_new_partition(PARTITION)
        try:
            assert again.says().offset is None, "the next start begins from nothing"
            assert StoreDirectory(path_in(folder)).unfit() is None
        finally:
            again.close()
    assert found, "no damage of these was met while reading"


def test_store_that_lost_the_end_of_its_manifest_is_thrown_away_also_after_a_second_crash(
    stores: dict[str, Path], tmp_path: Path
) -> None:
    """The first opening deletes the forgotten files; a crash right then must not hide that."""
    folder = copied(stores["closed"], tmp_path / "copy")
    directory = StoreDirectory(path_in(folder))
    directory.note_tables()
    newest = max(of_kind(folder, "sst"), key=lambda file: file.name)
    newest.rename(newest.with_suffix(".gone"))
    # What RocksDB had done by then, as far as anybody can see: the file is gone, and in no list.
    assert directory.lost_tables([]) >= {newest.name}
    directory.note_tables()
    assert newest.name in directory.lost_tables(file.name for file in of_kind(folder, "sst"))


def test_half_deleted_store_is_thrown_away(stores: dict[str, Path], tmp_path: Path) -> None:
    """Without CURRENT RocksDB makes a new store, and puts the old logs into it."""
    folder = copied(stores["killed"], tmp_path / "copy")
    (path_in(folder) / "CURRENT").unlink()
    partition = kept_store(folder).create_new_partition(PARTITION)
    try:
        assert partition.says().offset is None
        assert dict(partition.iter_items(*EVERYTHING)) == {}
    finally:
        partition.close()


@pytest.mark.parametrize(
    ("text", "fault", "says"),
    [
        ("Corruption: block checksum mismatch: stored = 1", StoreDamaged, "start this worker"),
        ("IO error: No such file or directory: While open a file", StoreDamaged, "is damaged"),
        ("IO error: No space left on device: While appending to file", StoreFull, "make room"),
        ("IO error: Disk quota exceeded: While appending", StoreFull, "make room"),
        ("IO error: While pread offset 0: Input/output error", StoreUnusable, "look at the disk"),
        ("Invalid argument: something new", StoreUnusable, "look at the disk"),
    ],
)
def test_write_that_the_disk_refuses_is_a_fault_of_one_line(
    partition: KeptPartition,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    fault: type[StoreFault],
    says: str,
) -> None:
    def refuse(*_: Any) -> None:
        raise Exception(text)  # noqa: TRY002 - what the binding raises, for everything

    monkeypatch.setattr(RocksDBStorePartition, "_write", refuse)
    with pytest.raises(fault, match=says) as raised:
        partition.apply(history()[0], 0)
    assert raised.value.exit_code == 7
    assert "\n" not in str(raised.value)
    marked = StoreDirectory(Path(partition.path)).unfit() is not None
    assert marked == (fault is StoreDamaged)


def test_error_of_our_own_code_stays_what_it_is(
    partition: KeptPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug must not be taken for a bad disk: it would be told to the wrong people."""

    def fail(*_: Any) -> None:
        raise ValueError("Corruption: not the disk's")

    monkeypatch.setattr(RocksDBStorePartition, "_write", fail)
    with pytest.raises(ValueError, match="not the disk's"):
        partition.apply(history()[0], 0)


def test_store_says_whose_fold_it_is_up_to_where_and_since_when(partition: KeptPartition) -> None:
    partition.begin_log(LOG, 1_000)
    assert (partition.says().log, partition.says().offset) == (LOG, None)
    partition.apply(history()[0], 7)
    partition.apply(history()[1], 8)
    says = partition.says()
    assert (says.offset, says.written_at_ms) == (8, 1_000), "catching up makes nothing younger"
    partition.complete(9, 2_000)
    assert (partition.says().offset, partition.says().written_at_ms) == (9, 2_000)
    assert all(key.startswith(b"key-") for key, _ in partition.iter_items(*EVERYTHING))
