"""How far an order has come, from what the shop did and what the stream told.

Owns the steps that pages show and when there is nothing more to wait for. Pure.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.neighbours.shop.orders import Order, State
from pipelines.neighbours.shop.story import Seen, Story


class Standing(StrEnum):
    """Where one step stands."""

    DONE = "done"
    AWAITED = "awaited"
    FAILED = "failed"


_CLOCKS_MS: Final = 60_000
"""So far the shop's clock and the log's may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an order, named as in `words/`; `at_ms` is when it was done."""

    name: str
    standing: Standing
    at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one certificate paid, and what it then had left.

    `confirmed`: the stream has said so. Until then `left_minor` is what the hold's answer promised.
    """

    certificate_id: str
    amount_minor: int
    left_minor: int | None
    confirmed: bool
    given_back: bool
    authorization_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a page says of an order beside the order itself.

    `refusal` is the code of what the rules refused after the order was written; `waiting`: more
    news will come by themselves.
    """

    steps: tuple[Step, ...]
    spent: tuple[Spent, ...]
    sold_left_minor: int | None
    refusal: str | None
    waiting: bool


def outcome_of(order: Order, story: Story) -> Outcome:
    """What has become of an order."""
    refused = _refusal(order, story)
    return Outcome(
        steps=_steps(order, story, refused is not None),
        spent=tuple(_spent(order, story)),
        sold_left_minor=_sold_left(order, story),
        refusal=refused,
        waiting=not has_settled(order, story),
    )


def has_settled(order: Order, story: Story) -> bool:
    """Whether the stream has told all that follows from what the order is by now.

    The message to the buyer is not waited for: a sale is done without it.
    """
    if order.telling is not None:
        return False
    if _refusal(order, story) is not None:
        return True
    numbers = [hold.certificate_id for hold in order.holds]
    match order.state:
        case State.OPEN | State.CANCELLED:
            return True
        case State.PAID if order.sold_number is not None:
            return story.happened("activate") is not None
        case State.PAID:
            return all(story.redeemed(number) for number in numbers)
        case State.RETURNED:
            if order.sold_number is not None:
                numbers = [order.sold_number]
            return all(story.refunded(number) for number in numbers)


def _steps(order: Order, story: Story, refused: bool) -> tuple[Step, ...]:
    """The way of a certificate that is sold; orders of goods have no way to watch."""
    if order.sold_number is None or order.state in (State.OPEN, State.CANCELLED):
        return ()
    lacking = Standing.FAILED if refused else Standing.AWAITED
    paid = Step(name="paid", standing=Standing.DONE, at_ms=order.changed_at_ms)
    steps = [paid, _step("issued", story.happened("issue"), lacking)]
    steps.append(_step("active", story.happened("activate"), lacking))
    if order.address_token is not None:
        failed = story.happened("notification.failed")
        sent = _step("sent", story.happened("notification.sent"), lacking)
        if failed is not None and sent.standing is not Standing.DONE:
            sent = Step(name="sent", standing=Standing.FAILED, at_ms=failed.at_ms)
        steps.append(sent)
    if order.state is State.RETURNED:
        lacking = Standing.FAILED if refused else Standing.AWAITED
        steps.append(_step("returned", story.refunded(order.sold_number), lacking))
    return tuple(steps)


def _step(name: str, event: Seen | None, lacking: Standing) -> Step:
    if event is None:
        return Step(name=name, standing=lacking)
    return Step(name=name, standing=Standing.DONE, at_ms=event.at_ms)


def _spent(order: Order, story: Story) -> list[Spent]:
    found = []
    for hold in order.holds:
        redeemed = story.redeemed(hold.certificate_id)
        refunded = story.refunded(hold.certificate_id)
        told = refunded or redeemed
        found.append(
            Spent(
                certificate_id=hold.certificate_id,
                amount_minor=hold.amount_minor,
                left_minor=hold.left_minor if told is None else told.remaining_minor,
                confirmed=redeemed is not None,
                given_back=refunded is not None,
                authorization_id=hold.authorization_id,
            )
        )
    return found


def _sold_left(order: Order, story: Story) -> int | None:
    """What the certificate that it sold has on it now, whoever spent from it."""
    if order.sold_number is None:
        return None
    latest = story.latest(order.sold_number)
    return None if latest is None else latest.remaining_minor


def _refusal(order: Order, story: Story) -> str | None:
    """What the rules refused of the order as it is now; an earlier no may have been mended."""
    if order.state not in (State.PAID, State.RETURNED):
        return None
    last = story.refusal()
    if order.state is State.RETURNED:
        details = story.details_awaited()
        found = (each for each in (details, last) if each is not None)
        last = max(found, key=story.events.index, default=None)
    if last is None or last == order.refused_before:
        return None
    return None if last.at_ms < order.changed_at_ms - _CLOCKS_MS else last.reason_code
