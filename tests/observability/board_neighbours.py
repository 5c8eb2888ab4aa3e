"""The dashboard `neighbours`: the way of a code to its customer, and the mart of reports.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask, quantiles

_ZERO: Final = ((1.0, "red"),)


BOARD: Final = Dashboard(
    name="neighbours",
    title="Gift certificates: CRM and BI",
    about="The way of a code to its customer, and the mart of reports.",
    rows=[
        Row(
            title="CRM",
            panels=[
                Panel(
                    title="Messages that wait",
                    about="Asked for, and without an outcome.",
                    kind="stat",
                    unit="none",
                    width=6,
                    steps=((50.0, "orange"), (500.0, "red")),
                    queries=[ask("sum(giftcert_crm_waiting{@})")],
                ),
                Panel(
                    title="The oldest of them",
                    about="After five minutes a message has failed.",
                    kind="stat",
                    unit="s",
                    width=6,
                    steps=((60.0, "orange"), (300.0, "red")),
                    queries=[ask("max(giftcert_crm_oldest_waiting_seconds{@})")],
                ),
                Panel(
                    title="Gateways that are away",
                    about="The latest three attempts found none.",
                    kind="stat",
                    unit="none",
                    width=6,
                    steps=_ZERO,
                    queries=[ask("sum by (channel) (giftcert_crm_gateway_down{@})", "{{channel}}")],
                ),
                Panel(
                    title="Ready to send",
                    about="1 once the past was read; messages start then.",
                    kind="stat",
                    unit="bool_on_off",
                    width=6,
                    queries=[ask("min(giftcert_crm_caught_up{@})")],
                ),
                Panel(
                    title="Sent and given up",
                    about="An hour. Each that was given up is a customer without a code.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask("sum(increase(giftcert_crm_requests_total{@}[1h]))", "started"),
                        ask(
                            "sum by (channel) (increase(giftcert_crm_sent_total{@}[1h]))",
                            "sent {{channel}}",
                        ),
                        ask(
                            "sum by (channel, reason) "
                            "(increase(giftcert_crm_failed_total{@}[1h])) > 0",
                            "{{reason}} {{channel}}",
                        ),
                    ],
                ),
                Panel(
                    title="How long a message takes",
                    about="From the request on the stream to the gateway's yes; five minutes is "
                    "the "
                    "promise.",
                    kind="timeseries",
                    unit="s",
                    steps=((300.0, "red"),),
                    queries=quantiles("giftcert_crm_delivery_seconds", "@"),
                ),
                Panel(
                    title="Attempts",
                    about="A second, by what came of them.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (channel, result) "
                            "(rate(giftcert_crm_attempts_total{@}[$__rate_interval]))",
                            "{{channel}} {{result}}",
                        ),
                        ask(
                            "sum by (result) "
                            "(rate(giftcert_crm_code_reads_total{@}[$__rate_interval]))",
                            "code {{result}}",
                        ),
                    ],
                ),
                Panel(
                    title="Trouble",
                    about="An hour: messages of which nobody knows whether they were sent, records "
                    "that cannot be read, transactions that failed.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (after) (increase(giftcert_crm_doubtful_sends_total{@}[1h]))",
                            "in doubt: {{after}}",
                        ),
                        ask(
                            "sum(increase(giftcert_crm_unreadable_records_total{@}[1h]))",
                            "unreadable",
                        ),
                        ask(
                            "sum by (result) (increase(giftcert_crm_commits_total{@}[1h]))",
                            "commits {{result}}",
                        ),
                    ],
                ),
            ],
        ),
        Row(
            title="BI",
            panels=[
                Panel(
                    title="Behind the topics",
                    about="In time; half an hour is the promise.",
                    kind="timeseries",
                    unit="s",
                    steps=((1800.0, "red"),),
                    queries=[ask("max(giftcert_bi_behind_seconds{@})", "behind")],
                ),
                Panel(
                    title="Records behind",
                    about="By topic.",
                    kind="timeseries",
                    unit="short",
                    queries=[ask("sum by (topic) (giftcert_bi_lag_records{@})", "{{topic}}")],
                ),
                Panel(
                    title="Records taken in",
                    about="A second.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask("sum(rate(giftcert_bi_records_total{@}[$__rate_interval]))", "records"),
                        ask("min(giftcert_bi_caught_up{@})", "caught up"),
                    ],
                ),
                Panel(
                    title="Since the last transaction",
                    about="It grows while nothing comes, or while the database is away.",
                    kind="timeseries",
                    unit="s",
                    queries=[
                        ask("time() - max(giftcert_bi_written_timestamp_seconds{@} > 0)", "written")
                    ],
                ),
            ],
        ),
    ],
)
