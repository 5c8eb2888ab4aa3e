"""The report file of a load: one CSV line for each row of the file, with its whole number.

Owns the file. It is the operator's own numbers given back, so nothing is shortened; it deserves the
same care as the load file.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from pipelines.loader.outcomes import ReportRow
from pipelines.loader.rows import LoadFileFault

HEADER = ("line", "certificateId", "outcome", "code", "text")


class WriteReport(Protocol):
    """Writes all rows at once."""

    def __call__(self, rows: Iterable[ReportRow]) -> None: ...


@contextmanager
def report_at(path: Path | None) -> Iterator[WriteReport]:
    """A writer for the report; None: it writes nowhere.

    The file is opened at once, so that a path that cannot be written stops the load before it
    begins: LoadFileFault.
    """
    if path is None:
        yield _nowhere
        return
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise LoadFileFault(f"the report {path} cannot be written: {error.strerror}") from error
    with file:
        yield lambda rows: _write(file, rows)


def _nowhere(rows: Iterable[ReportRow]) -> None:
    """Stand in for a report that nobody asked for."""
    del rows


def _write(file: TextIO, rows: Iterable[ReportRow]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        result = row.result
        writer.writerow(
            (row.line, row.certificate_id, result.outcome.value, result.code, result.text)
        )
