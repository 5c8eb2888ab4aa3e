"""The dashboard `overview`: what is sold, spent and promised, for everybody.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask

_ZERO: Final = ((1.0, "red"),)


def _count(title: str, about: str, event: str) -> Panel:
    return Panel(
        title=title,
        about=f"{about} Within the time that is shown.",
        kind="stat",
        unit="none",
        width=4,
        queries=[
            ask(f'sum(round(increase(giftcert_events_total{{type=~"{event}",@}}[$__range])))')
        ],
    )


BOARD: Final = Dashboard(
    name="overview",
    title="Gift certificates: overview",
    about="What is sold and spent, whether the service keeps its promises, and what people must "
    "do.",
    since="now-24h",
    rows=[
        Row(
            title="Now",
            panels=[
                Panel(
                    title="Pages",
                    about="Alerts for which somebody is woken. Each has a runbook: docs/alerts.md.",
                    kind="stat",
                    unit="none",
                    width=4,
                    steps=_ZERO,
                    queries=[
                        ask('count(ALERTS{alertstate="firing",severity="page",@}) or vector(0)')
                    ],
                ),
                Panel(
                    title="Tickets",
                    about="Alerts for the day's work.",
                    kind="stat",
                    unit="none",
                    width=4,
                    steps=((1.0, "orange"),),
                    queries=[
                        ask('count(ALERTS{alertstate="firing",severity="ticket",@}) or vector(0)')
                    ],
                ),
                Panel(
                    title="Processors that serve",
                    about="Workers whose partitions are assigned and recovered. 0: nothing is "
                    "sold.",
                    kind="stat",
                    unit="none",
                    width=4,
                    queries=[ask('sum(giftcert_serving{component="processor",@})')],
                ),
                Panel(
                    title="Broken laws",
                    about="Numbers sold twice, or money that came or went, as the auditor sees it. "
                    "Anything but 0 is a page.",
                    kind="stat",
                    unit="none",
                    width=4,
                    steps=_ZERO,
                    queries=[ask("sum(giftcert_audit_breaches_total{@})")],
                ),
                Panel(
                    title="Dead letters",
                    about="Records that could not be read, within the time that is shown: "
                    "`giftcert dlq list`.",
                    kind="stat",
                    unit="none",
                    width=4,
                    steps=((1.0, "orange"),),
                    queries=[ask("sum(round(increase(giftcert_dead_letters_total{@}[$__range])))")],
                ),
                Panel(
                    title="Sales lost to an empty pool",
                    about="Checkouts that were told pool-empty, within the time that is shown.",
                    kind="stat",
                    unit="none",
                    width=4,
                    steps=_ZERO,
                    queries=[
                        ask(
                            'sum(round(increase(giftcert_events_total{type="issue.blocked",@}'
                            "[$__range])))"
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Business",
            panels=[
                _count("Sold", "Numbers that became certificates.", "issue"),
                _count("Spendable", "Certificates that were paid in full.", "activate"),
                _count("Spent", "Redemptions, in part or in full.", "redeem.*"),
                _count("Given back", "Refunds onto certificates, or of certificates.", "refund"),
                _count("Codes shown", "One-time codes that were told.", "cvc.revealed"),
                _count("Refunds for people", "Somebody has to decide.", "refund.pendingDetails"),
                Panel(
                    title="Events by type",
                    about="What happened to certificates, an hour.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (type) (increase(giftcert_events_total{@}[1h])) > 0", "{{type}}"
                        )
                    ],
                ),
                Panel(
                    title="Money on certificates",
                    about="In minor units (kopecks, cents): what is owed to holders, and what of "
                    "it "
                    "is held.",
                    kind="timeseries",
                    unit="short",
                    queries=[
                        ask(
                            "sum by (currency, part) (giftcert_audit_money_minor_units"
                            '{part=~"remaining|held",@})',
                            "{{part}} {{currency}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Promises",
            panels=[
                Panel(
                    title="Budget that is left",
                    about="Of the error budget of 30 days, 1 is all and 0 is none: docs/slo.md. "
                    "An objective without a case in 30 days shows nothing.",
                    kind="timeseries",
                    unit="percentunit",
                    queries=[ask("giftcert:slo_budget_left:ratio{@}", "{{slo}}")],
                ),
                Panel(
                    title="Free numbers",
                    about="By pool. A pool at 0 sells nothing.",
                    kind="timeseries",
                    unit="none",
                    queries=[ask("max by (pool) (giftcert_pool_free_numbers{@})", "{{pool}}")],
                ),
                Panel(
                    title="Alerts on the stream",
                    about="What the service told people, an hour, by reason: docs/operations.md.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (code) (increase(giftcert_alerts_total{@}[1h])) > 0", "{{code}}"
                        )
                    ],
                ),
                Panel(
                    title="Refusals",
                    about="Business refusals an hour, by code: docs/rejections.md.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (code) (increase(giftcert_rejections_total{@}[1h])) > 0",
                            "{{code}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
