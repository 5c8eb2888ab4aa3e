"""The service in a universe: its workers, life after life, their groups and their disks.

Owns who lives, who sleeps, who has which partitions, and every fault that a process can meet. When
which of them happens is a step's; what a process does by itself is its own.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.settings import Settings
from pipelines.simulation.climate import Climate
from pipelines.simulation.earlier_version import EarlierFraming
from pipelines.simulation.group import Group
from pipelines.simulation.log import Log, ProducerFenced, Refusal
from pipelines.simulation.process import Phase, Process
from pipelines.simulation.store import Disk
from pipelines.simulation.work import Work, work_of
from pipelines.topics import Role, group_name

WORKERS_MAX = 5
"""Of one role."""


@dataclass(slots=True)
class _Crew:
    """The workers of one role. `names` are those that should be there, alive or not."""

    group: Group
    current: Work
    earlier: Work
    names: list[str]
    lives: int = 0
    disks: dict[str, Disk] = field(default_factory=dict)


class Service:
    """All processes of both roles. `on_death` is told of each life that ends."""

    def __init__(
        self,
        settings: Settings,
        climate: Climate,
        log: Log,
        counters: Counter[str],
        on_death: Callable[[Process], None],
    ) -> None:
        self._climate = climate
        self._log = log
        self._counters = counters
        self._on_death = on_death
        self.all: list[Process] = []
        """Every process that lives, in the order in which they were started."""
        counts = {Role.PROCESSOR: climate.processors, Role.CORRELATOR: climate.correlators}
        self._crews = {role: _crew(role, settings, log, counts[role]) for role in Role}

    # Who there is

    def living(self, role: Role | None = None) -> list[Process]:
        """Those alive, sleepers among them."""
        return [each for each in self.all if role is None or each.role is role]

    def awake(self, role: Role | None = None) -> list[Process]:
        """Those alive that do not sleep."""
        return [each for each in self.living(role) if not each.paused]

    def asleep(self) -> list[Process]:
        """Those that were stopped and can wake."""
        return [each for each in self.all if each.paused]

    def missing(self) -> list[tuple[Role, str]]:
        """The workers that should be there and are not."""
        there = {each.name for each in self.all}
        return [
            (role, name)
            for role, crew in self._crews.items()
            for name in crew.names
            if name not in there
        ]

    def group(self, role: Role) -> Group:
        """What the coordinator knows of a role's group."""
        return self._crews[role].group

    def named(self, role: Role, name: str) -> Process | None:
        """The latest life of a worker, if it lives."""
        return next((each for each in reversed(self.living(role)) if each.name == name), None)

    # Lives

    def start(self, role: Role, name: str, random: Random) -> Process:
        """Begin a worker's next life; it takes its earlier one's place, or joins."""
        crew = self._crews[role]
        crew.lives += 1
        earlier = random.random() < self._climate.earlier_share
        process = Process(
            name=name,
            life=f"{name}/{crew.lives}",
            url=f"http://{name}.simulated:8080",
            work=crew.earlier if earlier else crew.current,
            log=self._log,
            group=crew.group,
            disk=crew.disks.setdefault(name, Disk()),
            counters=self._counters,
        )
        self._counters["lives of an earlier version"] += earlier
        self.all.append(process)
        member = crew.group.take_over(name, process.life)
        if member is None:
            self.rebalance(role, random)
        else:
            process.assign(member.held, crew.group.generation)
        return process

    def crash(self, process: Process, *, lose_disk: bool) -> None:
        """Kill a process where it stands; its node's disk may be lost with it."""
        self._counters[f"crashes: {process.phase.value}"] += 1
        if lose_disk:
            process.disk.lose()
            self._counters["disks lost"] += 1
        self._end(process)

    def replace(self, process: Process, random: Random) -> Process:
        """Start a second life on another node while the first sleeps; it fences the first."""
        assert process.paused, "two lives of one worker: the first of them sleeps"
        self._crews[process.role].disks[process.name] = Disk()
        self._counters["workers replaced while they slept"] += 1
        return self.start(process.role, process.name, random)

    def pause(self, process: Process) -> None:
        """Stop a process; it knows nothing of it."""
        process.paused = True
        self._counters["pauses"] += 1

    def wake(self, process: Process) -> None:
        """Let it go on where it was; whether it is still a member it has yet to hear."""
        process.paused = False
        process.doubtful = True

    def scale(self, role: Role, count: int, random: Random) -> None:
        """Have so many workers: new ones join, the last ones leave in order."""
        crew = self._crews[role]
        while len(crew.names) < count:
            crew.names.append(f"{role.value}-{len(crew.names)}")
            self.start(role, crew.names[-1], random)
        while len(crew.names) > count:
            name = crew.names.pop()
            for process in [each for each in self.living(role) if each.name == name]:
                if not process.paused:
                    self.finish(process)
                self._end(process)
            self.rebalance(role, random)
        self._counters["changes of the number of workers"] += 1

    def _end(self, process: Process) -> None:
        if process.alive:
            process.die()
            self.all.remove(process)
            self._on_death(process)

    # The group

    def rebalance(self, role: Role, random: Random) -> None:
        """Distribute a role's partitions anew among those awake; sleepers and the dead are out."""
        crew = self._crews[role]
        for process in self.awake(role):
            self.finish(process)
        joined = {each.name: each for each in self.awake(role)}
        for process in joined.values():
            process.leave_partitions()
        crew.group.distribute({name: each.life for name, each in joined.items()}, random)
        for name, process in joined.items():
            process.assign(crew.group.members[name].held, crew.group.generation)
        self._counters["rebalances"] += 1

    def expire_sessions(self, role: Role, random: Random) -> bool:
        """Put out the members that are dead or asleep. False: there are none."""
        crew = self._crews[role]
        awake = {each.life for each in self.awake(role)}
        if all(member.life in awake for member in crew.group.members.values()):
            return False
        self._counters["members put out"] += 1
        self.rebalance(role, random)
        return True

    def give_up_transactions(self) -> int:
        """The transactions of the dead and of sleepers have taken too long.

        Also of one who died while an earlier life of its name, fenced without knowing, is awake.
        """
        names = {each.name for each in self.awake() if not each.is_fenced}
        crews = self._crews.values()
        given_up = sum(
            self._log.give_up(name)
            for crew in crews
            for name in [*crew.names, *crew.disks]
            if name not in names
        )
        self._counters["transactions given up"] += given_up
        return given_up

    # Work

    def perform(self, process: Process, count: int, random: Random) -> int:
        """Let a process perform records; one that the log has fenced ends."""
        try:
            if process.phase in (Phase.FLUSHED, Phase.UNWRITTEN):
                self.advance(process)
            if process.alive and process.is_assigned:
                process.recover()
                return process.perform(count, random)
        except ProducerFenced:
            self._fence(process)
        return 0

    def advance(self, process: Process) -> None:
        """Take a checkpoint one stage further on its way to the stores."""
        try:
            match process.phase:
                case Phase.OPEN:
                    process.flush()
                case Phase.FLUSHED:
                    self._commit(process)
                case Phase.UNWRITTEN:
                    process.write()
                case Phase.EMPTY:
                    pass
        except ProducerFenced:
            self._fence(process)

    def finish(self, process: Process) -> None:
        """Take a checkpoint all the way to the stores."""
        while process.alive and process.phase is not Phase.EMPTY:
            self.advance(process)

    def hear_of_group(self, process: Process, random: Random) -> None:
        """A heartbeat: one that is no member any more joins anew, its partitions are gone."""
        if process.phase is not Phase.EMPTY:
            self.finish(process)
        group = self._crews[process.role].group
        if not process.alive or process.is_member:
            process.doubtful = False
            return
        member = group.members.get(process.name)
        if member is not None and member.life != process.life:
            self._fence(process)
            return
        process.leave_partitions()
        self.rebalance(process.role, random)

    def _commit(self, process: Process) -> None:
        match process.commit():
            case Refusal.FENCED:
                self._fence(process)
            case Refusal.PUT_OUT:
                self._counters["commits refused to sleepers"] += 1
            case None:
                self._counters["commits"] += 1

    def _fence(self, process: Process) -> None:
        self._counters["processes fenced"] += 1
        self._end(process)


def _crew(role: Role, settings: Settings, log: Log, count: int) -> _Crew:
    current = work_of(role, settings, SingleObjectFraming(), writes_as_before=False)
    earlier = work_of(role, settings, EarlierFraming(), writes_as_before=True)
    group = Group(list(current.topics), settings.partitions)
    log.groups[group_name(role, settings)] = group
    return _Crew(
        group=group,
        current=current,
        earlier=earlier,
        names=[f"{role.value}-{number}" for number in range(count)],
    )
