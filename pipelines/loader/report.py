"""The report files of a load: what became of it, as CSV for programs or as a page for people.

Owns where they are written and when: a report is there whole or not at all, only its owner may read
it, and a place that cannot be written stops the load before it begins. What is in it is the two
forms' own.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from pipelines.loader.outcomes import LoadSummary, ReportRow
from pipelines.loader.report_csv import write_csv
from pipelines.loader.report_page import write_page
from pipelines.loader.row import LoadFileFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report tells. `rows` gives them anew each time it is called."""

    file_name: str
    written_at: datetime
    summary: LoadSummary
    rows: Callable[[], Iterator[ReportRow]]


WriteReports = Callable[[Report], None]

_FORMS: Final[dict[str, Callable[[IO[str], Report], None]]] = {
    ".csv": lambda file, report: write_csv(
        file, report.rows(), whole_numbers=not report.summary.dry_run
    ),
    ".html": lambda file, report: write_page(
        file, report.summary, report.rows(), report.file_name, report.written_at
    ),
}


def reports_at(paths: Sequence[Path], load_file: Path) -> WriteReports:
    """A writer of all the reports; each one that was there before is replaced. LoadFileFault."""
    targets = [_checked(path, load_file) for path in paths]

    def write(report: Report) -> None:
        for target in targets:
            _write(target, report)

    return write


def _checked(path: Path, load_file: Path) -> Path:
    """Where to write. A report may be written over an earlier one, never over anything else."""
    if path.suffix.lower() not in _FORMS:
        raise LoadFileFault(f"the report {path} must end in {' or '.join(_FORMS)}")
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise LoadFileFault(f"the report {path} cannot be written: there is something else")
    if target == load_file.resolve():
        raise LoadFileFault(f"the report {path} would replace the load file")
    try:
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-"):
            return target
    except OSError as error:
        raise LoadFileFault(f"the report {path} cannot be written: {error.strerror}") from error


def _write(target: Path, report: Report) -> None:
    """Write beside it, then put it in its place: a reader never sees half of it."""
    form = _FORMS[target.suffix.lower()]
    try:
        with NamedTemporaryFile(
            "w",
            dir=target.parent,
            prefix=f".{target.name}-",
            encoding="utf-8",
            newline="",
            delete=False,
        ) as file:
            try:
                form(file, report)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise LoadFileFault(
            f"the report {target} cannot be written: {error.strerror}; run the same command again, "
            "with room for it: what was loaded stays so"
        ) from error
