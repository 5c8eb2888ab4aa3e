"""What the till asked about balances, kept for a while so that a reload shows the same answer.

Owns the asking and the bound. Of a number only the last four stay.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol

from pipelines.neighbours.shop.edge import Balance, minor_of
from pipelines.neighbours.shop.trouble import Trouble, last_four

_KEPT_MAX: Final = 200


class BalanceService(Protocol):
    """What is asked over HTTP; see `Edge`."""

    def balance(self, number: str) -> Balance | Trouble: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceCheck:
    """One answer. Amounts are minor units; None where the certificate was not sold yet."""

    certificate: str
    at_ms: int
    trouble: Trouble | None = None
    remaining_minor: int | None = None
    held_minor: int | None = None
    available_minor: int | None = None
    currency: str | None = None
    lifecycle: str = ""
    locked: bool = False


class BalanceChecks:
    """The last answers, by an id that nobody can guess, for any thread."""

    def __init__(self, service: BalanceService, now_ms: Callable[[], int]) -> None:
        self._service = service
        self._now_ms = now_ms
        self._lock = Lock()
        self._kept: OrderedDict[str, BalanceCheck] = OrderedDict()

    def check(self, number: str) -> str:
        """Ask, and give the id under which the answer is kept."""
        found = self._asked(number)
        check_id = secrets.token_urlsafe(9)
        with self._lock:
            self._kept[check_id] = found
            while len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return check_id

    def find(self, check_id: str) -> BalanceCheck | None:
        """An earlier answer; None: it is forgotten."""
        with self._lock:
            return self._kept.get(check_id)

    def _asked(self, number: str) -> BalanceCheck:
        answer = self._service.balance(number)
        at_ms, shown = self._now_ms(), last_four(number)
        if isinstance(answer, Trouble):
            return BalanceCheck(certificate=shown, at_ms=at_ms, trouble=answer)
        currency = answer.currency
        return BalanceCheck(
            certificate=shown,
            at_ms=at_ms,
            remaining_minor=minor_of(answer.remaining_balance, currency),
            held_minor=minor_of(answer.held, currency),
            available_minor=minor_of(answer.available, currency),
            currency=currency,
            lifecycle=answer.lifecycle,
            locked=answer.locked,
        )
