"""A fold goes just as far as it is told, notes the hashes on its way, and compares key by key."""

import pytest

from pipelines.rebuild.differences import KEPT
from pipelines.rebuild.folding import fold_partitions
from pipelines.rebuild.partition_work import FoldTask, Part, bundles, fold_and_compare
from pipelines.replay import fold_records
from pipelines.stages.certificates import CertificatesStage
from pipelines.stores import STORES, StoreName
from pipelines.topics import COMMANDS, topic_name
from state.certificate.commands import Load
from state.stores.image import StoreImage, image_hash, image_rows
from tests.pipelines.rebuild.log_in_memory import GAP, SETTINGS, LogInMemory
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS
from tests.state.certificate.specimens import reserve_number

CERTIFICATES = STORES[0]
NUMBERS = [f"GC-{index:04d}" for index in range(30)]


@pytest.fixture
def loaded(log: LogInMemory) -> LogInMemory:
    for number in NUMBERS:
        log.command(number, Load(pool="ELECTRONIC"), f"load/{number}")
    for number in NUMBERS:
        log.command(number, reserve_number(), f"reserve/{number}")
    return log


def folded_to(log: LogInMemory, partition: int, end: int) -> dict[bytes, bytes]:
    """The same without anything of this package."""
    records = log.records[topic_name(COMMANDS, SETTINGS), partition]
    before = iter([each for each in records if each.offset < end])
    folded = fold_records(before, CertificatesStage(FRAMING, PARTITIONS))
    return folded[partition].records if folded else {}


def test_fold_of_partitions_is_that_of_each_up_to_its_end(loaded: LogInMemory) -> None:
    ends = {each: loaded.end(COMMANDS, each) - GAP * each for each in range(PARTITIONS)}
    folds = fold_partitions(loaded.shop(), CERTIFICATES, ends)
    for partition, end in ends.items():
        assert folds[partition].folded.records == folded_to(loaded, partition, end)
        assert folds[partition].performed == end // GAP
    assert loaded.told == sum(end // GAP for end in ends.values())


def test_hash_at_a_mark_is_of_all_before_it_wherever_between_records_it_is(
    loaded: LogInMemory,
) -> None:
    end = loaded.end(COMMANDS, 0)
    marks = (0, 1, GAP, GAP + 1, end - 1, end)
    (fold,) = fold_partitions(loaded.shop(), CERTIFICATES, {0: end}, {0: marks}).values()
    assert fold.hashes == {
        mark: image_hash(image_rows(folded_to(loaded, 0, mark))) for mark in marks
    }


def test_mark_beyond_the_end_has_no_hash(loaded: LogInMemory) -> None:
    (fold,) = fold_partitions(loaded.shop(), CERTIFICATES, {0: GAP}, {0: (GAP + 1,)}).values()
    assert fold.hashes == {}


def test_record_that_the_workers_could_not_read_is_passed_over(loaded: LogInMemory) -> None:
    """It is readable today: a schema came later."""
    first = loaded.records[topic_name(COMMANDS, SETTINGS), 0][0]
    dead = frozenset({(first.topic, 0, first.offset)})
    (fold,) = fold_partitions(loaded.shop(dead), CERTIFICATES, {0: GAP}).values()
    assert (fold.folded.records, fold.folded.broken, fold.performed) == ({}, 1, 1)


def live_image(records: dict[bytes, bytes]) -> StoreImage:
    return StoreImage(
        store="certificates",
        partition=0,
        position=0,
        records=len(records),
        rows=image_rows(records),
    )


def compared_with(log: LogInMemory, records: dict[bytes, bytes]) -> list[str]:
    part = Part(partition=0, end=log.end(COMMANDS, 0), live=live_image(records))
    (result,) = fold_and_compare(log.shop(), FoldTask(store=StoreName.CERTIFICATES, parts=(part,)))
    assert result.equal is (result.compared.count == 0)
    assert (result.hash == result.live_hash) is result.equal
    return [str(each) for each in result.compared.first]


def test_store_that_is_the_fold_is_equal_and_any_other_is_named_key_by_key(
    loaded: LogInMemory,
) -> None:
    records = folded_to(loaded, 0, loaded.end(COMMANDS, 0))
    number = min(key for key in records if key.endswith(b"|c")).removesuffix(b"|c").decode()
    assert compared_with(loaded, dict(records)) == []
    changed = {**records, f"{number}|c".encode(): b"x"}
    last4 = number[-4:]
    assert compared_with(loaded, changed) == [
        f"certificate of …{last4}: another value in the store"
    ]
    without = {key: value for key, value in records.items() if key != f"{number}|c".encode()}
    assert compared_with(loaded, without) == [f"certificate of …{last4}: missing in the store"]
    more = {**records, b"GC-9999|c": b"x"}
    assert compared_with(loaded, more) == ["certificate of …9999: in the store, and not by the log"]


def test_differences_are_counted_all_and_told_some(loaded: LogInMemory) -> None:
    invented = {f"GC-X{index:04d}|c".encode(): b"x" for index in range(KEPT + 50)}
    records = folded_to(loaded, 0, loaded.end(COMMANDS, 0))
    assert len(compared_with(loaded, {**records, **invented})) == KEPT


def test_bundles_hold_every_partition_once_and_large_ones_alone() -> None:
    ends = {
        StoreName.CERTIFICATES: {0: 50_000, 1: 5, 2: 30_000, 3: 5},
        StoreName.POOLS: {0: 0, 1: 0, 2: 9_000, 3: 9_000},
    }
    found = bundles(ends)
    assert found[0] == (StoreName.CERTIFICATES, [0])
    assert found[1] == (StoreName.CERTIFICATES, [2])
    places = [(store, each) for store, partitions in found for each in partitions]
    assert sorted(places) == sorted((store, each) for store in ends for each in ends[store])
    assert (StoreName.POOLS, [2, 3, 0, 1]) in found
