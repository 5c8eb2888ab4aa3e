"""The mart as files for other tools: every table and view, as Parquet or CSV.

Owns the masks: unless whole numbers are asked for, a number is told as its `certificate_key` and
its last four, so that files still join and nobody can spend what they read.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipelines.faults import OperatorError
from pipelines.neighbours.bi.columns import Column, Number, Relation
from pipelines.neighbours.bi.mart import checked
from pipelines.neighbours.bi.schema import RELATIONS, relation
from pipelines.neighbours.bi.stream_readings import CORRELATION_PREFIX
from pipelines.neighbours.bi.target import Target

_DIGITS: Final = "'0123456789'"


class FileFormat(StrEnum):
    """What a file is."""

    PARQUET = "parquet"
    CSV = "csv"


def export(
    target: Target,
    folder: Path,
    *,
    names: Sequence[str],
    file_format: FileFormat,
    full_numbers: bool,
) -> Iterator[tuple[Path, int]]:
    """Write a file for each relation, all of one moment; each file, and how many rows it has.

    Without `names` all of them. OperatorError where one is unknown, or a file cannot be written.
    """
    wanted = [_known(name) for name in names] or list(RELATIONS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"cannot write to {folder}: {error.strerror}") from error
    with target.session(writing=False) as session, session.transaction():
        checked(target, session)
        for each in wanted:
            path = folder / f"{each.name}.{file_format}"
            query = query_of(each, full_numbers=full_numbers)
            yield path, session.write_file(query, each.columns, path, file_format)


def query_of(each: Relation, *, full_numbers: bool) -> str:
    """The query for a relation's rows, with its numbers whole or hidden."""
    numbers = [column for column in each.columns if column.number is not Number.NO]
    if full_numbers or not numbers:
        names = ", ".join(column.name for column in each.columns)
        return f"SELECT {names} FROM {each.name}"  # noqa: S608 - names of ours
    shown = ", ".join(_shown(column) for column in each.columns)
    # A key of the stream may be `correlation:<id>`, and the id a number.
    joins = " ".join(
        f"LEFT JOIN certificate_key k_{column.name} "
        f"ON k_{column.name}.certificate_id = replace(t.{column.name}, '{CORRELATION_PREFIX}', '')"
        for column in numbers
    )
    return f"SELECT {shown} FROM {each.name} t {joins}"  # noqa: S608 - names of ours


def _shown(column: Column) -> str:
    name = f"t.{column.name}"
    if column.number is Number.NO:
        return name
    found, last_four = f"k_{column.name}", f"'…' || right({name}, 4)"
    hidden = f"replace({name}, {found}.certificate_id, {found}.certificate_key || {last_four})"
    known = f"WHEN {found}.certificate_key IS NOT NULL THEN {hidden}"
    stranger = ""
    if column.number is Number.YES:
        # A number always has a digit; a pool has none, and a correlation says that it is one.
        stranger = (
            f" WHEN {name} NOT LIKE '{CORRELATION_PREFIX}%'"
            f" AND translate({name}, {_DIGITS}, '') <> {name} THEN {last_four}"
        )
    return f"CASE {known}{stranger} ELSE {name} END AS {column.name}"


def _known(name: str) -> Relation:
    try:
        return relation(name)
    except KeyError:
        known = ", ".join(each.name for each in RELATIONS)
        raise OperatorError(f"there is no table or view {name}; there are {known}") from None
