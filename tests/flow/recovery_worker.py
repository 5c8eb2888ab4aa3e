"""A worker in the test's own process whose one stage keeps what it is told, and its topic.

Owns running it until something is so, and what its store must then hold: the fold of its topic.
The run time is the real one, on real Kafka; only the stage is smaller than life.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from confluent_kafka import Producer

from pipelines.recovery.changelog_reader import ChangelogReader
from pipelines.recovery.store_directory import StoreDirectory
from pipelines.recovery.store_faults import StoreFault
from pipelines.replay import fold_records, read_topic
from pipelines.runtime import Worker
from pipelines.runtime_options import producer_options
from pipelines.runtime_store import KeptOptions, KeptPartition
from pipelines.settings import Settings, load_settings
from pipelines.stages.record import DeadlineRecords, Incoming, Outgoing
from pipelines.topics import COMMANDS, Role, changelog_name, topic_name
from pipelines.topics_admin import apply
from state.stores.layout import MAIN, KeyedRecords

DEADLINE_S: Final = 80.0
_EVERYTHING: Final = (b"", b"\xff" * 64)

_Found = TypeVar("_Found")


def keep(
    incoming: Incoming, records: KeyedRecords, _deadlines: DeadlineRecords, /
) -> list[Outgoing]:
    """Keep the last value of a key; an empty one deletes it."""
    if incoming.value:
        records.set_bytes(MAIN, incoming.value)
    else:
        records.delete(MAIN)
    return []


class RecoveryWorker:
    """One partition's worker, run anew as often as wanted, on a volume that can be changed."""

    def __init__(self, bootstrap: str, prefix: str, state_dir: Path) -> None:
        self.settings: Settings = load_settings(
            {
                "bootstrap": bootstrap,
                "topic_prefix": prefix,
                "partitions": 1,
                "state_dir": state_dir,
                "worker_id": "processor-0",
                "transaction_timeout_ms": 3_000,
            }
        )
        self.changelog = changelog_name(Role.PROCESSOR, COMMANDS, self.settings)
        self.group = self.settings.processor_group
        self.topic = topic_name(COMMANDS, self.settings)
        self._written = 0
        apply(self.settings, with_sources=True, timeout_s=DEADLINE_S)

    @property
    def store_path(self) -> Path:
        """Where the volume keeps the partition's store."""
        assert self.settings.state_dir is not None
        return self.settings.state_dir / self.group / "default" / self.topic / "0"

    @property
    def marked(self) -> bool:
        """Whether the next start throws the store away."""
        return StoreDirectory(self.store_path).unfit() is not None

    def write(self, **records: bytes) -> None:
        """Write records to the topic; an empty value asks for a deletion."""
        producer = Producer({"bootstrap.servers": self.settings.bootstrap})
        for key, value in records.items():
            producer.produce(self.topic, key=key.encode(), value=value, partition=0)
        assert producer.flush(DEADLINE_S) == 0
        self._written += len(records)

    def fold(self) -> dict[bytes, bytes]:
        """What the store must hold, by the topic alone."""
        folded = fold_records(read_topic(self.settings, COMMANDS), keep)
        return folded[0].records if folded else {}

    def run(self, then: Callable[[Worker], _Found], *, performed: bool = True) -> _Found:
        """Run the worker until it serves, has performed all that was written, and `then` is done.

        What ends it by itself is raised.
        """
        worker = Worker(self.settings, Role.PROCESSOR)
        worker.fold(COMMANDS, keep)
        found: list[_Found] = []
        wanted = self._written if performed else 0
        watcher = threading.Thread(
            target=lambda: found.extend(_once_it_serves(worker, wanted, then)), daemon=True
        )
        watcher.start()
        worker.run()
        watcher.join(DEADLINE_S)
        assert found, "it did not serve in time"
        return found[0]

    def content(self) -> dict[bytes, bytes]:
        """What the running worker shows, once it has performed everything."""
        return self.run(_content)

    def opened(self) -> KeptPartition:
        """The store of the stopped worker; to be closed."""
        return KeptPartition(str(self.store_path), options=KeptOptions(on_corrupted_recreate=False))

    def changelog_transaction(self, name: str, **records: bytes | None) -> Producer:
        """A transaction that has written to the changelog, flushed and still open.

        Under the worker's own name it is what a killed worker leaves; under another what a worker
        leaves that nobody starts again.
        """
        producer = Producer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                **producer_options(self.settings, Role.PROCESSOR),
                "transactional.id": name,
            }
        )
        producer.init_transactions(DEADLINE_S)
        producer.begin_transaction()
        for key, value in records.items():
            producer.produce(
                self.changelog,
                key=f"{key}|c".encode(),
                value=value,
                partition=0,
                headers=[
                    ("__column_family__", b"default"),
                    ("__processed_tp_offsets__", f'{{"{self.topic}":{self._written}}}'.encode()),
                ],
            )
        assert producer.flush(DEADLINE_S) == 0
        return producer

    def changelog_records(self) -> list[tuple[bytes, bytes | None]]:
        """Every committed record that is left in the changelog."""
        reader = ChangelogReader(self.settings, self.group)
        found: list[tuple[bytes, bytes | None]] = []
        place = (self.changelog, 0)
        with reader:
            reader.read_from({place: 0})
            deadline_s = time.monotonic() + DEADLINE_S
            while time.monotonic() < deadline_s:
                batch = reader.batch()
                found += [(each.key(), each.value()) for each in batch.records.get(place, ())]
                if place in batch.ends:
                    return found
        raise AssertionError("the changelog has no end")


def _once_it_serves(
    worker: Worker, performed: int, then: Callable[[Worker], _Found]
) -> list[_Found]:
    deadline_s = time.monotonic() + DEADLINE_S
    try:
        while worker.alive and time.monotonic() < deadline_s:
            if worker.serving and worker.reached(COMMANDS, 0) >= performed:
                return [then(worker)]
            time.sleep(0.01)
        return []
    except StoreFault as fault:
        # As a reader of the running worker's stores does. The iterator must go for the next run:
        # in its own process a worker's ends with it.
        fault.__cause__ = fault.__context__ = None
        worker.end_with(fault.with_traceback(None))
        return []
    finally:
        worker.stop()


def _content(worker: Worker) -> dict[bytes, bytes]:
    return dict(worker.partitions_of(COMMANDS)[0].iter_items(*_EVERYTHING))
