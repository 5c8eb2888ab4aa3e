"""The sections about money, numbers and pools.

Owns their words, and how much of each is shown.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from pipelines.neighbours.bi.amount_text import NOTHING, count_text, day_text, money_text
from pipelines.neighbours.bi.report import Cells, Report
from pipelines.neighbours.bi.section import Section, amounts, places_where

CANDIDATES_SHOWN: Final = 20
_SOON_DAYS: Final = 7

_ROLL: Final = ("opening", "+ issued", "+ refunded", "- redeemed", "- annulled", "= closing")
_ROLL_COLUMNS: Final = (
    "opening_minor",
    "issued_minor",
    "refunded_minor",
    "redeemed_minor",
    "annulled_minor",
    "closing_minor",
)


def money(report: Report) -> Section:
    """All money by currency and pool."""
    money = (
        "nominal_minor",
        "refunded_minor",
        "redeemed_minor",
        "annulled_minor",
        "remaining_minor",
        "held_minor",
        "unexplained_minor",
    )
    rows = [
        (row["currency"], row["pool"], count_text(row["certificates"]), *amounts(row, money))
        for row in _with_totals(report.money, ("certificates", *money))
    ]
    return Section(
        anchor="money",
        title="Money",
        note="All certificates that were ever issued. These are the figures of `giftcert audit` "
        "at the offsets below, computed anew from the mart; unexplained is 0.",
        headings=(
            "currency",
            "pool",
            "certificates",
            "nominal",
            "+ refunded",
            "- redeemed",
            "- annulled",
            "= remaining",
            "held",
            "unexplained",
        ),
        rows=rows,
        numbers=frozenset(range(2, 10)),
        empty="No certificate was issued yet.",
        alarming=places_where(rows, lambda row: any(each in "123456789" for each in row[-1])),
    )


def _with_totals(rows: Sequence[Cells], summed: Iterable[str]) -> Iterable[Cells]:
    """After the pools of a currency their sum, where there are several."""
    names = list(summed)
    for currency in dict.fromkeys(row["currency"] for row in rows):
        pools = [row for row in rows if row["currency"] == currency]
        yield from pools
        if len(pools) > 1:
            sums = {name: sum(row[name] for row in pools) for name in names}
            yield {**pools[0], **sums, "pool": "all"}


def numbers(report: Report) -> Section:
    """All numbers by pool."""
    counts = ("loaded", "available", "reserved", "sold", "ended")
    return Section(
        anchor="numbers",
        title="Numbers",
        note="Every number of each pool, counted once beside loaded.",
        headings=("pool", *counts),
        rows=[(row["pool"], *(count_text(row[name]) for name in counts)) for row in report.numbers],
        numbers=frozenset(range(1, 6)),
        empty="No number was loaded yet.",
    )


def months(report: Report) -> Section:
    """The roll-forward by month."""
    return Section(
        anchor="months",
        title="Liability by month",
        note="What is owed to holders of certificates, by the channel that sold them.",
        headings=("month", "channel", "currency", *_ROLL),
        rows=[
            (
                f"{row['month']:%Y-%m}",
                row["channel"],
                row["currency"],
                *amounts(row, _ROLL_COLUMNS),
            )
            for row in report.months
        ],
        numbers=frozenset(range(3, 9)),
        empty="No money has moved yet.",
    )


def days(report: Report, shown: int) -> Section:
    """The roll-forward by day, for so many days."""
    newest = max((row["day"] for row in report.days), default=report.today)
    since = newest - timedelta(days=shown)
    rows = [
        (day_text(row["day"]), row["channel"], row["currency"], *amounts(row, _ROLL_COLUMNS))
        for row in report.days
        if row["day"] > since
    ]
    hidden = len(report.days) - len(rows)
    more = f" {hidden:,} earlier rows are in the export." if hidden else ""
    return Section(
        anchor="days",
        title="Liability by day",
        note=f"The last {shown} days, where money moved. Days end at midnight in "
        f"{report.time_zone}.{more}",
        headings=("day", "channel", "currency", *_ROLL),
        rows=rows,
        numbers=frozenset(range(3, 9)),
        empty="No money has moved yet.",
    )


def pools(report: Report) -> Section:
    """How long the free numbers will last."""
    rows = [
        (
            row["pool"],
            count_text(row["available"]),
            f"{count_text(row['taken_7'])} in {row['days_7']} d",
            f"{count_text(row['taken_28'])} in {row['days_28']} d",
            count_text(row["days_left"]),
            day_text(row["empty_on"]),
        )
        for row in report.pools
    ]
    soon = (row["days_left"] is not None and row["days_left"] <= _SOON_DAYS for row in report.pools)
    return Section(
        anchor="pools",
        title="Pools and when they will be empty",
        note="At the faster of the two rates at which numbers went lately. Red: within a week.",
        headings=("pool", "free now", "last 7 days", "last 28 days", "days left", "empty on"),
        rows=rows,
        numbers=frozenset(range(1, 6)),
        empty="No number was loaded yet.",
        alarming=frozenset(place for place, each in enumerate(soon) if each),
    )


def idle(report: Report) -> Section:
    """Balances that may never be spent."""
    shown = report.candidates[:CANDIDATES_SHOWN]
    sums = "; ".join(
        f"{row['currency']} {money_text(row['remaining_minor'], row['exponent'])} on "
        f"{count_text(row['certificates'])}"
        for row in report.idle
    )
    return Section(
        anchor="breakage",
        title="Breakage candidates",
        note=f"Balances on which no money moved for {report.breakage_days} days or more"
        + (f": {sums}. The largest are listed." if sums else "."),
        headings=("certificate", "pool", "channel", "currency", "remaining", "moved on", "days"),
        rows=[
            (
                row["certificate_id"],
                row["pool"],
                row["channel"] or NOTHING,
                row["currency"],
                money_text(row["remaining_minor"], row["exponent"]),
                day_text(row["moved_on"]),
                count_text(row["idle_days"]),
            )
            for row in shown
        ],
        numbers=frozenset({4, 6}),
        empty="There is none.",
    )
