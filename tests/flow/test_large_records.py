"""A record larger than Kafka's usual limit is put aside like any other, and the flow goes on."""

import random

from confluent_kafka import Producer

from pipelines.kafka_admin import KafkaAdmin
from pipelines.topics import ALL_PAYMENTS, DLQ, topic_name
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.source_messages import Payment

LARGE_BYTES = 2 * 1024 * 1024
SEED = 20_260_103
TIMEOUT_S = 10.0


def test_garbage_of_two_megabytes_is_put_aside_and_the_next_payment_is_performed(
    scenario: Scenario,
) -> None:
    """Its owner lets it in; were it too large for the DLQ, it would stop the worker for ever."""
    service = scenario.service
    source = topic_name(ALL_PAYMENTS, service.settings)
    KafkaAdmin(service.settings, timeout_s=TIMEOUT_S).alter(
        source, {"max.message.bytes": str(2 * LARGE_BYTES)}
    )
    order_id = scenario.new_order_id()
    # Bytes by chance, so that compression makes nothing smaller.
    garbage = random.Random(SEED).randbytes(LARGE_BYTES)
    producer = Producer(
        {
            "bootstrap.servers": service.settings.bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 2 * LARGE_BYTES,
        }
    )
    producer.produce(source, key=order_id.encode(), value=garbage)
    assert producer.flush(TIMEOUT_S) == 0, "Kafka did not take the record"
    scenario.settle()
    [letter] = [record for record in service.log.of(DLQ.name) if record.value == garbage]
    assert letter.header("sourceTopic") == source
    assert letter.header("errorCode") == "UNKNOWN_FRAMING"

    scenario.load()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id="pay", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")
