"""A record larger than Kafka's usual limit is put aside like any other, and the flow goes on."""

import random

from confluent_kafka import Producer

from pipelines.kafka_admin import KafkaAdmin
from pipelines.topics import ALL_PAYMENTS, DLQ, topic_name
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.source_messages import Payment

LARGE_BYTES = 2 * 1024 * 1024
HUGE_BYTES = 20 * 1024 * 1024
KEPT_BYTES = 64 * 1024
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
    write(scenario, order_id, garbage)
    scenario.settle()
    [letter] = [record for record in service.log.of(DLQ.name) if record.value == garbage]
    assert letter.header("sourceTopic") == source
    assert letter.header("errorCode") == "UNKNOWN_FRAMING"
    goes_on(scenario, order_id)


def test_garbage_that_only_compression_lets_through_is_put_aside_cut(scenario: Scenario) -> None:
    """The broker counts what it stores; a producer counts before it compresses, and would stop."""
    order_id = scenario.new_order_id()
    garbage = f"{scenario.tag} ".encode() + b"\x00" * HUGE_BYTES
    write(scenario, order_id, garbage, compression="lz4")
    scenario.settle()
    letters = scenario.service.log.of(DLQ.name)
    [letter] = [record for record in letters if record.value == garbage[:KEPT_BYTES]]
    assert letter.header("cutFrom") == f"{len(order_id)}+{len(garbage)}"
    assert letter.header("errorCode") == "UNKNOWN_FRAMING"
    goes_on(scenario, order_id)


def write(scenario: Scenario, key: str, value: bytes, *, compression: str = "none") -> None:
    """Write a payment that its owner lets in, whatever its size."""
    settings = scenario.service.settings
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 2 * max(LARGE_BYTES, len(value)),
            "compression.type": compression,
        }
    )
    producer.produce(topic_name(ALL_PAYMENTS, settings), key=key.encode(), value=value)
    assert producer.flush(TIMEOUT_S) == 0, "Kafka did not take the record"


def goes_on(scenario: Scenario, order_id: str) -> None:
    """A purchase under the same key, behind what was put aside."""
    scenario.load()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id="pay", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")
