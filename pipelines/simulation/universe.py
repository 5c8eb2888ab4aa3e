"""The universe of one run: the log, the clock, the network, and the service's processes.

Owns what everybody in it can see and do, and how it comes to rest at the end. Time moves only when
a step says so; chance is the step's own. Nothing here knows a rule of gift certificates.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, cast

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.local_stores import WorkerStore
from pipelines.partitioning import partition_of
from pipelines.runtime import Worker
from pipelines.simulation.actors import Actors
from pipelines.simulation.climate import Climate, settings_of
from pipelines.simulation.log import Log
from pipelines.simulation.network import Network
from pipelines.simulation.process import Process
from pipelines.simulation.service import Service
from pipelines.simulation.steps import seeded
from pipelines.stages.record import Incoming, Outgoing
from pipelines.timers import TimerLoop, deadline_fact, expiry_command
from pipelines.topics import COMMANDS, FACTS, REPLIES, STATEFUL, Role, Topic, topic_name
from pipelines.topology import policy_of

BEGINNING_MS: Final = 1_767_225_600_000
"""The first moment of a universe: 2026-01-01."""

_TIMER_INTERVAL_MS: Final = 200


class Universe:
    """Everything that is, in one run."""

    def __init__(self, climate: Climate) -> None:
        self.climate = climate
        self.settings = settings_of(climate)
        self.partitions = climate.partitions
        self.mixed_versions = climate.earlier_share > 0
        self.framing = SingleObjectFraming()
        self.counters: Counter[str] = Counter()
        self.random = seeded(0)
        self.log = Log(climate.partitions, self._is_late)
        self.log.now_ms = BEGINNING_MS
        self.network = Network(self.log, climate, self.counters)
        self.service = Service(self.settings, climate, self.log, self.counters, self._mourn)
        self._actors: Actors | None = None
        self._timers: dict[str, TimerLoop] = {}
        self._names: dict[Topic, str] = {}

    @property
    def now_ms(self) -> int:
        """The one clock. Only steps move it."""
        return self.log.now_ms

    @property
    def actors(self) -> Actors:
        """Who acts here."""
        assert self._actors is not None, "actors come first"
        return self._actors

    def attach(self, actors: Actors) -> None:
        """Tell who acts here."""
        self._actors = actors

    def begin(self, random: Random) -> None:
        """Start every worker for the first time."""
        self.random = random
        for role, name in self.service.missing():
            self.start(role, name)

    def pass_time(self, duration_ms: int) -> None:
        """Move the clock."""
        self.log.now_ms += duration_ms

    # What is written and read

    def publish(
        self,
        output: Outgoing,
        *,
        sender: Process | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Write outside any transaction, as sources, edges, the loader and timers do.

        The network may hand it to the log at once, later (never before an earlier one of the same
        topic and key), or twice. What is under way from a `sender` may be lost with it; without
        one (a source) it is never lost. `timestamp_ms` is Kafka's timestamp (default: the clock's).
        """
        life = "" if sender is None else sender.life
        written_ms = self.now_ms if timestamp_ms is None else timestamp_ms
        self.network.send(output, life, written_ms, self.random)

    def records(
        self, topic: Topic, partition: int | None = None, start: int = 0
    ) -> Iterator[Incoming]:
        """What a read_committed reader sees of a topic now, partition by partition, in order.

        `Incoming.topic` is the full name. `start` is an offset, with `partition` only.
        """
        name = self._name(topic)
        for each in range(self.partitions) if partition is None else (partition,):
            yield from self.log.partition(name, each).visible(start)

    def end_of(self, topic: Topic, partition: int) -> int:
        """The offset up to which a read_committed reader has seen all (markers have some too)."""
        return self.log.partition(self._name(topic), partition).visible_end

    def stores(self, topic: Topic) -> Mapping[int, Mapping[bytes, bytes]]:
        """The records of a stateful stage as its owners have them, by partition and stored key.

        Complete only in a settled universe.
        """
        role = next(role for role, topics in STATEFUL.items() if topic in topics)
        return {
            partition: store.records
            for process in self.service.awake(role)
            for partition, store in process.partitions_of(topic).items()
        }

    def digest(self) -> str:
        """One hash of everything that is in the log: equal for equal runs."""
        whole = hashlib.sha256()
        for place, records in sorted(self.log.topics.items()):
            whole.update(repr((place, records.entries)).encode())
        for place, changes in sorted(self.log.changelogs.items()):
            whole.update(repr((place, changes.entries)).encode())
        return whole.hexdigest()

    def _is_late(self) -> bool:
        late = self.climate.late_markers
        # The chances of calm runs stay what they are without the question.
        if late and self.random.random() < late:
            self.counters["markers late"] += 1
            return True
        return False

    def _name(self, topic: Topic) -> str:
        return topic_name(topic, self.settings)

    # The processes

    def processes(self, role: Role) -> list[Process]:
        """Those alive (paused ones too), in the order in which they were started."""
        return self.service.living(role)

    def owner_of(self, topic: Topic, partition: int) -> Process | None:
        """Who has an input's partition by the group's own knowledge; None while nobody has.

        May be paused, or be stopped and not yet evicted: a direction, no permission.
        """
        role = next(role for role, topics in STATEFUL.items() if topic in topics)
        name = self.service.group(role).owner_of((self._name(topic), partition))
        return None if name is None else self.service.named(role, name)

    def start(self, role: Role, name: str) -> Process:
        """Begin a worker's next life. Its edge hears what is told from now on."""
        process = self.service.start(role, name, self.random)
        self.stand_at_end(process)
        return process

    def stand_at_end(self, process: Process) -> None:
        """Have an edge hear only what is told from now on, as it does before it asks anything."""
        process.heard = self.end_of(REPLIES, self._replies_partition(process))

    def hear(self, process: Process, lose: float = 0.0) -> int:
        """Hand an edge the replies that came in its partition; how many. Some may be lost."""
        partition = self._replies_partition(process)
        heard = 0
        for record in self.records(REPLIES, partition, process.heard):
            assert record.value is not None, "no reply is empty"
            own = process.life.encode() in record.value
            if own and lose and self.random.random() < lose:
                self.counters["replies lost"] += 1
                continue
            heard += own
            self.actors.hear(process, record.value)
        process.heard = self.end_of(REPLIES, partition)
        return heard

    def look_at_timers(self, process: Process, *, anew: bool = False) -> None:
        """One look of a process's timers; `anew`: they have forgotten what they asked about."""
        loop = self._timers.get(process.life)
        if loop is None or anew:
            loop = self._timers[process.life] = self._timer_loop(process)
        loop.look(self.now_ms)

    def _timer_loop(self, process: Process) -> TimerLoop:
        def send(output: Outgoing) -> None:
            self.counters["deadlines asked about"] += 1
            if self.random.random() < self.climate.lost_by_timers:
                # Kafka's client gives a record up in the end, and a timer does not hear of it.
                self.counters["records of timers lost"] += 1
                return
            self.publish(output, sender=process)

        correlates = process.role is Role.CORRELATOR
        ask = (
            deadline_fact(self.framing, policy_of(self.settings))
            if correlates
            else expiry_command(self.framing)
        )
        # Of a worker it reads nothing but what a process here has as well.
        store = WorkerStore(cast(Worker, process), FACTS if correlates else COMMANDS)
        return TimerLoop(store, ask, send, _TIMER_INTERVAL_MS)

    def _replies_partition(self, process: Process) -> int:
        return partition_of(process.life.encode(), self.partitions)

    def _mourn(self, process: Process) -> None:
        self._timers.pop(process.life, None)
        self.network.lose(process.life, self.random)
        self.actors.process_died(process)
