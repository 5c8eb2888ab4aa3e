"""Recovery on real Kafka: what a worker's store is after whatever happened to volume and log.

One worker with a small stage, in this process; its store must equal the fold of its topic.
"""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import stamina
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from quixstreams.state.rocksdb.partition import RocksDBStorePartition

from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.running_broker import Broker
from pipelines.local_stores import WorkerStore
from pipelines.recovery import changelog_reader, judgement
from pipelines.recovery.store_faults import ChangelogLost, StoreDamaged, StoreFull
from pipelines.runtime import Worker
from pipelines.runtime_store import KeptPartition
from pipelines.topics import COMMANDS
from pipelines.topics_admin import apply
from state.stores.reader import StoreClosed
from tests.flow.recovery_worker import DEADLINE_S, RecoveryWorker

DAY_MS = 24 * 60 * 60 * 1000
COMPACTED_S = 180.0
"""Kafka looks for something to compact every 15 s, and forgets a deletion the second time."""


@pytest.fixture
def worker(broker: Broker, topic_prefix: str, tmp_path: Path) -> RecoveryWorker:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker has neither transactions nor compaction worth the name")
    return RecoveryWorker(broker.bootstrap, topic_prefix, tmp_path / "volume")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be read from a changelog."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a changelog was read, and nothing was missing")

    monkeypatch.setattr(changelog_reader.ChangelogReader, "read_from", refuse)


def numbered(count: int, first: int = 0) -> dict[str, bytes]:
    return {f"key-{number:04d}": b"%d" % number for number in range(first, first + count)}


def lose(volume: Path | None) -> None:
    assert volume is not None
    shutil.rmtree(volume)


def age(worker: RecoveryWorker, days: int) -> None:
    """Make the store say that it was last written so many days ago."""
    store = worker.opened()
    offset = store.get_changelog_offset()
    assert offset is not None
    store.complete(offset, time.time_ns() // 1_000_000 - days * DAY_MS)
    store.close()


@pytest.mark.usefixtures("unread")
def test_worker_on_its_own_volume_reads_no_changelog(worker: RecoveryWorker) -> None:
    worker.write(**numbered(50))
    assert worker.content() == worker.fold()
    assert worker.content() == worker.fold()
    age(worker, 100)
    assert worker.content() == worker.fold(), "however old: nothing was written since"


def test_worker_on_an_empty_volume_recovers_everything(worker: RecoveryWorker) -> None:
    worker.write(**numbered(500))
    worker.write(**dict.fromkeys(numbered(200), b""))
    before = worker.content()
    assert len(before) == 300
    lose(worker.settings.state_dir)
    worker.write(after=b"1")
    assert worker.content() == worker.fold()


def test_worker_that_is_behind_catches_up_from_where_it_was(worker: RecoveryWorker) -> None:
    worker.write(**numbered(20))
    worker.content()
    volume = worker.settings.state_dir
    assert volume is not None
    shutil.copytree(volume, volume.with_name("left-behind"))
    worker.write(**dict.fromkeys(numbered(10), b""), **numbered(10, first=50))
    worker.content()
    lose(volume)
    volume.with_name("left-behind").rename(volume)
    assert worker.content() == worker.fold()


def forget_deletions(worker: RecoveryWorker) -> None:
    """Have Kafka compact the changelog, as it does in a week, until no deletion is left in it."""
    KafkaAdmin(worker.settings, timeout_s=DEADLINE_S).alter(
        worker.changelog,
        {"delete.retention.ms": "0", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.0"},
    )
    for attempt in stamina.retry_context(
        on=AssertionError, timeout=COMPACTED_S, attempts=None, wait_initial=0.5, wait_max=0.5
    ):
        with attempt:
            # Only what lies behind the newest segment is compacted, and only a write begins one.
            worker.changelog_transaction("newest", newest=b"1").abort_transaction(DEADLINE_S)
            left = [key for key, value in worker.changelog_records() if value is None]
            assert left == [], "the record of a deletion is still there"


@pytest.mark.timeout(400)
def test_store_left_behind_for_longer_than_deletions_are_kept_is_thrown_away(
    worker: RecoveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caught up, it keeps what was deleted meanwhile: a pool would sell a taken number again."""
    worker.write(taken=b"a free number", other=b"1")
    worker.content()
    volume = worker.settings.state_dir
    assert volume is not None
    age(worker, 8)
    left_behind = volume.with_name("left-behind")
    shutil.copytree(volume, left_behind)
    worker.write(taken=b"", another=b"1")
    assert b"taken|c" not in worker.content()
    forget_deletions(worker)

    lose(volume)
    shutil.copytree(left_behind, volume)
    with monkeypatch.context() as careless:
        careless.setattr(judgement, "OLDEST_MS", 100 * DAY_MS)
        # The hazard itself, as recovery has it that asks nothing: this is what the rule is for.
        assert worker.content() == worker.fold() | {b"taken|c": b"a free number"}

    lose(volume)
    left_behind.rename(volume)
    assert worker.content() == worker.fold()


def test_changelog_that_was_made_anew_stops_the_worker_and_leaves_its_store(
    worker: RecoveryWorker,
) -> None:
    """The store may be the only copy of what the changelog held."""
    worker.write(**numbered(10))
    worker.content()
    admin = KafkaAdmin(worker.settings, timeout_s=DEADLINE_S)
    admin.delete([worker.changelog])
    apply(worker.settings, timeout_s=DEADLINE_S)
    with pytest.raises(ChangelogLost, match=r"made anew.*giftcert rebuild") as raised:
        worker.content()
    assert raised.value.exit_code == 4
    store = worker.opened()
    assert len(dict(store.iter_items(b"", b"\xff"))) == 10
    store.close()
    lose(worker.settings.state_dir)
    with pytest.raises(ChangelogLost, match="made anew"):
        worker.content()


def until_the_group_is_empty(change: Callable[[], None]) -> None:
    """Change a group's offsets: a static member counts as there until its session has ended."""
    for attempt in stamina.retry_context(
        on=KafkaException, timeout=DEADLINE_S, attempts=None, wait_initial=0.2, wait_max=0.2
    ):
        with attempt:
            change()


def test_group_whose_offsets_are_gone_stops_the_worker(worker: RecoveryWorker) -> None:
    """Kafka forgets a group's offsets a week after its last member left."""
    worker.write(**numbered(10))
    worker.content()
    admin = AdminClient({"bootstrap.servers": worker.settings.bootstrap})

    def forget() -> None:
        admin.delete_consumer_groups([worker.group])[worker.group].result()

    until_the_group_is_empty(forget)
    with pytest.raises(ChangelogLost, match="offsets are gone"):
        worker.content()
    lose(worker.settings.state_dir)
    with pytest.raises(ChangelogLost, match="offsets are gone or were set back"):
        worker.content()


def test_group_whose_offsets_were_set_back_stops_a_worker_without_its_store(
    worker: RecoveryWorker,
) -> None:
    """What the state was then cannot be had from a changelog that keeps the last of each key."""
    worker.write(**numbered(10))
    worker.content()
    admin = AdminClient({"bootstrap.servers": worker.settings.bootstrap})

    def set_back() -> None:
        asked = ConsumerGroupTopicPartitions(worker.group, [TopicPartition(worker.topic, 0, 3)])
        answer = admin.alter_consumer_group_offsets([asked])[worker.group].result()
        for place in answer.topic_partitions:
            if place.error is not None:
                raise KafkaException(place.error)

    until_the_group_is_empty(set_back)
    lose(worker.settings.state_dir)
    with pytest.raises(ChangelogLost, match="were set back"):
        worker.content()


def test_volume_of_another_log_is_not_used(worker: RecoveryWorker) -> None:
    worker.write(**numbered(10))
    worker.content()
    store = worker.opened()
    store.begin_log("another-cluster/topic", 1)
    store.apply([(b"from another cluster", b"1")], 3)
    store.close()
    assert worker.content() == worker.fold()


@pytest.mark.timeout(300)
def test_open_transaction_of_a_dead_worker_hides_nothing_that_was_committed_behind_it(
    worker: RecoveryWorker,
) -> None:
    """A reader of committed records stops before it; a worker that began to serve there would
    have lost what the partition's other owners committed since, and sell a number twice.
    """
    worker.write(**numbered(10))
    worker.content()
    dead = worker.changelog_transaction("a-worker-nobody-starts-again", dead=b"1")
    worker.write(**numbered(10, first=100))
    worker.content()
    lose(worker.settings.state_dir)
    assert worker.content() == worker.fold()
    del dead


def test_transaction_that_the_worker_itself_left_open_is_given_up_at_once(
    worker: RecoveryWorker,
) -> None:
    worker.write(**numbered(10))
    worker.content()
    name = f"{worker.group}-processor-0"
    dead = worker.changelog_transaction(name, dead=b"1")
    lose(worker.settings.state_dir)
    assert worker.content() == worker.fold()
    del dead


def test_full_disk_after_kafka_has_committed_stops_the_worker_and_loses_nothing(
    worker: RecoveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.write(**numbered(10))
    worker.content()
    write = RocksDBStorePartition._write

    def refuse(*_: Any) -> None:
        raise Exception("IO error: No space left on device")  # noqa: TRY002 - as the binding does

    worker.write(**numbered(10, first=100))
    monkeypatch.setattr(RocksDBStorePartition, "_write", refuse)
    with pytest.raises(StoreFull, match="make room"):
        worker.content()
    monkeypatch.setattr(RocksDBStorePartition, "_write", write)
    assert not worker.marked
    assert worker.content() == worker.fold()


def test_damage_that_another_thread_reads_stops_the_worker_and_is_mended_at_the_next_start(
    worker: RecoveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.write(**numbered(10))
    worker.content()

    def read_damaged(running: Worker) -> bool:
        def refuse(*_: Any) -> bytes:
            raise Exception("Corruption: block checksum")  # noqa: TRY002 - as the binding does

        with monkeypatch.context() as patched:
            patched.setattr(KeptPartition, "get_or_create_column_family", refuse)
            with pytest.raises(StoreClosed):
                WorkerStore(running, COMMANDS).get(0, b"key-0001|c")
        assert not running.serving
        return True

    with pytest.raises(StoreDamaged, match="start this worker again"):
        worker.run(read_damaged)
    assert worker.marked
    assert worker.content() == worker.fold()
    assert not worker.marked


def files_of(volume: RecoveryWorker) -> Iterator[Path]:
    for file in sorted(volume.store_path.iterdir()):
        if file.is_file() and file.stat().st_size and not file.name.startswith("LOG"):
            yield file


def shown_again_if_it_ends(worker: RecoveryWorker) -> dict[bytes, bytes]:
    with suppress(StoreDamaged):
        return worker.content()
    return worker.content()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_damaged_store_of_a_stopped_worker_is_the_fold_of_its_topic_again(
    worker: RecoveryWorker, damage: str
) -> None:
    """Every file of it, one after the other; between them the worker runs and goes on writing."""
    chance = random.Random(damage)
    worker.write(**numbered(300))
    assert worker.content() == worker.fold()
    done: set[str] = set()
    for turn in range(40):
        left = [file for file in files_of(worker) if file.name.split("-")[0] not in done]
        if not left:
            break
        file = left[0]
        done |= {file.name, file.name.split("-")[0]}
        content = bytearray(file.read_bytes())
        match damage:
            case "flipped":
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
                file.write_bytes(content)
            case "cut":
                file.write_bytes(content[: chance.randrange(len(content))])
            case _:
                file.unlink()
        worker.write(**{f"turn-{turn}": b"1", f"key-{turn:04d}": b""})
        assert shown_again_if_it_ends(worker) == worker.fold(), f"{file.name} was {damage}"
        if len(done) > 14:
            break
    assert {"CURRENT", "MANIFEST"} <= done
