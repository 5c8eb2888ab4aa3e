"""The sections about what does not agree, what went wrong, and how fresh all of it is.

Owns their words, and how much of each is shown.
"""

from pipelines.neighbours.bi.amount_text import NOTHING, count_text, day_text, time_text
from pipelines.neighbours.bi.reconciliation_views import CHECKS, FINDINGS
from pipelines.neighbours.bi.report import Report
from pipelines.neighbours.bi.section import Section, amounts


def channels(report: Report) -> Section:
    """Both sides of every check, by channel."""
    money = ("stream_minor", "source_minor", "difference_minor")
    rows = [
        (
            row["check_name"],
            row["channel"],
            row["currency"],
            count_text(row["items"]),
            *amounts(row, money),
            count_text(row["differences"]),
            count_text(row["under_way"]),
        )
        for row in report.channels
    ]
    checks = "; ".join(f"{name}: {meaning}" for name, meaning in CHECKS.items())
    settled = (row["differences"] - row["under_way"] for row in report.channels)
    return Section(
        anchor="reconciliation",
        title="Reconciliation by channel",
        note=f"The stream beside All_SalesOrder and All_Payments. {checks}. Under way: the latest "
        f"record is younger than {report.settle_minutes} minutes.",
        headings=(
            "check",
            "channel",
            "currency",
            "items",
            "stream",
            "orders or payments",
            "difference",
            "differences",
            "under way",
        ),
        rows=rows,
        numbers=frozenset(range(3, 9)),
        empty="No sale concerns a certificate yet.",
        alarming=frozenset(place for place, each in enumerate(settled) if each),
    )


def differences(report: Report, shown: int) -> Section:
    """Every difference, up to so many."""
    told = report.differences[:shown]
    hidden = report.difference_count - len(told)
    more = f" {hidden:,} more are in the export of `reconciliation`." if hidden else ""
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in FINDINGS.items())
    money = ("stream_minor", "source_minor", "difference_minor")
    return Section(
        anchor="differences",
        title="Differences",
        note=f"{report.difference_count:,} in all.{more} {meanings}.",
        headings=(
            "check",
            "finding",
            "channel",
            "order",
            "certificate",
            "currency",
            "stream",
            "orders or payments",
            "difference",
            "since",
        ),
        rows=[
            (
                row["check_name"],
                f"{row['finding']}{', under way' if row['under_way'] else ''}",
                row["channel"],
                row["order_id"] or row["correlation_key"],
                row["certificate_id"] or NOTHING,
                row["currency"],
                *amounts(row, money),
                time_text(row["since"]),
            )
            for row in told
        ],
        numbers=frozenset(range(6, 9)),
        empty="There is none.",
    )


def events(report: Report) -> Section:
    """How often everything happened."""
    return Section(
        anchor="events",
        title="What happened",
        note="Every event of the stream, by its type.",
        headings=("event", "in all", "last 7 days", "latest"),
        rows=[
            (
                row["event_type"],
                count_text(row["events"]),
                count_text(row["last_7"]),
                day_text(row["latest"]),
            )
            for row in report.events
        ],
        numbers=frozenset({1, 2}),
        empty="Nothing yet.",
    )


def alerts(report: Report) -> Section:
    """What the stream says that people should look at."""
    return Section(
        anchor="alerts",
        title="Alerts, refusals, empty pools",
        note="Events of the types alert, error and issue.blocked.",
        headings=("event", "reason", "channel", "in all", "last 7 days", "latest"),
        rows=[
            (
                row["event_type"],
                row["reason_code"],
                row["channel"],
                count_text(row["events"]),
                count_text(row["last_7"]),
                day_text(row["latest"]),
            )
            for row in report.alerts
        ],
        numbers=frozenset({3, 4}),
        empty="There is none.",
    )


def letters(report: Report) -> Section:
    """What could not be read."""
    rows = [
        (
            row["source_topic"],
            row["code"],
            count_text(row["letters"]),
            count_text(row["open"]),
            day_text(row["latest"]),
        )
        for row in report.letters
    ]
    unread = sum(row["records"] for row in report.broken)
    kinds = ", ".join(
        f"{row['topic']} {row['code']} {count_text(row['records'])}" for row in report.broken
    )
    return Section(
        anchor="letters",
        title="Dead letters",
        note="Records that the service put aside. What the mart itself could not take in, or "
        f"missed: {f'{unread:,} ({kinds})' if unread else 'nothing'}.",
        headings=("topic", "code", "letters", "open", "latest"),
        rows=rows,
        numbers=frozenset({2, 3}),
        empty="There is none.",
        alarming=frozenset(place for place, row in enumerate(report.letters) if row["open"]),
    )


def freshness(report: Report) -> Section:
    """How far each topic was read."""
    counts = ("records", "repeats", "broken", "missing", "behind")
    return Section(
        anchor="freshness",
        title="Freshness",
        note=f"The mart was last brought in step at {time_text(report.written_at)}. Missing: "
        "deleted in Kafka before it was read. Behind: not read yet then.",
        headings=("topic", *counts, "newest record"),
        rows=[
            (row["topic"], *(count_text(row[name]) for name in counts), time_text(row["newest_at"]))
            for row in report.freshness
        ],
        numbers=frozenset(range(1, 6)),
        empty="No topic was read yet.",
        alarming=frozenset(place for place, row in enumerate(report.freshness) if row["missing"]),
    )


def offsets(report: Report) -> Section:
    """Up to where each partition was read."""
    rows = []
    for topic in dict.fromkeys(row["topic"] for row in report.offsets):
        places = [row for row in report.offsets if row["topic"] == topic]
        told = ", ".join(f"{row['partition_no']}:{row['next_offset']}" for row in places)
        rows.append((topic, told))
    return Section(
        anchor="offsets",
        title="As of these offsets",
        note="Every record before these offsets is in the figures, and none behind them. An audit "
        "of the stream up to there has the same money.",
        headings=("topic", "partition:offset"),
        rows=rows,
        numbers=frozenset(),
        empty="No topic was read yet.",
    )
