"""The rows of a load file, whatever form it has: what it begins with tells, not its name.

Owns the choice of the reader and what is said of a file that cannot be opened.
"""

from collections.abc import Iterator
from pathlib import Path

from pipelines.loader.csv_rows import csv_rows
from pipelines.loader.parquet_rows import MARK, parquet_rows
from pipelines.loader.row import LoadFileFault, Row
from pipelines.loader.text_lines import LOOKED_AT


def file_rows(path: Path) -> Iterator[Row]:
    """Every row of a CSV or Parquet file, one at a time. LoadFileFault."""
    try:
        with path.open("rb") as file:
            beginning = file.peek(LOOKED_AT)[:LOOKED_AT]
            if not beginning.startswith(MARK):
                yield from csv_rows(path, file, beginning)
                return
    except OSError as error:
        raise LoadFileFault(f"{path} cannot be read: {error.strerror}") from error
    yield from parquet_rows(path)
