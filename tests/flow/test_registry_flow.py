"""The whole flow with a real schema registry: by its framing, and while it is dead."""

import json
import secrets
from collections.abc import Iterator
from io import SEEK_END, BytesIO
from typing import Final

import pytest
from fastavro import schemaless_writer

from pipelines.contracts.registration import apply_schemas, register_absent_sources
from pipelines.contracts.registry import Registry
from pipelines.contracts.schemas import RecordName, current, load_schema
from pipelines.contracts.subjects import own_subjects, source_subjects
from pipelines.local.running_broker import Broker
from pipelines.partitioning import partition_of
from pipelines.settings import load_settings
from pipelines.topics import ALL_PAYMENTS, DLQ, OURS
from tests.contracts.apicurio import Apicurio, ApicurioUnavailable, apicurio
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Message, Service, now_ms, running_service
from tests.flow.source_messages import Payment

_PARTITIONS: Final = 3
_NULL: Final = {"name": "later", "type": ["null", "string"], "default": None}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apicurio]:
    running = apicurio(tmp_path_factory.mktemp("registry"), kept=True)
    try:
        made = running.__enter__()
    except ApicurioUnavailable as reason:
        pytest.skip(f"no real schema registry: {reason}")
    try:
        yield made
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="module")
def service(
    broker: Broker, registry: Apicurio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose records carry the registry's ids, and do so from the first one on."""
    prefix = f"registry-{secrets.token_hex(3)}-"
    told = load_settings({"schema_registry_url": registry.url, "topic_prefix": prefix})
    with Registry.of(told) as asked:
        apply_schemas(asked, own_subjects(told))
        register_absent_sources(asked, source_subjects(told))
    with running_service(
        broker.bootstrap,
        tmp_path_factory.mktemp("service"),
        prefix,
        environment={"GIFTCERT_SCHEMA_REGISTRY_URL": registry.url},
    ) as running:
        yield running


@pytest.fixture
def own(service: Service) -> Scenario:
    return Scenario(service)


def order_in(own: Scenario, partition: int) -> str:
    """An order whose records come to that partition of the sources."""
    while partition_of((order_id := own.new_order_id()).encode(), _PARTITIONS) != partition:
        pass
    return order_id


def payment_of(order_id: str) -> Payment:
    return Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR)


def sell(own: Scenario, order_id: str) -> str:
    """A purchase from the call to the activation; the number."""
    own.load(1)
    number = own.reserve(order_id=order_id)
    own.tell(purchase(number, order_id), payment_of(order_id))
    own.await_story(number, "activate")
    return number


def test_every_record_of_a_purchase_carries_an_id_of_the_registry(
    own: Scenario, registry: Apicurio
) -> None:
    sell(own, own.new_order_id())
    own.settle()
    settings = own.service.settings
    with Registry.of(settings) as asked:
        for topic in OURS:
            if topic is DLQ:
                continue
            subject = own_subjects(settings)[RecordName(topic.value)]
            wanted = asked.find(subject, current(RecordName(topic.value)))
            records = own.service.log.of(topic.name)
            assert records, topic.name
            ids = {int.from_bytes((record.value or b"")[:5], "big") for record in records}
            # The first byte is the framing's, a zero.
            assert ids == {wanted}, topic.name


def unknown_payment(own: Scenario, order_id: str) -> Message:
    """A payment by a version of its schema that only the registry knows as yet."""
    later = dict(current(RecordName.PAYMENT).declared)
    later["fields"] = [*later["fields"], _NULL]
    settings = own.service.settings
    with Registry.of(settings) as asked:
        schema = load_schema(RecordName.PAYMENT, 3, json.dumps(later))
        schema_id = asked.register(source_subjects(settings)[RecordName.PAYMENT], schema)
    fields = payment_of(order_id).record(f"{order_id}-event", now_ms())
    buffer = BytesIO(b"\x00" + schema_id.to_bytes(4, "big"))
    buffer.seek(0, SEEK_END)
    schemaless_writer(buffer, schema.parsed, {**fields, "later": "new"})
    return Message(topic=ALL_PAYMENTS, key=order_id.encode(), value=buffer.getvalue())


def test_flow_goes_on_while_the_registry_is_dead_and_what_it_alone_knows_waits(
    own: Scenario, registry: Apicurio
) -> None:
    stack = own.service.stack
    waits, goes_on = order_in(own, 0), order_in(own, 1)
    own.load(1)
    number = own.reserve(order_id=waits)
    own.tell(purchase(number, waits))
    own.await_story(number, "reserve")
    late = unknown_payment(own, waits)

    registry.kill()
    sell(own, own.new_order_id())
    # Workers that start now have its word from before on their volumes.
    for worker in ("correlator-0", "processor-0"):
        stack.kill(worker)
        stack.restart(worker)
    sell(own, own.new_order_id())
    own.service.write(late)
    # The other partitions do not wait for that one's schema.
    sell(own, goes_on)
    assert "issue" not in own.story(number)
    stack.check()

    registry.start()
    own.await_story(number, "activate")
    own.settle()
    assert own.service.log.of(DLQ.name) == []
