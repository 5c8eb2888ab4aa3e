"""Where partitions end, where they were at a time, and how far a group has come: offsets by place.

Owns the questions to the brokers, each for many partitions at once and within a time. What a place
is about, and what it means to be behind, is for those who ask.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from pipelines.faults import BrokerFault, BrokerRefused, BrokerUnreachable
from pipelines.group_offsets import committed_offsets
from pipelines.kafka_clients import AdminClient
from pipelines.settings import Settings

Places = Mapping[tuple[str, int], int]
"""Offsets by full topic name and partition."""

_UNHEARD: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
    }
)


class TopicPlaces:
    """Asks by one client. BrokerUnreachable, BrokerRefused; each question ends in `timeout_s`."""

    def __init__(self, client: AdminClient, settings: Settings, *, timeout_s: float) -> None:
        self._client = client
        self._settings = settings
        self._timeout_s = timeout_s

    def ends(self, places: Iterable[tuple[str, int]]) -> Places:
        """The offset after the last committed record of each."""
        return self._listed(places, OffsetSpec.latest())

    def at(self, places: Collection[tuple[str, int]], at_ms: int) -> Places:
        """The first offset whose record is of that time or later; the end where there is none."""
        found = self._listed(places, OffsetSpec.for_timestamp(max(at_ms, 0)))
        none = [place for place, offset in found.items() if offset < 0]
        return {**found, **(self.ends(none) if none else {})}

    def reached(self, group: str, places: Iterable[tuple[str, int]]) -> Places:
        """The offset each group member goes on at; a place where nothing is committed is absent."""
        config = self._settings.kafka_config()
        try:
            answered = committed_offsets(config, group, places, self._timeout_s)
        except KafkaException as error:
            raise _fault(error.args[0]) from error
        return {
            (place.topic, place.partition): place.offset
            for place in answered
            if place.offset >= 0 and place.error is None
        }

    def _listed(self, places: Iterable[tuple[str, int]], spec: OffsetSpec) -> Places:
        wanted = {TopicPartition(*place): spec for place in places}
        if not wanted:
            return {}
        asked = self._client.list_offsets(
            wanted,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout_s,
        )
        return {
            (place.topic, place.partition): _result(answer).offset
            for place, answer in asked.items()
        }


def _result(answer: Future[Any]) -> Any:
    try:
        return answer.result()
    except KafkaException as error:
        raise _fault(error.args[0]) from error


def _fault(error: KafkaError) -> BrokerFault:
    kind = BrokerUnreachable if error.code() in _UNHEARD else BrokerRefused
    return kind(f"Kafka does not say where its partitions are: {error.str()}")
