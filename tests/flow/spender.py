"""A till that spends a certificate a little again and again, and looks after each change.

Owns what must be seen by whom changed it last. Which processors answer, move or end meanwhile is
the tests'.
"""

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx

from tests.flow.channel_calls import ChannelCalls
from tests.flow.scenario import NOMINAL_MINOR


class Spender:
    """One certificate, spent a little again and again by one till through whichever edge answers.

    Nobody else changes it, so what each read must say is known.
    """

    def __init__(self, till: ChannelCalls, number: str, code: str) -> None:
        self.number = number
        self.spent = 0
        self.reads: Counter[int] = Counter()
        self._till = till
        self._code = code
        self._chance = random.Random(number)

    async def run(self, done: asyncio.Event) -> None:
        """Authorize and capture, and read after each of them, until told to end."""
        while not done.is_set():
            position, hold = await self._authorize()
            await self._see(position, held="1.00")
            position = await self._capture(hold)
            self.spent += 1
            await self._see(position, held="0.00")

    async def _authorize(self) -> tuple[str, str]:
        body = {
            "amount": "1.00",
            "currency": "RUB",
            "orderId": f"{self.number}-{self.spent}",
            "cvc": self._code,
        }
        answer = await self._post("authorizations", f"a-{self.spent}", body)
        assert answer.status_code == 201, answer.text
        return answer.headers["Giftcert-Position"], str(answer.json()["authorizationId"])

    async def _capture(self, hold: str) -> str:
        answer = await self._post(f"authorizations/{hold}/capture", f"c-{self.spent}", None)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["Giftcert-Position"])

    async def _post(self, path: str, key: str, body: dict[str, Any] | None) -> httpx.Response:
        return await self._till.until_answered(
            "POST",
            f"/certificates/{self.number}/{path}",
            key=f"{self.number}-{key}",
            body=body,
            edge=self._edge(),
        )

    async def _see(self, position: str, *, held: str) -> None:
        """Read through any edge until it answers: the change that was answered is in it."""
        path = f"/certificates/{self.number}/balance"
        while True:
            try:
                answer = await self._till.once(
                    "GET", path, edge=self._edge(), headers={"Giftcert-Position": position}
                )
            except httpx.TransportError:
                continue
            self.reads[answer.status_code] += 1
            if answer.status_code != 503:
                break
        assert answer.status_code == 200, answer.text
        left = Decimal(NOMINAL_MINOR) / 100 - self.spent
        balance = answer.json()
        assert (Decimal(balance["remainingBalance"]), balance["held"]) == (left, held)

    def _edge(self) -> int:
        return self._chance.randrange(self._till.edges)
