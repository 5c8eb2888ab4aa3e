"""The report: every figure of the mart that people are shown, as one value, read at one moment.

Owns which figures there are and how numbers are hidden in them. Prints nothing. Amounts are minor
units with their currency's exponent beside them.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from pipelines.neighbours.bi.figures import FIGURES, Figure
from pipelines.neighbours.bi.mart import checked
from pipelines.neighbours.bi.target import Session, Target

Cells = Mapping[str, Any]
"""A row by the names of its columns, sums as whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. Rows are those of the views, in the order in which they are shown."""

    mart: str
    time_zone: str
    written_at: datetime
    today: date
    caught_up: bool
    breakage_days: int
    settle_minutes: int
    offsets: Sequence[Cells]
    freshness: Sequence[Cells]
    gaps: Sequence[Cells]
    money: Sequence[Cells]
    numbers: Sequence[Cells]
    days: Sequence[Cells]
    months: Sequence[Cells]
    pools: Sequence[Cells]
    pool_days: Sequence[Cells]
    idle: Sequence[Cells]
    candidates: Sequence[Cells]
    channels: Sequence[Cells]
    differences: Sequence[Cells]
    events: Sequence[Cells]
    alerts: Sequence[Cells]
    letters: Sequence[Cells]
    broken: Sequence[Cells]

    @property
    def difference_count(self) -> int:
        """How many differences there are, held here or not."""
        return sum(row["differences"] for row in self.channels)

    @property
    def behind(self) -> int:
        """How many offsets were not read yet when the mart was last written."""
        return sum(row["behind"] for row in self.freshness)

    @property
    def state(self) -> str:
        """Whether the mart is in step with the topics, in words."""
        if not self.caught_up:
            return f"still filling, {self.behind:,} records behind"
        return "in step" if not self.behind else f"in step, {self.behind:,} records behind"


Step: TypeAlias = Callable[[], None]
"""Told after each figure: on a large mart each takes its time."""


def unnoted() -> None:
    """Nobody wants to know how far it is."""


def read_report(target: Target, *, full_numbers: bool, step: Step = unnoted) -> Report:
    """Every figure, all of one moment. MartFault when there is no mart to read."""
    with target.session(writing=False) as session, session.transaction():
        checked(target, session)
        ((written_at, today, caught_up, breakage_days, settle_minutes),) = session.rows(
            "SELECT written_at, today, caught_up, breakage_days, settle_minutes FROM mart_run"
        )
        meta: dict[str, str] = dict(session.rows("SELECT name, value FROM mart_meta"))
        figures = {}
        for name, figure in FIGURES.items():
            figures[name] = _cells(session, figure)
            step()
        if not full_numbers:
            known = _numbers_among_ids(session, figures["differences"])
            figures = {
                name: [_hidden(row, known) for row in rows] for name, rows in figures.items()
            }
    return Report(
        mart=target.label,
        time_zone=meta["time_zone"],
        written_at=written_at,
        today=today,
        caught_up=caught_up,
        breakage_days=breakage_days,
        settle_minutes=settle_minutes,
        **figures,
    )


def last_four(number: str | None) -> str | None:
    """A number as people may see it."""
    return None if number is None else f"…{number[-4:]}"


def _cells(session: Session, figure: Figure) -> list[Cells]:
    return [
        dict(zip(figure.columns, map(_whole, row), strict=True)) for row in session.rows(figure.sql)
    ]


def _whole(value: object) -> object:
    """Sums come as decimals, without decimals."""
    return int(value) if isinstance(value, Decimal) else value


def _numbers_among_ids(session: Session, rows: Iterable[Cells]) -> frozenset[str]:
    """Ids of sales and orders that are certificates' numbers: their writers chose them so."""
    ids = {row[name] for row in rows for name in _IDS_OF_OTHERS if row[name] is not None}
    if not ids:
        return frozenset()
    found = session.rows(
        "SELECT DISTINCT certificate_id FROM stream_event "
        "WHERE certificate_id IN (SELECT unnest(CAST(? AS VARCHAR[])))",
        [sorted(ids)],
    )
    return frozenset(number for (number,) in found)


def _hidden(row: Cells, numbers: Container[str]) -> Cells:
    if "certificate_id" not in row:
        return row
    shown = {**row, "certificate_id": last_four(row["certificate_id"])}
    for name in _IDS_OF_OTHERS:
        if row.get(name) in numbers or (name in row and row[name] == row["certificate_id"]):
            shown[name] = last_four(row[name])
    return shown


_IDS_OF_OTHERS: Final = ("correlation_key", "order_id")
