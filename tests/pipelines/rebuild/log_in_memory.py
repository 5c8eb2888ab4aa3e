"""Topics in memory, read as the real reader reads them; commands of a small business on them.

Owns the fake reader and the making of records. Offsets have gaps, as those of transactions do.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.rebuild.folding import Workshop
from pipelines.settings import Settings
from pipelines.stages.record import Incoming
from pipelines.topics import COMMANDS, Topic, topic_name
from state.certificate.commands import Action
from tests.pipelines.stages.stage_in_memory import AT_MS, FRAMING, PARTITIONS
from tests.state.certificate.specimens import command

SETTINGS = Settings(partitions=PARTITIONS)
GAP = 3
"""From one offset to the next."""


class LogInMemory:
    """Every record of every topic, by its partition."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Incoming]] = {}
        self.told = 0

    def append(
        self, topic: Topic, key: bytes, value: bytes | None, *, at_ms: int = AT_MS
    ) -> Incoming:
        """One record where its key belongs."""
        partition = partition_of(key, PARTITIONS)
        name = topic_name(topic, SETTINGS)
        records = self.records.setdefault((name, partition), [])
        record = Incoming(
            topic=name,
            partition=partition,
            offset=GAP * len(records),
            key=key,
            value=value,
            headers=(),
            timestamp_ms=at_ms,
        )
        records.append(record)
        return record

    def command(self, number: str, action: Action, command_id: str, **changes: Any) -> Incoming:
        """One command for a certificate."""
        made = command(action, command_id, certificate_id=number, **changes)
        value = FRAMING.encode(RecordName.COMMAND, command_to_record(made))
        return self.append(COMMANDS, number.encode(), value)

    def end(self, topic: Topic, partition: int) -> int:
        """The offset after the last record, with the marker behind it."""
        return GAP * len(self.records.get((topic_name(topic, SETTINGS), partition), []))

    def ends(self, topic: Topic) -> dict[int, int]:
        return {partition: self.end(topic, partition) for partition in range(PARTITIONS)}

    def shop(self, dead: frozenset[tuple[str, int, int]] = frozenset()) -> Workshop:
        """What a fold works with."""

        def told(more: int) -> None:
            self.told += more

        return Workshop(settings=SETTINGS, framing=FRAMING, dead=dead, told=told)

    @contextmanager
    def reader(
        self, settings: Settings, topic: Topic, *, partitions: Collection[int] | None = None
    ) -> Iterator["LogReader"]:
        """In the place of the real reader."""
        wanted = range(PARTITIONS) if partitions is None else partitions
        yield LogReader(self, topic_name(topic, settings), list(wanted))


class LogReader:
    """Gives what is between the beginning and an end, in turn from each partition."""

    def __init__(self, log: LogInMemory, topic: str, partitions: list[int]) -> None:
        self._log = log
        self._topic = topic
        self._partitions = partitions

    def records_to(self, ends: Mapping[int, int]) -> Iterator[Incoming]:
        assert sorted(ends) == sorted(self._partitions), "it was opened for others"
        queues = [
            [each for each in self._log.records.get((self._topic, part), ()) if each.offset < end]
            for part, end in ends.items()
        ]
        while any(queues):
            for queue in queues:
                if queue:
                    yield queue.pop(0)


def read_to(reader: LogReader, ends: Mapping[int, int]) -> Iterator[Incoming]:
    """In the place of the real one."""
    return reader.records_to(ends)
