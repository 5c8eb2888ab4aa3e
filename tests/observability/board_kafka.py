"""The dashboard `kafka`: the workers on their topics, their stores, and their recovery.

Owns its panels and their questions. What a panel looks like is `grafana.py`.
"""

from typing import Final

from tests.observability.grafana import Dashboard, Panel, Row, ask

BOARD: Final = Dashboard(
    name="kafka",
    title="Gift certificates: Kafka, stores and recovery",
    about="The workers: what they have, how far they are behind, and what they keep.",
    rows=[
        Row(
            title="Workers",
            panels=[
                Panel(
                    title="Serving",
                    about="1: assigned, recovered, and its loop turns.",
                    kind="timeseries",
                    unit="bool_on_off",
                    width=8,
                    queries=[ask("giftcert_serving{@}", "{{component}} {{instance}}")],
                ),
                Panel(
                    title="Partitions",
                    about="How many a topic has a worker for. All lines of GiftCertificates.* "
                    "are at "
                    "the number of partitions, or certificates are without a worker.",
                    kind="timeseries",
                    unit="none",
                    width=8,
                    queries=[
                        ask("sum by (topic) (giftcert_partitions_assigned{@})", "{{topic}}"),
                        ask("max(giftcert_partitions{@})", "all there are"),
                    ],
                ),
                Panel(
                    title="Age of the loop's last turn",
                    about="It grows while a worker stands still.",
                    kind="timeseries",
                    unit="s",
                    width=8,
                    steps=((30.0, "red"),),
                    queries=[
                        ask("giftcert_loop_age_seconds{@}", "{{component}} {{instance}}"),
                        ask("giftcert_enrich_loop_age_seconds{@}", "{{component}} {{instance}}"),
                    ],
                ),
                Panel(
                    title="Lag",
                    about="Records that are not read yet, by topic.",
                    kind="timeseries",
                    unit="short",
                    queries=[
                        ask("sum by (topic) (giftcert_lag_records{@})", "{{topic}}"),
                        ask("sum by (topic) (giftcert_enrich_lag_records{@})", "enrich {{topic}}"),
                    ],
                ),
                Panel(
                    title="Records performed",
                    about="A second, by topic.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (topic) (rate(giftcert_records_total{@}[$__rate_interval]))",
                            "{{topic}}",
                        ),
                        ask(
                            "sum by (topic) "
                            "(rate(giftcert_enrich_records_total{@}[$__rate_interval]))",
                            "enrich {{topic}}",
                        ),
                    ],
                ),
                Panel(
                    title="Commits",
                    about="A second. What was dropped is performed again by whoever has the "
                    "partitions.",
                    kind="timeseries",
                    unit="ops",
                    queries=[
                        ask(
                            "sum by (component, result) "
                            "(rate(giftcert_commits_total{@}[$__rate_interval]))",
                            "{{component}} {{result}}",
                        )
                    ],
                ),
                Panel(
                    title="Dead letters",
                    about="Records that could not be read, an hour, by source and code.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (topic, code) (increase(giftcert_dead_letters_total{@}[1h])) "
                            "> 0",
                            "{{topic}} {{code}}",
                        ),
                        ask("sum(increase(giftcert_enrich_dead_letters_total{@}[1h]))", "enrich"),
                    ],
                ),
                Panel(
                    title="Deadlines that are past",
                    about="How long the oldest one should have been over: reservations, holds, and "
                    "correlations with a missing half.",
                    kind="timeseries",
                    unit="s",
                    steps=((300.0, "red"),),
                    queries=[ask("max by (kind) (giftcert_overdue_seconds{@})", "{{kind}}")],
                ),
                Panel(
                    title="What timers asked for",
                    about="An hour, by kind.",
                    kind="timeseries",
                    unit="none",
                    queries=[
                        ask(
                            "sum by (kind) (increase(giftcert_timer_requests_total{@}[1h]))",
                            "{{kind}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            title="Recovery",
            panels=[
                Panel(
                    title="Stores to recover",
                    about="0 once all are there.",
                    kind="timeseries",
                    unit="none",
                    width=8,
                    queries=[ask("giftcert_recovery_stores_left{@}", "{{component}} {{instance}}")],
                ),
                Panel(
                    title="Records to recover",
                    about="By the topic whose state it is.",
                    kind="timeseries",
                    unit="short",
                    width=8,
                    queries=[
                        ask("sum by (topic) (giftcert_recovery_records_left{@})", "{{topic}}"),
                        ask(
                            "sum(rate(giftcert_recovery_records_total{@}[$__rate_interval]))",
                            "read a second",
                        ),
                    ],
                ),
                Panel(
                    title="Latest recovery",
                    about="How long it took.",
                    kind="timeseries",
                    unit="s",
                    width=8,
                    queries=[
                        ask("giftcert_recovery_duration_seconds{@}", "{{component}} {{instance}}")
                    ],
                ),
            ],
        ),
        Row(
            title="Stores",
            panels=[
                Panel(
                    title="Keys",
                    about="About so many, by the topic whose state it is.",
                    kind="timeseries",
                    unit="short",
                    queries=[ask("sum by (topic) (giftcert_store_keys{@})", "{{topic}}")],
                ),
                Panel(
                    title="On disk",
                    about="By worker.",
                    kind="timeseries",
                    unit="bytes",
                    stacked=True,
                    queries=[
                        ask(
                            "sum by (component, instance) (giftcert_store_disk_bytes{@})",
                            "{{component}} {{instance}}",
                        )
                    ],
                ),
                Panel(
                    title="In memory",
                    about="What RocksDB holds beside its cache, and the cache.",
                    kind="timeseries",
                    unit="bytes",
                    queries=[
                        ask("sum by (instance) (giftcert_store_memory_bytes{@})", "{{instance}}"),
                        ask(
                            "sum by (instance) (giftcert_store_cache_bytes{@})",
                            "cache {{instance}}",
                        ),
                    ],
                ),
                Panel(
                    title="Waiting to be compacted",
                    about="It grows without end where a disk is too slow; then writes are stopped.",
                    kind="timeseries",
                    unit="bytes",
                    queries=[
                        ask(
                            "sum by (topic) (giftcert_store_pending_compaction_bytes{@})",
                            "{{topic}}",
                        ),
                        ask(
                            "max by (topic) (giftcert_store_writes_stopped{@})", "stopped {{topic}}"
                        ),
                    ],
                ),
            ],
        ),
        Row(
            title="Processes",
            panels=[
                Panel(
                    title="CPU",
                    about="In cores. A worker's loop uses one at most.",
                    kind="timeseries",
                    unit="short",
                    width=8,
                    queries=[
                        ask(
                            "sum by (component, instance) (rate(process_cpu_seconds_total"
                            '{job="gift-certificates",@}[$__rate_interval]))',
                            "{{component}} {{instance}}",
                        )
                    ],
                ),
                Panel(
                    title="Memory",
                    about="What the system counts as resident.",
                    kind="timeseries",
                    unit="bytes",
                    width=8,
                    queries=[
                        ask(
                            'process_resident_memory_bytes{job="gift-certificates",@}',
                            "{{component}} {{instance}}",
                        )
                    ],
                ),
                Panel(
                    title="File descriptors",
                    about="The share of what is allowed. A connection takes one.",
                    kind="timeseries",
                    unit="percentunit",
                    width=8,
                    steps=((0.8, "red"),),
                    queries=[
                        ask(
                            'process_open_fds{job="gift-certificates",@} / '
                            'process_max_fds{job="gift-certificates",@}',
                            "{{component}} {{instance}}",
                        )
                    ],
                ),
                Panel(
                    title="Versions",
                    about="What runs: version, commit, and a word for all contracts together.",
                    kind="table",
                    unit="none",
                    width=24,
                    queries=[
                        ask(
                            "count by (component, version, commit, schemas) "
                            "(giftcert_build_info{@})"
                        )
                    ],
                ),
                Panel(
                    title="Age of the figures of the stores",
                    about="Pools, holds and stores are looked at now and then: this is how long "
                    "ago.",
                    kind="timeseries",
                    unit="s",
                    width=12,
                    steps=((300.0, "red"),),
                    queries=[ask("giftcert_sample_age_seconds{@}", "{{component}} {{instance}}")],
                ),
                Panel(
                    title="Started",
                    about="When each process did.",
                    kind="table",
                    unit="dateTimeAsIso",
                    width=12,
                    queries=[
                        ask(
                            "max by (component, instance) (process_start_time_seconds"
                            '{job="gift-certificates",@}) * 1000'
                        )
                    ],
                ),
            ],
        ),
    ],
)
