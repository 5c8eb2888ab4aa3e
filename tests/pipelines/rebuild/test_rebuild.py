"""What a rebuild refuses, what it writes, and that the library's recovery takes it."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from rocksdict import AccessType, Options, Rdict

from pipelines.rebuild.changelogs import (
    COLUMN_FAMILY_HEADER,
    PROCESSED_OFFSETS_HEADER,
    headers_of,
    wanted_changelog,
)
from pipelines.rebuild.kafka_places import Span
from pipelines.rebuild.partition_work import Part
from pipelines.rebuild.rebuild import RebuildRefused, positions, refuse_disagreement
from pipelines.rebuild.rebuild_work import SpoolTask, Target, fold_and_spool, spool_path
from pipelines.rebuild.spool import read_spool, write_spool, write_store
from pipelines.stores import STORES, StoreName
from pipelines.topics import COMMANDS, STREAM, Role, topic_name
from state.certificate.commands import Load
from tests.pipelines.rebuild.log_in_memory import SETTINGS, LogInMemory
from tests.pipelines.rebuild.told_stream import tell_stream

# A library that the stream library brings along warns of its own imports.
with warnings.catch_warnings(record=True):
    from quixstreams.state import metadata, recovery

CERTIFICATES = STORES[0]
NAME = topic_name(COMMANDS, SETTINGS)
RECORDS = {b"a|c": b"one", b"b|c": b"", b"\x00d|\x00\x01": b"\x01"}


def ends_of(committed: dict[tuple[str, int], int], *ends: int) -> dict[int, int]:
    spans = {CERTIFICATES.name: {part: Span(start=0, end=end) for part, end in enumerate(ends)}}
    found = positions(SETTINGS, [CERTIFICATES], spans, {Role.PROCESSOR: committed})
    return found[StoreName.CERTIFICATES]


def test_partitions_are_folded_up_to_what_the_group_committed() -> None:
    assert ends_of({(NAME, 0): 7, (NAME, 1): 9, ("other", 2): 5}, 9, 9, 0) == {0: 7, 1: 9, 2: 0}


def test_partition_that_a_known_group_never_began_is_begun_by_the_workers() -> None:
    assert ends_of({("other", 0): 5}, 9) == {0: 0}


def test_group_that_committed_nothing_is_refused_and_told_what_to_do() -> None:
    with pytest.raises(RebuildRefused, match=r"no committed offsets.*docs/rebuild\.md"):
        ends_of({}, 0, 4)


def test_installation_in_which_nothing_ever_was_needs_no_offsets() -> None:
    assert ends_of({}, 0, 0) == {0: 0, 1: 0}


def test_offset_beyond_the_topic_is_refused() -> None:
    with pytest.raises(RebuildRefused, match="is not the one that was performed"):
        ends_of({(NAME, 0): 10}, 9)


# What is written


def test_headers_are_the_libraries_own() -> None:
    assert metadata.CHANGELOG_CF_MESSAGE_HEADER == COLUMN_FAMILY_HEADER
    assert metadata.CHANGELOG_PROCESSED_OFFSETS_MESSAGE_HEADER == PROCESSED_OFFSETS_HEADER


class FakePartition:
    """A store that is recovered."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, bytes, bytes | None, int]] = []
        self.skipped: list[int] = []

    def recover_from_changelog_message(
        self, key: bytes, value: bytes | None, cf_name: str, offset: int, *, ttl_stamped: bool
    ) -> None:
        assert not ttl_stamped
        self.applied.append((cf_name, key, value, offset))

    def write_changelog_offset(self, offset: int) -> None:
        self.skipped.append(offset)


class Changelogged:
    """A record as it comes from a changelog."""

    def __init__(self, headers: list[tuple[str, bytes]]) -> None:
        self._headers = headers

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers

    def key(self) -> bytes:
        return b"GC-1|c"

    def value(self) -> bytes:
        return b"one"

    def offset(self) -> int:
        return 4


@pytest.mark.parametrize(("committed", "applied"), [(41, True), (42, True), (40, False)])
def test_record_is_applied_by_the_librarys_recovery_from_the_committed_offset_on(
    committed: int, applied: bool
) -> None:
    store: Any = FakePartition()
    recovering = recovery.RecoveryPartition(
        changelog_name=wanted_changelog(CERTIFICATES, SETTINGS).name,
        partition_num=0,
        store_partition=store,
        committed_offsets={NAME: committed},
        lowwater=0,
        highwater=5,
    )
    record: Any = Changelogged(headers_of(CERTIFICATES, SETTINGS, 41))
    recovering.recover_from_changelog_message(record)
    assert store.applied == ([("default", b"GC-1|c", b"one", 4)] if applied else [])


def test_changelog_of_each_store_is_the_one_its_workers_recover_from() -> None:
    names = [wanted_changelog(store, SETTINGS).name for store in STORES]
    assert len(set(names)) == len(STORES)
    assert names[0] == f"changelog__giftcert-processor--{NAME}--default"
    assert names[-1].startswith("changelog__giftcert-correlator--")


def test_spool_gives_the_records_back_in_the_order_of_their_keys(tmp_path: Path) -> None:
    write_spool(RECORDS, tmp_path / "spool")
    assert list(read_spool(tmp_path / "spool")) == sorted(RECORDS.items())
    write_spool({}, tmp_path / "empty")
    assert list(read_spool(tmp_path / "empty")) == []


def test_store_for_inspection_holds_just_the_records(tmp_path: Path) -> None:
    write_store(RECORDS, tmp_path / "store")
    store = Rdict(
        str(tmp_path / "store"), Options(raw_mode=True), access_type=AccessType.read_only()
    )
    assert dict(store.items()) == RECORDS
    store.close()


# Held against the stream


def spooled(log: LogInMemory, folder: Path, *, short: int = 0, whole: bool = True) -> Any:
    """Fold the first partition that has something, without its last offsets."""
    (partition,) = {part for name, part in log.records if name == NAME}
    task = SpoolTask(
        store=StoreName.CERTIFICATES,
        parts=(Part(partition=partition, end=log.end(COMMANDS, partition) - short),),
        stream_ends={partition: log.end(STREAM, partition)},
        folder=folder,
        target=Target.SPOOL,
        whole=whole,
    )
    (found,) = fold_and_spool(log.shop(), task)
    assert spool_path(folder, StoreName.CERTIFICATES, partition).exists()
    return found


def test_offsets_that_the_stream_agrees_with_are_taken(log: LogInMemory, tmp_path: Path) -> None:
    log.command("GC-0001", Load(pool="ELECTRONIC"), "load")
    tell_stream(log)
    refuse_disagreement([spooled(log, tmp_path)])


def test_offsets_from_before_what_the_stream_tells_are_refused(
    log: LogInMemory, tmp_path: Path
) -> None:
    """Set by hand, or from a backup: the workers would perform and tell it again."""
    log.command("GC-0001", Load(pool="ELECTRONIC"), "load")
    tell_stream(log)
    early = spooled(log, tmp_path, short=3)
    with pytest.raises(RebuildRefused, match=r"…0001: the stream tells of it"):
        refuse_disagreement([early])
    refuse_disagreement([spooled(log, tmp_path, short=3, whole=False)])


def test_offsets_from_after_what_the_stream_tells_are_refused(
    log: LogInMemory, tmp_path: Path
) -> None:
    """What was never performed would be taken for done."""
    log.command("GC-0001", Load(pool="ELECTRONIC"), "load")
    with pytest.raises(RebuildRefused, match="…0001: the log gives 1 events, the stream tells 0"):
        refuse_disagreement([spooled(log, tmp_path)])
