"""Who has which partition: the consumer group's own membership.

Every worker names itself to Kafka as `<worker id>@<edge address>`, so the group's coordinator knows
where the owner of a partition answers. Nothing else keeps that knowledge.
"""

import threading
import time
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipelines.settings import Settings
from pipelines.topics import Role, Topic, group_name, topic_name

FRESH_FOR_S: Final = 1.0
TIMEOUT_S: Final = 2.0


class Owners:
    """The members of one role's group and what they hold, asked again once a second at most."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self._settings = settings
        self._group = group_name(role, settings)
        self._admin = AdminClient(settings.kafka_config())
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], str] = {}
        self._asked_s = float("-inf")

    def owner_of(self, topic: Topic, partition: int) -> str | None:
        """The edge address of the partition's owner; None when the group does not know one."""
        return self._members().get((topic_name(topic, self._settings), partition))

    def addresses(self) -> set[str]:
        """The edge addresses of all members that hold something."""
        return set(self._members().values())

    def _members(self) -> dict[tuple[str, int], str]:
        with self._lock:
            if time.monotonic() - self._asked_s > FRESH_FOR_S:
                self._known = self._ask()
                self._asked_s = time.monotonic()
            return self._known

    def _ask(self) -> dict[tuple[str, int], str]:
        futures = self._admin.describe_consumer_groups([self._group], request_timeout=TIMEOUT_S)
        try:
            described: Any = futures[self._group].result()
        except KafkaException:
            # Not knowing is an answer here: the caller is told to come back in a moment.
            return {}
        return {
            (held.topic, held.partition): member.client_id.partition("@")[2]
            for member in described.members
            for held in member.assignment.topic_partitions
        }
