"""The report as a page: the sums, and the rows that are not in. No script, ready to be printed.

Owns what is on the page. A number is shown by its last four characters: a page is shown around.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final

from pipelines.loader.outcomes import GOOD, LoadSummary, Outcome, ReportRow
from pipelines.loader.report_csv import shown_masked, shown_whole

MOST_ROWS: Final = 1_000
"""Of those that are not in. Whoever needs all of them takes the CSV."""

_FOLDER: Final = Path(__file__).parent
_TEMPLATE: Final = "report_page.html"


def write_page(
    file: IO[str],
    summary: LoadSummary,
    rows: Iterable[ReportRow],
    file_name: str,
    written_at: datetime,
) -> None:
    """Write the page."""
    # Only who asks for a page waits for the library to be loaded.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": "{:,}".format, "masked": shown_masked, "shown": shown_whole}
    bad = (row for row in rows if row.result.outcome not in GOOD)
    page = environment.get_template(_TEMPLATE).generate(
        file_name=file_name,
        written_at=f"{written_at:%Y-%m-%d %H:%M} UTC",
        summary=summary,
        outcomes=[(each.value, summary.count(each)) for each in Outcome if summary.count(each)],
        bad_total=summary.rows - summary.good,
        bad=list(islice(bad, MOST_ROWS)),
    )
    file.writelines(page)
