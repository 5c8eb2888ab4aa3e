"""A mart for tests: in a database in memory, fed from records, and read back as plain rows.

Owns nothing of the mart: it calls what a run calls, without Kafka and without a file.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.neighbours.bi.columns import Relation
from pipelines.neighbours.bi.duckdb_target import DuckDbSession
from pipelines.neighbours.bi.mart import Mart, MartTerms, Moment
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.report import Report, read_report
from pipelines.neighbours.bi.schema import RELATIONS
from pipelines.neighbours.bi.target import Session, Target
from pipelines.neighbours.bi.topic_record import Partition, TopicRecord
from tests.neighbours.bi.told_topics import NOON_MS

TERMS = MartTerms(time_zone="UTC", topic_prefix="", breakage_days=180, settle_minutes=15)

Row = tuple[Any, ...]

# What a run does, not what the topics hold: when it wrote, and which of two copies it met first.
_OF_THE_RUN = frozenset({"mart_run", "mart_position", "freshness"})
_OF_THE_PLACE = frozenset({"partition_no", "record_offset", "arrived_at", "since"})


class MemoryTarget:
    """A database in memory, which stays between sessions."""

    has_keys = False
    label = "memory"

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.learnt = 0

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        yield DuckDbSession(self.connection)

    def learn(self, session: Session) -> None:
        self.learnt += 1

    def relations(self, session: Session) -> set[str]:
        found = session.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        )
        return {name for (name,) in found}


@dataclass(slots=True, kw_only=True)
class MartUnderTest:
    """A mart and what feeds it. `now_ms` is the time of its next transaction."""

    terms: MartTerms = TERMS
    target: Target = field(default_factory=MemoryTarget)
    writer: str = "run-1"
    now_ms: int = NOON_MS
    mart: Mart = field(init=False)
    readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self.mart = Mart(self.target, self.terms, writer=self.writer)
        self.readings = Readings(
            SingleObjectFraming(), self.mart.calendar, topic_prefix=self.terms.topic_prefix
        )

    def begin(self) -> "MartUnderTest":
        self.mart.begin(self.now_ms)
        return self

    def feed(
        self,
        records: Sequence[TopicRecord],
        *,
        passed: dict[Partition, int] | None = None,
        ends: dict[Partition, int] | None = None,
        caught_up: bool = True,
    ) -> "MartUnderTest":
        """One transaction."""
        moment = Moment(at_ms=self.now_ms, caught_up=caught_up, ends=ends or {})
        read = [(record, self.readings.read(record)) for record in records]
        self.mart.write(read, moment, passed or {})
        return self

    def rows(self, sql: str) -> list[Row]:
        with self.target.session(writing=False) as session:
            return session.rows(sql)

    def report(self, *, full_numbers: bool = False) -> Report:
        return read_report(self.target, full_numbers=full_numbers)

    def tables(
        self, relations: Sequence[Relation] = RELATIONS, *, places: bool = True
    ) -> dict[str, list[str]]:
        """Every row of every table and view, in one order; `places`: with where each record lay."""
        found = {}
        for each in relations:
            if each.name in _OF_THE_RUN:
                continue
            names = [
                column.name for column in each.columns if places or column.name not in _OF_THE_PLACE
            ]
            if names:
                rows = self.rows(f"SELECT {', '.join(names)} FROM {each.name}")  # noqa: S608 - names of ours
                found[each.name] = sorted(map(repr, rows))
        return found


def filled(records: Sequence[TopicRecord], *, now_ms: int | None = None) -> MartUnderTest:
    """A mart with these records, taken in by one transaction; by default right after the last."""
    newest_ms = max((record.timestamp_ms or 0 for record in records), default=NOON_MS)
    mart = MartUnderTest(now_ms=newest_ms if now_ms is None else now_ms)
    return mart.begin().feed(records)
