"""What became of the rows of a load: the outcome of each, and their sum.

Owns the closed list of outcomes. Knows neither files nor Kafka.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pipelines.loader.rows import LoadFile, RowFault


class Outcome(StrEnum):
    """What became of one row."""

    LOADED = "loaded"
    ALREADY_LOADED = "already loaded"  # by an earlier run of this very load
    REFUSED = "refused"
    NO_ANSWER = "no answer"  # sent, perhaps in by now: running again tells
    NOT_SENT = "not sent"
    WOULD_LOAD = "would load"  # a dry run


GOOD = frozenset({Outcome.LOADED, Outcome.ALREADY_LOADED, Outcome.WOULD_LOAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """The outcome of a row and, where it is not in, why: a code for programs, a text for people.

    `state` is the certificate's status, where it was looked at; empty: it was not, or there is
    none.
    """

    outcome: Outcome
    code: str = ""
    text: str = ""
    state: str = ""


FIRST_BAD = 10
"""So many rows that are not in are kept with the sum."""

LOADED = RowResult(outcome=Outcome.LOADED)
ALREADY_LOADED = RowResult(outcome=Outcome.ALREADY_LOADED)
WOULD_LOAD = RowResult(outcome=Outcome.WOULD_LOAD)
NO_ANSWER = RowResult(
    outcome=Outcome.NO_ANSWER,
    code="NO_ANSWER",
    text="the service did not answer in time; run the same load again",
)
NOT_SENT = RowResult(
    outcome=Outcome.NOT_SENT, code="NOT_SENT", text="the load ended before this row was sent"
)


class ReportRow(NamedTuple):
    """One row of the file with what became of it. The number is whole: who shows it may cut it."""

    line: int
    certificate_id: str
    pool: str
    result: RowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """A load as a whole.

    `codes` counts the rows that are not in, by code; `pools` those that are (or would be), by
    pool; `states` the certificates that were looked at, by status. `first_bad` are the first rows
    that are not in.
    """

    load_id: str
    dry_run: bool
    rows: int
    outcomes: Mapping[Outcome, int]
    codes: Mapping[str, int]
    pools: Mapping[str, int]
    states: Mapping[str, int]
    seconds: float
    first_bad: tuple[ReportRow, ...]

    @property
    def complete(self) -> bool:
        """Whether every row is in (or would be)."""
        return self.good == self.rows

    @property
    def good(self) -> int:
        """How many rows are in (or would be)."""
        return sum(self.outcomes.get(outcome, 0) for outcome in GOOD)

    @property
    def rate(self) -> int:
        """How many rows this run itself loaded in a second."""
        return round(self.count(Outcome.LOADED) / self.seconds) if self.seconds else 0

    def count(self, outcome: Outcome) -> int:
        """How many rows have that outcome."""
        return self.outcomes.get(outcome, 0)


def report_rows(file: LoadFile, results: Mapping[str, RowResult]) -> Iterator[ReportRow]:
    """Every row of the file with its outcome, in the order of the file."""
    faults = iter(file.faults)
    fault = next(faults, None)
    for number, (line, pool) in file.rows.items():
        while fault is not None and fault.line < line:
            yield _refused(fault)
            fault = next(faults, None)
        yield ReportRow(line, number, pool, results.get(number, NOT_SENT))
    while fault is not None:
        yield _refused(fault)
        fault = next(faults, None)


def _refused(fault: RowFault) -> ReportRow:
    result = RowResult(outcome=Outcome.REFUSED, code=fault.code, text=fault.text)
    return ReportRow(fault.line, fault.certificate_id, fault.pool, result)


def summary_of(
    file: LoadFile, results: Mapping[str, RowResult], *, dry_run: bool, seconds: float
) -> LoadSummary:
    """Add up what became of a file."""
    kinds: Counter[tuple[str, RowResult]] = Counter()
    first_bad: list[ReportRow] = []
    for row in report_rows(file, results):
        kinds[row.pool, row.result] += 1
        if row.result.outcome not in GOOD and len(first_bad) < FIRST_BAD:
            first_bad.append(row)
    outcomes: Counter[Outcome] = Counter()
    codes: Counter[str] = Counter()
    pools: Counter[str] = Counter()
    states: Counter[str] = Counter()
    for (pool, result), count in kinds.items():
        outcomes[result.outcome] += count
        if result.code:
            codes[result.code] += count
        if result.outcome in GOOD:
            pools[pool] += count
        if result.state:
            states[result.state] += count
    return LoadSummary(
        load_id=file.load_id,
        dry_run=dry_run,
        rows=file.total,
        outcomes=dict(outcomes),
        codes=dict(codes),
        pools=dict(pools),
        states=dict(states),
        seconds=seconds,
        first_bad=tuple(first_bad),
    )
