"""The report as tables of text: what is shown, for terminal and page alike.

Owns the order. Draws nothing.
"""

from pipelines.neighbours.bi import check_sections, money_sections
from pipelines.neighbours.bi.report import Report
from pipelines.neighbours.bi.section import Section


def sections(report: Report, *, days_shown: int, differences_shown: int) -> tuple[Section, ...]:
    """Everything that is shown, in order."""
    return (
        money_sections.money(report),
        money_sections.numbers(report),
        money_sections.months(report),
        money_sections.days(report, days_shown),
        money_sections.pools(report),
        money_sections.idle(report),
        check_sections.channels(report),
        check_sections.differences(report, differences_shown),
        check_sections.events(report),
        check_sections.alerts(report),
        check_sections.letters(report),
        check_sections.freshness(report),
        check_sections.offsets(report),
    )
