"""The capacity plan as tables: what was measured, and what follows from it by the formulas here.

Owns the arithmetic, so that no figure of the page is reckoned by hand. The measured figures are
`tests/bench/bench_capacity.py`'s, copied from one run; what is assumed has a name and a sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from tests.docs_form import NONE, table

YEAR_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one operation of a kind adds: bytes, and CPU in milliseconds.

    `alone_bytes` is what `kept_bytes` is when nothing shares its transaction.
    """

    alone_bytes: int
    kept_bytes: int
    stream_bytes: int
    passing_bytes: int
    changelog_bytes: int
    processor_store_bytes: int
    correlator_store_bytes: int
    processor_ms: float
    correlator_ms: float
    broker_ms: float
    calls: int


COSTS: Final[Mapping[str, Cost]] = {
    "a number is loaded": Cost(
        alone_bytes=728,
        kept_bytes=305,
        stream_bytes=104,
        passing_bytes=0,
        changelog_bytes=179,
        processor_store_bytes=979,
        correlator_store_bytes=0,
        processor_ms=0.42,
        correlator_ms=0.01,
        broker_ms=0.65,
        calls=0,
    ),
    "it is reserved over HTTP": Cost(
        alone_bytes=1481,
        kept_bytes=791,
        stream_bytes=205,
        passing_bytes=144,
        changelog_bytes=861,
        processor_store_bytes=1336,
        correlator_store_bytes=0,
        processor_ms=2.12,
        correlator_ms=0.01,
        broker_ms=1.54,
        calls=1,
    ),
    "it is sold: order and payment": Cost(
        alone_bytes=2087,
        kept_bytes=605,
        stream_bytes=292,
        passing_bytes=309,
        changelog_bytes=581,
        processor_store_bytes=2007,
        correlator_store_bytes=740,
        processor_ms=0.76,
        correlator_ms=0.51,
        broker_ms=0.07,
        calls=0,
    ),
    "its code is read over HTTP and delivered": Cost(
        alone_bytes=1455,
        kept_bytes=600,
        stream_bytes=335,
        passing_bytes=263,
        changelog_bytes=557,
        processor_store_bytes=1300,
        correlator_store_bytes=0,
        processor_ms=1.67,
        correlator_ms=0.04,
        broker_ms=0.73,
        calls=1,
    ),
    "a till spends: authorize and capture over HTTP, order and payment": Cost(
        alone_bytes=3190,
        kept_bytes=1577,
        stream_bytes=757,
        passing_bytes=662,
        changelog_bytes=1764,
        processor_store_bytes=2819,
        correlator_store_bytes=785,
        processor_ms=3.34,
        correlator_ms=0.34,
        broker_ms=2.45,
        calls=2,
    ),
    "a store spends: order and payment alone": Cost(
        alone_bytes=1455,
        kept_bytes=296,
        stream_bytes=110,
        passing_bytes=282,
        changelog_bytes=323,
        processor_store_bytes=935,
        correlator_store_bytes=785,
        processor_ms=0.30,
        correlator_ms=0.42,
        broker_ms=0.08,
        calls=0,
    ),
    "a refund onto it: order and payment": Cost(
        alone_bytes=1507,
        kept_bytes=434,
        stream_bytes=220,
        passing_bytes=305,
        changelog_bytes=521,
        processor_store_bytes=1365,
        correlator_store_bytes=378,
        processor_ms=0.39,
        correlator_ms=0.52,
        broker_ms=0.04,
        calls=0,
    ),
    "a balance is read over HTTP": Cost(
        alone_bytes=0,
        kept_bytes=0,
        stream_bytes=0,
        passing_bytes=0,
        changelog_bytes=0,
        processor_store_bytes=0,
        correlator_store_bytes=0,
        processor_ms=0.49,
        correlator_ms=0.0,
        broker_ms=0.0,
        calls=1,
    ),
    "an ordinary order and its payment": Cost(
        alone_bytes=407,
        kept_bytes=65,
        stream_bytes=0,
        passing_bytes=295,
        changelog_bytes=35,
        processor_store_bytes=0,
        correlator_store_bytes=280,
        processor_ms=0.0,
        correlator_ms=0.20,
        broker_ms=0.01,
        calls=0,
    ),
}
Part = Callable[[Cost], float]

ORDINARY: Final = COSTS["an ordinary order and its payment"]
POOL_TAKE_MS: Final = 0.38
"""A reservation without its call: pool, certificate and index in one process."""

LIFE: Final = (1, 1, 1, 1, 1, 1, 0.1, 4, 0)
"""How often each of those happens in the life of one certificate, in their order: assumed."""

OPERATIONS_A_LIFE: Final = 3.1
"""What counts as an operation: the sale, two times spending, a tenth of a refund."""

CORE_SHARE: Final = 0.6
BROKER_SHARE: Final = 0.5
COPIES: Final = 3
FOLLOWERS_COST: Final = 2.0
STREAM_READERS: Final = 5
MEAN_SHARE: Final = 0.1
VOLUME_FACTOR: Final = 0.5
RECOVERED_BYTES_A_SECOND: Final = 100_000_000
BROKER_CORES: Final = 8
PARTITIONS_STEP: Final = 12
FORGET_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked: operations and ordinary orders a second at the peak, and on average."""

    name: str
    peak: float
    mean: float
    ordinary_peak: float
    ordinary_mean: float
    alone: bool = False


LOADS: Final = (
    Load(
        name="100 a day",
        peak=1,
        mean=100 / 86_400,
        ordinary_peak=20,
        ordinary_mean=100_000 / 86_400,
        alone=True,
    ),
    Load(
        name="1,000 a second",
        peak=1_000,
        mean=1_000 * MEAN_SHARE,
        ordinary_peak=2_000,
        ordinary_mean=2_000 * MEAN_SHARE,
    ),
    Load(
        name="10,000 a second",
        peak=10_000,
        mean=10_000 * MEAN_SHARE,
        ordinary_peak=20_000,
        ordinary_mean=20_000 * MEAN_SHARE,
    ),
)


def of_operation(part: Part) -> float:
    """The mean of something over the operations of a life."""
    costs = zip(COSTS.values(), LIFE, strict=True)
    return sum(part(cost) * times for cost, times in costs) / OPERATIONS_A_LIFE


def processors(load: Load) -> int:
    """How many for the peak. All calls but one process's own share are handed on to the owner."""
    own_ms = of_operation(lambda cost: cost.processor_ms)
    handed_on_ms = of_operation(lambda cost: cost.calls) * _READ_MS
    return max(2, ceil(load.peak * (own_ms + handed_on_ms) / 1_000 / CORE_SHARE))


def correlators(load: Load) -> int:
    """How many for the peak of both kinds of orders."""
    certificates = load.peak * of_operation(lambda cost: cost.correlator_ms)
    ordinary = load.ordinary_peak * ORDINARY.correlator_ms
    return max(2, ceil((certificates + ordinary) / 1_000 / CORE_SHARE))


def partitions(load: Load) -> int:
    """Twice the workers of the larger group, so that twice as much needs no new topics."""
    wanted = 2 * max(processors(load), correlators(load))
    return max(PARTITIONS_STEP, ceil(wanted / PARTITIONS_STEP) * PARTITIONS_STEP)


def broker_cores(load: Load) -> float:
    """With all copies, at a share of a core that leaves room for a broker that is gone."""
    certificates = load.peak * of_operation(lambda cost: cost.broker_ms)
    ordinary = load.ordinary_peak * ORDINARY.broker_ms
    return (certificates + ordinary) / 1_000 * FOLLOWERS_COST / BROKER_SHARE


def brokers(load: Load) -> int:
    """Three at least: one may be gone while two have each record."""
    return max(COPIES, ceil(broker_cores(load) / BROKER_CORES))


def topics_a_year(load: Load) -> float:
    """Bytes that the topics which are kept for ever grow by, all copies."""
    mine = of_operation(lambda cost: cost.alone_bytes if load.alone else cost.kept_bytes)
    ordinary = ORDINARY.alone_bytes if load.alone else ORDINARY.kept_bytes
    return (load.mean * mine + load.ordinary_mean * ordinary) * YEAR_S * COPIES


def processor_stores_a_year(load: Load) -> float:
    """Bytes of keys and values."""
    return load.mean * of_operation(lambda cost: cost.processor_store_bytes) * YEAR_S


def correlator_stores_a_year(load: Load) -> float:
    """The same; ordinary orders are forgotten and do not add up."""
    return load.mean * of_operation(lambda cost: cost.correlator_store_bytes) * YEAR_S


def changelogs_a_year(load: Load) -> float:
    """All that is written to them, all copies: compaction leaves no more than that."""
    return load.mean * of_operation(lambda cost: cost.changelog_bytes) * YEAR_S * COPIES


def ordinary_stores(load: Load) -> float:
    """What ordinary orders take in the correlators at any time."""
    return load.ordinary_mean * ORDINARY.correlator_store_bytes * FORGET_S


def volume_a_year(load: Load) -> float:
    """What the volume of one processor grows by."""
    return processor_stores_a_year(load) * VOLUME_FACTOR / processors(load)


def recovery_after_a_year_s(load: Load) -> float:
    """From an empty volume, one processor of all."""
    return processor_stores_a_year(load) / processors(load) / RECOVERED_BYTES_A_SECOND


def written_a_second(load: Load) -> float:
    """Bytes that come to the brokers at the peak, before they copy them to one another."""
    every = of_operation(
        lambda cost: (
            (cost.alone_bytes if load.alone else cost.kept_bytes)
            + cost.passing_bytes
            + cost.changelog_bytes
        )
    )
    ordinary = ORDINARY.kept_bytes + ORDINARY.passing_bytes + ORDINARY.changelog_bytes
    return load.peak * every + load.ordinary_peak * ordinary


def read_a_second(load: Load) -> float:
    """Bytes that workers and the stream's readers take from the brokers at the peak."""
    stream = load.peak * of_operation(lambda cost: cost.stream_bytes)
    return written_a_second(load) + (STREAM_READERS - 1) * stream


def pools(load: Load) -> int:
    """How many pools the reservations of the peak need: each is one key, so one process's work."""
    reservations = load.peak / OPERATIONS_A_LIFE
    return ceil(reservations * POOL_TAKE_MS / 1_000 / CORE_SHARE)


_READ_MS: Final = COSTS["a balance is read over HTTP"].processor_ms


def few(count: float) -> str:
    """A number with as many digits as mean something."""
    return f"{count:,.0f}" if count >= 100 else f"{count:.2g}"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.3g} {unit}"
        count /= 1_000
    return f"{count:,.3g} TB" if count < 1_000 else f"{count:,.0f} TB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"


PLAN: Final[Mapping[str, Callable[[Load], str]]] = {
    "operations a second, peak": lambda load: f"{load.peak:,.0f}",
    "the same, mean of a year": lambda load: few(load.mean),
    "ordinary orders a second, peak": lambda load: f"{load.ordinary_peak:,.0f}",
    "the same, mean": lambda load: few(load.ordinary_mean),
    "`GIFTCERT_PARTITIONS`": lambda load: str(partitions(load)),
    "processors": lambda load: str(processors(load)),
    "correlators": lambda load: str(correlators(load)),
    "pools, at least": lambda load: str(pools(load)),
    "broker cores": lambda load: f"{max(0.1, broker_cores(load)):.1f}",
    "brokers": lambda load: str(brokers(load)),
    "to the brokers, peak": lambda load: f"{size(written_a_second(load))}/s",
    "between them, peak": lambda load: f"{size(written_a_second(load) * (COPIES - 1))}/s",
    "from them, peak": lambda load: f"{size(read_a_second(load))}/s",
    "topics grow by, a year, three copies": lambda load: size(topics_a_year(load)),
    "processors' stores grow by, a year": lambda load: size(processor_stores_a_year(load)),
    "correlators' stores grow by, a year": lambda load: size(correlator_stores_a_year(load)),
    "ordinary orders in the stores, always": lambda load: size(ordinary_stores(load)),
    "changelogs grow by, a year, three copies": lambda load: size(changelogs_a_year(load)),
    "volume of one processor grows by, a year": lambda load: size(volume_a_year(load)),
    "one processor from an empty volume, after a year": lambda load: duration(
        recovery_after_a_year_s(load)
    ),
}


def capacity_bytes() -> str:
    """The bytes that were measured of each kind of operation, and how often a life has it."""
    parts: Mapping[str, Part] = {
        "on topics for ever": lambda cost: cost.kept_bytes,
        "the same, alone": lambda cost: cost.alone_bytes,
        "of them on the stream": lambda cost: cost.stream_bytes,
        "written to changelogs": lambda cost: cost.changelog_bytes,
        "kept in processors' stores": lambda cost: cost.processor_store_bytes,
        "kept in correlators'": lambda cost: cost.correlator_store_bytes,
    }
    return _costs("bytes of", parts, ",.0f")


def capacity_times() -> str:
    """The CPU that was measured of each kind of operation, in milliseconds."""
    parts: Mapping[str, Part] = {
        "processor": lambda cost: cost.processor_ms,
        "correlator": lambda cost: cost.correlator_ms,
        "broker": lambda cost: cost.broker_ms,
        "calls over HTTP": lambda cost: cost.calls,
    }
    return _costs("CPU milliseconds of", parts, ".2f")


def _costs(what: str, parts: Mapping[str, Part], form: str) -> str:
    rows = [
        [name, f"{times:g}", *(format(part(cost), form) for part in parts.values())]
        for (name, cost), times in zip(COSTS.items(), LIFE, strict=True)
    ]
    mean = [f"**{format(of_operation(part), form)}**" for part in parts.values()]
    return table(
        [what, "times in a life", *parts],
        [*rows, ["**an operation, on average**", NONE, *mean]],
    )


def capacity_plan() -> str:
    """What follows for each load."""
    rows = [[name, *(figure(load) for load in LOADS)] for name, figure in PLAN.items()]
    return table(["", *(load.name for load in LOADS)], rows)
