"""What the pages of an order have in common, in the store and at the till.

Owns the way from an order and its story to what a template shows, and new ids of orders. Decides
nothing about an order.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from pipelines.neighbours.shop.barcode import barcode_of
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.orders import Order, Place, State
from pipelines.neighbours.shop.outcome import Outcome, outcome_of
from pipelines.neighbours.shop.stream_memory import OWN_ORDER, StreamMemory
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, name_of_code, own
from pipelines.neighbours.shop.words import Sentences, Words

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_LENGTH: Final = 10
SIDES: Final = {Place.STORE: "store", Place.TILL: "till"}
"""How a place is called in addresses and in `words/`."""


def new_order_id(place: Place) -> str:
    """An id that nobody has used and nobody can guess."""
    return f"{place.value}-" + "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))


def is_order_id(text: str, place: Place) -> bool:
    """Whether a text is the id of an order of that place."""
    return OWN_ORDER.fullmatch(text) is not None and text.startswith(place.value)


def not_found(book: OrderBook) -> tuple[Trouble, int]:
    """What is said of an order that is not in the book, and with which status."""
    if book.caught_up:
        return own(OwnTrouble.ORDER_UNKNOWN), 404
    return own(OwnTrouble.STILL_READING), 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A trouble as a page shows it. `name` is what a help desk asks for."""

    name: str
    what: str
    advice: str


def told(trouble: Trouble, words: Words, place: Place) -> Told:
    """What a person reads of a trouble."""
    return _told(trouble.name, words.trouble(trouble.name, SIDES[place], trouble.certificate))


def _told(name: str, sentences: Sentences) -> Told:
    return Told(name=name, what=sentences.what, advice=sentences.advice)


def order_context(order: Order, memory: StreamMemory, words: Words) -> dict[str, Any]:
    """Everything that a template of an order needs.

    `after` is where the page's news go on: read before the story, so that none is missed.
    """
    after = memory.changes.last
    outcome = outcome_of(order, memory.story(order.order_id))
    place = order.place
    return {
        "order": order,
        "outcome": outcome,
        "after": after,
        "trouble": None if order.trouble is None else told(order.trouble, words, place),
        "refusal": _refusal(outcome, words, place),
        "barcode": barcode_of(order.order_id),
        "stage": stage_of(order),
        "stage_text": _stage_text(order),
    }


def _stage_text(order: Order) -> str:
    """How the stage is called in `words/`; what is being written makes a difference there."""
    if order.telling is not None:
        return f"recording_{order.telling.then.value}"
    return stage_of(order).replace("-", "_")


def _refusal(outcome: Outcome, words: Words, place: Place) -> Told | None:
    if outcome.refusal is None:
        return None
    name = name_of_code(outcome.refusal)
    return _told(name, words.trouble(name, SIDES[place]))


def stage_of(order: Order) -> str:
    """Which page an order has by now."""
    if order.telling is not None:
        return "recording"
    match order.state:
        case State.OPEN if order.certificate_line is None:
            return "paying"
        case State.OPEN if order.sold_number is None:
            return "no-number"
        case State.OPEN:
            return "selling"
        case _:
            return order.state.value
