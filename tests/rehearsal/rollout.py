"""Replacing pods one after another, as a StatefulSet and a drained node do.

Owns the order of things and their times: a process stands for a pod, a directory for its volume, an
edge that is asked for an endpoint of the service. Judges nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipelines.local.running_broker import Say
from tests.chaos.fleet import PARTITIONS, Fleet
from tests.chaos.probes import NotServing
from tests.rehearsal.options import Options, Step
from tests.rehearsal.prober import Kind, Prober

READY_S: Final = 60.0
_SETTLED_NS: Final = 1_000_000_000
"""For so long nothing was answered badly."""
_ANSWERS: Final = 2
_COUNTED_NS: Final = 3_000_000_000
"""So many good answers in that time, at least: where others keep the cores, a prober does not come
to ask each partition twice a second."""
_LOOK_S: Final = 0.02


@dataclass(slots=True, kw_only=True)
class Replacement:
    """One pod that ended, and came back or did not. Monotonic nanoseconds; 0 where it did not."""

    step: Step
    worker: str
    away_s: float = 0.0
    asked_ns: int = 0
    ended_ns: int = 0
    started_ns: int = 0
    ready_ns: int = 0
    settled_ns: int = 0


@dataclass(slots=True, kw_only=True)
class Rollout:
    """Carries the steps of a rehearsal out."""

    fleet: Fleet
    prober: Prober
    options: Options
    say: Say
    check: Callable[[], None]
    done: list[Replacement] = field(default_factory=list)

    def begin(self) -> None:
        """Take every processor that runs among the edges that are asked."""
        self.prober.ask_at(self._edges())

    def run(self, step: Step) -> None:
        """Do one step, whole. NotServing when something does not come back."""
        away_s = self.options.scenario.away_s
        last = f"processor-{self.options.scenario.processors - 1}"
        match step:
            case Step.UPGRADE:
                self._replace_all(step, self.options.scenario.roles, self.options.today)
            case Step.ROLL_BACK:
                roles = self.options.scenario.roles[::-1]
                self._replace_all(step, roles, self.options.earlier)
            case Step.DRAIN | Step.DRAIN_LOST_VOLUME:
                for each in away_s:
                    for worker in self.options.scenario.drained:
                        self._replace(step, worker, self.options.today, away_s=each)
            case Step.SCALE_IN:
                self._scale_in(last)
            case Step.SCALE_OUT:
                self._scale_out(last)

    def _replace_all(self, step: Step, roles: Sequence[str], source: Path) -> None:
        """Highest number first, as the orchestrator does; the roles one after the other."""
        for role in roles:
            for worker in sorted(self.fleet.running(role), reverse=True):
                self._replace(step, worker, source)

    def _replace(self, step: Step, worker: str, source: Path, *, away_s: float = 0.0) -> None:
        replaced = self._end(step, worker, away_s)
        if step is Step.DRAIN_LOST_VOLUME:
            self.fleet.posts[worker].worker.forget_state()
        time.sleep(away_s)
        self._bring_back(replaced, source)
        self._await_settled(replaced)

    def _scale_in(self, worker: str) -> None:
        """Its edge is asked until it is ended: whoever handed over still passes calls on."""
        self.check()
        replaced = Replacement(step=Step.SCALE_IN, worker=worker, asked_ns=time.monotonic_ns())
        self.done.append(replaced)
        self.fleet.hand_over(worker)
        self._await_settled(replaced)
        self.prober.ask_at(self._edges(without=worker))
        self.fleet.retire(worker)
        replaced.ended_ns = time.monotonic_ns()
        self._await_settled(replaced)

    def _scale_out(self, worker: str) -> None:
        directory = self.fleet.posts[worker].worker.plan.state_dir
        if directory.exists():
            self.fleet.posts[worker].worker.forget_state()
        replaced = Replacement(step=Step.SCALE_OUT, worker=worker, asked_ns=time.monotonic_ns())
        self.done.append(replaced)
        self._bring_back(replaced, self.options.today)
        self._await_settled(replaced)

    def _end(self, step: Step, worker: str, away_s: float) -> Replacement:
        """Ask a pod to end and wait for it; no new call is sent to its edge meanwhile."""
        self.check()
        if worker.startswith("processor"):
            self.prober.ask_at(self._edges(without=worker))
        replaced = Replacement(
            step=step, worker=worker, away_s=away_s, asked_ns=time.monotonic_ns()
        )
        self.done.append(replaced)
        self.fleet.end(worker)
        replaced.ended_ns = time.monotonic_ns()
        return replaced

    def _bring_back(self, replaced: Replacement, source: Path) -> None:
        worker = replaced.worker
        self.fleet.start(worker, self._environment(source))
        replaced.started_ns = time.monotonic_ns()
        post = self.fleet.posts[worker]
        deadline_s = time.monotonic() + READY_S
        while post.worker.child is None or post.worker.readiness() != "":
            if time.monotonic() > deadline_s:
                raise NotServing(f"{worker} is not ready")
            time.sleep(_LOOK_S)
        replaced.ready_ns = time.monotonic_ns()
        self.prober.ask_at(self._edges())

    def _environment(self, source: Path) -> dict[str, str]:
        """What a worker of that version is told beside what all are."""
        chosen = {"PYTHONPATH": str(source)}
        if source == self.options.today:
            return {**chosen, **self.options.settings}
        if self.options.knows_settings():
            chosen |= self.options.settings
        # What measures coverage knows today's tree alone.
        return {**chosen, "COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}

    def _await_settled(self, replaced: Replacement) -> None:
        """Wait until every worker is ready and every partition has answered well for a second.

        Not only nothing bad: a call that still waits for its answer says nothing at all.
        """
        began_ns = time.monotonic_ns()
        deadline_s = time.monotonic() + READY_S
        while not self._answers_well(began_ns) or self.fleet.unready():
            if time.monotonic() > deadline_s:
                raise NotServing(f"not every partition answers after {replaced.worker} was away")
            time.sleep(_LOOK_S * 5)
        replaced.settled_ns = time.monotonic_ns()
        took_s = (replaced.settled_ns - replaced.asked_ns) / 1e9
        self.say(f"{replaced.step.value} of {replaced.worker}: all serve after {took_s:.1f} s")

    def _answers_well(self, began_ns: int) -> bool:
        now_ns = time.monotonic_ns()
        since_ns = now_ns - _SETTLED_NS
        if since_ns < began_ns:
            return False
        lately = self.prober.heard_since(since_ns)
        counted = self.prober.heard_since(max(began_ns, now_ns - _COUNTED_NS))
        answered = Counter((each.kind, each.partition) for each in counted if each.good)
        enough = all(
            answered[kind, partition] >= _ANSWERS
            for kind in (Kind.READ, Kind.WRITE)
            for partition in range(PARTITIONS)
        )
        return enough and all(each.good for each in lately)

    def _edges(self, *, without: str = "") -> list[str]:
        return [
            self.fleet.posts[name].worker.url
            for name in self.fleet.running("processor")
            if name != without
        ]
