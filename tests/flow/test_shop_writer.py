"""What the shop writes on real Kafka: an order and its payments together, whatever dies when."""

from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop import order_records
from pipelines.neighbours.shop.orders import Hold, Line, Order, Place
from pipelines.neighbours.shop.sale_writer import NotWritten, SaleWriter
from pipelines.settings import Settings, load_settings
from pipelines.topics import ALL_PAYMENTS, ALL_SALES_ORDER, topic_name
from pipelines.topics_admin import apply

FRAMING = SingleObjectFraming()
WHOLE = {ALL_SALES_ORDER.name: 1, ALL_PAYMENTS.name: 2}


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """Settings for topics that no other test has."""
    made = load_settings(
        {"bootstrap": broker.bootstrap, "topic_prefix": topic_prefix, "partitions": 2}
    )
    apply(made, with_sources=True)
    return made


@pytest.fixture
def writer(settings: Settings) -> Iterator[SaleWriter]:
    opened = SaleWriter(settings, FRAMING)
    yield opened
    opened.close()


def purchase(order_id: str) -> tuple[SourceRecord, ...]:
    """An order with a certificate's part and a card's."""
    order = Order(
        order_id=order_id,
        place=Place.TILL,
        owner=None,
        currency="RUB",
        lines=(Line(sku="GOODS", amount_minor=190_000),),
        holds=(Hold(certificate_id="GC-00000042", amount_minor=100_000, authorization_id="h-1"),),
        created_at_ms=1_000,
        changed_at_ms=1_000,
    )
    return order_records.purchase(order, "shop-1", 2_000).records


def committed(settings: Settings, order_id: str) -> Counter[str]:
    """How many records of an order readers see, by topic."""
    found: Counter[str] = Counter()
    for topic in (ALL_SALES_ORDER, ALL_PAYMENTS):
        with CommittedReader(settings, topic) as reader:
            for batch in reader.batches_to(reader.ends()):
                values = [bytes(message.value() or b"") for message in batch]
                found[topic.name] += sum(order_id.encode() in value for value in values)
    return +found


def test_order_and_its_payments_are_seen_together(settings: Settings, writer: SaleWriter) -> None:
    writer.write(purchase("T-0000000001"))
    writer.write(purchase("T-0000000002"))
    for order_id in ("T-0000000001", "T-0000000002"):
        assert committed(settings, order_id) == WHOLE


def test_half_an_order_of_a_shop_that_died_is_never_seen_and_blocks_nobody(
    settings: Settings, writer: SaleWriter
) -> None:
    """Killed between its records: the next shop of that name ends the transaction first."""
    dead = Producer(writer._config())
    dead.init_transactions(10.0)
    dead.begin_transaction()
    order, *_ = purchase("T-0000000001")
    dead.produce(topic_name(order.topic, settings), key=order.key, value=order.encode(FRAMING))
    dead.flush(10.0)

    writer.write(purchase("T-0000000002"))
    assert committed(settings, "T-0000000001") == {}
    assert committed(settings, "T-0000000002") == WHOLE


def test_shop_that_another_of_its_name_shut_out_says_so_and_writes_the_next_time(
    settings: Settings, writer: SaleWriter
) -> None:
    """Nothing is lost, and nothing half written, where two shops have one worker id by mistake."""
    writer.write(purchase("T-0000000001"))
    other = SaleWriter(settings, FRAMING)
    other.write(purchase("T-0000000002"))
    with pytest.raises(NotWritten):
        writer.write(purchase("T-0000000003"))
    assert committed(settings, "T-0000000003") == {}
    writer.write(purchase("T-0000000003"))
    assert committed(settings, "T-0000000003") == WHOLE
    other.close()


def test_kafka_that_is_not_there_is_told_and_not_waited_for_long(settings: Settings) -> None:
    """A customer waits meanwhile: the test's own limit is far below the client's patience."""
    port = HeldPort()
    away = settings.model_copy(update={"bootstrap": f"{LOOPBACK}:{port.port}"})
    writer = SaleWriter(away, FRAMING)
    with pytest.raises(NotWritten):
        writer.write(purchase("T-0000000001"))
    writer.close()
    port.release()
