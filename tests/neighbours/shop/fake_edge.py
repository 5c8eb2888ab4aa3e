"""A small service over HTTP: certificates in memory, the calls a channel makes, and faults at will.

Owns no rule that is not needed to tell one answer from another. Every request is kept, so that a
test can say what was asked, how often and under which key.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from pipelines.contracts.amounts import minor_to_text, text_to_minor

TYPES = "https://gift-certificates.example/problems/"
UNTIL = "2026-03-01T10:30:00.000Z"
HOLD_UNTIL = "2026-03-01T10:15:00.000Z"


@dataclass
class Card:
    """One certificate."""

    number: str
    pool: str = "ELECTRONIC"
    state: str = "AVAILABLE"
    balance_minor: int = 0
    held: dict[str, int] = field(default_factory=dict)
    code: str = "492039"
    locked: bool = False
    currency: str = "RUB"

    @property
    def available_minor(self) -> int:
        return self.balance_minor - sum(self.held.values())


@dataclass(frozen=True)
class Fault:
    """Something that happens to the next request. `done`: the service does it all the same."""

    status: int
    problem: str
    done: bool = False


@dataclass
class FakeEdge:
    """Give its `transport` to an httpx client."""

    cards: dict[str, Card] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)
    faults: list[Fault | Exception | httpx.Response] = field(default_factory=list)
    hold_until: str = HOLD_UNTIL
    reserved_until: str = UNTIL
    _outcomes: dict[tuple[str, str], tuple[str, httpx.Response]] = field(default_factory=dict)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def add(self, *cards: Card) -> None:
        self.cards.update({card.number: card for card in cards})

    def keys(self) -> list[str]:
        """The identity of each request that acts."""
        return [each.headers["idempotency-key"] for each in self.asked if each.method == "POST"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        self.asked.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, httpx.Response):
            return fault
        if fault is not None and not fault.done:
            return problem(fault.status, fault.problem)
        answer = self._decided(request)
        return answer if fault is None else problem(fault.status, fault.problem)

    def _decided(self, request: httpx.Request) -> httpx.Response:
        """The first answer to a key is its answer for ever, as far as its certificate goes."""
        if request.method == "GET":
            return self._balance(request.url.path.split("/")[2])
        body = json.loads(request.content)
        about = request.url.path.split("/")[2]
        identity = (about, request.headers["idempotency-key"])
        content = json.dumps({**body, "cvc": None}, sort_keys=True) + request.url.path
        known = self._outcomes.get(identity)
        if known is not None:
            return known[1] if known[0] == content else problem(422, "request-reused")
        answer = self._performed(request.url.path, body)
        if answer.status_code != 404:
            self._outcomes[identity] = (content, answer)
        return answer

    def _performed(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        if path == "/certificates/next":
            return self._next(body["pool"])
        found = re.fullmatch(r"/certificates/([^/]+)/(.+)", path)
        assert found is not None, path
        card, call = self.cards.get(found[1]), found[2]
        if card is None:
            return problem(404, "not-found")
        match call.split("/"):
            case ["actions", "reserve"]:
                return self._reserve(card)
            case ["authorizations"]:
                return self._authorize(card, body)
            case ["authorizations", hold, "void"]:
                if card.held.pop(hold, None) is None:
                    return problem(409, "authorization-not-open")
                return httpx.Response(200, json={"certificateId": card.number})
            case _:
                raise AssertionError(path)

    def _next(self, pool: str) -> httpx.Response:
        for card in self.cards.values():
            if card.pool == pool and card.state == "AVAILABLE":
                return self._reserve(card)
        return problem(409, "pool-empty")

    def _reserve(self, card: Card) -> httpx.Response:
        if card.state != "AVAILABLE":
            return problem(409, "not-available")
        card.state = "RESERVED"
        return httpx.Response(
            201,
            json={
                "certificateId": card.number,
                "reservationId": "r",
                "reservedUntil": self.reserved_until,
            },
        )

    def _authorize(self, card: Card, body: Mapping[str, Any]) -> httpx.Response:
        if card.state not in ("ACTIVE", "PARTIALLY_REDEEMED"):
            return problem(409, "not-active")
        if card.locked:
            return problem(423, "locked")
        if card.code != body["cvc"]:
            return problem(403, "wrong-cvc")
        if card.currency != body["currency"]:
            return problem(409, "currency-mismatch")
        if card.available_minor <= 0:
            return problem(402, "insufficient-balance")
        amount_minor = min(text_to_minor(body["amount"], card.currency), card.available_minor)
        hold = f"hold-{len(self.asked)}"
        card.held[hold] = amount_minor

        def text(minor: int) -> str:
            return minor_to_text(minor, card.currency)

        return httpx.Response(
            201,
            json={
                "authorizationId": hold,
                "certificateId": card.number,
                "amount": text(amount_minor),
                "currency": card.currency,
                "expiresAt": self.hold_until,
                "remainingBalance": text(card.balance_minor),
                "held": text(sum(card.held.values())),
                "available": text(card.available_minor),
                "version": 8,
            },
        )

    def _balance(self, number: str) -> httpx.Response:
        card = self.cards.get(number)
        if card is None:
            return problem(404, "not-found")
        sold = card.state not in ("AVAILABLE", "RESERVED")

        def text(minor: int) -> str | None:
            return minor_to_text(minor, card.currency) if sold else None

        return httpx.Response(
            200,
            json={
                "remainingBalance": text(card.balance_minor),
                "held": text(sum(card.held.values())),
                "available": text(card.available_minor),
                "currency": card.currency if sold else None,
                "status": card.state,
                "lifecycle": card.state,
                "locked": card.locked,
            },
        )


def foreign_page(status: int) -> httpx.Response:
    """What a proxy between us and the service answers in its own way."""
    return httpx.Response(status, text="<h1>nginx</h1>")


def problem(status: int, name: str) -> httpx.Response:
    """A refusal as the service tells it."""
    return httpx.Response(
        status,
        json={"type": TYPES + name, "title": "…", "status": status, "detail": "…"},
        headers={"Content-Type": "application/problem+json"},
    )
