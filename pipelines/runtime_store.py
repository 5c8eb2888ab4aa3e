"""A partition's store as the worker's run time opens, reads and writes it.

The stream library's own store, with the checks made explicit on which the money depends: what its
files must survive, which error means that they did not, whose fold it is and when it was written.
Part of the run time, for RocksDB's binding raises one bare exception for everything.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

import structlog
from rocksdict import DBRecoveryMode, Options, Rdict, ReadOptions, WriteBatch

from pipelines.recovery.judgement import StoreSays
from pipelines.recovery.store_directory import StoreDirectory
from pipelines.recovery.store_faults import StoreDamaged, fault_of, is_locked

with warnings.catch_warnings(record=True):
    from quixstreams.state.base.transaction import PartitionTransactionCache
    from quixstreams.state.metadata import METADATA_CF_NAME, Marker
    from quixstreams.state.rocksdb import RocksDBOptions, RocksDBStore
    from quixstreams.state.rocksdb.exceptions import RocksDBCorruptedError
    from quixstreams.state.rocksdb.partition import RocksDBStorePartition

_LOG_KEY: Final = b"__giftcert_log__"
_WRITTEN_KEY: Final = b"__giftcert_written_at__"

WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
"""The library's own is four times that, and three of them for each store: a pod that has to take
all partitions at once, in a backlog, would need more memory than its limit is."""

Change: TypeAlias = tuple[bytes, bytes | None]
"""Key, and the value; None deletes."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """How large one partition's store is.

    `keys` is an estimate. `cache_bytes` is of the cache that all stores of a process share.
    """

    keys: int
    disk_bytes: int
    memory_bytes: int
    cache_bytes: int
    pending_compaction_bytes: int
    writes_stopped: bool


@dataclass(frozen=True)
class KeptOptions(RocksDBOptions):
    """RocksDB's options: those on which it depends that a damaged file is seen, and its memory."""

    write_buffer_size: int = WRITE_BUFFER_BYTES

    def to_options(self) -> Options:
        """The library's options, and ours."""
        options = super().to_options()
        # The stored position and the records it speaks of are in two column families. Flushed one
        # by one, a lost log would leave a new position over old records.
        options.set_atomic_flush(True)
        options.set_paranoid_checks(True)
        # What follows a torn or flipped record in the log is dropped: the store is then one that
        # once was, with the position and time it had, and is caught up from there.
        options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
        return options


class KeptPartition(RocksDBStorePartition):
    """One partition's store; StoreFault for whatever its disk does to it.

    What is in it beside the library's own: the log it is the fold of, and when it was written last.
    Both are in the library's column family for such things, which is no part of the state.
    """

    def __init__(self, path: str, **options: Any) -> None:
        self._directory = StoreDirectory(Path(path))
        try:
            super().__init__(path, **options)
        except Exception as error:
            self._release()
            self._raise_fault(error)
            raise

    # Opening

    def _init_rocksdb(self) -> Rdict:
        try:
            return self._open_rocksdict()
        except RocksDBCorruptedError as error:
            raise StoreDamaged(self.path, _reason_of(error)) from error
        except Exception as error:
            if not is_locked(error):
                self._raise_fault(error)
                raise
        # An earlier life of this worker may still be closing it.
        return super()._init_rocksdb()

    def _open_rocksdict(self) -> Rdict:
        self._directory.note_tables()
        opened = super()._open_rocksdict()
        lost = self._directory.lost_tables(table["name"] for table in opened.live_files())
        if lost:
            opened.close()
            raise StoreDamaged(self.path, f"{len(lost)} of its table files are not known to it")
        self._directory.forget_tables()
        return opened

    def _release(self) -> None:
        """Let go of the files of a store that was opened and then could not be used."""
        if "_db" in vars(self):
            self.close()

    # What it says of itself

    def says(self) -> StoreSays:
        """Whose fold it is, up to where, and since when."""
        kept = self.get_or_create_column_family(METADATA_CF_NAME)
        try:
            log, written = kept.get(_LOG_KEY), kept.get(_WRITTEN_KEY)
        except Exception as error:
            self._raise_fault(error)
            raise
        return StoreSays(
            log=log.decode() if isinstance(log, bytes) else None,
            offset=self.get_changelog_offset(),
            written_at_ms=int.from_bytes(written, "big") if isinstance(written, bytes) else None,
        )

    def figures(self) -> StoreFigures:
        """How large it is, as RocksDB keeps count of by itself. DbClosedError once it is closed."""

        def said(name: str) -> int:
            return self._db.property_int_value(f"rocksdb.{name}") or 0

        return StoreFigures(
            keys=said("estimate-num-keys"),
            disk_bytes=said("total-sst-files-size"),
            memory_bytes=said("size-all-mem-tables") + said("estimate-table-readers-mem"),
            cache_bytes=said("block-cache-usage"),
            pending_compaction_bytes=said("estimate-pending-compaction-bytes"),
            writes_stopped=bool(said("is-write-stopped")),
        )

    def begin_log(self, log: str, at_ms: int) -> None:
        """Say whose fold a new store is, and from when on all that its log holds will be in it."""
        batch = WriteBatch(raw_mode=True)
        kept = self.get_column_family_handle(METADATA_CF_NAME)
        batch.put(_LOG_KEY, log.encode(), kept)
        batch.put(_WRITTEN_KEY, at_ms.to_bytes(8, "big"), kept)
        self._write(batch)

    # Reading and writing

    def get(self, key: bytes, cf_name: str = "default") -> bytes | Literal[Marker.UNDEFINED]:
        """The value of a key.

        Not by the library's own: that names its result's type anew at each call, which takes three
        times as long as the read.
        """
        try:
            family = self.get_or_create_column_family(cf_name)
            found = family.get(key, default=Marker.UNDEFINED)
        except Exception as error:
            self._raise_fault(error)
            raise
        return cast("bytes | Literal[Marker.UNDEFINED]", found)

    def exists(self, key: bytes, cf_name: str = "default") -> bool:
        """Whether there is such a key."""
        try:
            return super().exists(key, cf_name)
        except Exception as error:
            self._raise_fault(error)
            raise

    def iter_items(
        self,
        lower_bound: bytes,
        upper_bound: bytes | None = None,
        backwards: bool = False,
        cf_name: str = "default",
    ) -> Iterator[tuple[bytes, bytes]]:
        """The records of a range, in order; StoreDamaged also where the range cannot be read on.

        The binding's own iterator just ends there, as if there were no more.
        """
        assert not backwards, "nothing of ours reads backwards, and its end would be unchecked"
        last = None
        try:
            for key, value in super().iter_items(lower_bound, upper_bound, False, cf_name):
                last = key
                yield key, value
            self._check_end(last, lower_bound, upper_bound, cf_name)
        except Exception as error:
            self._raise_fault(error)
            raise

    def _check_end(
        self, last: bytes | None, lower: bytes, upper: bytes | None, cf_name: str
    ) -> None:
        """Step over the last record again, with a cursor that can be asked how it went."""
        bounds = ReadOptions()
        if upper is not None:
            bounds.set_iterate_lower_bound(lower)
            bounds.set_iterate_upper_bound(upper)
        cursor = self.get_or_create_column_family(cf_name).iter(bounds)
        cursor.seek(lower if last is None else last)
        if last is not None and cursor.valid():
            cursor.next()
        cursor.status()

    def get_changelog_offset(self) -> int | None:
        """The changelog's last record that is in it."""
        try:
            return super().get_changelog_offset()
        except Exception as error:
            self._raise_fault(error)
            raise

    def apply(self, changes: Iterable[Change], offset: int) -> None:
        """Write what a changelog held up to an offset, as one: all of it is there, or nothing."""
        batch = WriteBatch(raw_mode=True)
        family = self.get_column_family_handle("default")
        for key, value in changes:
            if value is None:
                batch.delete(key, family)
            else:
                batch.put(key, value, family)
        # Not the time of writing: while a store is caught up, what it lacks is as old as before.
        super()._update_changelog_offset(batch, offset)
        self._write(batch)

    def complete(self, offset: int, at_ms: int) -> None:
        """Everything is in it that its changelog held at that time."""
        batch = WriteBatch(raw_mode=True)
        super()._update_changelog_offset(batch, offset)
        self._put_written(batch, at_ms)
        self._write(batch)

    def write(
        self,
        cache: PartitionTransactionCache,
        changelog_offset: int | None,
        batch: WriteBatch | None = None,
    ) -> None:
        """Write what a checkpoint changed."""
        # Recovery does not ask each record of the changelog which family it is of.
        assert cache.get_column_families() <= {"default"}, "a stage writes to one column family"
        super().write(cache, changelog_offset, batch)

    def _update_changelog_offset(self, batch: WriteBatch, offset: int) -> None:
        super()._update_changelog_offset(batch, offset)
        self._put_written(batch, time.time_ns() // 1_000_000)

    def _put_written(self, batch: WriteBatch, at_ms: int) -> None:
        kept = self.get_column_family_handle(METADATA_CF_NAME)
        batch.put(_WRITTEN_KEY, at_ms.to_bytes(8, "big"), kept)

    def _write(self, batch: WriteBatch) -> None:
        try:
            super()._write(batch)
        except Exception as error:
            self._raise_fault(error)
            raise

    def close(self) -> None:
        """Close it; that it cannot be written any more changes nothing about what Kafka has."""
        try:
            super().close()  # type: ignore[no-untyped-call]  # theirs is untyped
        except Exception as error:
            fault = fault_of(error, self.path)
            if fault is None:
                raise
            self._mark(fault)
            _log.warning("a store could not be closed in order", path=self.path, reason=str(error))

    def _raise_fault(self, error: Exception) -> None:
        """Raise the fault behind an error; return when it is no error of the store."""
        fault = fault_of(error, self.path)
        if fault is None:
            return
        self._mark(fault)
        try:
            raise fault from error
        finally:
            # Its traceback holds this frame: a circle of the two would keep an iterator alive, and
            # with it the store locked.
            del fault

    def _mark(self, fault: object) -> None:
        if isinstance(fault, StoreDamaged):
            self._directory.mark_damaged(fault.reason)


class KeptStore(RocksDBStore):
    """The partitions of one stage's store."""

    def create_new_partition(self, partition: int) -> KeptPartition:
        """Open a partition's store; one that is damaged is thrown away first."""
        directory = self._directory_of(partition)
        if (why := directory.unfit()) is not None:
            self._throw_away(partition, why)
        try:
            return self._opened(partition)
        except StoreDamaged as damaged:
            self._throw_away(partition, damaged.reason)
        return self._opened(partition)

    def renew_partition(self, partition: int, why: str) -> KeptPartition:
        """Throw away what an assigned partition has, and begin it from nothing."""
        self.revoke_partition(partition)
        self._throw_away(partition, why)
        renewed = self.assign_partition(partition)
        assert isinstance(renewed, KeptPartition), renewed
        return renewed

    def _opened(self, partition: int) -> KeptPartition:
        factory = self._changelog_producer_factory
        return KeptPartition(
            str(self._directory_of(partition).path),
            options=self._options,
            changelog_producer=factory and factory.get_partition_producer(partition),
            stop_event=self._stop_event,
            open_deadline=self._open_deadline,
        )

    def _throw_away(self, partition: int, why: str) -> None:
        _log.warning(
            "a store is thrown away and recovered from its changelog",
            topic=self._stream_id,
            partition=partition,
            reason=why,
        )
        self._directory_of(partition).throw_away()

    def _directory_of(self, partition: int) -> StoreDirectory:
        return StoreDirectory((Path(self._partitions_dir) / str(partition)).absolute())


def _reason_of(error: BaseException) -> str:
    """What RocksDB itself said; the library puts its own sentence over it."""
    return " ".join(str(error.__cause__ or error).split())
