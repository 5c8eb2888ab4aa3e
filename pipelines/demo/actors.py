"""The shops, their customers and support: does what each step says, when it can be done.

Owns the order of calls and records within a step. The schedule decides what happens, the publisher
writes it, the witness knows what has come of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.demo.baskets import Basket, GiftCard
from pipelines.demo.records import Outgoing, RecordWriter, order_id_of
from pipelines.demo.steps import (
    Awaited,
    LockedRedemption,
    Ordinary,
    Purchase,
    Redemption,
    Return,
    Shop,
    Slot,
    Step,
    Undoing,
)
from pipelines.demo.stock import Stock
from pipelines.demo.storefront import PoolEmpty, Reservation, ServiceRefused
from pipelines.demo.witness import Witness


class Service(Protocol):
    """What shops and support ask over HTTP; see `Storefront`."""

    def reserve(self, *, pool: str, shop: Shop, order_id: str, request_id: str) -> Reservation: ...

    def lock(self, certificate_id: str, reason: str) -> None: ...

    def unlock(self, certificate_id: str, reason: str) -> None: ...


class RecordSink(Protocol):
    """Where records go; see `Publisher`."""

    def next_basket(self) -> None: ...

    def put(self, outgoing: Iterable[Outgoing]) -> None: ...

    def release_held(self) -> None: ...

    def send(self, record: Outgoing, *, at_ms: int | None = None) -> None: ...


class Waiting(Protocol):
    """How to wait; see `Patience`."""

    def wait_for(self, condition: Callable[[], bool], what: str) -> None: ...

    def pause(self, seconds: float) -> None: ...


@dataclass(slots=True, kw_only=True)
class Actors:
    """Performs steps. `reserve` may be called by several threads, all else by one.

    `numbers` is filled with the number of each slot as it is reserved, and is shared with the
    record writer; `next_ms` is how long each reservation took.
    """

    run_id: str
    service: Service
    records: RecordSink
    writer: RecordWriter
    witness: Witness
    patience: Waiting
    stock: Stock
    numbers: dict[Slot, str]
    next_ms: list[float] = field(default_factory=list)

    def perform(self, step: Step) -> None:
        """Do one step, after what it has to wait for."""
        match step:
            case Ordinary():
                self.records.next_basket()
                self.records.put(self.writer.ordinary(step))
            case Purchase():
                self.records.next_basket()
                self.reserve(step)
                self.records.put(self.writer.purchase_begun(step))
                self.records.put([self.writer.purchase_paid(step)])
            case Redemption():
                self.records.next_basket()
                self._await(step.awaited)
                self.records.put(self.writer.redemption(step))
            case LockedRedemption():
                self.records.next_basket()
                self._try_locked(step)
            case Return():
                self._bring_back(step)
            case Undoing():
                self._await(step.awaited)
                self.records.put(self.writer.undone(step))

    def reserve(self, step: Purchase) -> None:
        """Take a number for each certificate of a purchase."""
        for line, (card, slot) in enumerate(zip(step.basket.gift_cards, step.slots, strict=True)):
            self.numbers[slot] = self._reserve(step.basket, step.shop, line, card)

    def _reserve(self, basket: Basket, shop: Shop, line: int, card: GiftCard) -> str:
        order_id = order_id_of(basket)
        request_id = f"{self.run_id}/{order_id}/{line}"
        try:
            reserved = self.service.reserve(
                pool=card.pool, shop=shop, order_id=order_id, request_id=request_id
            )
        except PoolEmpty:
            if self.stock.refills:
                raise ServiceRefused(f"the pool {card.pool} ran dry after its refill") from None
            self.stock.refill()
            # A request that was told "empty" is told so for ever: the customer has to ask anew.
            reserved = self.service.reserve(
                pool=card.pool, shop=shop, order_id=order_id, request_id=f"{request_id}/again"
            )
        self.next_ms.append(reserved.took_ms)
        return reserved.certificate_id

    def _try_locked(self, step: LockedRedemption) -> None:
        (awaited,) = step.attempt.awaited
        number = self.numbers[step.slot]
        self._await([awaited])
        self.service.lock(number, "reported stolen")
        self._await_after(awaited, 1)
        self.records.put(self.writer.locked_redemption(step))
        self._await_after(awaited, 2)
        self.service.unlock(number, "found again")

    def _bring_back(self, step: Return) -> None:
        self._await(step.awaited)
        self.records.put([self.writer.returned(step)])
        if step.fails:
            # The failure is told of a refund that is pending: the two halves must not overtake.
            for awaited in step.awaited:
                self._await_after(awaited, 1)
        self.records.put(self.writer.refunds(step))

    def _await_after(self, awaited: Awaited, events: int) -> None:
        self._await([Awaited(slot=awaited.slot, sequence=awaited.sequence + events)])

    def _await(self, awaited: Iterable[Awaited]) -> None:
        """Wait until the stream has shown so much of each certificate."""
        wanted = [(self.numbers[each.slot], each.sequence) for each in awaited]
        if self.witness.has_sequences(wanted):
            return
        # What it waits for may be behind a record that is held back.
        self.records.release_held()
        self.patience.wait_for(
            lambda: self.witness.has_sequences(wanted), "a certificate to be seen as it must be"
        )
