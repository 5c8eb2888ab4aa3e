"""The dashboard `objectives`: each promise with its figures, and where the time goes.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask, quantiles

_SLOW: Final = ((0.2, "red"),)
_CALLS: Final = 'operation!~"none|health|ready|metrics|internal.*"'


BOARD: Final = Dashboard(
    name="objectives",
    title="Gift certificates: objectives and latency",
    about="Each objective of docs/slo.md with its figures, and where the time goes.",
    rows=[
        Row(
            title="Objectives",
            panels=[
                Panel(
                    title="Budget that is left",
                    about="Of 30 days. Below 0 the objective is missed.",
                    kind="stat",
                    unit="percentunit",
                    width=12,
                    queries=[ask("min by (slo) (giftcert:slo_budget_left:ratio{@})", "{{slo}}")],
                ),
                Panel(
                    title="Bad cases of the last hour",
                    about="The share; 1 % is what the month allows.",
                    kind="stat",
                    unit="percentunit",
                    width=12,
                    steps=((0.01, "orange"), (0.06, "red")),
                    queries=[ask("max by (slo) (giftcert:slo_bad:ratio_rate1h{@})", "{{slo}}")],
                ),
                Panel(
                    title="How fast the budgets burn",
                    about="The share of bad cases in five minutes, by the share that is allowed: "
                    "at 1 "
                    "the month's budget lasts the month, at 14.4 two days.",
                    kind="timeseries",
                    unit="short",
                    width=24,
                    steps=((1.0, "orange"), (14.4, "red")),
                    queries=[
                        ask("max by (slo) (giftcert:slo_bad:ratio_rate5m{@}) / 0.01", "{{slo}}")
                    ],
                ),
            ],
        ),
        Row(
            title="From the request to the stream: below 200 ms",
            panels=[
                Panel(
                    title="Processing",
                    about="From the HTTP call or the source record to the event that is "
                    "committed on "
                    "the stream. Timers and bulk loads are left out.",
                    kind="timeseries",
                    unit="s",
                    steps=_SLOW,
                    queries=quantiles(
                        "giftcert_stream_latency_seconds", 'origin=~"FACT|HTTP",since="receipt",@'
                    ),
                ),
                Panel(
                    title="Processing by origin",
                    about="Who asked: HTTP is a till or the store, FACT an order or a payment.",
                    kind="timeseries",
                    unit="s",
                    steps=_SLOW,
                    queries=quantiles(
                        "giftcert_stream_latency_seconds", 'since="receipt",@', "origin"
                    ),
                ),
                Panel(
                    title="Distribution",
                    about="How many took how long.",
                    kind="heatmap",
                    unit="s",
                    queries=[
                        ask(
                            "sum by (le) (rate(giftcert_stream_latency_seconds_bucket"
                            '{origin=~"FACT|HTTP",since="receipt",@}[$__rate_interval]))',
                            "{{le}}",
                        )
                    ],
                ),
                Panel(
                    title="From when the source says it happened",
                    about="By the source's own clock and with its own delay: what a customer "
                    "feels.",
                    kind="timeseries",
                    unit="s",
                    queries=quantiles("giftcert_stream_latency_seconds", 'since="event_time",@'),
                ),
                Panel(
                    title="One hop, by topic",
                    about="From a record's time on its topic until its effects are committed, the "
                    "99th of 100.",
                    kind="timeseries",
                    unit="s",
                    steps=_SLOW,
                    queries=[
                        ask(
                            "histogram_quantile(0.99, sum by (le, topic) "
                            "(rate(giftcert_hop_latency_seconds_bucket{@}[$__rate_interval])))",
                            "{{topic}}",
                        )
                    ],
                ),
                Panel(
                    title="Commit",
                    about="A Kafka transaction: every operation waits for one, at each hop.",
                    kind="timeseries",
                    unit="s",
                    queries=quantiles("giftcert_commit_duration_seconds", "@"),
                ),
            ],
        ),
        Row(
            title="The other promises",
            panels=[
                Panel(
                    title="HTTP: below 300 ms",
                    about="Every call of the API, from its head to the end of its answer.",
                    kind="timeseries",
                    unit="s",
                    steps=((0.3, "red"),),
                    queries=quantiles("giftcert_http_request_duration_seconds", f"{_CALLS},@"),
                ),
                Panel(
                    title="Refund: below a minute",
                    about="From the record that completes it to the refund on the stream.",
                    kind="timeseries",
                    unit="s",
                    steps=((60.0, "red"),),
                    queries=quantiles("giftcert_refund_latency_seconds", 'since="receipt",@'),
                ),
                Panel(
                    title="Code to the customer: below five minutes",
                    about="From the request on the stream to the gateway's yes.",
                    kind="timeseries",
                    unit="s",
                    steps=((300.0, "red"),),
                    queries=quantiles("giftcert_crm_delivery_seconds", "@"),
                ),
                Panel(
                    title="Reports: below 30 minutes",
                    about="How far the mart is behind the topics.",
                    kind="timeseries",
                    unit="s",
                    steps=((1800.0, "red"),),
                    queries=[ask("max(giftcert_bi_behind_seconds{@})", "behind")],
                ),
            ],
        ),
    ],
)
