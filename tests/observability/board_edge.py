"""The dashboard `edge`: the calls of tills, the store, the CRM and support.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask, quantiles

_CALLS: Final = 'operation!~"none|health|ready|metrics|internal.*"'


BOARD: Final = Dashboard(
    name="edge",
    title="Gift certificates: HTTP edge",
    about="Calls of tills, the store, the CRM and support.",
    rows=[
        Row(
            title="Calls",
            panels=[
                Panel(
                    title="Calls by operation",
                    about="A second. A call that is passed on counts at both workers.",
                    kind="timeseries",
                    unit="reqps",
                    queries=[
                        ask(
                            "sum by (operation) (rate(giftcert_http_requests_total"
                            f"{{{_CALLS},@}}[$__rate_interval]))",
                            "{{operation}}",
                        )
                    ],
                ),
                Panel(
                    title="Answers by status",
                    about="A second. 4xx are refusals, 503 partitions that move, 504 no outcome in "
                    "time; none: the caller left.",
                    kind="timeseries",
                    unit="reqps",
                    queries=[
                        ask(
                            "sum by (status) (rate(giftcert_http_requests_total"
                            f"{{{_CALLS},@}}[$__rate_interval]))",
                            "{{status}}",
                        )
                    ],
                ),
                Panel(
                    title="Answered with 5xx",
                    about="The share of calls; the month allows 1 %.",
                    kind="timeseries",
                    unit="percentunit",
                    steps=((0.01, "red"),),
                    queries=[
                        ask(
                            'max(giftcert:slo_bad:ratio_rate5m{slo="availability",@})', "5 minutes"
                        ),
                        ask('max(giftcert:slo_bad:ratio_rate1h{slo="availability",@})', "an hour"),
                    ],
                ),
                Panel(
                    title="Under way",
                    about="Requests that are being answered now.",
                    kind="timeseries",
                    unit="none",
                    queries=[ask("giftcert_http_requests_in_flight{@}", "{{instance}}")],
                ),
                Panel(
                    title="How long calls take",
                    about="All operations of the API; 300 ms is the promise.",
                    kind="timeseries",
                    unit="s",
                    steps=((0.3, "red"),),
                    queries=quantiles("giftcert_http_request_duration_seconds", f"{_CALLS},@"),
                ),
                Panel(
                    title="The 99th of 100, by operation",
                    about="Reads answer from the store; the others go through Kafka and back.",
                    kind="timeseries",
                    unit="s",
                    steps=((0.3, "red"),),
                    queries=[
                        ask(
                            "histogram_quantile(0.99, sum by (le, operation) "
                            "(rate(giftcert_http_request_duration_seconds_bucket"
                            f"{{{_CALLS},@}}[$__rate_interval])))",
                            "{{operation}}",
                        )
                    ],
                ),
                Panel(
                    title="Passed on",
                    about="Calls a second that came to another worker than the one that keeps "
                    "their "
                    "certificate.",
                    kind="timeseries",
                    unit="reqps",
                    queries=[
                        ask(
                            "sum by (operation) "
                            "(rate(giftcert_http_forwarded_total{@}[$__rate_interval]))",
                            "{{operation}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Who must not",
            panels=[
                Panel(
                    title="Without a valid token",
                    about="Calls a second that were answered with 401 or 403.",
                    kind="timeseries",
                    unit="reqps",
                    queries=[
                        ask(
                            "sum by (status) (rate(giftcert_http_requests_total"
                            '{status=~"401|403",@}[$__rate_interval]))',
                            "{{status}}",
                        )
                    ],
                ),
                Panel(
                    title="Over their share",
                    about="Calls a second that were answered with 429, by client; none: by "
                    "address.",
                    kind="timeseries",
                    unit="reqps",
                    queries=[
                        ask(
                            "sum by (client) "
                            "(rate(giftcert_http_rate_limited_total{@}[$__rate_interval]))",
                            "{{client}}",
                        )
                    ],
                ),
                Panel(
                    title="Wrong codes and locked certificates",
                    about="An hour. Five wrong codes in a row lock a certificate.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            'sum(increase(giftcert_rejections_total{code="WRONG_CVC",@}[1h]))',
                            "wrong codes",
                        ),
                        ask(
                            'sum(increase(giftcert_alerts_total{code="CVC_LOCKED",@}[1h]))',
                            "locked",
                        ),
                    ],
                ),
                Panel(
                    title="Codes shown",
                    about="One-time codes that were told, an hour.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask("sum(increase(giftcert_cvc_reveals_total{@}[1h]))", "codes"),
                    ],
                ),
            ],
        ),
    ],
)
