"""How to reach the buyer of a certificate: the token of an address, found by the order.

Owns following All_SalesOrder into the index of places, the newest tokens in memory, and finding one
token: in memory, or in the order's own record at its place. Nothing is ever sent on the word of the
index alone: the record at the place must be of that very order.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Condition, Event
from time import monotonic
from typing import Final, Protocol

import structlog
from confluent_kafka import Message

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerFault, BrokerUnreachable
from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm.order_contacts import OrderContact, contact_in
from pipelines.neighbours.crm.order_places import OrderPlace, OrderPlaces

_REMEMBERED: Final = 10_000
_READING_ON_S: Final = 2.0
"""How long a question waits for records that came to Kafka before it was asked."""

_NOTED_EVERY_S: Final = 1.0
_PARTITIONS_EVERY_S: Final = 30.0
_log = structlog.get_logger(__name__)


class OrdersNotRead(Exception):
    """The orders that are in Kafka by now were not all read yet, or Kafka gives none."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class OrderRecordSource(Protocol):
    """Single records of the topic, and where it ends; see `OrderRecords`."""

    def ends(self) -> dict[int, int]: ...

    def value_at(self, partition: int, offset: int) -> bytes | None: ...


class OrderSource(Protocol):
    """The topic from a place on; see `FollowedOrders`."""

    next: dict[int, int]
    begun_anew: bool

    def batch(self) -> list[Message]: ...

    def look_for_partitions(self) -> None: ...


class Buyers:
    """Tokens by order. `follow` has a thread of its own; `token_of` is for any other."""

    def __init__(
        self,
        places: OrderPlaces,
        records: OrderRecordSource,
        framing: Framing,
        last_turn: LastTurn,
    ) -> None:
        self._places = places
        self._last_turn = last_turn
        self._records = records
        self._framing = framing
        self._recent: OrderedDict[str, OrderContact] = OrderedDict()
        self._read_to: Mapping[int, int] = {}
        self._moved = Condition()

    def follow(self, orders: OrderSource, stop: Event) -> bool:
        """Read on until told to stop. False: the topic began anew, and so has the index to."""
        noted_s = looked_s = monotonic()
        while not stop.is_set():
            self._last_turn.note()
            found = self._contacts(orders.batch())
            if orders.begun_anew:
                _log.warning("the orders begin anew: the index of them is read again")
                self._places.forget()
                with self._moved:
                    self._recent.clear()
                    self._read_to = {}
                return False
            now_s = monotonic()
            if found or now_s - noted_s >= _NOTED_EVERY_S:
                self._note(found, dict(orders.next))
                noted_s = now_s
            else:
                self._pass(dict(orders.next))
            if now_s - looked_s >= _PARTITIONS_EVERY_S:
                with suppress(BrokerUnreachable):
                    # Kafka is away for a moment: there is a next time.
                    orders.look_for_partitions()
                looked_s = now_s
        return True

    def token_of(self, order_id: str) -> str | None:
        """The token that the newest version of an order gives; None: it gives none.

        OrdersNotRead when that cannot be known now.
        """
        found = self._known(order_id)
        if found is not None:
            return found
        try:
            ends = self._records.ends()
            with self._moved:
                if not self._moved.wait_for(lambda: self._has_read(ends), _READING_ON_S):
                    raise OrdersNotRead("the orders are not read to their end yet")
            return self._known(order_id)
        except BrokerFault:
            raise OrdersNotRead("Kafka does not give the orders") from None

    def _known(self, order_id: str) -> str | None:
        with self._moved:
            recent = self._recent.get(order_id)
        if recent is not None:
            return recent.token
        place = self._places.place_of(order_id)
        if place is None:
            return None
        try:
            contact = self._contact(self._records.value_at(place.partition, place.offset))
        except BrokerFault:
            raise OrdersNotRead("Kafka does not give the order") from None
        # The topic's owner may have deleted the record by age, and the address with it.
        return contact.token if contact is not None and contact.order_id == order_id else None

    def _contacts(self, messages: Iterable[Message]) -> dict[str, OrderPlace]:
        """What there is to note of these records, remembered already."""
        found: dict[str, OrderPlace] = {}
        for message in messages:
            contact = self._contact(message.value())
            if contact is None:
                continue
            before = found.get(contact.order_id)
            if before is None or before.version <= contact.version:
                found[contact.order_id] = OrderPlace(
                    version=contact.version, partition=message.partition(), offset=message.offset()
                )
            self._remember(contact)
        return found

    def _contact(self, value: bytes | None) -> OrderContact | None:
        """What a record says; one that is broken is the service's to complain about."""
        if value is None:
            return None
        try:
            return contact_in(self._framing.decode(RecordName.SALES_ORDER, value))
        except BrokenRecord:
            return None

    def _remember(self, contact: OrderContact) -> None:
        with self._moved:
            before = self._recent.pop(contact.order_id, contact)
            newer = contact if before.version <= contact.version else before
            self._recent[contact.order_id] = newer
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def _note(self, found: Mapping[str, OrderPlace], read_to: Mapping[int, int]) -> None:
        self._places.note(found, read_to)
        self._pass(read_to)

    def _pass(self, read_to: Mapping[int, int]) -> None:
        with self._moved:
            self._read_to = read_to
            self._moved.notify_all()

    def _has_read(self, ends: Mapping[int, int]) -> bool:
        return all(self._read_to.get(partition, 0) >= end for partition, end in ends.items())
