"""The few things asked of a broker about topics, and its failures in an operator's words.

Owns the admin client and the translation of its errors. Must not know which topics there should be.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from pipelines.acls.refusals import HELP, lacks_right
from pipelines.faults import BrokerFault, BrokerRefused, BrokerUnreachable, SettingsError
from pipelines.kafka_clients import AdminClient
from pipelines.settings import Settings
from pipelines.topic_places import TopicPlaces
from pipelines.topics import WantedTopic

_LOOK_AGAIN_S: Final = 0.05
_NOT_REACHED: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
    }
)
_NOT_LET_IN: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTopic:
    """A topic's shape on the broker. `ready`: every partition has a leader."""

    partitions: int
    replication_factor: int
    ready: bool


class KafkaAdmin:
    """One connection for questions about topics. Every call ends within `timeout_s`.

    BrokerUnreachable when nobody answers, BrokerRefused when the answer is no.
    """

    def __init__(self, settings: Settings, *, timeout_s: float) -> None:
        self._bootstrap = settings.bootstrap
        self._settings = settings
        self._timeout_s = timeout_s
        self._errors: list[KafkaError] = []
        config: dict[str, object] = {
            **settings.kafka_config(),
            "client.id": f"giftcert-topics-{settings.worker_id}",
            "error_cb": self._errors.append,
            # Its own log lines would stand beside our one line; what they say we get as errors.
            "log_level": 0,
            "socket.connection.setup.timeout.ms": max(1_000, int(timeout_s * 1_000)),
        }
        try:
            self._client = AdminClient(config)
        except KafkaException as error:
            raise SettingsError(f"Kafka connection settings: {error.args[0].str()}") from error

    def topics(self) -> dict[str, FoundTopic]:
        """Every topic on the broker by its name."""
        try:
            listed = self._client.list_topics(timeout=self._timeout_s)
        except KafkaException as error:
            self._explain(error, "list topics")
        return {
            name: FoundTopic(
                partitions=len(topic.partitions),
                replication_factor=max(
                    (len(part.replicas) for part in topic.partitions.values()), default=0
                ),
                ready=all(part.leader >= 0 for part in topic.partitions.values()),
            )
            for name, topic in listed.topics.items()
        }

    def places(self) -> TopicPlaces:
        """Questions about offsets, by the same connections and within the same time."""
        return TopicPlaces(self._client, self._settings, timeout_s=self._timeout_s)

    def configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        """The configuration in force of each named topic, the broker's defaults included."""
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        asked = self._client.describe_configs(resources, request_timeout=self._timeout_s)
        return {
            resource.name: {
                entry.name: entry.value
                for entry in self._result(future, f"describe {resource.name}").values()
            }
            for resource, future in asked.items()
        }

    def allowed(self, names: Collection[str]) -> dict[str, frozenset[str]]:
        """What we may do with each of these topics, in the client's names of operations.

        One that does not exist is left out, and one of which the broker does not tell; one that we
        may not even see allows nothing.
        """
        asked = self._client.describe_topics(
            TopicCollection(list(names)),
            include_authorized_operations=True,
            request_timeout=self._timeout_s,
        )
        found: dict[str, frozenset[str]] = {}
        for name, answer in asked.items():
            try:
                operations = answer.result().authorized_operations or None
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    self._explain(error, f"describe {name}")
                operations = ()
            if operations is None:
                # Who may describe a topic may do that at least: a broker that names nothing does
                # not tell, and has to be believed when it refuses.
                continue
            found[name] = frozenset(each.name for each in operations)
        return found

    def create(self, topics: Iterable[WantedTopic]) -> None:
        """Create topics and wait until they can be used; one that came meanwhile stays as it is."""
        wanted = {topic.name: topic for topic in topics}
        if not wanted:
            return
        new = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=topic.replication_factor,
                config=dict(topic.config),
            )
            for topic in wanted.values()
        ]
        asked = self._client.create_topics(
            new, operation_timeout=self._timeout_s, request_timeout=self._timeout_s
        )
        for name, future in asked.items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    self._explain(error, f"create {name}")
        self._await(lambda: self._unready(wanted), "created")

    def delete(self, names: Collection[str]) -> None:
        """Delete topics and wait until they are gone; one that is gone already is no fault."""
        if not names:
            return
        asked = self._client.delete_topics(
            list(names), operation_timeout=self._timeout_s, request_timeout=self._timeout_s
        )
        for name, future in asked.items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    self._explain(error, f"delete {name}")
        self._await(lambda: self.topics().keys() & set(names), "deleted")

    def alter(self, name: str, config: Mapping[str, str]) -> None:
        """Set some of a topic's configuration, leave the rest, and wait until it is in force."""
        resource = ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in config.items()
            ],
        )
        asked = self._client.incremental_alter_configs([resource], request_timeout=self._timeout_s)
        for future in asked.values():
            self._result(future, f"alter {name}")
        self._await(lambda: self._not_in_force(name, config), "altered")

    def _not_in_force(self, name: str, config: Mapping[str, str]) -> list[str]:
        found = self.configs([name])[name]
        return [f"{name} {key}" for key, value in config.items() if found.get(key) != value]

    def _unready(self, names: Collection[str]) -> list[str]:
        found = self.topics()
        return [name for name in names if name not in found or not found[name].ready]

    def _await(self, left: Callable[[], Collection[object]], done: str) -> None:
        """Ask until nothing is left: brokers learn of a change a moment after it was accepted."""
        deadline = time.monotonic() + self._timeout_s
        while waiting := left():
            if time.monotonic() >= deadline:
                raise BrokerUnreachable(
                    f"{done}, but not in force after {self._timeout_s:g} s: "
                    f"{', '.join(map(str, waiting))}; "
                    "look at the brokers' health and run this again"
                )
            time.sleep(_LOOK_AGAIN_S)

    def _result(self, future: Future[_Answer], doing: str) -> _Answer:
        try:
            return future.result()
        except KafkaException as error:
            self._explain(error, doing)

    def _explain(self, error: KafkaException, doing: str) -> NoReturn:
        raise self._fault(error.args[0], doing) from error

    def _fault(self, error: KafkaError, doing: str) -> BrokerFault:
        self._client.poll(0)  # Delivers what the connection's own errors were.
        for earlier in self._errors:
            if earlier.code() in _NOT_LET_IN:
                return BrokerRefused(
                    f"Kafka at {self._bootstrap} does not let us in: {earlier.str()}; "
                    "look at the security settings"
                )
        if error.code() in _NOT_REACHED:
            reason = self._errors[0].str() if self._errors else error.str()
            return BrokerUnreachable(
                f"no Kafka at {self._bootstrap} within {self._timeout_s:g} s ({reason}): "
                "start it, or set GIFTCERT_BOOTSTRAP"
            )
        said = f"Kafka at {self._bootstrap} refused to {doing}: {error.str()}"
        return BrokerRefused(f"{said}; {HELP}" if lacks_right(error) else said)
