"""The shop's memory of its orders: the last so many, each changed by one thread at a time.

Owns the bound and the locks. It is memory and nothing more: after a restart it is filled again from
All_SalesOrder, which the shop itself wrote. Must not know what an order goes through.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from pipelines.neighbours.shop.orders import Order, Place


class Slot:
    """Where one order is kept. Set `order` while the slot is being edited, by nobody else."""

    __slots__ = ("lock", "order")

    def __init__(self) -> None:
        self.lock = Lock()
        self.order: Order | None = None


class OrderBook:
    """Orders by id, for any thread. Beyond `kept_max` the one that was touched longest ago goes."""

    def __init__(self, kept_max: int) -> None:
        self._kept_max = kept_max
        self._lock = Lock()
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._caught_up = False

    def note_caught_up(self, caught_up: bool) -> None:
        """Whether all orders that the topic had have been read."""
        with self._lock:
            self._caught_up = caught_up

    @property
    def caught_up(self) -> bool:
        """Whether an order that is not here is not on the topic either."""
        with self._lock:
            return self._caught_up

    def find(self, order_id: str) -> Order | None:
        """The order as it is now, without waiting for whoever changes it."""
        with self._lock:
            slot = self._slots.get(order_id)
        return None if slot is None else slot.order

    @contextmanager
    def editing(self, order_id: str) -> Iterator[Slot]:
        """The order's slot, for this thread alone; a new one is empty."""
        with self._lock:
            slot = self._slots.setdefault(order_id, Slot())
            self._slots.move_to_end(order_id)
            self._forget_old()
        with slot.lock:
            yield slot

    def restore(self, order: Order) -> None:
        """Take in what the topic says, unless as much is known already.

        What the shop itself was still writing is written, then, and it knows more of it.
        """
        with self.editing(order.order_id) as slot:
            known = slot.order
            if known is not None and known.telling and known.telling.version == order.version:
                slot.order = known.told()
            elif known is None or known.version < order.version:
                slot.order = order

    def of_owner(self, owner: str, limit: int) -> list[Order]:
        """The newest orders of one customer, the newest first."""
        with self._lock:
            orders = [slot.order for slot in self._slots.values() if slot.order is not None]
        own = [order for order in orders if order.owner == owner]
        return sorted(own, key=lambda order: order.created_at_ms, reverse=True)[:limit]

    def of_place(self, place: Place, limit: int) -> list[Order]:
        """The orders of one place that were touched last, the latest first."""
        with self._lock:
            orders = [slot.order for slot in reversed(self._slots.values())]
        return [order for order in orders if order is not None and order.place is place][:limit]

    def untold(self) -> list[str]:
        """The orders about which something was decided that is not on the topics yet."""
        with self._lock:
            slots = list(self._slots.items())
        return [
            order_id for order_id, slot in slots if slot.order is not None and slot.order.telling
        ]

    def _forget_old(self) -> None:
        """Forget the oldest, but none that is being changed or has something left to tell."""
        if len(self._slots) <= self._kept_max:
            return
        for order_id in list(self._slots):
            if len(self._slots) <= self._kept_max:
                return
            slot = self._slots[order_id]
            busy = slot.lock.locked() or (slot.order is not None and slot.order.telling)
            if not busy:
                del self._slots[order_id]
