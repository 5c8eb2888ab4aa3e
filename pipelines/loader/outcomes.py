"""What became of the rows of a load: the outcome of each, and their sum.

Owns the closed list of outcomes. Knows neither files nor Kafka.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipelines.loader.rows import LoadFile


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
    """The outcome of a row and, where it is not in, why: a code for programs, a text for people."""

    outcome: Outcome
    code: str = ""
    text: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One row of the report. The number is whole: the report is for who owns the file."""

    line: int
    certificate_id: str
    result: RowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """A load as a whole. `codes` counts the rows that are not in, by code."""

    load_id: str
    dry_run: bool
    rows: int
    outcomes: Mapping[Outcome, int]
    codes: Mapping[str, int]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every row is in (or would be)."""
        return sum(self.outcomes.get(outcome, 0) for outcome in GOOD) == self.rows

    def count(self, outcome: Outcome) -> int:
        """How many rows have that outcome."""
        return self.outcomes.get(outcome, 0)


def report_rows(file: LoadFile, results: Mapping[str, RowResult]) -> Iterator[ReportRow]:
    """Every row of the file with its outcome, in the order of the file."""
    faults = iter(file.faults)
    fault = next(faults, None)
    for number, (line, _) in file.rows.items():
        while fault is not None and fault.line < line:
            yield _refused(fault.line, fault.certificate_id, fault.code, fault.text)
            fault = next(faults, None)
        result = results.get(number, NOT_SENT)
        yield ReportRow(line=line, certificate_id=number, result=result)
    while fault is not None:
        yield _refused(fault.line, fault.certificate_id, fault.code, fault.text)
        fault = next(faults, None)


def _refused(line: int, certificate_id: str, code: str, text: str) -> ReportRow:
    result = RowResult(outcome=Outcome.REFUSED, code=code, text=text)
    return ReportRow(line=line, certificate_id=certificate_id, result=result)


def summary_of(
    file: LoadFile, results: Mapping[str, RowResult], *, dry_run: bool, seconds: float
) -> LoadSummary:
    """Add up what became of a file."""
    outcomes: Counter[Outcome] = Counter()
    codes: Counter[str] = Counter()
    for row in report_rows(file, results):
        outcomes[row.result.outcome] += 1
        if row.result.code:
            codes[row.result.code] += 1
    return LoadSummary(
        load_id=file.load_id,
        dry_run=dry_run,
        rows=file.total,
        outcomes=dict(outcomes),
        codes=dict(codes),
        seconds=seconds,
    )
