"""The dashboard `certificates`: the free numbers, what becomes of certificates, and the laws.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask

_ZERO: Final = ((1.0, "red"),)


BOARD: Final = Dashboard(
    name="certificates",
    title="Gift certificates: pools, certificates and laws",
    about="The free numbers, what becomes of certificates, and whether the laws hold.",
    since="now-24h",
    rows=[
        Row(
            title="Pools",
            panels=[
                Panel(
                    title="Free numbers",
                    about="By pool, and the mark below which a pool is low.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask("max by (pool) (giftcert_pool_free_numbers{@})", "{{pool}}"),
                        ask("max by (pool) (giftcert_pool_low_mark{@})", "mark {{pool}}"),
                    ],
                ),
                Panel(
                    title="Taken an hour",
                    about="How fast numbers leave each pool.",
                    kind="timeseries",
                    unit="none",
                    queries=[ask("max by (pool) (giftcert_pool_taken_per_hour{@})", "{{pool}}")],
                ),
                Panel(
                    title="Empty in",
                    about="At that rate. Nothing while none is taken.",
                    kind="timeseries",
                    unit="s",
                    queries=[ask("min by (pool) (giftcert_pool_empty_in_seconds{@})", "{{pool}}")],
                ),
                Panel(
                    title="Reservations and holds",
                    about="Open ones, and those whose time is past.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask("sum(giftcert_reservations_open{@})", "reservations"),
                        ask("sum(giftcert_reservations_overdue{@})", "reservations overdue"),
                        ask("sum(giftcert_holds_open{@})", "holds"),
                        ask("sum(giftcert_holds_overdue{@})", "holds overdue"),
                        ask("sum(giftcert_correlations_overdue{@})", "correlations overdue"),
                    ],
                ),
            ],
        ),
        Row(
            title="Certificates",
            panels=[
                Panel(
                    title="By lifecycle",
                    about="As the auditor has read the stream.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask("sum by (lifecycle) (giftcert_audit_certificates{@})", "{{lifecycle}}")
                    ],
                ),
                Panel(
                    title="Commands by outcome",
                    about="A second: done, rejected, repeated, unchanged, or passed on to the "
                    "next number.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (outcome) (rate(giftcert_commands_total{@}[$__rate_interval]))",
                            "{{outcome}}",
                        )
                    ],
                ),
                Panel(
                    title="Commands",
                    about="A second, by command.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (command) "
                            "(rate(giftcert_commands_total{@}[$__rate_interval])) > 0",
                            "{{command}}",
                        )
                    ],
                ),
                Panel(
                    title="Refusals",
                    about="A second, by code: docs/rejections.md.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (code) "
                            "(rate(giftcert_rejections_total{@}[$__rate_interval])) > 0",
                            "{{code}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Laws",
            panels=[
                Panel(
                    title="Breaches",
                    about="By law. Anything but 0 is a page.",
                    kind="stat",
                    unit="none",
                    width=8,
                    steps=_ZERO,
                    queries=[ask("sum by (law) (giftcert_audit_breaches_total{@})", "law {{law}}")],
                ),
                Panel(
                    title="Certificates in breach, alerts awaited",
                    about="A breach stays open. An alert that is awaited for long: no processor "
                    "works.",
                    kind="stat",
                    unit="none",
                    width=8,
                    steps=_ZERO,
                    queries=[
                        ask("sum(giftcert_audit_certificates_in_breach{@})", "in breach"),
                        ask("sum(giftcert_audit_alerts_awaited{@})", "awaited"),
                    ],
                ),
                Panel(
                    title="Unexplained money",
                    about="In minor units, by currency. It is 0.",
                    kind="stat",
                    unit="none",
                    width=8,
                    steps=((0.001, "red"),),
                    queries=[
                        ask(
                            "sum by (currency) "
                            '(abs(giftcert_audit_money_minor_units{part="unexplained",@}))',
                            "{{currency}}",
                        )
                    ],
                ),
                Panel(
                    title="Money",
                    about="In minor units: issued + refunded - redeemed - annulled = remaining.",
                    kind="timeseries",
                    unit="short",
                    queries=[
                        ask(
                            "sum by (currency, part) (giftcert_audit_money_minor_units{@})",
                            "{{part}} {{currency}}",
                        )
                    ],
                ),
                Panel(
                    title="The auditor",
                    about="How far it is behind the stream, and how fast it reads.",
                    kind="timeseries",
                    unit="short",
                    queries=[
                        ask("max(giftcert_audit_lag_offsets{@})", "offsets behind"),
                        ask("max(giftcert_audit_events_per_second{@})", "events a second"),
                        ask("min(giftcert_audit_caught_up{@})", "caught up"),
                        ask(
                            "sum(rate(giftcert_audit_events_total{@}[$__rate_interval]))", "judged"
                        ),
                    ],
                ),
                Panel(
                    title="Comparisons of the live stores",
                    about="An hour, done and failed, and how many certificates the latest "
                    "compared.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (result) "
                            "(increase(giftcert_audit_store_comparisons_total{@}[1h]))",
                            "{{result}}",
                        ),
                        ask("max(giftcert_audit_compared_certificates{@})", "certificates"),
                    ],
                ),
                Panel(
                    title="Age of the newest event and the latest comparison",
                    about="An old event means that nothing happens, or that nothing is read.",
                    kind="timeseries",
                    unit="s",
                    queries=[
                        ask(
                            "time() - max(giftcert_audit_last_event_timestamp_seconds{@} > 0)",
                            "event",
                        ),
                        ask(
                            "time() - max(giftcert_audit_compared_timestamp_seconds{@} > 0)",
                            "comparison",
                        ),
                    ],
                ),
            ],
        ),
    ],
)
