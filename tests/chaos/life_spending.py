"""How a certificate is spent: several tills, orders, support and readers at the same time.

Owns the branches of a story, each of which draws from a chance of its own.
"""

import asyncio
from typing import Any, Final

from tests.chaos.life_calls import CHANNELS, LOOK_AGAIN_S, LifeCalls
from tests.flow.source_messages import Line, Order, Payment

_LOOKS_FOR_AN_ORDER: Final = 60


class Spending(LifeCalls):
    """What a customer does who has a certificate that can be spent."""

    __slots__ = ()

    async def _spend_together(self, turn: str, nominal_minor: int) -> None:
        """Several tills, the internet store and support with one certificate at the same time."""
        chance = self._chance(turn)
        branches = [
            self._till(f"{turn}-till-{index}", nominal_minor)
            for index in range(chance.randrange(1, 4))
        ]
        branches.append(self._look(f"{turn}-look"))
        if chance.random() < 0.3:
            branches.append(self._lock_for_a_while(f"{turn}-lock"))
        else:
            branches.extend(
                self._redeem_by_order(f"{turn}-order-{index}", nominal_minor)
                for index in range(chance.randrange(0, 3))
            )
        await asyncio.gather(*branches)

    async def _till(self, branch: str, nominal_minor: int) -> None:
        """Authorize, then capture, void or leave; order and payment confirm what was captured."""
        chance = self._chance(branch)
        client = chance.choice(sorted(CHANNELS))
        amount_minor = chance.randrange(1_00, nominal_minor // 3)
        ending = chance.random()
        wrong = chance.random() < 0.08
        captured_minor = amount_minor if ending < 0.4 else chance.randrange(1, amount_minor + 1)
        order_id = self._order(branch)
        body: dict[str, Any] = {
            "amount": _text(amount_minor),
            "currency": "RUB",
            "orderId": order_id,
        }
        if chance.random() < 0.2:
            body["acceptPartial"] = True
        code = self._codes[-1] if self._codes else "000000"
        if wrong:
            code = f"{(int(code) + 1) % 1_000_000:06d}"
        base = f"/certificates/{self._number}/authorizations"
        held = await self._act(
            f"{branch}-authorize", "authorize", client, base, body=body, code=code, wrong_code=wrong
        )
        if not held.ok:
            return
        await self._read(f"{branch}-held", "readBalance", client, sure=True)
        hold = str(held.content["authorizationId"])
        if ending < 0.7:
            body = {} if captured_minor == amount_minor else {"amount": _text(captured_minor)}
            spent = await self._act(
                f"{branch}-capture", "capture", client, f"{base}/{hold}/capture", body=body
            )
            await self._read(f"{branch}-spent", "readBalance", client, sure=True)
            if spent.ok and chance.random() < 0.6:
                minor = round(float(spent.content["amount"]) * 100)
                await self._tell_spending(branch, order_id, minor, client, hold=hold)
        elif ending < 0.85:
            await self._act(f"{branch}-void", "voidAuthorization", client, f"{base}/{hold}/void")

    async def _redeem_by_order(self, branch: str, nominal_minor: int) -> None:
        """Order and payment alone spend; some of it comes back."""
        chance = self._chance(branch)
        client = chance.choice(sorted(CHANNELS))
        amount_minor = chance.randrange(1, nominal_minor // 10)
        order_id = self._order(branch)
        returned = chance.random() < 0.4
        await self._tell_spending(branch, order_id, amount_minor, client, hold=None)
        if not returned:
            return
        if not await self._found_by_order(order_id):
            return
        order = self._goods(order_id, amount_minor, client, status="RETURNED", version=2)
        refund = Payment(
            payment_id=f"{order_id}-refund",
            order_id=order_id,
            amount_minor=amount_minor,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            number=self._number,
            operation="REFUND",
            original=f"{order_id}-redeem",
            channel=CHANNELS[client],
        )
        halves: list[tuple[str, Order | Payment]] = [
            (f"{branch}-returned", order),
            (f"{branch}-refund", refund),
        ]
        if chance.random() < 0.5:
            halves.reverse()
        for step, half in halves:
            await self.teller.tell(self.name, step, half)

    async def _found_by_order(self, order_id: str) -> bool:
        """Wait until the index leads from the order to the certificate, or it was refused."""
        for _ in range(_LOOKS_FOR_AN_ORDER):
            found = await self._read(
                "found", "searchCertificates", "support", query={"orderId": order_id}
            )
            if found.content.get("items"):
                return True
            await asyncio.sleep(LOOK_AGAIN_S)
        return False

    async def _tell_spending(
        self, branch: str, order_id: str, amount_minor: int, client: str, *, hold: str | None
    ) -> None:
        chance = self._chance(f"{branch}-told")
        order = self._goods(order_id, amount_minor, client, status="COMPLETED", version=1)
        version_1 = hold is None and chance.random() < 0.4
        payment = Payment(
            payment_id=f"{order_id}-redeem",
            order_id=order_id,
            amount_minor=amount_minor,
            tender="GIFT_CERTIFICATE",
            channel=CHANNELS[client],
            contract=1 if version_1 else 2,
            number=None if version_1 else self._number,
            operation=None if version_1 else "REDEMPTION",
            authorization_id=hold,
        )
        told: list[tuple[str, Order | Payment]] = [
            (f"{branch}-order", order),
            (f"{branch}-payment", payment),
        ]
        if chance.random() < 0.5:
            told.reverse()
        for step, each in told:
            await self.teller.tell(self.name, step, each, twice=chance.random() < 0.1)

    def _goods(
        self, order_id: str, amount_minor: int, client: str, *, status: str, version: int
    ) -> Order:
        return Order(
            order_id=order_id,
            total_minor=amount_minor,
            lines=[Line(amount_minor=amount_minor)],
            tenders=[(self._number, amount_minor)],
            status=status,
            version=version,
            channel=CHANNELS[client],
        )

    async def _lock_for_a_while(self, branch: str) -> None:
        locked = await self._support(f"{branch}-lock", "lock")
        if locked.ok:
            await self._read(f"{branch}-seen", "readCertificate", "support", sure=True)
            await self._support(f"{branch}-unlock", "unlock")

    async def _look(self, branch: str) -> None:
        chance = self._chance(branch)
        for index in range(chance.randrange(1, 5)):
            operation = chance.choice(["readBalance", "readCertificate", "readHistory"])
            await self._read(f"{branch}-{index}", operation, "support", sure=index % 2 == 0)


def _text(amount_minor: int) -> str:
    """An amount as callers write it."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"
