"""What Kafka itself lets a principal do, asked with a client of that principal's.

Owns the asking, of many topics and names at once. Judges nothing.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, Final

import stamina
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from pipelines.acls.rights import Operation

_ANSWER_S: Final = 60.0
_REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)

Allowed = dict[Operation, set[str]]
"""The names with which an operation was allowed."""


def make_groups(config: Mapping[str, Any], names: Collection[str], topic: str) -> None:
    """Have each commit an offset of that topic: from then on it is there, and Kafka answers of it.

    Before, it says neither yes nor no, and an AdminClient that asks for offsets does not outlive
    the answer that the coordinator is another (librdkafka, issue 5040).
    """
    for name in names:
        _make_group(config, name, topic)


@stamina.retry(on=KafkaException, attempts=None, timeout=_ANSWER_S, wait_max=0.2)
def _make_group(config: Mapping[str, Any], name: str, topic: str) -> None:
    consumer = Consumer({**config, "log_level": 0, "group.id": name})
    try:
        consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    finally:
        consumer.close()


class Asking:
    """One principal's questions to Kafka. Every answer but yes and "no right to it" is an error."""

    def __init__(self, config: Mapping[str, Any], group: str) -> None:
        self._config = {**config, "log_level": 0}
        self._group = group
        self._admin = AdminClient(self._config)

    def topics(self, names: Collection[str]) -> Allowed:
        """What may be done with topics. Nothing is deleted, and each that may gets a record."""
        return {
            Operation.READ: self._readable(names),
            Operation.WRITE: self._writable(names),
            Operation.CREATE: self._creatable(names),
            Operation.ALTER: self._dividable(names),
            Operation.DESCRIBE_CONFIGS: self._describable(names),
            Operation.ALTER_CONFIGS: self._alterable(names),
        }

    def groups(self, names: Collection[str], topic: str) -> Allowed:
        """What may be done with groups; `topic` is any that is there."""
        return {
            Operation.DESCRIBE: {
                name
                for name in names
                if _is_allowed(
                    self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])[
                        name
                    ]
                )
            },
            Operation.READ: {name for name in names if self._commits(name, topic)},
        }

    def deleted_topics(self, names: Collection[str]) -> Allowed:
        """Which topics it could delete; these are gone."""
        asked = self._admin.delete_topics(sorted(names))
        return {Operation.DELETE: {name for name, answer in asked.items() if _is_allowed(answer)}}

    def deleted_groups(self, names: Collection[str]) -> Allowed:
        """Which groups it could delete; these are gone."""
        asked = self._admin.delete_consumer_groups(sorted(names))
        return {Operation.DELETE: {name for name, answer in asked.items() if _is_allowed(answer)}}

    def transactions(self, names: Collection[str]) -> Allowed:
        """Which transactional ids may be used."""
        with ThreadPoolExecutor(8) as pool:
            begun = dict(zip(names, pool.map(self._begins, names), strict=True))
        return {Operation.WRITE: {name for name, is_begun in begun.items() if is_begun}}

    def gives_rights(self) -> bool:
        """Whether ACLs may be added; that of nobody to nothing is left there."""
        nothing = AclBinding(
            ResourceType.TOPIC,
            "nothing",
            ResourcePatternType.LITERAL,
            "User:nobody",
            "*",
            AclOperation.READ,
            AclPermissionType.ALLOW,
        )
        return _is_allowed(self._admin.create_acls([nothing])[nothing])

    def _writable(self, names: Collection[str]) -> set[str]:
        producer = Producer({**self._config, "message.timeout.ms": 15_000})
        told: dict[str, KafkaError | None] = {}
        for name in names:
            producer.produce(
                name,
                # Without a key a compacted topic takes nothing.
                key=b"who",
                value=b"may write here?",
                on_delivery=lambda error, _message, name=name: told.update({name: error}),
            )
        assert producer.flush(_ANSWER_S) == 0, "Kafka did not answer"
        return {name for name, error in told.items() if not _is_refusal(error)}

    def _readable(self, names: Collection[str]) -> set[str]:
        consumer = Consumer(
            {
                **self._config,
                "group.id": self._group,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        # Of a topic that is hidden from it a consumer hears nothing, neither a record nor an error.
        listed = consumer.list_topics(timeout=_ANSWER_S).topics
        seen = [name for name in names if name in listed]
        consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING) for name in seen])
        allowed: dict[str, bool] = {}
        deadline_s = monotonic() + _ANSWER_S
        while len(allowed) < len(seen):
            assert monotonic() < deadline_s, f"nothing was heard of {set(seen) - set(allowed)}"
            for message in consumer.consume(100, 0.1):
                error = message.error()
                if message.topic() in seen:
                    is_end = error is not None and error.code() == KafkaError._PARTITION_EOF
                    allowed[message.topic()] = is_end or not _is_refusal(error)
        consumer.close()
        return {name for name, is_allowed in allowed.items() if is_allowed}

    def _creatable(self, names: Collection[str]) -> set[str]:
        # To whom may not make it Kafka says just that, whether it is there or not.
        asked = self._admin.create_topics(
            [NewTopic(name, 1, 1) for name in names], validate_only=True
        )
        there = frozenset({KafkaError.TOPIC_ALREADY_EXISTS})
        return {name for name, answer in asked.items() if _is_allowed(answer, there)}

    def _dividable(self, names: Collection[str]) -> set[str]:
        asked = self._admin.create_partitions(
            [NewPartitions(name, 2) for name in names], validate_only=True
        )
        return {name for name, answer in asked.items() if _is_allowed(answer)}

    def _describable(self, names: Collection[str]) -> set[str]:
        asked = self._admin.describe_configs(
            [ConfigResource(ResourceType.TOPIC, name) for name in names]
        )
        return {place.name for place, answer in asked.items() if _is_allowed(answer)}

    def _alterable(self, names: Collection[str]) -> set[str]:
        entry = ConfigEntry("retention.ms", "-1", incremental_operation=AlterConfigOpType.SET)
        asked = self._admin.incremental_alter_configs(
            [
                ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
                for name in names
            ],
            validate_only=True,
        )
        return {place.name for place, answer in asked.items() if _is_allowed(answer)}

    def _commits(self, group: str, topic: str) -> bool:
        place = TopicPartition(topic, 0, 0)
        asked = self._admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, [place])]
        )
        if not _is_allowed(asked[group]):
            return False
        error = asked[group].result().topic_partitions[0].error
        # That the topic is nobody's business here is said when the group was theirs.
        return error is None or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED

    def _begins(self, name: str) -> bool:
        producer = Producer({**self._config, "transactional.id": name})
        try:
            producer.init_transactions(_ANSWER_S)
        except KafkaException as error:
            return not _is_refusal(error.args[0])
        return True


def _is_allowed(answer: "Future[Any]", expected: Collection[int] = ()) -> bool:
    try:
        answer.result()
    except KafkaException as error:
        return error.args[0].code() in expected or not _is_refusal(error.args[0])
    return True


def _is_refusal(error: KafkaError | None) -> bool:
    assert error is None or error.code() in _REFUSED, f"{error.name()}: {error.str()}"
    return error is not None
