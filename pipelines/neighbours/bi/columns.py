"""What a column and a relation of the mart are: name, type, meaning.

Owns the shapes from which the DDL, the exports and the documentation are made. Knows no table.
Types are those that DuckDB and PostgreSQL call by the same name.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The types there are. Times are UTC; days are those of the mart's own time zone."""

    TEXT = "VARCHAR"
    WHOLE = "BIGINT"  # minor units, counts, offsets
    SMALL = "INTEGER"
    SUM = "DECIMAL(38,0)"  # minor units, summed up: exact however many there are
    FLAG = "BOOLEAN"
    DAY = "DATE"
    TIME = "TIMESTAMP"


class Number(StrEnum):
    """Whether a column holds certificates' whole numbers, which are hidden when it is exported."""

    NO = "NO"
    YES = "YES"
    PERHAPS = "PERHAPS"  # an id of others; hidden where it is the number of a certificate we know


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `required`: it is never null."""

    name: str
    kind: Kind
    about: str
    number: Number = Number.NO
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is written: rows as the topics gave them. `key` names what is unique in it.

    `lookups` are further columns by which it is searched.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    lookups: tuple[tuple[str, ...], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is read: derived from the tables by one query, so that it is never out of step."""

    name: str
    about: str
    columns: tuple[Column, ...]
    sql: str


Relation = Table | View


def text(name: str, about: str, *, number: Number = Number.NO, required: bool = False) -> Column:
    """A column of text."""
    return Column(name=name, kind=Kind.TEXT, about=about, number=number, required=required)


def minor(name: str, about: str, *, required: bool = False) -> Column:
    """One amount in minor units."""
    return Column(name=name, kind=Kind.WHOLE, about=about, required=required)


def total(name: str, about: str) -> Column:
    """A sum of amounts in minor units."""
    return Column(name=name, kind=Kind.SUM, about=about)


def whole(name: str, about: str, *, required: bool = False) -> Column:
    """A whole number that is no money: an offset, a count."""
    return Column(name=name, kind=Kind.WHOLE, about=about, required=required)


def small(name: str, about: str, *, required: bool = False) -> Column:
    """A small whole number."""
    return Column(name=name, kind=Kind.SMALL, about=about, required=required)


def flag(name: str, about: str, *, required: bool = False) -> Column:
    """Yes or no."""
    return Column(name=name, kind=Kind.FLAG, about=about, required=required)


def day(name: str, about: str, *, required: bool = False) -> Column:
    """A day in the mart's time zone."""
    return Column(name=name, kind=Kind.DAY, about=about, required=required)


def time(name: str, about: str, *, required: bool = False) -> Column:
    """A moment, UTC."""
    return Column(name=name, kind=Kind.TIME, about=about, required=required)


CURRENCY = text("currency", "ISO 4217 code of the amounts")
EXPONENT = small("exponent", "digits after the point in that currency: 2 means minor units / 100")
