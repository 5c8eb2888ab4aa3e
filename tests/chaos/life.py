"""What one customer does, from the reservation to the last refund, drawn from the seed.

Owns the stories. A life is told again from its beginning when its caller was killed: what was
answered is known, what was open is repeated with the same key, so it goes on where it stood. It
draws only from its own seed, never from an answer's time, or it would become another life.
"""

import asyncio
import random
from typing import Any, Final

from tests.chaos.edge_calls import REVEAL, Reply, Stuck
from tests.chaos.life_calls import CHANNELS, LOOK_AGAIN_S
from tests.chaos.life_spending import Spending
from tests.flow.source_messages import Delivery, Line, Order, Payment

SOLD: Final = frozenset({"ISSUED", "ACTIVE", "PARTIALLY_REDEEMED", "REDEEMED"})
SCARCE: Final = "SCARCE"
ORDINARY: Final = "ELECTRONIC"
SCANNED: Final = "PHYSICAL"

_LOOKS_MAX: Final = 600
_LOOKS_FOR_A_LOST_NUMBER: Final = 60


class NumberLost(Exception):
    """The reservation had lapsed before order and payment came, and somebody else has the number.

    Allowed: a clock jumped, or the service was away for longer than a reservation lasts.
    """


class Life(Spending):
    """One customer's story; `run` says how it ended."""

    __slots__ = ()

    async def run(self) -> str:
        """The whole story, in a word or two."""
        chance = self._chance("story")
        client = chance.choice(sorted(CHANNELS))
        kind = chance.choices(["buy", "abandon", "scarce", "scan"], weights=[80, 6, 8, 6], k=1)[0]
        reserved = await self._reserve(kind, client, chance)
        if not reserved.ok:
            return f"refused {reserved.problem}"
        self._number = str(reserved.content["certificateId"])
        if kind in ("abandon", "scarce"):
            return "abandoned"
        try:
            return await self._bought(client, chance)
        except NumberLost:
            return "number lost"

    # Buying

    async def _reserve(self, kind: str, client: str, chance: random.Random) -> Reply:
        body: dict[str, Any] = {"orderId": self._order("buy")}
        if kind == "scan":
            # Two lives scan the same card: one of them has it.
            card = int(self.name.rpartition("-")[2]) // 2
            number = f"CARD-{card:06d}"
            path = f"/certificates/{number}/actions/reserve"
            return await self._act(
                "reserve", "reserveNumber", client, path, body=body, number=number
            )
        body["pool"] = SCARCE if kind == "scarce" else ORDINARY
        if chance.random() < 0.3:
            body["requestId"] = self._key("reserve")
            return await self._act(
                "reserve", "takeNext", client, "/certificates/next", body=body, method="GET"
            )
        return await self._act("reserve", "takeNext", client, "/certificates/next", body=body)

    async def _bought(self, client: str, chance: random.Random) -> str:
        nominal_minor = chance.randrange(500_00, 5_000_00)
        await self._pay_for_it(client, nominal_minor, chance)
        await self._until_active()
        await self._deliver("first", failed=chance.random() < 0.15)
        ending = chance.random()
        if ending < 0.08:
            await self._undo_purchase(client, nominal_minor)
            return "undone"
        for turn in range(chance.randrange(1, 4)):
            await self._spend_together(f"t{turn}", nominal_minor)
        if ending < 0.16:
            reply = await self._support("annul", "annul")
            return f"annulled {reply.status}"
        await self._read("last", "readCertificate", "support")
        return "spent"

    def _purchase(self, client: str, nominal_minor: int, status: str, version: int) -> Order:
        return Order(
            order_id=self._order("buy"),
            total_minor=nominal_minor,
            lines=[Line(amount_minor=nominal_minor, number=self._number)],
            status=status,
            version=version,
            channel=CHANNELS[client],
            client_id=f"{self.name}-client",
        )

    async def _pay_for_it(self, client: str, nominal_minor: int, chance: random.Random) -> None:
        """Order and payments as they come: any of them first, in parts, twice, of version 1."""
        order_id, channel = self._order("buy"), CHANNELS[client]
        order = self._purchase(client, nominal_minor, "CONFIRMED", 2)
        contract = chance.choice([1, 2])
        parts = [nominal_minor]
        if chance.random() < 0.3:
            first_minor = nominal_minor // 3
            parts = [first_minor, nominal_minor - first_minor]
        payments = [
            Payment(
                payment_id=f"{order_id}-pay-{index}",
                order_id=order_id,
                amount_minor=amount_minor,
                channel=channel,
                contract=contract,
            )
            for index, amount_minor in enumerate(parts)
        ]
        told: list[tuple[str, Order | Payment]] = [
            (f"pay-{index}", payment) for index, payment in enumerate(payments)
        ]
        told.insert(chance.randrange(len(told) + 1), ("order-2", order))
        if chance.random() < 0.3:
            told.insert(0, ("order-1", self._purchase(client, nominal_minor, "CREATED", 1)))
        for step, each in told:
            await self.teller.tell(self.name, step, each, twice=chance.random() < 0.1)

    async def _until_active(self) -> None:
        """Ask until it can be spent; NumberLost when it went to another order."""
        others = 0
        for _ in range(_LOOKS_MAX):
            seen = await self._read("until-active", "readCertificate", "support")
            content = seen.content
            mine = content.get("orderId") == self._order("buy")
            if mine and content["lifecycle"] in SOLD - {"ISSUED"}:
                self._notification = str(content["notification"]["id"])
                return
            others += not mine
            if others > _LOOKS_FOR_A_LOST_NUMBER:
                raise NumberLost
            await asyncio.sleep(LOOK_AGAIN_S)
        raise Stuck("until-active")

    async def _deliver(self, turn: str, *, failed: bool) -> None:
        """The CRM reads the code and says how the message went; a failed one is sent again."""
        notification = self._notification
        revealed = await self._act(
            f"reveal-{notification}",
            REVEAL,
            "crm",
            f"/certificates/{self._number}/cvc",
            method="GET",
            body={"requestId": self._key(f"reveal-{notification}")},
        )
        if revealed.ok:
            self._codes.append(str(revealed.content["cvc"]))
        outcome = "FAILED" if failed else "SENT"
        reason = "nobody there" if failed else None
        await self.teller.tell(
            self.name,
            f"delivery-{turn}",
            Delivery(
                number=self._number,
                notification_id=notification,
                outcome=outcome,
                reason=reason,
            ),
        )
        if failed:
            again = await self._support(f"notify-{turn}", "notify")
            if again.ok:
                seen = await self._read("notified", "readCertificate", "support", sure=True)
                self._notification = str(seen.content["notification"]["id"])
                await self._deliver(f"{turn}-again", failed=False)

    async def _undo_purchase(self, client: str, nominal_minor: int) -> None:
        order_id = self._order("buy")
        undone = self._purchase(client, nominal_minor, "CANCELLED", 3)
        refund = Payment(
            payment_id=f"{order_id}-refund",
            order_id=order_id,
            amount_minor=nominal_minor,
            type="REFUND",
            channel=CHANNELS[client],
        )
        await self.teller.tell(self.name, "undo-order", undone)
        await self.teller.tell(self.name, "undo-payment", refund)
