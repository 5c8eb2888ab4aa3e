"""The names of everything on Kafka that the enrichment touches, and what its own topics are like.

Owns those names, and that no topic is read and written at once. Must not talk to a broker.
"""

from dataclasses import dataclass
from typing import Final

from pipelines.faults import SettingsError
from pipelines.neighbours.enrich.settings import ENV_PREFIX, EnrichSettings
from pipelines.settings import Settings
from pipelines.topics import (
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    DELETIONS_KEPT,
    DELETIONS_KEPT_MS,
    LARGEST_RECORD_BYTES,
    WantedTopic,
    topic_name,
)

_DAY_MS: Final = 24 * 60 * 60 * 1000
_RETAINED_MS: Final = 30 * _DAY_MS
"""Of the join topic and the dead letters: longer than anybody lets a stopped worker lie."""

_LONGEST_MS: Final = 2**63 - 1
MAX_BYTES: Final = "max.message.bytes"
LARGEST_BATCH: Final = LARGEST_RECORD_BYTES + 64 * 1024
"""What the broker counts beside the records themselves is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichTopics:
    """Full names. `join` and `changelog` are nobody else's business."""

    orders: str
    payments: str
    output: str
    join: str
    dead_letters: str
    changelog: str
    group: str

    @property
    def inputs(self) -> tuple[str, str]:
        """What others own."""
        return self.orders, self.payments

    @property
    def own(self) -> tuple[str, str, str]:
        """What nobody else may shape; the output may be others' as well."""
        return self.join, self.dead_letters, self.changelog


def topics_for(settings: Settings, enrich: EnrichSettings) -> EnrichTopics:
    """The names the settings ask for. SettingsError when a topic would be read and written."""
    payments = enrich.payments_topic or topic_name(ALL_PAYMENTS, settings)
    orders = enrich.orders_topic or topic_name(ALL_SALES_ORDER, settings)
    output = enrich.output_topic or f"{topic_name(ALL_PAYMENTS, settings)}.Enriched"
    # Each output has a group of its own: what another one has read is not in this one's state.
    group = enrich.group or f"{output}.giftcert-enrich"
    if output in (payments, orders):
        raise SettingsError(
            f"{ENV_PREFIX}OUTPUT_TOPIC={output} is also read: payments would go round for ever; "
            "let the payment system write to a topic of its own and set "
            f"{ENV_PREFIX}PAYMENTS_TOPIC to that"
        )
    if orders == payments:
        raise SettingsError(f"{ENV_PREFIX}ORDERS_TOPIC and PAYMENTS_TOPIC are both {orders}")
    join = f"{output}.ByOrder"
    return EnrichTopics(
        orders=orders,
        payments=payments,
        output=output,
        join=join,
        dead_letters=f"{output}.DLQ",
        # The stream library makes this name from group, topic and store.
        changelog=f"changelog__{group}--{join}--default",
        group=group,
    )


def wanted_topics(settings: Settings, topics: EnrichTopics) -> tuple[WantedTopic, ...]:
    """The topics that the enrichment makes where they are missing."""
    return (
        _wanted(settings, topics.output, {**_kept_forever(), "cleanup.policy": "delete"}),
        _wanted(settings, topics.join, _kept_for_a_while()),
        _wanted(settings, topics.dead_letters, _kept_for_a_while()),
        _wanted(settings, topics.changelog, _compacted()),
    )


def _wanted(settings: Settings, name: str, config: dict[str, str]) -> WantedTopic:
    return WantedTopic(
        name=name,
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        config={
            **config,
            "retention.bytes": "-1",
            MAX_BYTES: str(LARGEST_BATCH),
            "min.insync.replicas": str(settings.min_insync_replicas),
        },
    )


def _kept_forever() -> dict[str, str]:
    # A payment keeps the time of its source, whose clock may run ahead: it must not be refused.
    return {"retention.ms": "-1", "message.timestamp.after.max.ms": str(_LONGEST_MS)}


def _compacted() -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        DELETIONS_KEPT: str(DELETIONS_KEPT_MS),
    }


def _kept_for_a_while() -> dict[str, str]:
    # Age counts from arrival: a replayed year must not be deleted before it is read.
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(_RETAINED_MS),
        "message.timestamp.type": "LogAppendTime",
        "segment.ms": str(_DAY_MS),
    }
