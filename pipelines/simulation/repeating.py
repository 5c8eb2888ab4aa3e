"""Callers who ask again: with the same words, with other words, under another's name.

Owns the making of such errands from earlier ones. The key is the request: the same client's same
key with the same content is the same request for ever, with another content it is refused, and
another client's is another request.
"""

from dataclasses import replace
from random import Random

from http_edge.api.models import (
    AuthorizeBody,
    CaptureBody,
    NextBody,
    NextQuery,
    NoParameters,
    NotifyBody,
    ReasonBody,
    ReserveBody,
    Sent,
)
from pipelines.simulation.callers import Callers
from pipelines.simulation.errands import MARKET, STORE, Errand

_RECENT = 60


class Repeating:
    """Errands that are not new."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def repeat(self, random: Random) -> str:
        """Do an errand again that somebody did before, in one of the three ways."""
        known = [each for each in self._callers.errands[-_RECENT:] if each.key is not None]
        if not known:
            return "nothing can be repeated"
        errand = random.choice(known)
        chance = random.random()
        if chance < 0.6:
            self._same(errand, random)
            return f"{errand.operation} is asked for again: {errand.key}"
        if chance < 0.8:
            return self._with_another_body(errand, random)
        twin, other = _copied(errand), MARKET if errand.caller is not MARKET else STORE
        twin.caller = other
        if not twin.scope_fits:
            return f"{other.client_id} may not ask for {errand.operation}"
        self._callers.start(twin, random)
        return f"{errand.operation} under the same key by {other.client_id}: {errand.key}"

    def _same(self, errand: Errand, random: Random) -> None:
        twin = _copied(errand)
        twin.same_as = errand.same_as or errand
        if errand.operation.startswith("takeNext") and random.random() < 0.4:
            _in_the_other_form(twin)
        self._callers.start(twin, random)

    def _with_another_body(self, errand: Errand, random: Random) -> str:
        body = _other_body(errand.body, random)
        if body is None or body == errand.body:
            return f"{errand.operation} has no other words"
        twin = _copied(errand)
        twin.body = body
        answer = errand.answer
        decided = answer is not None and answer.content is not None
        twin.instead_of = errand if decided and errand.same_as is None else None
        self._callers.start(twin, random)
        return f"{errand.operation} with other words under the same key: {errand.key}"


def _copied(errand: Errand) -> Errand:
    return replace(
        errand, then=None, tries=0, answers=[], same_as=None, instead_of=None, position=None
    )


def _in_the_other_form(errand: Errand) -> None:
    """GET and POST of the same are the same request."""
    path, body = errand.path, errand.body
    if isinstance(path, NextQuery):
        errand.operation, errand.path = "takeNext", NoParameters()
        errand.body = NextBody(pool=path.pool, channel=path.channel, order_id=path.order_id)
    elif isinstance(body, NextBody):
        errand.operation, errand.body = "takeNextByGet", None
        errand.path = NextQuery(
            request_id=errand.key or "",
            pool=body.pool,
            channel=body.channel,
            order_id=body.order_id,
        )


def _other_body(body: Sent | None, random: Random) -> Sent | None:
    match body:
        case NextBody(pool=pool, channel=channel):
            return NextBody(pool=pool, channel=channel, order_id="another order")
        case ReserveBody(channel=channel):
            return ReserveBody(channel=channel, order_id="another order")
        case NotifyBody(channel=channel):
            return NotifyBody(reason="another reason", channel=channel)
        case ReasonBody():
            return ReasonBody(reason="another reason")
        case AuthorizeBody():
            other_amount = random.random() < 0.5
            return AuthorizeBody(
                amount=("1" if body.amount != "1" else "2") if other_amount else body.amount,
                currency=body.currency,
                order_id=body.order_id if other_amount else f"not {body.order_id}",
                cvc=body.cvc,
                accept_partial=body.accept_partial,
            )
        case CaptureBody(amount=amount):
            return CaptureBody(amount="1" if amount != "1" else "2")
        case _:
            return None
