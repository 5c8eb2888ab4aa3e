"""Strikes: what each kind of fault does to the service, and when the service is there again.

Owns the course of each fault. Nothing here judges what the service did meanwhile: that is in the
history and on the topics. Choices are drawn from the fault's own salt.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.caller_fleet import CallerFleet
from tests.chaos.clock_faults import Clock, FaketimeMissing
from tests.chaos.disk_faults import MountRefused, changed_file, cut_file, full_disk, older_copy
from tests.chaos.fault_plan import PlannedFault
from tests.chaos.fleet import Fleet
from tests.chaos.options import FaultKind
from tests.chaos.probes import Probes

SECOND_NS: Final = 1_000_000_000
_WHOLE_FLEET: Final = "all"
_FREE_S: Final = 0.2
_SESSION_S: Final = 6.0
_IN_A_HUNDRED_LEFT_DOWN: Final = 20


@dataclass(slots=True, kw_only=True)
class FaultRecord:
    """One fault as it went. Times are monotonic nanoseconds; `mended_ns` is when what was struck
    was started again or could go on, `serving_ns` when every partition was served again,
    `whole_ns` when everything was back. `skipped` says why it was not done.
    """

    index: int
    kind: FaultKind
    alone: bool
    target: str = ""
    began_ns: int = 0
    mended_ns: int = 0
    serving_ns: int = 0
    whole_ns: int = 0
    note: str = ""
    skipped: str = ""


@dataclass(slots=True, kw_only=True)
class Strikes:
    """Carries faults out, several at a time, never two on the same target."""

    fleet: Fleet
    callers: CallerFleet
    probes: Probes
    brokers: int
    processors: int
    _struck: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, fault: PlannedFault, record: FaultRecord) -> None:
        """Do it, and mend it. Returns when what was struck is on its way back."""
        chance = random.Random(fault.salt)
        _STRIKES[fault.kind](self, chance, record)

    @contextmanager
    def _target(
        self, chance: random.Random, record: FaultRecord, names: Callable[[], list[str]]
    ) -> Iterator[str]:
        """One of those that no other fault has in its hands now, waiting for one if need be."""
        while True:
            with self._lock:
                free = [name for name in names() if name not in self._struck]
                if free:
                    target = chance.choice(free)
                    self._struck.add(target)
                    break
            time.sleep(_FREE_S)
        record.target = target
        record.began_ns = time.monotonic_ns()
        try:
            yield target
        finally:
            with self._lock:
                self._struck.discard(target)

    def _worker(
        self, chance: random.Random, record: FaultRecord, role: str
    ) -> AbstractContextManager[str]:
        return self._target(chance, record, lambda: self.fleet.running(role))

    def _processors_with_others(self) -> list[str]:
        """All processors, while one more than the next victim is in no fault's hands."""
        names = self.fleet.running("processor")
        return names if len(set(names) - self._struck) > 1 else []

    def _broker(self, chance: random.Random, record: FaultRecord) -> AbstractContextManager[str]:
        names = [f"broker-{index}" for index in range(self.brokers)]
        return self._target(chance, record, lambda: names)

    # Workers

    def kill_worker(self, chance: random.Random, record: FaultRecord, role: str) -> None:
        with self._worker(chance, record, role) as name:
            self.fleet.kill(name)
            self._leave_down(chance, record)
            self._start(name, record)

    def lose_disk(self, chance: random.Random, record: FaultRecord, role: str) -> None:
        with self._worker(chance, record, role) as name:
            self.fleet.kill(name)
            self.fleet.posts[name].worker.forget_state()
            self._leave_down(chance, record)
            self._start(name, record)

    def restart_worker(self, chance: random.Random, record: FaultRecord) -> None:
        with self._worker(chance, record, "") as name:
            record.note = f"exit code {self.fleet.end(name)}"
            self._start(name, record)

    def zombie(self, chance: random.Random, record: FaultRecord) -> None:
        """Sleep until the others have its partitions and serve them, and a little longer."""
        with self._target(chance, record, self._processors_with_others) as name:
            if not self.fleet.pause(name):
                record.skipped = "it had just ended by itself"
                return
            self.fleet.hold(name)
            try:
                time.sleep(_SESSION_S)
                record.serving_ns = self.probes.await_serving()
                time.sleep(chance.uniform(0.0, 3.0))
            finally:
                self.fleet.wake(name)
                self.fleet.release(name)
            record.mended_ns = time.monotonic_ns()

    def damage(self, chance: random.Random, record: FaultRecord, kind: FaultKind) -> None:
        with self._worker(chance, record, "") as name:
            self.fleet.kill(name)
            directory = self.fleet.posts[name].worker.plan.state_dir
            harm = cut_file if kind is FaultKind.TRUNCATE_FILE else changed_file
            record.note = harm(directory, chance)
            self._start(name, record)

    def old_disk(self, chance: random.Random, record: FaultRecord) -> None:
        """Kill twice: the second time it comes back on what its disk was the first time."""
        with self._worker(chance, record, "processor") as name:
            self.fleet.kill(name)
            with older_copy(self.fleet.posts[name].worker.plan.state_dir) as put_back:
                self.fleet.start(name)
                time.sleep(chance.uniform(4.0, 9.0))
                self.fleet.kill(name)
                put_back()
            self._start(name, record)

    def full_disk(self, chance: random.Random, record: FaultRecord) -> None:
        with self._worker(chance, record, "processor") as name:
            directory = self.fleet.posts[name].worker.plan.state_dir
            self.fleet.kill(name)
            try:
                with full_disk(directory) as disk:
                    self.fleet.start(name)
                    self.probes.await_whole()
                    ended = len(self.fleet.ends)
                    disk.fill()
                    time.sleep(chance.uniform(6.0, 10.0))
                    codes = [end.code for end in self.fleet.ends[ended:] if end.worker == name]
                    record.note = f"ended by itself with {codes}" if codes else "went on"
                    disk.make_room()
                    record.mended_ns = time.monotonic_ns()
                    record.serving_ns = self.probes.await_whole()
                    self.fleet.kill(name)
            except MountRefused as refused:
                record.skipped = str(refused)
            # Back on the disk from before, which is an old one by now.
            self.fleet.start(name)
            record.mended_ns = record.mended_ns or time.monotonic_ns()

    def jump_clock(self, chance: random.Random, record: FaultRecord) -> None:
        with self._worker(chance, record, "processor") as name:
            try:
                clock = Clock.for_worker(self.fleet.data_dir, name)
            except FaketimeMissing as missing:
                record.skipped = str(missing)
                return
            self.fleet.kill(name)
            self.fleet.start(name, clock.environment)
            self.probes.await_whole()
            jumps = [
                chance.choice([-1, 1]) * chance.choice([20, 90, 400]),
                chance.randrange(-60, 60),
            ]
            for jump_s in jumps:
                clock.jump(jump_s)
                time.sleep(chance.uniform(3.0, 5.0))
            clock.jump(0)
            record.note = f"{jumps[0]:+d} s, {jumps[1]:+d} s and right again"
            self.fleet.kill(name)
            self._start(name, record)

    def roll_all(self, _chance: random.Random, record: FaultRecord) -> None:
        record.target, record.began_ns = _WHOLE_FLEET, time.monotonic_ns()
        names = self.fleet.running("")
        for name in names:
            self.fleet.end(name)
            self._start(name, record)
            self.probes.await_whole()
        record.note = f"{len(names)} workers"

    def scale(self, chance: random.Random, record: FaultRecord) -> None:
        """Two more, three fewer, one more, under load; each step is whole before the next."""
        record.target, record.began_ns = _WHOLE_FLEET, time.monotonic_ns()
        names = sorted(name for name in self.fleet.posts if name.startswith("processor"))
        for wanted in (self.processors + 2, 2, self.processors):
            running = self.fleet.running("processor")
            for name in [each for each in names if each not in running][: wanted - len(running)]:
                self.fleet.start(name)
            for name in chance.sample(running, max(0, len(running) - wanted)):
                self.fleet.retire(name)
            record.mended_ns = time.monotonic_ns()
            self.probes.await_whole()
        record.note = f"{self.processors}, {self.processors + 2}, 2, {self.processors}"

    # Callers and brokers

    def kill_caller(self, chance: random.Random, record: FaultRecord) -> None:
        names = [f"caller-{index}" for index in self.callers.indexes]
        with self._target(chance, record, lambda: names) as name:
            index = int(name.partition("-")[2])
            self.callers.kill(index)
            record.mended_ns = time.monotonic_ns()
            self.callers.start(index)
            resumed_ns = self.callers.await_resumed(index, record.began_ns)
            assert resumed_ns is not None, f"{name} was not told what it asks"
            record.serving_ns = record.whole_ns = resumed_ns

    def kill_broker(self, chance: random.Random, record: FaultRecord) -> None:
        with self._broker(chance, record) as name:
            index = int(name.partition("-")[2])
            self.fleet.cluster.kill(index)
            self._serve_without(index, record)

    def restart_broker(self, chance: random.Random, record: FaultRecord) -> None:
        with self._broker(chance, record) as name:
            index = int(name.partition("-")[2])
            if not self.fleet.cluster.end(index):
                record.note = "it had to be killed"
            self._serve_without(index, record)

    def _serve_without(self, index: int, record: FaultRecord) -> None:
        """Wait until the service serves without a broker, and start the broker again."""
        try:
            if self.brokers > 1:
                record.serving_ns = self.probes.await_serving()
        finally:
            record.mended_ns = time.monotonic_ns()
            self.fleet.cluster.restart(index)

    def pause_broker(self, chance: random.Random, record: FaultRecord) -> None:
        with self._broker(chance, record) as name:
            process = self.fleet.cluster.process_id(int(name.partition("-")[2]))
            os.kill(process, signal.SIGSTOP)
            try:
                time.sleep(chance.uniform(3.5, 8.0))
                if self.brokers > 1:
                    record.serving_ns = self.probes.await_serving()
            finally:
                os.kill(process, signal.SIGCONT)
            record.mended_ns = time.monotonic_ns()

    # What they share

    def _leave_down(self, chance: random.Random, record: FaultRecord) -> None:
        """Mostly nothing; sometimes so long that the others take over before it is back."""
        if chance.randrange(100) < _IN_A_HUNDRED_LEFT_DOWN:
            down_s = chance.choice([1.0, 3.0, _SESSION_S + 2.0])
            record.note = f"left down for {down_s:g} s"
            time.sleep(down_s)

    def _start(self, name: str, record: FaultRecord) -> None:
        record.mended_ns = time.monotonic_ns()
        self.fleet.start(name)


_Strike = Callable[[Strikes, random.Random, FaultRecord], None]
_STRIKES: Final[Mapping[FaultKind, _Strike]] = {
    FaultKind.KILL_PROCESSOR: lambda s, c, r: s.kill_worker(c, r, "processor"),
    FaultKind.LOSE_PROCESSOR_DISK: lambda s, c, r: s.lose_disk(c, r, "processor"),
    FaultKind.KILL_CORRELATOR: lambda s, c, r: s.kill_worker(c, r, "correlator"),
    FaultKind.LOSE_CORRELATOR_DISK: lambda s, c, r: s.lose_disk(c, r, "correlator"),
    FaultKind.KILL_CALLER: Strikes.kill_caller,
    FaultKind.KILL_BROKER: Strikes.kill_broker,
    FaultKind.RESTART_BROKER: Strikes.restart_broker,
    FaultKind.PAUSE_BROKER: Strikes.pause_broker,
    FaultKind.ZOMBIE: Strikes.zombie,
    FaultKind.RESTART_WORKER: Strikes.restart_worker,
    FaultKind.OLD_DISK: Strikes.old_disk,
    FaultKind.TRUNCATE_FILE: lambda s, c, r: s.damage(c, r, FaultKind.TRUNCATE_FILE),
    FaultKind.FLIP_BYTES: lambda s, c, r: s.damage(c, r, FaultKind.FLIP_BYTES),
    FaultKind.FULL_DISK: Strikes.full_disk,
    FaultKind.JUMP_CLOCK: Strikes.jump_clock,
    FaultKind.ROLL_ALL: Strikes.roll_all,
    FaultKind.SCALE: Strikes.scale,
}
