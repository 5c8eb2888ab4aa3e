"""How the service is at one moment, as values: what was seen, and what could not be.

Owns the shape. Asks nobody and judges nothing. What could not be learnt is None or says why; it is
never a zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.topics import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The workers of one role as Kafka knows them. `changing`: they are giving out partitions.

    `unassigned` are input partitions that no worker has, by topic, while nothing is changing.
    `fault`: Kafka did not say.
    """

    role: Role
    name: str
    changing: bool = False
    unassigned: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker and what it says of itself. `fault`: it says nothing, and why.

    `partitions` are its input partitions by topic. `loop_age_s` is since its loop last turned,
    `records_left` what it has yet to recover.
    """

    name: str
    role: Role
    url: str | None
    partitions: Mapping[str, tuple[int, ...]]
    fault: str = ""
    alive: bool = False
    ready: bool = False
    loop_age_s: float | None = None
    records_left: float | None = None
    version: str = ""
    commit: str = ""
    schemas: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLag:
    """How far the workers are behind on one input. `behind` None: it could not be learnt."""

    topic: str
    role: Role
    partitions: int
    behind: int | None
    leaderless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The free numbers of one pool. `empty_in_s` None: at this rate, never."""

    name: str
    free: int
    low_mark: int
    taken_per_hour: float
    empty_in_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What waits for its time: how many are open, how many are past it, and the oldest's lateness.

    `open` None: nobody who answers has such figures.
    """

    name: str
    open: int | None
    overdue: int | None
    oldest_overdue_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """The dead letters nobody did anything about. `whole`: the queue was read to its end."""

    open: int
    by_code: Mapping[str, int]
    first_deleted_ms: int | None
    whole: bool
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Events of type `alert` since a time, by their code. `whole`: all since then were read."""

    since_ms: int
    by_code: Mapping[str, int]
    whole: bool
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laws:
    """What the auditor says. `asked` is false where no auditor is named; `fault`: it says nothing.

    `caught_up` is false while it still reads the past.
    """

    asked: bool
    fault: str = ""
    events: int = 0
    breaches: int = 0
    in_breach: int = 0
    caught_up: bool = False
    behind: int | None = None
    compared: int = 0
    comparisons_failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it. Times are UTC epoch milliseconds."""

    at_ms: int
    bootstrap: str
    prefix: str
    groups: tuple[Group, ...]
    workers: tuple[Worker, ...]
    lags: tuple[TopicLag, ...]
    pools: tuple[Pool, ...]
    pending: tuple[Pending, ...]
    letters: Letters
    alerts: Alerts
    laws: Laws
    version: str
    commit: str
    schemas: str
