"""What Kafka says of the partitions a worker was given: what is committed, where changelogs end.

Owns those questions, asked together once for each assignment: one after the other, over the
connection on which the worker fetches, they took seconds. Decides nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import stamina
from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import ListOffsetsResultInfo, OffsetSpec, TopicDescription

from pipelines.faults import BrokerUnreachable
from pipelines.kafka_clients import AdminClient
from pipelines.recovery.changelog_note import UNKNOWN, ChangelogNote
from pipelines.recovery.judgement import LogSays
from pipelines.settings import Settings

ANSWER_S: Final = 30.0
ONE_ANSWER_S: Final = 8.0

_PASSES: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._TRANSPORT,
    }
)
"""What a broker says for a moment while a leader moves."""

Place: TypeAlias = tuple[str, int]
"""Full name of a topic, and a partition."""


class CommittedOffsets(Protocol):
    """The group member's own question: what its group committed."""

    def committed(
        self, partitions: list[TopicPartition], timeout: float | None = None
    ) -> list[TopicPartition]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What the group committed for an input partition; `offset` None: nothing yet."""

    offset: int | None
    note: ChangelogNote | None


def passes(error: Exception) -> bool:
    """Whether the same question may soon have an answer."""
    return isinstance(error, KafkaException) and error.args[0].code() in _PASSES


def _unheard(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError._TIMED_OUT


@stamina.retry(on=_unheard, attempts=None, timeout=ANSWER_S, wait_initial=0.05, wait_max=1.0)
def _committed(consumer: CommittedOffsets, asked: list[TopicPartition]) -> list[TopicPartition]:
    # A question that went to a coordinator that died is never answered; the next goes to the new.
    return consumer.committed(asked, ONE_ANSWER_S)


class LogPlaces:
    """One connection for these questions, kept while it is answered."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.bootstrap
        self._settings = settings
        self._admin = self._new_admin()

    def committed(
        self, consumer: CommittedOffsets, inputs: Collection[Place]
    ) -> dict[Place, Committed]:
        """What the group has committed. Waits for a transaction that is being decided."""
        if not inputs:
            return {}
        asked = [TopicPartition(topic, partition) for topic, partition in inputs]
        try:
            answered = _committed(consumer, asked)
        except KafkaException as error:
            raise self._unanswered("what was committed", error) from error
        found: dict[Place, Committed] = {}
        for place in answered:
            if place.error is not None:
                raise BrokerUnreachable(
                    f"Kafka at {self._bootstrap} does not say what was committed for "
                    f"{place.topic} partition {place.partition}: {place.error.str()}"
                )
            known = place.offset >= 0
            found[place.topic, place.partition] = Committed(
                offset=place.offset if known else None,
                note=ChangelogNote.read(place.metadata) if known else None,
            )
        return found

    def starts(self, places: Collection[Place]) -> dict[Place, int]:
        """The first offset of each partition that is kept."""
        return self._offsets(places, OffsetSpec.earliest())

    def logs(
        self,
        changelogs: Mapping[Place, Place],
        committed: Mapping[Place, Committed],
        starts: Mapping[Place, int],
    ) -> dict[Place, LogSays]:
        """Of each input partition what is known of its changelog partition."""
        ends = self._offsets(changelogs.values(), OffsetSpec.latest())
        topics, cluster = self._identities({topic for topic, _ in changelogs.values()})
        return {
            place: LogSays(
                log=f"{cluster}/{topics[changelog[0]]}",
                topic_id=topics[changelog[0]],
                start=starts[changelog],
                end=ends[changelog],
                committed=committed[place].offset,
                note=committed[place].note,
            )
            for place, changelog in changelogs.items()
        }

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
        asked = {TopicPartition(topic, partition): spec for topic, partition in places}
        if not asked:
            return {}
        try:
            return self._answered(asked)
        except KafkaException as error:
            raise self._unanswered("where partitions begin and end", error) from error

    @stamina.retry(on=passes, attempts=None, timeout=ANSWER_S, wait_initial=0.05, wait_max=1.0)
    def _answered(self, asked: dict[TopicPartition, OffsetSpec]) -> dict[Place, int]:
        try:
            return self._asked(asked)
        except KafkaException:
            # This client may ask under a leader's old epoch for ever; a new one learns of the new.
            self._admin = self._new_admin()
            raise

    def _asked(self, asked: dict[TopicPartition, OffsetSpec]) -> dict[Place, int]:
        # Uncommitted: what an open transaction hides would otherwise look as if it were not there.
        answers: Mapping[TopicPartition, Future[ListOffsetsResultInfo]] = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ANSWER_S
        )
        return {
            (place.topic, place.partition): answer.result().offset
            for place, answer in answers.items()
        }

    def _identities(self, names: Collection[str]) -> tuple[dict[str, str], str]:
        """Kafka's own ids of the topics and of the cluster; `-` where a broker has none."""
        if not names:
            return {}, UNKNOWN
        answers: Mapping[str, Future[TopicDescription]] = self._admin.describe_topics(
            TopicCollection(list(names)), request_timeout=ANSWER_S
        )
        cluster = self._admin.describe_cluster(request_timeout=ANSWER_S)
        try:
            ids = {name: str(answer.result().topic_id) for name, answer in answers.items()}
            return ids, cluster.result().cluster_id or UNKNOWN
        except KafkaException as error:
            raise self._unanswered("which topics these are", error) from error

    def _new_admin(self) -> AdminClient:
        return AdminClient(
            {
                **self._settings.kafka_config(),
                "client.id": f"giftcert-recovery-{self._settings.worker_id}",
                "log_level": 0,
            }
        )

    def _unanswered(self, what: str, error: KafkaException) -> BrokerUnreachable:
        return BrokerUnreachable(
            f"Kafka at {self._bootstrap} does not say {what}: {error.args[0].str()}"
        )
