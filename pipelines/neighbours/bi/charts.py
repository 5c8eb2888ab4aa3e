"""The charts of the page, drawn once as SVG: no script and nothing to fetch when it is read.

Owns what each chart shows and its drawing. Charts are as wide as the narrowest telephone, and grow
with the page. What they show exactly stands in the tables beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import altair as alt
import vl_convert

from pipelines.neighbours.bi.report import Cells, Report

DAYS_DRAWN: Final = 366
_DAYS_TICKED: Final = 6
_NUMBERS_TICKED: Final = 5
_WIDTH: Final = 296
_HEIGHT: Final = 190
# Colours that differ also for the colour-blind, and in grey on paper.
_COLOURS: Final = ("#1b6ca8", "#e69f00", "#2a9d6f", "#b5446e", "#6a51a3", "#8c6d31")
_ISSUED: Final = ("issued", "#1b6ca8")
_REFUNDED: Final = ("refunded", "#6baed6")
_REDEEMED: Final = ("redeemed", "#e69f00")
_ANNULLED: Final = ("annulled", "#7f7f7f")

Point = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One chart: its caption, and the SVG."""

    caption: str
    svg: str


def drawings(report: Report) -> tuple[Drawing, ...]:
    """Every chart that there is something to draw for."""
    since = report.today - timedelta(days=DAYS_DRAWN)
    return (
        *(each for rows in _by_currency(report.days) for each in _liability(rows, since)),
        *(_movements(rows) for rows in _by_currency(report.months)),
        *_levels(report.pool_days, since),
    )


def _by_currency(rows: Sequence[Cells]) -> Iterable[list[Cells]]:
    for currency in dict.fromkeys(row["currency"] for row in rows):
        yield [row for row in rows if row["currency"] == currency]


def _liability(rows: Sequence[Cells], since: date) -> Iterable[Drawing]:
    """What is owed, by day and channel; a day without movement is as the day before."""
    currency, exponent = rows[0]["currency"], rows[0]["exponent"]
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    days = sorted({row["day"] for row in rows if row["day"] >= since})
    closing = {(row["channel"], row["day"]): row["closing_minor"] for row in rows}
    points: list[Point] = []
    for channel in channels:
        before = [row for row in rows if row["channel"] == channel and row["day"] < since]
        owed: int | None = before[-1]["closing_minor"] if before else 0
        if days:
            points.append(_point(days[0] - timedelta(days=1), channel, owed))
        for day in days:
            owed = closing.get((channel, day), owed)
            points.append(_point(day, channel, owed))
        if days:
            points.append(_point(days[-1] + timedelta(days=1), channel, owed))
    # What was sold and spent within its day was never owed at the end of one.
    if any(point["value"] for point in points):
        chart = _chart(points).mark_area(interpolate="step-after", opacity=0.9)
        encoded = chart.encode(
            x=_days(points), y=_amounts(exponent), color=_colour(channels, _COLOURS)
        )
        yield Drawing(caption=f"Liability, {currency}", svg=_svg(encoded))


def _movements(rows: Sequence[Cells]) -> Drawing:
    """What came and went by month: above the line what is owed more, below it what is less."""
    currency, exponent = rows[0]["currency"], rows[0]["exponent"]
    kinds = (_ISSUED, _REFUNDED, _REDEEMED, _ANNULLED)
    sums: dict[tuple[date, str], int] = {}
    for row in rows:
        for kind, _ in kinds:
            sign = -1 if kind in (_REDEEMED[0], _ANNULLED[0]) else 1
            key = (row["month"], kind)
            sums[key] = sums.get(key, 0) + sign * row[f"{kind}_minor"]
    points = [
        {"month": f"{month:%Y-%m}", "series": kind, "value": value}
        for (month, kind), value in sums.items()
    ]
    names = [kind for kind, _ in kinds]
    encoded = (
        _chart(points)
        .mark_bar()
        .encode(
            x=alt.X("month:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            y=_amounts(exponent),
            color=_colour(names, [colour for _, colour in kinds]),
        )
    )
    return Drawing(caption=f"Movements by month, {currency}", svg=_svg(encoded))


def _levels(rows: Sequence[Cells], since: date) -> Iterable[Drawing]:
    """Free numbers of the pools that ever had one."""
    pools = list(dict.fromkeys(row["pool"] for row in rows if row["loaded"] or row["available"]))
    points: list[Point] = []
    for pool in pools:
        days = [row for row in rows if row["pool"] == pool and row["day"] >= since]
        earlier = [row for row in rows if row["pool"] == pool and row["day"] < since]
        level = earlier[-1]["available"] if earlier else 0
        if days:
            points.append(_point(days[0]["day"] - timedelta(days=1), pool, level))
            points += [_point(row["day"], pool, row["available"]) for row in days]
            last = days[-1]
            points.append(_point(last["day"] + timedelta(days=1), pool, last["available"]))
    if points:
        chart = _chart(points).mark_line(interpolate="step-after", strokeWidth=2)
        encoded = chart.encode(x=_days(points), y=_counts(points), color=_colour(pools, _COLOURS))
        yield Drawing(caption="Free numbers", svg=_svg(encoded))


def _point(day: date, series: str, value: int | None) -> Point:
    return {"day": day.isoformat(), "series": series, "value": value}


def _chart(points: Sequence[Mapping[str, Any]]) -> alt.Chart:
    return alt.Chart(
        alt.InlineData(values=list(points)),
        width=_WIDTH,
        height=_HEIGHT,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        padding=4,
    )


def _days(points: Sequence[Point]) -> alt.X:
    """Days; where there are few, a tick for each, and none for the hours between them."""
    few = len({point["day"] for point in points}) <= _DAYS_TICKED
    ticks = alt.TimeIntervalStep(interval="day", step=1) if few else 4
    return alt.X("day:T", title=None, axis=alt.Axis(labelOverlap=True, tickCount=ticks))


def _amounts(exponent: int) -> alt.Y:
    """Whole minor units, labelled in the currency's unit."""
    label = f"format(datum.value / {10**exponent}, '~s')"
    return alt.Y(
        "value:Q",
        title=None,
        stack="zero",
        axis=alt.Axis(labelExpr=label, tickCount=5),
    )


def _counts(points: Sequence[Point]) -> alt.Y:
    """Whole numbers; where there are few, a tick for each, and none for halves between them."""
    most = max(point["value"] for point in points)
    axis = alt.Axis(format="~s", tickCount=5)
    if most <= _NUMBERS_TICKED:
        axis = alt.Axis(format="d", values=list(range(most + 1)))
    return alt.Y("value:Q", title=None, axis=axis)


def _colour(names: Sequence[str], colours: Sequence[str]) -> alt.Color:
    return alt.Color(
        "series:N",
        scale=alt.Scale(
            domain=list(names), range=[colours[n % len(colours)] for n in range(len(names))]
        ),
        legend=alt.Legend(orient="bottom", title=None, columns=2),
    )


def _svg(chart: alt.Chart) -> str:
    """The chart as SVG that grows with its place on the page."""
    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return drawn.replace("<svg ", '<svg role="img" style="width:100%;height:auto" ', 1)
