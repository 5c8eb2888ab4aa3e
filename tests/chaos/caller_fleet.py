"""The caller processes: started, killed with their calls under way, and started again.

Owns their files. A successor goes on in the same file, which therefore tells the whole story.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from pipelines.local.child import Child
from pipelines.local.running_broker import LocalError
from tests.chaos.caller_process import CallerPlan
from tests.chaos.fleet import Fleet
from tests.chaos.journal import Line, Resumed, Started, read_journal
from tests.chaos.options import Options

ROOT: Final = Path(__file__).resolve().parents[2]
_RESUME_S: Final = 200.0
_END_S: Final = 240.0
_LOOK_S: Final = 0.2


class CallerFleet:
    """All callers of a run."""

    def __init__(self, options: Options, fleet: Fleet) -> None:
        self._environment = {**fleet.environment, "PYTHONPATH": str(ROOT)}
        for name in list(self._environment):
            if name.startswith("GIFTCERT_"):
                del self._environment[name]
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._directory = options.data_dir / "callers"
        self._directory.mkdir(parents=True)
        scenario = options.scenario
        for index in range(scenario.callers):
            plan = CallerPlan(
                name=f"C{index}",
                seed=options.seed,
                lives_per_s=scenario.lives_per_s / scenario.callers,
                urls=fleet.edge_urls,
                bootstrap=fleet.cluster.bootstrap,
                data_dir=str(fleet.data_dir),
                journal=str(self._journal(index)),
                gives_up=scenario.gives_up,
            )
            self._plan(index).write_bytes(msgspec.json.encode(plan))

    def start(self, index: int) -> None:
        """Start one caller, or its successor."""
        program = [sys.executable, "-m", "tests.chaos.caller_process", str(self._plan(index))]
        with self._lock:
            self._children[index] = Child(
                f"caller {index}",
                program,
                log_path=self._directory / f"caller-{index}.log",
                environment=self._environment,
            )

    def start_all(self) -> None:
        for plan in sorted(self._directory.glob("caller-*.json")):
            self.start(int(plan.stem.partition("-")[2]))

    @property
    def indexes(self) -> list[int]:
        return sorted(self._children)

    def kill(self, index: int) -> None:
        """End one with SIGKILL, whatever it has under way."""
        with self._lock:
            child = self._children[index]
            if (failure := child.failure()) is not None:
                raise failure
            child.kill()

    def await_resumed(self, index: int, since_ns: int) -> int | None:
        """Wait until the successor has all answers that its predecessor waited for; when it had.

        None when it takes longer than anybody's patience.
        """
        deadline_s = time.monotonic() + _RESUME_S
        while time.monotonic() < deadline_s:
            resumed = [
                line.at_ns
                for line in _since_start(list(read_journal(self._journal(index))), since_ns)
                if isinstance(line, Resumed)
            ]
            if resumed:
                return resumed[0]
            time.sleep(_LOOK_S)
        return None

    def check(self) -> None:
        """LocalError when a caller ended by itself: the load is not what it should be."""
        with self._lock:
            children = list(self._children.values())
        for child in children:
            if (failure := child.failure()) is not None:
                raise failure

    def finish(self) -> None:
        """Let the customers that have begun come to their end, and end the callers."""
        with self._lock:
            children = list(self._children.values())
        for child in children:
            child.terminate()
        for child in children:
            if not child.wait(_END_S):
                child.kill()
                raise LocalError(f"{child.name} did not come to its end", detail=child.log_tail())
            if child.exit_code() != 0:
                failure = child.failure()
                assert failure is not None, "it has ended"
                raise failure

    def stop(self) -> None:
        """End them at once, wherever they are."""
        with self._lock:
            for child in self._children.values():
                child.kill()

    def lines(self) -> list[list[Line]]:
        """What each caller wrote, from its first process to its last."""
        return [list(read_journal(self._journal(index))) for index in self.indexes]

    def _plan(self, index: int) -> Path:
        return self._directory / f"caller-{index}.json"

    def _journal(self, index: int) -> Path:
        return self._directory / f"caller-{index}.journal"


def _since_start(lines: list[Line], since_ns: int) -> list[Line]:
    """What a process wrote that began after a moment."""
    starts = [
        place
        for place, line in enumerate(lines)
        if isinstance(line, Started) and line.at_ns >= since_ns
    ]
    return lines[starts[-1] :] if starts else []
