"""How the report looks in a terminal, and as JSON for a program.

Owns the drawing of tables with rich, and the form of the JSON. The words are `sections`'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipelines.neighbours.bi.amount_text import decimal_text, time_text
from pipelines.neighbours.bi.report import Cells, Report
from pipelines.neighbours.bi.section import Section
from pipelines.neighbours.bi.sections import sections

DAYS_SHOWN: Final = 7
DIFFERENCES_SHOWN: Final = 50
_WIDEST: Final = 10_000


def show(report: Report, console: Console) -> None:
    """Print the whole report."""
    for section in sections(report, days_shown=DAYS_SHOWN, differences_shown=DIFFERENCES_SHOWN):
        _show_section(section, console)
    console.print(summary(report), soft_wrap=True, highlight=False, markup=False)


def summary(report: Report) -> str:
    """The report in a line."""
    differences = report.difference_count
    under_way = sum(row["under_way"] for row in report.channels)
    letters = sum(row["open"] for row in report.letters)
    return (
        f"{report.state} at {time_text(report.written_at)}; {differences:,} differences, of them "
        f"{under_way:,} under way; {letters:,} open dead letters; mart {report.mart}"
    )


def _show_section(section: Section, console: Console) -> None:
    if not section.rows:
        said = f"{section.title}: {section.empty}"
        console.print(said, soft_wrap=True, highlight=False, markup=False)
        return
    table = Table(title=section.title, title_justify="left")
    for place, heading in enumerate(section.headings):
        right = place in section.numbers
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for place, row in enumerate(section.rows):
        style = "bold red" if place in section.alarming else None
        table.add_row(*(_plain(cell) for cell in row), style=style)
    unbounded = console.options.update_width(_WIDEST)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
    else:
        _show_lines(section, console)
    console.print(section.note, style="dim", soft_wrap=True, highlight=False, markup=False)


def _show_lines(section: Section, console: Console) -> None:
    """A table that is too wide: a figure that is broken over two lines is a wrong one."""
    console.print(section.title, style="italic", highlight=False)
    for place, row in enumerate(section.rows):
        told = (f"{heading} {cell}" for heading, cell in zip(section.headings, row, strict=True))
        style = "bold red" if place in section.alarming else None
        line = "; ".join(told)
        console.print(f"- {line}", style=style, soft_wrap=True, highlight=False, markup=False)


def _plain(cell: str) -> str:
    """A text that means itself: rich reads square brackets as markup."""
    return cell.replace("[", r"\[")


def to_json(report: Report) -> dict[str, Any]:
    """Everything, ready for a JSON encoder. Amounts are decimal text in their currency."""
    return {_camel(field.name): _json(getattr(report, field.name)) for field in fields(report)} | {
        "behind": report.behind,
        "differenceCount": report.difference_count,
    }


def _json(value: object) -> object:
    match value:
        case datetime():
            return f"{value.isoformat(timespec='milliseconds')}Z"
        case date():
            return value.isoformat()
        case Mapping():
            return _row(value)
        case str():
            return value
        case Sequence():
            return [_json(each) for each in value]
        case _:
            return value


def _row(row: Cells) -> dict[str, object]:
    exponent = row.get("exponent")
    return {
        _camel(name.removesuffix("_minor")): decimal_text(value, exponent)
        if name.endswith("_minor") and exponent is not None
        else _json(value)
        for name, value in row.items()
        if name != "exponent"
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
