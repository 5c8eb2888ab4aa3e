"""What a chaos run is made of: how much of everything, and which faults.

Owns the scenarios, the numbers they stand for and the words of the command line's choices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final


class FaultKind(StrEnum):
    """Everything that is done to the service."""

    KILL_PROCESSOR = "kill-processor"
    LOSE_PROCESSOR_DISK = "lose-processor-disk"
    KILL_CORRELATOR = "kill-correlator"
    LOSE_CORRELATOR_DISK = "lose-correlator-disk"
    KILL_CALLER = "kill-caller"
    KILL_BROKER = "kill-broker"
    RESTART_BROKER = "restart-broker"
    PAUSE_BROKER = "pause-broker"
    ZOMBIE = "zombie"
    RESTART_WORKER = "restart-worker"
    OLD_DISK = "old-disk"
    TRUNCATE_FILE = "truncate-file"
    FLIP_BYTES = "flip-bytes"
    FULL_DISK = "full-disk"
    JUMP_CLOCK = "jump-clock"
    ROLL_ALL = "roll-all"
    SCALE = "scale"


MEANINGS: Final[Mapping[FaultKind, str]] = MappingProxyType(
    {
        FaultKind.KILL_PROCESSOR: "kill -9 of a processor, which comes back on its own disk",
        FaultKind.LOSE_PROCESSOR_DISK: "kill -9 of a processor, and its state directory deleted",
        FaultKind.KILL_CORRELATOR: "kill -9 of a correlator, which comes back on its own disk",
        FaultKind.LOSE_CORRELATOR_DISK: "kill -9 of a correlator, and its state directory deleted",
        FaultKind.KILL_CALLER: "kill -9 of a caller with its calls under way; a successor repeats "
        "them",
        FaultKind.KILL_BROKER: "kill -9 of a broker",
        FaultKind.RESTART_BROKER: "a broker stopped as an operator does, and started again",
        FaultKind.PAUSE_BROKER: "a broker that sleeps (SIGSTOP) longer than its session",
        FaultKind.ZOMBIE: "a processor that sleeps (SIGSTOP) until others have its partitions, and "
        "wakes",
        FaultKind.RESTART_WORKER: "a worker stopped as an operator does (SIGTERM), and started "
        "again",
        FaultKind.OLD_DISK: "kill -9 of a processor that comes back on an older copy of its disk",
        FaultKind.TRUNCATE_FILE: "kill -9 of a worker, and a file of its state cut short",
        FaultKind.FLIP_BYTES: "kill -9 of a worker, and bytes of its state changed",
        FaultKind.FULL_DISK: "a processor whose disk is full, until somebody makes room",
        FaultKind.JUMP_CLOCK: "a processor whose clock jumps forward and back",
        FaultKind.ROLL_ALL: "every worker replaced, one after another",
        FaultKind.SCALE: "processors from 3 to 5, to 2, and to 3 again",
    }
)

_ALL: Final[Mapping[FaultKind, int]] = MappingProxyType(
    {
        FaultKind.KILL_PROCESSOR: 52,
        FaultKind.LOSE_PROCESSOR_DISK: 18,
        FaultKind.KILL_CORRELATOR: 24,
        FaultKind.LOSE_CORRELATOR_DISK: 8,
        FaultKind.KILL_CALLER: 50,
        FaultKind.KILL_BROKER: 26,
        FaultKind.RESTART_BROKER: 8,
        FaultKind.PAUSE_BROKER: 6,
        FaultKind.ZOMBIE: 12,
        FaultKind.RESTART_WORKER: 12,
        FaultKind.OLD_DISK: 8,
        FaultKind.TRUNCATE_FILE: 8,
        FaultKind.FLIP_BYTES: 8,
        FaultKind.FULL_DISK: 4,
        FaultKind.JUMP_CLOCK: 8,
        FaultKind.ROLL_ALL: 2,
        FaultKind.SCALE: 2,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One size of a run. `weights` say how often each kind of fault comes, relative to the others.

    `lives_per_s` is how many customers begin in a second, over all callers. `overlap` is how many
    faults in a hundred come while the one before them is not over. `gives_up`: callers also write
    payments in transactions that they give up.
    """

    meaning: str
    faults: int
    brokers: int = 3
    processors: int = 3
    correlators: int = 2
    callers: int = 2
    lives_per_s: float = 1.0
    numbers: int = 6_000
    overlap: int = 35
    gives_up: bool = False
    weights: Mapping[FaultKind, int] = field(default_factory=lambda: _ALL)


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "full": Scenario(meaning="everything there is", faults=300),
        "short": Scenario(
            meaning="the form for CI: kills above all, on three brokers",
            faults=26,
            correlators=1,
            lives_per_s=0.8,
            numbers=1_200,
            overlap=45,
            weights={
                FaultKind.KILL_PROCESSOR: 9,
                FaultKind.LOSE_PROCESSOR_DISK: 4,
                FaultKind.KILL_CORRELATOR: 3,
                FaultKind.KILL_CALLER: 5,
                FaultKind.KILL_BROKER: 3,
                FaultKind.ZOMBIE: 1,
                FaultKind.RESTART_WORKER: 1,
            },
        ),
        "workers": Scenario(
            meaning="a minute on one broker: processors and correlators killed, one zombie",
            faults=12,
            brokers=1,
            processors=2,
            correlators=1,
            callers=1,
            numbers=600,
            gives_up=True,
            weights={
                FaultKind.KILL_PROCESSOR: 5,
                FaultKind.LOSE_PROCESSOR_DISK: 3,
                FaultKind.KILL_CORRELATOR: 2,
                FaultKind.KILL_CALLER: 1,
                FaultKind.ZOMBIE: 1,
            },
        ),
        "calm": Scenario(
            meaning="half a minute on one broker without any fault",
            faults=0,
            brokers=1,
            processors=2,
            correlators=1,
            callers=1,
            numbers=600,
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run, as the command line asked for it."""

    scenario: Scenario
    name: str
    seed: int
    source: Path
    data_dir: Path
    kept: bool = False
    reports: tuple[Path, ...] = ()
