"""What a sales channel does: reserve, set money aside, take payment, tell the topics, give back.

Owns the order of calls and records, and the identity of each call, so that a double click, a
reload or a repetition asks for nothing twice. Must not know a page, nor keep a code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop import order_records
from pipelines.neighbours.shop.edge import Authorized, Reserved, Voided, epoch_ms, minor_of
from pipelines.neighbours.shop.order_book import OrderBook, Slot
from pipelines.neighbours.shop.orders import (
    CERTIFICATE_SKU,
    MAX_HOLDS,
    Hold,
    Line,
    Order,
    Place,
    State,
    Telling,
)
from pipelines.neighbours.shop.outcome import has_settled
from pipelines.neighbours.shop.sale_writer import NotWritten
from pipelines.neighbours.shop.stream_memory import StreamMemory
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, last_four, own

ELECTRONIC: Final = "ELECTRONIC"
_MARGIN_MS: Final = 20_000
"""So long before its end money that is set aside is not counted on any more: clocks differ."""
_OUTCOME_S: Final = 2.5
"""How long a page is kept back for the stream's word; after that it shows it when it comes."""


class Service(Protocol):
    """What is asked over HTTP; see `Edge`."""

    def take_next(self, *, pool: str, order_id: str, key: str) -> Reserved | Trouble: ...

    def reserve(self, number: str, *, order_id: str, key: str) -> Reserved | Trouble: ...

    def authorize(
        self, number: str, *, cvc: str, amount_minor: int, currency: str, order_id: str, key: str
    ) -> Authorized | Trouble: ...

    def void(self, number: str, authorization_id: str, *, key: str) -> Voided | Trouble: ...


class Writer(Protocol):
    """Where records go; see `SaleWriter`."""

    def write(self, records: Sequence[SourceRecord]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """The store's and the till's business, from any thread.

    Every change names the attempt that its page showed: a form sent twice, from an old page or by a
    second click, finds that the order is further already, and changes nothing.
    """

    services: Mapping[Place, Service]
    writer: Writer
    book: OrderBook
    memory: StreamMemory
    shop_id: str
    currency: str
    now_ms: Callable[[], int]
    outcome_s: float = _OUTCOME_S

    def begin(
        self,
        order_id: str,
        place: Place,
        lines: Sequence[Line],
        *,
        owner: str | None = None,
        address_token: str | None = None,
    ) -> Order | Trouble:
        """A new order; the same form sent again finds the order that it began.

        A form that was changed after it was sent, and one of somebody else's order, is too old.
        """
        now_ms = self.now_ms()
        with self.book.editing(order_id) as slot:
            if slot.order is None:
                slot.order = Order(
                    order_id=order_id,
                    place=place,
                    owner=owner,
                    currency=self.currency,
                    lines=tuple(lines),
                    created_at_ms=now_ms,
                    changed_at_ms=now_ms,
                    address_token=address_token,
                )
            order = slot.order
        known = (order.owner, order.address_token, _content(order.lines))
        same = known == (owner, address_token, _content(lines))
        return order if same else own(OwnTrouble.FORM_TOO_OLD)

    def reserve(self, order_id: str, attempt: int, number: str | None = None) -> Order | None:
        """Get a number for the certificate that the order sells: the next one, or this very one."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt)
            if order is not None and order.certificate_line and order.sold_number is None:
                slot.order = self._reserved(order, number)
            return slot.order

    def apply(self, order_id: str, attempt: int, number: str, cvc: str) -> Order | None:
        """Set aside what a certificate has, up to what is left to pay."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt)
            if order is not None and order.certificate_line is None:
                refused = _not_applicable(order, number)
                slot.order = (
                    self._authorized(order, number, cvc)
                    if refused is None
                    else order.troubled(refused)
                )
            return slot.order

    def remove(self, order_id: str, attempt: int, authorization_id: str) -> Order | None:
        """Give back what a certificate had set aside."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt)
            for hold in () if order is None else order.holds:
                if hold.authorization_id == authorization_id and order is not None:
                    slot.order = self._voided(order, hold)
            return slot.order

    def pay(
        self, order_id: str, attempt: int, tender: Tender, *, declined: bool = False
    ) -> Order | None:
        """The rest was paid, or the card was declined. What is paid is told to the topics."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt)
            if order is None:
                return slot.order
            slot.order = ready = self._ready_to_be_paid(replace(order, trouble=None))
            if ready.trouble is not None:
                return ready
            if declined:
                slot.order = self._declined(ready)
                return slot.order
            paid = replace(ready, rest_tender=tender)
            now_ms = self.now_ms()
            telling = order_records.purchase(paid, self.shop_id, now_ms)
            slot.order = self._told(self._deciding(paid, telling, now_ms))
        return self._awaited(order_id)

    def cancel(self, order_id: str, attempt: int) -> Order | None:
        """Nothing was bought after all: give back numbers and money that were set aside."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt)
            if order is None:
                return slot.order
            self._give_up(order)
            now_ms = self.now_ms()
            if order.sold_number is None and order.version == 0:
                slot.order = replace(
                    order, state=State.CANCELLED, holds=(), changed_at_ms=now_ms, trouble=None
                )
            else:
                telling = order_records.cancellation(order, self.shop_id, now_ms)
                slot.order = self._told(self._deciding(replace(order, holds=()), telling, now_ms))
            return slot.order

    def give_back(self, order_id: str, attempt: int, tender: Tender | None = None) -> Order | None:
        """All of it comes back. `tender`: how the rest is given back, where not as it was paid."""
        with self.book.editing(order_id) as slot:
            order = _to_change(slot, attempt, State.PAID)
            if order is None:
                return slot.order
            order = replace(order, rest_tender=tender or order.rest_tender or Tender.CARD)
            now_ms = self.now_ms()
            telling = order_records.giving_back(order, self.shop_id, now_ms)
            slot.order = self._told(self._deciding(order, telling, now_ms))
        return self._awaited(order_id)

    def tell_untold(self) -> None:
        """Write once more what Kafka has not taken yet; where it still does not, later."""
        for order_id in self.book.untold():
            with self.book.editing(order_id) as slot:
                if slot.order is not None and slot.order.telling is not None:
                    slot.order = self._told(slot.order)
                if slot.order is not None and slot.order.telling is not None:
                    return
            self.memory.changes.publish(order_id)

    def _deciding(self, order: Order, telling: Telling, now_ms: int) -> Order:
        refused_before = self.memory.story(order.order_id).refusal()
        return order.deciding(telling, now_ms, refused_before)

    def _awaited(self, order_id: str) -> Order | None:
        """The order, after a moment for the stream to say what came of it."""
        order = self.book.find(order_id)
        if order is not None and order.telling is None:
            self.memory.wait_for(order_id, lambda story: has_settled(order, story), self.outcome_s)
        return order

    def _reserved(self, order: Order, number: str | None) -> Order:
        service, key = self.services[order.place], _key(order, "reserve")
        if number is None:
            answer = service.take_next(pool=ELECTRONIC, order_id=order.order_id, key=key)
        else:
            answer = service.reserve(number, order_id=order.order_id, key=key)
        if isinstance(answer, Trouble):
            return order.troubled(answer)
        reserved = order.with_number(answer.certificate_id, epoch_ms(answer.reserved_until))
        return self._tried(reserved, order_records.draft(reserved, self.shop_id))

    def _ready_to_be_paid(self, order: Order) -> Order:
        """The order with everything that was set aside still set aside; else with its trouble."""
        deadline_ms = self.now_ms() + _MARGIN_MS
        if order.certificate_line is None:
            fresh = order.without_late_holds(deadline_ms)
            return order if fresh == order else fresh.troubled(own(OwnTrouble.HOLD_EXPIRED))
        number, until_ms = order.sold_number, order.reserved_until_ms
        if number is not None and (until_ms is None or until_ms > deadline_ms):
            return order
        scanned = number if order.place is Place.TILL else None
        if number is None and order.place is Place.TILL:
            return order.troubled(own(OwnTrouble.NUMBER_WRONG))
        return self._reserved(order.without_number(), scanned)

    def _authorized(self, order: Order, number: str, cvc: str) -> Order:
        answer = self.services[order.place].authorize(
            number,
            cvc=cvc,
            amount_minor=order.rest_minor,
            currency=order.currency,
            order_id=order.order_id,
            key=_key(order, "authorize"),
        )
        if isinstance(answer, Trouble):
            return order.troubled(answer, tried_number=number)
        amount_minor = minor_of(answer.amount, answer.currency)
        assert amount_minor is not None, "an amount that was told is one"
        hold = Hold(
            certificate_id=number,
            amount_minor=amount_minor,
            authorization_id=answer.authorization_id,
            expires_at_ms=epoch_ms(answer.expires_at),
            left_minor=minor_of(answer.available, answer.currency),
        )
        return order.with_hold(hold)

    def _void(self, order: Order, hold: Hold) -> Voided | Trouble:
        assert hold.authorization_id is not None, "an open order has made its holds itself"
        return self.services[order.place].void(
            hold.certificate_id,
            hold.authorization_id,
            key=f"{order.order_id}/void/{hold.authorization_id}",
        )

    def _give_up(self, order: Order) -> None:
        """Give back all that was set aside; what cannot be given back now ends by itself."""
        for hold in order.holds:
            answer = self._void(order, hold)
            if isinstance(answer, Trouble) and not answer.settled:
                # Nobody answers: the customer shall not wait as long for each of them.
                return

    def _voided(self, order: Order, hold: Hold) -> Order:
        answer = self._void(order, hold)
        if isinstance(answer, Trouble) and answer.name != "authorization-not-open":
            return order.troubled(answer)
        # A hold that is not open any more has ended by its time: that is what was wanted.
        return order.without_hold(hold.authorization_id or "")

    def _declined(self, order: Order) -> Order:
        if order.certificate_line is not None:
            order = self._tried(order, order_records.declined(order, self.now_ms()))
        return order.troubled(own(OwnTrouble.CARD_DECLINED))

    def _tried(self, order: Order, telling: Telling) -> Order:
        """Told if that can be done now; the sale goes on without. What may be told counts as so."""
        try:
            self.writer.write(telling.records)
        except NotWritten as fault:
            _log().warning("a draft was not written", order=order.order_id, reason=str(fault))
        return replace(order, version=telling.version)

    def _told(self, order: Order) -> Order:
        """The order after its decision was written; else with what is still to be written."""
        assert order.telling is not None, "only what was decided can be told"
        try:
            self.writer.write(order.telling.records)
        except NotWritten as fault:
            _log().warning("an order is not written yet", order=order.order_id, reason=str(fault))
            return order.troubled(Trouble(name=OwnTrouble.NOT_RECORDED, settled=False))
        told = order.told()
        _log().info("an order is written", order=order.order_id, state=told.state.value)
        return told


def certificate_line(nominal_minor: int) -> Line:
    """The line that sells one certificate."""
    return Line(sku=CERTIFICATE_SKU, amount_minor=nominal_minor, sells_certificate=True)


def _to_change(slot: Slot, attempt: int, state: State = State.OPEN) -> Order | None:
    """The order, if it is still where the page that asks has seen it."""
    order = slot.order
    if order is None or order.attempt != attempt:
        return None
    return order if order.state is state and order.telling is None else None


def _content(lines: Sequence[Line]) -> list[tuple[str, int, int]]:
    return [(line.sku, line.quantity, line.amount_minor) for line in lines]


def _not_applicable(order: Order, number: str) -> Trouble | None:
    if any(hold.certificate_id == number for hold in order.holds):
        return own(OwnTrouble.APPLIED_ALREADY, certificate=last_four(number))
    if order.rest_minor == 0:
        return own(OwnTrouble.NOTHING_LEFT_TO_PAY)
    if len(order.holds) >= MAX_HOLDS:
        return own(OwnTrouble.TOO_MANY_CERTIFICATES)
    return None


def _key(order: Order, verb: str) -> str:
    """The identity of a request: the same until the service has settled it."""
    return f"{order.order_id}/{verb}/{order.attempt}"


def _log() -> structlog.stdlib.BoundLogger:
    log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
    return log
