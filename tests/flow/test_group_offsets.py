"""How far a group has come is asked of a real broker, also before it has ever had a group."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from pipelines.faults import BrokerUnreachable
from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker
from pipelines.settings import load_settings
from pipelines.topics import WantedTopic


def test_group_has_come_where_it_committed_and_nowhere_before_it_ever_did(
    broker: Broker, topic_prefix: str
) -> None:
    """The first answer of a fresh broker, that it is not the coordinator yet, ends no process."""
    admin = KafkaAdmin(load_settings({"bootstrap": broker.bootstrap}), timeout_s=20)
    topic, group = f"{topic_prefix}read", f"{topic_prefix}readers"
    admin.create([WantedTopic(name=topic, partitions=2, replication_factor=1, config={})])
    places = admin.places()
    assert places.reached(group, [(topic, 0), (topic, 1)]) == {}
    member = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group, "log_level": 0})
    member.commit(offsets=[TopicPartition(topic, 1, 7)], asynchronous=False)
    member.close()
    assert places.reached(group, [(topic, 0), (topic, 1)]) == {(topic, 1): 7}
    assert places.reached(group, []) == {}


def test_kafka_that_is_not_there_says_of_no_group_how_far_it_is() -> None:
    nobody = HeldPort()
    settings = load_settings({"bootstrap": f"{LOOPBACK}:{nobody.port}"})
    places = KafkaAdmin(settings, timeout_s=1).places()
    try:
        with pytest.raises(BrokerUnreachable):
            places.reached("readers", [("read", 0)])
    finally:
        nobody.release()
