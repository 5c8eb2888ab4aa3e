"""The report as CSV: one line for each row of the file, in its order.

Owns the columns. After a load the numbers are whole: they are the operator's own, given back, and
the report deserves the same care as the load file. A dry run tells the state of certificates that
may have been sold, so it shows the last four characters alone.
"""

import csv
from collections.abc import Iterable
from typing import IO, Final

from pipelines.loader.outcomes import ReportRow
from state.certificate.numbers import fault_of

HEADER: Final = ("line", "certificateId", "pool", "outcome", "code", "state", "text")
LONGEST_SHOWN: Final = 64
"""What is no number may be anything, a whole page perhaps: its beginning is shown."""

_LAST: Final = 4
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def write_csv(file: IO[str], rows: Iterable[ReportRow], *, whole_numbers: bool) -> None:
    """Write every row."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for line, certificate_id, pool, result in rows:
        number = shown_whole(certificate_id) if whole_numbers else shown_masked(certificate_id)
        writer.writerow(
            (
                line,
                number,
                shown_whole(pool),
                result.outcome.value,
                result.code,
                result.state,
                result.text,
            )
        )


def shown_whole(text: str) -> str:
    """A number or a pool as it is; where it has not the form of one, made harmless."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[:LONGEST_SHOWN]}…"
    if text.startswith(_FORMULA) and fault_of(text) is not None:
        return f"'{text}"
    return text


def shown_masked(number: str) -> str:
    """The last four characters of a number, and of what is too short for one, none."""
    return f"…{number[-_LAST:]}" if len(number) > _LAST else "…"
