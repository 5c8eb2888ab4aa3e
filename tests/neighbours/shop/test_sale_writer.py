"""An order and its payments are written together or not at all, and a failure is never hidden."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop import order_records
from pipelines.neighbours.shop.orders import Line, Order, Place
from pipelines.neighbours.shop.sale_writer import NotWritten, SaleWriter
from pipelines.settings import Settings


@dataclass
class FakeProducer:
    """Keeps what is committed; fails at the step that it is told."""

    fails_at: str = ""
    open: list[tuple[str, bytes]] = field(default_factory=list)
    committed: list[tuple[str, bytes]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def init_transactions(self, _timeout: float, /) -> None:
        self._step("init")

    def begin_transaction(self) -> None:
        self._step("begin")

    def produce(
        self,
        topic: str,
        *,
        key: bytes,
        value: bytes,
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> None:
        self._step("produce")
        assert value
        assert callable(on_delivery)
        self.open.append((topic, key))

    def commit_transaction(self, _timeout: float, /) -> None:
        self._step("commit")
        self.committed += self.open
        self.open = []

    def purge(self) -> None:
        self.steps.append("purge")

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.fails_at:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def sale() -> tuple[SourceRecord, ...]:
    order = Order(
        order_id="T-0000000001",
        place=Place.TILL,
        owner=None,
        currency="RUB",
        lines=(Line(sku="GOODS", amount_minor=1_900_00),),
        created_at_ms=1,
        changed_at_ms=1,
    )
    return order_records.purchase(order, "shop-1", 1).records


def writer(
    *producers: FakeProducer, times_s: Sequence[float] = ()
) -> tuple[SaleWriter, list[Mapping[str, Any]]]:
    """A writer that gets these producers one after the other; its clock stands still at the end."""
    left = [*times_s, 1_000.0]
    configs: list[Mapping[str, Any]] = []

    def new(config: Mapping[str, Any]) -> FakeProducer:
        configs.append(config)
        return producers[len(configs) - 1]

    settings = Settings(topic_prefix="x.", worker_id="shop-a")
    made = SaleWriter(
        settings,
        SingleObjectFraming(),
        new_producer=new,
        clock=lambda: left.pop(0) if len(left) > 1 else left[0],
    )
    return made, configs


def test_sale_is_one_transaction_on_the_topics_of_the_installation() -> None:
    producer = FakeProducer()
    sales, configs = writer(producer)
    sales.write(sale())
    sales.write(sale())
    assert producer.steps == ["init", *["begin", "produce", "produce", "commit"] * 2]
    assert producer.committed[0] == ("x.All_SalesOrder", b"T-0000000001")
    assert producer.committed[1][0] == "x.All_Payments"
    assert configs[0]["transactional.id"] == "x.giftcert-shop-shop-a"
    assert configs[0]["partitioner"] == "murmur2_random"
    assert len(configs) == 1


@pytest.mark.parametrize("step", ["init", "begin", "produce", "commit"])
def test_failure_at_any_step_is_told_and_the_next_try_has_a_new_producer(step: str) -> None:
    """Of the same name: it ends what the last one left open before it begins."""
    bad, good = FakeProducer(fails_at=step), FakeProducer()
    sales, configs = writer(bad, good)
    with pytest.raises(NotWritten, match="Kafka did not take an order"):
        sales.write(sale())
    assert bad.committed == []
    sales.write(sale())
    assert len(good.committed) == 2
    assert configs[0] == configs[1]


def test_whoever_waited_while_another_order_failed_does_not_wait_for_a_failure_of_its_own() -> None:
    """The first asks at 0 and fails at 5; the second has asked at 1; the third asks at 6."""
    good = FakeProducer()
    sales, configs = writer(FakeProducer(fails_at="commit"), good, times_s=[0.0, 5.0, 1.0, 6.0])
    for _ in range(2):
        with pytest.raises(NotWritten, match="Kafka did not take an order"):
            sales.write(sale())
    assert len(configs) == 1
    sales.write(sale())
    assert len(good.committed) == 2


def test_full_queue_is_told_as_not_written() -> None:
    class Full(FakeProducer):
        def begin_transaction(self) -> None:
            raise BufferError("queue full")

    sales, _ = writer(Full())
    with pytest.raises(NotWritten):
        sales.write(sale())


def test_closing_gives_up_the_producer() -> None:
    producer = FakeProducer()
    sales, _ = writer(producer)
    sales.close()
    sales.write(sale())
    sales.close()
    assert producer.steps[-1] == "purge"
