"""The closed list of what a worker shows: each metric's name, kind, labels and meaning.

Owns the words. `worker_metrics` puts values to them. Every label has a closed list of values: a
certificate, a caller or an address is never one. A `topic` is without the prefix.
"""

from typing import Final

from pipelines.metrics.rows import MetricRow

SERVING: Final = MetricRow(
    name="giftcert_serving",
    kind="gauge",
    meaning="1 while its stores may be read: partitions assigned, recovered, and the loop alive.",
)
LOOP_AGE: Final = MetricRow(
    name="giftcert_loop_age_seconds",
    kind="gauge",
    meaning="Since its loop turned last. It does not turn while stores are recovered.",
)
PARTITIONS: Final = MetricRow(
    name="giftcert_partitions",
    kind="gauge",
    meaning="Partitions that each internal topic has, by the settings. Over all workers of a role "
    "as many are assigned of each input.",
)
ASSIGNED: Final = MetricRow(
    name="giftcert_partitions_assigned",
    kind="gauge",
    meaning="Partitions of an input that this worker has; 0 while none are assigned.",
    labels=("topic",),
)
LAG: Final = MetricRow(
    name="giftcert_lag_records",
    kind="gauge",
    meaning="Records of an input that it has not read yet, as of the last few seconds. Absent for "
    "partitions of others, and until the client has read for the first time.",
    labels=("topic", "partition"),
)
RECORDS: Final = MetricRow(
    name="giftcert_records_total",
    kind="counter",
    meaning="Records of an input that were performed and committed.",
    labels=("topic",),
)
HOP_LATENCY: Final = MetricRow(
    name="giftcert_hop_latency_seconds",
    kind="histogram",
    meaning="From a record's timestamp in Kafka, until what it caused was committed.",
    labels=("topic",),
)
COMMIT_DURATION: Final = MetricRow(
    name="giftcert_commit_duration_seconds",
    kind="histogram",
    meaning="How long a commit took: the transaction, and the writing of the stores after it.",
)
COMMITS: Final = MetricRow(
    name="giftcert_commits_total",
    kind="counter",
    meaning="Transactions with records: `done`, or `dropped` because the group went on without "
    "this worker; others perform what was in them.",
    labels=("result",),
)
DEAD_LETTERS: Final = MetricRow(
    name="giftcert_dead_letters_total",
    kind="counter",
    meaning="Broken records of an input that were put on GiftCertificates.DLQ, by `errorCode`.",
    labels=("topic", "code"),
)
TIMER_REQUESTS: Final = MetricRow(
    name="giftcert_timer_requests_total",
    kind="counter",
    meaning="Deadlines that the timer asked about. One that still stands after half a minute is "
    "asked about again.",
    labels=("kind",),
)
OVERDUE_AGE: Final = MetricRow(
    name="giftcert_overdue_seconds",
    kind="gauge",
    meaning="How long the time of the oldest open deadline is past; 0 where none is. A second or "
    "two is usual: a timer has to ask, and the stage to judge.",
    labels=("kind",),
)
STORE_KEYS: Final = MetricRow(
    name="giftcert_store_keys",
    kind="gauge",
    meaning="Records in the store that is kept of an input; RocksDB's estimate.",
    labels=("topic",),
)
STORE_DISK: Final = MetricRow(
    name="giftcert_store_disk_bytes",
    kind="gauge",
    meaning="Table files of the store, those among them that wait for deletion.",
    labels=("topic",),
)
STORE_MEMORY: Final = MetricRow(
    name="giftcert_store_memory_bytes",
    kind="gauge",
    meaning="What the store has in memory beside the cache: unwritten tables, indexes and filters.",
    labels=("topic",),
)
STORE_COMPACTION: Final = MetricRow(
    name="giftcert_store_pending_compaction_bytes",
    kind="gauge",
    meaning="What RocksDB still has to rewrite, as it estimates.",
    labels=("topic",),
)
STORE_STOPPED: Final = MetricRow(
    name="giftcert_store_writes_stopped",
    kind="gauge",
    meaning="1 while RocksDB takes nothing because its compaction does not keep up.",
    labels=("topic",),
)
STORE_CACHE: Final = MetricRow(
    name="giftcert_store_cache_bytes",
    kind="gauge",
    meaning="What is in the cache that all stores of the process share.",
)
RECOVERY_STORES: Final = MetricRow(
    name="giftcert_recovery_stores_left",
    kind="gauge",
    meaning="Partitions of stores that are being recovered; 0 when all are whole.",
)
RECOVERY_LEFT: Final = MetricRow(
    name="giftcert_recovery_records_left",
    kind="gauge",
    meaning="Offsets of the changelogs that their recovery has still to read.",
    labels=("topic",),
)
RECOVERY_RECORDS: Final = MetricRow(
    name="giftcert_recovery_records_total",
    kind="counter",
    meaning="Records of changelogs that were taken into stores since the start.",
)
RECOVERY_DURATION: Final = MetricRow(
    name="giftcert_recovery_duration_seconds",
    kind="gauge",
    meaning="How long the latest recovery took; 0 before the first.",
)
SAMPLE_AGE: Final = MetricRow(
    name="giftcert_sample_age_seconds",
    kind="gauge",
    meaning="How old the figures are that are read from the stores: pools, open and overdue, "
    "sizes. Every five seconds they are new; while stores move there are none of them.",
)
STREAM_LATENCY: Final = MetricRow(
    name="giftcert_stream_latency_seconds",
    kind="histogram",
    meaning="Until the events of a command were committed on GiftCertificates.Stream. Since "
    "`receipt`: the call came to the edge, or Kafka's timestamp of the order, payment or delivery; "
    "since `event_time`: the `eventTime` in it, which only a `FACT` has. The origin TIMER counts "
    "from when the timer asked.",
    labels=("origin", "since"),
)
REFUND_LATENCY: Final = MetricRow(
    name="giftcert_refund_latency_seconds",
    kind="histogram",
    meaning="The same for `refund` events that a payment or an order led to.",
    labels=("since",),
)
EVENTS: Final = MetricRow(
    name="giftcert_events_total",
    kind="counter",
    meaning="Events on GiftCertificates.Stream, by `eventType`.",
    labels=("type",),
)
ALERTS: Final = MetricRow(
    name="giftcert_alerts_total",
    kind="counter",
    meaning="Events `alert`, by the code of their reason; `OTHER`: by one this version has not.",
    labels=("code",),
)
COMMANDS: Final = MetricRow(
    name="giftcert_commands_total",
    kind="counter",
    meaning="Commands by how they ended. `done`: there are events; `rejected`: a business no; "
    "`repeated`: answered before, and told the same again; `unchanged`: nothing to do, such as a "
    "deadline that came too late; `passed_on`: the number was taken by then, the pool offers "
    "another.",
    labels=("command", "outcome"),
)
REJECTIONS: Final = MetricRow(
    name="giftcert_rejections_total",
    kind="counter",
    meaning="Business refusals by code, those of a pool among them; one told again is no other.",
    labels=("code",),
)
POOL_FREE: Final = MetricRow(
    name="giftcert_pool_free_numbers",
    kind="gauge",
    meaning="Free numbers in a pool; of the first thousand pools by name, like all about pools. "
    "Shown by the one worker that keeps it.",
    labels=("pool",),
)
POOL_MARK: Final = MetricRow(
    name="giftcert_pool_low_mark",
    kind="gauge",
    meaning="Below this the pool raises POOL_LOW.",
    labels=("pool",),
)
POOL_RATE: Final = MetricRow(
    name="giftcert_pool_taken_per_hour",
    kind="gauge",
    meaning="How fast its numbers go: since the first one that was taken in a window, which lasts "
    "a day and begins anew; over a quarter of an hour at least. Absent before the second.",
    labels=("pool",),
)
POOL_EMPTY_IN: Final = MetricRow(
    name="giftcert_pool_empty_in_seconds",
    kind="gauge",
    meaning="When it will be empty at that rate. Absent without one.",
    labels=("pool",),
)
RESERVATIONS_OPEN: Final = MetricRow(
    name="giftcert_reservations_open",
    kind="gauge",
    meaning="Numbers that are reserved and not issued.",
)
RESERVATIONS_OVERDUE: Final = MetricRow(
    name="giftcert_reservations_overdue",
    kind="gauge",
    meaning="Those whose time is past.",
)
HOLDS_OPEN: Final = MetricRow(
    name="giftcert_holds_open", kind="gauge", meaning="Holds that are neither spent nor freed."
)
HOLDS_OVERDUE: Final = MetricRow(
    name="giftcert_holds_overdue", kind="gauge", meaning="Those whose time is past."
)
CORRELATIONS_OVERDUE: Final = MetricRow(
    name="giftcert_correlations_overdue",
    kind="gauge",
    meaning="Orders and payments that were waited for, or were to be forgotten, whose time is "
    "past; of a partition ten thousand at most are counted.",
)

EVERY_WORKER: Final = (
    SERVING,
    LOOP_AGE,
    PARTITIONS,
    ASSIGNED,
    LAG,
    RECORDS,
    HOP_LATENCY,
    COMMIT_DURATION,
    COMMITS,
    DEAD_LETTERS,
    TIMER_REQUESTS,
    OVERDUE_AGE,
    STORE_KEYS,
    STORE_DISK,
    STORE_MEMORY,
    STORE_COMPACTION,
    STORE_STOPPED,
    STORE_CACHE,
    RECOVERY_STORES,
    RECOVERY_LEFT,
    RECOVERY_RECORDS,
    RECOVERY_DURATION,
    SAMPLE_AGE,
)
"""What a correlator and a processor both show."""

PROCESSOR_ONLY: Final = (
    STREAM_LATENCY,
    REFUND_LATENCY,
    EVENTS,
    ALERTS,
    COMMANDS,
    REJECTIONS,
    POOL_FREE,
    POOL_MARK,
    POOL_RATE,
    POOL_EMPTY_IN,
    RESERVATIONS_OPEN,
    RESERVATIONS_OVERDUE,
    HOLDS_OPEN,
    HOLDS_OVERDUE,
)

CORRELATOR_ONLY: Final = (CORRELATIONS_OVERDUE,)
