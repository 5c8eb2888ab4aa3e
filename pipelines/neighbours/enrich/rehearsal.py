"""A dry run: what the enrichment would say about the payments that are there now.

Owns the reading of both topics to their present ends, and the figures. Writes nothing and keeps
nothing: an order takes a few hundred bytes of memory for as long as it runs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from confluent_kafka import Message
from rich.console import Console
from rich.table import Table

from pipelines.committed_reader import CommittedReader
from pipelines.neighbours.enrich.join import Telling, Waits, Why, take_order, take_payment
from pipelines.neighbours.enrich.reading import AnyFraming, OrdersReader, PaymentsReader
from pipelines.neighbours.enrich.records import Destination, Given, Taken
from pipelines.neighbours.enrich.told import Known, OrderTold, PaymentTold, decode_told
from pipelines.neighbours.enrich.topics import EnrichTopics
from pipelines.progress import Advance
from pipelines.settings import Settings
from pipelines.topics import ALL_PAYMENTS

_NO_WAITS: Final = Waits(wait_ms=0, forget_ms=0, keep_ms=0)
_SHOWN: Final = 5


@dataclass(slots=True, kw_only=True)
class Rehearsed:
    """Payments by what would be said about them, repetitions counted, and what is broken."""

    marked: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By operation, and whether the certificate is named."""
    ordinary: int = 0
    order_missing: int = 0
    version_2: int = 0
    broken: int = 0
    broken_places: list[str] = field(default_factory=list)
    """The first few: where, and what is wrong."""


def rehearse(
    settings: Settings, topics: EnrichTopics, framing: AnyFraming, advance: Advance
) -> Rehearsed:
    """Read the orders, then the payments, to where they end now."""
    with (
        _reader(settings, topics.orders) as orders,
        _reader(settings, topics.payments) as payments,
    ):
        order_ends, payment_ends = orders.ends(), payments.ends()
        total = sum(order_ends.values()) + sum(payment_ends.values())

        def taken(reader: CommittedReader, ends: dict[int, int]) -> Iterator[Taken]:
            for batch in reader.batches_to(ends):
                yield from map(_taken, batch)
                advance(orders.read + payments.read, total)

        return rehearsed(framing, taken(orders, order_ends), taken(payments, payment_ends))


def rehearsed(framing: AnyFraming, orders: Iterable[Taken], payments: Iterable[Taken]) -> Rehearsed:
    """What would be said about these payments, with all of these orders known."""
    result = Rehearsed()
    known: dict[str, Known] = {}
    for given in _read(OrdersReader(framing), orders, result):
        told = decode_told(given.value or b"")
        assert isinstance(told, OrderTold), "an order tells of an order"
        step = take_order(known.get(told.order_id), told, 0, _NO_WAITS)
        assert step.known is not None, "an order is kept"
        known[told.order_id] = step.known
    for given in _read(PaymentsReader(framing), payments, result):
        if given.destination is Destination.OUTPUT:
            result.version_2 += 1
            continue
        payment = decode_told(given.value or b"")
        assert isinstance(payment, PaymentTold), "a payment tells of a payment"
        step = take_payment(known.get(payment.order_id), payment, 0, _NO_WAITS)
        _count(result, step.told)
    return result


def show(result: Rehearsed, console: Console) -> None:
    """Print the figures."""
    table = Table("payments", "what would be said", box=None)
    table.columns[0].justify = "right"
    for (operation, named), count in sorted(result.marked.items()):
        which = "and names the certificate" if named else "its order leaves open with which one"
        table.add_row(f"{count:,}", f"{operation}, {which}")
    table.add_row(f"{result.ordinary:,}", "nothing: its order concerns no certificate")
    table.add_row(f"{result.order_missing:,}", "nothing yet: its order is not there")
    table.add_row(f"{result.version_2:,}", "passed as it is: its writer could say it")
    table.add_row(f"{result.broken:,}", "dead letters, orders too")
    console.print(table)
    for place in result.broken_places:
        console.print(place, highlight=False, soft_wrap=True)
    more = result.broken - len(result.broken_places)
    if more:
        console.print(f"and {more:,} more")


def _count(result: Rehearsed, told: tuple[Telling, ...]) -> None:
    if not told:
        result.order_missing += 1
    for telling in told:
        operation = telling.marks.operation
        if telling.why is Why.ORDINARY or operation is None:
            result.ordinary += 1
        else:
            named = telling.marks.certificate_id is not None
            result.marked[operation.value, named] += 1


def _read(
    reader: Callable[[Taken], list[Given]], records: Iterable[Taken], result: Rehearsed
) -> Iterator[Given]:
    for taken in records:
        for given in reader(taken):
            if given.destination is not Destination.DEAD_LETTERS:
                yield given
                continue
            result.broken += 1
            if len(result.broken_places) < _SHOWN:
                said = dict(given.headers)
                code, text = (said[name] or b"" for name in ("errorCode", "errorText"))
                where = f"{taken.topic} partition {taken.partition} offset {taken.offset:,}"
                result.broken_places.append(f"{where}: {code.decode()}: {text.decode()}")


def _reader(settings: Settings, topic: str) -> CommittedReader:
    """A reader of a topic by its full name."""
    unprefixed = settings.model_copy(update={"topic_prefix": ""})
    return CommittedReader(unprefixed, replace(ALL_PAYMENTS, name=topic))


def _taken(message: Message) -> Taken:
    return Taken(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=message.headers() or (),
        timestamp_ms=message.timestamp()[1],
    )
