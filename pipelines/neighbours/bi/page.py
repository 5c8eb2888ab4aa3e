"""The report as one HTML page that needs nothing else: no script, no style, no font from anywhere.

Owns the page's parts and its writing, whole or not at all. Every value in it is escaped; the charts
are drawn by us.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.faults import OperatorError
from pipelines.neighbours.bi.amount_text import count_text, money_text, time_text
from pipelines.neighbours.bi.charts import drawings
from pipelines.neighbours.bi.report import Report
from pipelines.neighbours.bi.sections import sections

PAGE: Final = "index.html"
DAYS_SHOWN: Final = 31
DIFFERENCES_SHOWN: Final = 1_000

# A mart is its owner's alone; its page is for whoever serves it, and holds no whole number.
_FOR_ALL_TO_ENTER: Final = 0o755
_FOR_ALL_TO_READ: Final = 0o644

_COMMAND: Final = re.compile("`([^`<>]+)`")
_AS_CODE: Final = r"<code>\1</code>"
_TEMPLATES: Final = Environment(
    loader=PackageLoader("pipelines.neighbours.bi", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=False,
)
_TEMPLATES.filters["coded"] = lambda text: Markup(_COMMAND.sub(_AS_CODE, str(escape(text))))  # noqa: S704 - escaped before


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One figure at the top of the page."""

    label: str
    figure: str
    alarming: bool = False


def page_of(report: Report, *, refresh_s: int | None = None) -> str:
    """The page. With `refresh_s` a browser asks for it again after so many seconds."""
    return _TEMPLATES.get_template("page.html.j2").render(
        report=report,
        written_at=time_text(report.written_at),
        cards=list(_cards(report)),
        drawings=drawings(report),
        sections=sections(report, days_shown=DAYS_SHOWN, differences_shown=DIFFERENCES_SHOWN),
        refresh_s=refresh_s,
    )


def write_page(report: Report, folder: Path, *, refresh_s: int | None = None) -> Path:
    """Write `index.html` into a folder, which is made where there is none. OperatorError."""
    text = page_of(report, refresh_s=refresh_s)
    path = folder / PAGE
    new = folder / f".{PAGE}.new"
    try:
        for missing in _missing(folder):
            missing.mkdir(exist_ok=True)
            missing.chmod(_FOR_ALL_TO_ENTER)
        new.write_text(text, encoding="utf-8")
        new.chmod(_FOR_ALL_TO_READ)
        # Whoever reads it meanwhile has the old page or the new one.
        new.replace(path)
    except OSError as error:
        raise OperatorError(f"cannot write the page in {folder}: {error.strerror}") from error
    return path


def _missing(folder: Path) -> list[Path]:
    """The directories that a path lacks, from the outermost on."""
    return [each for each in (*reversed(folder.parents), folder) if not each.is_dir()]


def _cards(report: Report) -> Iterator[Card]:
    for currency in dict.fromkeys(row["currency"] for row in report.money):
        rows = [row for row in report.money if row["currency"] == currency]
        for label, name in (
            ("owed", "remaining_minor"),
            ("issued", "nominal_minor"),
            ("redeemed", "redeemed_minor"),
        ):
            amount = money_text(sum(row[name] for row in rows), rows[0]["exponent"])
            yield Card(label=f"{currency} {label}", figure=amount)
    for row in report.pools:
        yield Card(
            label=f"{row['pool']} free",
            figure=count_text(row["available"]),
            alarming=row["available"] <= 0,
        )
    settled = sum(row["differences"] - row["under_way"] for row in report.channels)
    yield Card(label="differences", figure=count_text(settled), alarming=settled > 0)
    letters = sum(row["open"] for row in report.letters)
    yield Card(label="open dead letters", figure=count_text(letters), alarming=letters > 0)
