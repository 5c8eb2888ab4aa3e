"""The mart as it is kept: made once, opened by one writer, moved on by whole transactions.

Owns what happens in one transaction: the rows of the records, and how far each partition was read.
Killed at any moment, the mart is as the last transaction left it, and the next run reads on from
there. Talks to no Kafka and reads no clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipelines.neighbours.bi.batch import (
    EVENT_TABLES,
    PARTS,
    Batch,
    Read,
    event_ids,
    stream_keys,
)
from pipelines.neighbours.bi.booking import KnownKey
from pipelines.neighbours.bi.calendar import Calendar, utc
from pipelines.neighbours.bi.rows import GapRow, Place
from pipelines.neighbours.bi.schema import SCHEMA_VERSION, ddl
from pipelines.neighbours.bi.stream_readings import arrival
from pipelines.neighbours.bi.tables import GAP, META, PAYMENT_EVENT, POSITION, RUN, TABLES
from pipelines.neighbours.bi.target import MartDiffers, MartMissing, MartTaken, Session, Target
from pipelines.neighbours.bi.topic_record import Partition

_AMONG: Final = "WHERE event_id IN (SELECT unnest(CAST(? AS VARCHAR[])))"
_VERSION: Final = "schema_version"
_ZONE: Final = "time_zone"
_PREFIX: Final = "topic_prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class MartTerms:
    """What the mart is to be: fixed when it is made, but for the last two."""

    time_zone: str
    topic_prefix: str
    breakage_days: int
    settle_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something is written, and how far behind the topics it leaves the mart."""

    at_ms: int
    caught_up: bool
    ends: Mapping[Partition, int]


@dataclass(slots=True, kw_only=True)
class Position:
    """How far one partition was read."""

    next_offset: int
    end_offset: int = 0
    records: int = 0
    repeats: int = 0
    newest_at: datetime | None = None


class Mart:
    """One mart. `writer` names this run: who comes later takes over, and this one is told so."""

    def __init__(self, target: Target, terms: MartTerms, *, writer: str) -> None:
        self._target = target
        self._terms = terms
        self._writer = writer
        self.calendar = Calendar(terms.time_zone)

    def begin(self, at_ms: int) -> dict[Partition, int]:
        """Make the mart if there is none, take it over, and say from where each topic is read on.

        MartDiffers when it is of another version, time zone or installation.
        """
        with self._target.session(writing=True) as session, session.transaction():
            if META.name in self._target.relations(session):
                check(session, self._terms)
                # When it was last in step stays what it was: nothing was read yet.
                session.rows("UPDATE mart_run SET writer = ?", [self._writer])
            else:
                self._make(session)
                session.add(RUN, [self._run(at_ms, caught_up=False)])
            return {
                partition: position.next_offset
                for partition, position in _positions(session).items()
            }

    def write(self, read: Sequence[Read], moment: Moment, passed: Mapping[Partition, int]) -> None:
        """Add records that follow on those in the mart, and that all before `passed` was read.

        Of a record that is in the mart already nothing is taken. MartTaken.
        """
        with self._target.session(writing=True) as session, session.transaction():
            self._claim(session, moment)
            positions = _positions(session)
            fresh = [
                (record, reading)
                for record, reading in read
                if record.offset >= _next(positions, (record.topic, record.partition))
            ]
            batch = self._batch(session, fresh)
            for name, ids in batch.replaced.items():
                _remove(session, name, ids)
            for table in TABLES:
                session.add(table, batch.rows(table))
            _move(positions, fresh, batch)
            _pass(positions, passed, moment.ends)
            _keep(session, positions)

    def learn(self) -> None:
        """Have the database look at what came in: after a fill, before the first report."""
        with self._target.session(writing=True) as session:
            self._target.learn(session)

    def note_gaps(self, gaps: Iterable[GapRow], moment: Moment) -> None:
        """Write down that Kafka has deleted records before they were read. MartTaken."""
        with self._target.session(writing=True) as session, session.transaction():
            self._claim(session, moment)
            positions = _positions(session)
            for gap in gaps:
                if gap.from_offset >= _next(positions, (gap.topic, gap.partition_no)):
                    session.add(GAP, [gap])
                    _pass(positions, {(gap.topic, gap.partition_no): gap.to_offset}, {})
            _keep(session, positions)

    def _make(self, session: Session) -> None:
        there = self._target.relations(session)
        if there:
            raise MartDiffers(
                f"{self._target.label} holds another database ({', '.join(sorted(there)[:3])}): "
                "give the mart a place of its own"
            )
        for statement in ddl(keys=self._target.has_keys):
            session.rows(statement)
        session.add(
            META,
            [
                (_VERSION, str(SCHEMA_VERSION)),
                (_ZONE, self._terms.time_zone),
                (_PREFIX, self._terms.topic_prefix),
            ],
        )

    def _claim(self, session: Session, moment: Moment) -> None:
        """Say that the mart was seen to, if it is still ours; nobody else writes meanwhile."""
        _, writer, written_at, today, caught_up, breakage, settle = self._run(
            moment.at_ms, caught_up=moment.caught_up
        )
        claimed = session.rows(
            "UPDATE mart_run SET written_at = ?, today = ?, caught_up = ?, breakage_days = ?, "
            "settle_minutes = ? WHERE writer = ? RETURNING id",
            [written_at, today, caught_up, breakage, settle, writer],
        )
        if not claimed:
            raise MartTaken(
                f"another `giftcert bi run` began after this one and keeps {self._target.label}: "
                "this one ends, and nothing is lost"
            )

    def _run(self, at_ms: int, *, caught_up: bool) -> tuple[object, ...]:
        written_at = utc(at_ms)
        return (
            1,
            self._writer,
            written_at,
            self.calendar.day_of(written_at),
            caught_up,
            self._terms.breakage_days,
            self._terms.settle_minutes,
        )

    def _batch(self, session: Session, fresh: Sequence[Read]) -> Batch:
        ids = event_ids(fresh)
        places = {table.name: _places(session, table.name, ids) for table in EVENT_TABLES}
        batch = Batch(self.calendar, _known_keys(session, stream_keys(fresh)), places)
        for record, reading in fresh:
            batch.take(record, reading)
        return batch


def check(session: Session, terms: MartTerms | None = None) -> None:
    """Refuse a mart that this version does not know, or that is not what it should be."""
    found: dict[str, str] = dict(session.rows("SELECT name, value FROM mart_meta"))
    version = found.get(_VERSION)
    if version != str(SCHEMA_VERSION):
        raise MartDiffers(
            f"the mart has schema version {version}, and this program keeps version "
            f"{SCHEMA_VERSION}: delete the mart and run `giftcert bi run`, which fills a new one "
            "from the topics; or use the program that made it"
        )
    if terms is None:
        return
    for name, wanted, variable in (
        (_ZONE, terms.time_zone, "GIFTCERT_BI_TIME_ZONE"),
        (_PREFIX, terms.topic_prefix, "GIFTCERT_TOPIC_PREFIX"),
    ):
        if found.get(name) != wanted:
            raise MartDiffers(
                f"the mart was made with {variable}={found.get(name)!r}, and now it is {wanted!r}: "
                "set it back, or delete the mart and have it filled anew"
            )


def checked(target: Target, session: Session) -> None:
    """Refuse what is no mart, or one that this version does not know. Changes nothing."""
    if META.name not in target.relations(session):
        raise MartMissing(f"there is no mart in {target.label}: run `giftcert bi run` first")
    check(session)


def _next(positions: Mapping[Partition, Position], partition: Partition) -> int:
    position = positions.get(partition)
    return 0 if position is None else position.next_offset


def _positions(session: Session) -> dict[Partition, Position]:
    rows = session.rows(
        "SELECT topic, partition_no, next_offset, end_offset, records, repeats, newest_at "
        "FROM mart_position"
    )
    return {
        (topic, partition): Position(
            next_offset=next_offset,
            end_offset=end_offset,
            records=records,
            repeats=repeats,
            newest_at=newest_at,
        )
        for topic, partition, next_offset, end_offset, records, repeats, newest_at in rows
    }


def _move(positions: dict[Partition, Position], fresh: Sequence[Read], batch: Batch) -> None:
    for record, _ in fresh:
        position = positions.setdefault((record.topic, record.partition), Position(next_offset=0))
        position.next_offset = record.offset + 1
        position.records += 1
        at = arrival(record)
        if at is not None and (position.newest_at is None or at > position.newest_at):
            position.newest_at = at
    for partition, count in batch.repeats.items():
        positions[partition].repeats += count


def _pass(
    positions: dict[Partition, Position],
    passed: Mapping[Partition, int],
    ends: Mapping[Partition, int],
) -> None:
    """Markers of transactions have offsets too: what was read to its end is behind them."""
    for partition in {**passed, **ends}:
        positions.setdefault(partition, Position(next_offset=0))
    for partition, position in positions.items():
        position.next_offset = max(position.next_offset, passed.get(partition, 0))
        position.end_offset = max(ends.get(partition, position.end_offset), position.next_offset)


def _keep(session: Session, positions: Mapping[Partition, Position]) -> None:
    session.rows("DELETE FROM mart_position")
    session.add(
        POSITION,
        [
            (
                topic,
                partition,
                position.next_offset,
                position.end_offset,
                position.records,
                position.repeats,
                position.newest_at,
            )
            for (topic, partition), position in sorted(positions.items())
        ],
    )


def _remove(session: Session, table: str, ids: Sequence[str]) -> None:
    """Take events out again, with the rows that belong to them."""
    for name in (table, *(part.name for part in PARTS.get(table, ()))):
        session.rows(f"DELETE FROM {name} {_AMONG}", [list(ids)])  # noqa: S608 - names of ours


def _places(session: Session, table: str, ids: Mapping[str, list[str]]) -> dict[str, Place]:
    if not ids.get(table):
        return {}
    unmarked = "certificate_operation IS NULL" if table == PAYMENT_EVENT.name else "FALSE"
    rows = session.rows(
        f"SELECT event_id, {unmarked}, partition_no, record_offset FROM {table} {_AMONG}",  # noqa: S608 - names of ours
        [ids[table]],
    )
    return {event_id: Place(*place) for event_id, *place in rows}


def _known_keys(session: Session, keys: Sequence[str]) -> dict[str, KnownKey]:
    if not keys:
        return {}
    rows = session.rows(
        "SELECT DISTINCT ON (record_key) record_key, sequence, booked_at, lifecycle "
        "FROM stream_event WHERE record_key IN (SELECT unnest(CAST(? AS VARCHAR[]))) "
        "ORDER BY record_key, sequence DESC",
        [list(keys)],
    )
    return {
        key: KnownKey(sequence=sequence, booked_at=booked_at, lifecycle=lifecycle)
        for key, sequence, booked_at, lifecycle in rows
    }
