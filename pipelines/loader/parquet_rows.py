"""The rows of a Parquet file, a batch at a time, as DuckDB reads them.

Owns the reading: text columns only, because a number kept as an integer has lost its leading
zeros. Must not know what makes a number or a pool a good one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipelines.loader.columns import places_of, shortened
from pipelines.loader.row import LoadFileFault, Row

MARK: Final = b"PAR1"
"""What every Parquet file begins with."""

OFFLINE: Final[dict[str, str | bool | int | float | list[str]]] = {
    # What is needed is built in: nothing is ever looked for elsewhere.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
    "memory_limit": "256MB",
    # What does not fit into that is refused: no number is ever left in a file nobody knows of.
    "temp_directory": "",
}
"""How the library is opened."""

_BATCH: Final = 10_000
_TEXT: Final = "VARCHAR"


def parquet_rows(path: Path) -> Iterator[Row]:
    """Every row of the file. LoadFileFault."""
    # Only who has such a file waits for the library to be loaded.
    import duckdb

    try:
        with duckdb.connect(":memory:", config=OFFLINE) as connection:
            found = connection.execute(
                "SELECT * FROM read_parquet(?, binary_as_string = true, hive_partitioning = false)",
                [str(path)],
            )
            names = [str(column[0]) for column in found.description or ()]
            places = places_of(str(path), names)
            for place in places:
                _require_text(path, names[place], str((found.description or ())[place][1]))
            line = 0
            while batch := found.fetchmany(_BATCH):
                for cells in batch:
                    line += 1
                    number, *pool = [(cells[place] or "").strip() for place in places]
                    yield Row(line, number, pool[0] if pool else "")
    except duckdb.Error as error:
        said = str(error).split("\n", maxsplit=1)[0]
        raise LoadFileFault(f"{path} cannot be read as Parquet: {said}") from error


def _require_text(path: Path, name: str, kind: str) -> None:
    if kind != _TEXT and not kind.startswith("ENUM"):
        raise LoadFileFault(
            f"{path}: the column {shortened(name)} is {kind}, not text: write it as text (a "
            "number kept as an integer has lost its leading zeros)"
        )
