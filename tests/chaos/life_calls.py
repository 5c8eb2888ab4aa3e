"""What every part of a life calls with: its names, its chance, its calls and reads.

Owns how a call of one life is put together. Which calls there are is the stories'.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.edge_calls import Call, EdgeCalls, Reply
from tests.chaos.teller import Teller

CHANNELS: Final = {"store": "ONLINE_STORE", "till": "POS"}
LOOK_AGAIN_S: Final = 0.3


@dataclass(slots=True, kw_only=True)
class LifeCalls:
    """One customer: who he is, and what he knows by now."""

    name: str
    seed: int
    calls: EdgeCalls
    teller: Teller
    _number: str = ""
    _codes: list[str] = field(default_factory=list)
    _notification: str = ""

    def _chance(self, branch: str) -> random.Random:
        return random.Random(f"{self.seed}/{self.name}/{branch}")

    def _order(self, part: str) -> str:
        return f"{self.name}-{part}"

    def _key(self, step: str) -> str:
        return f"{self.name}/{step}"

    async def _support(self, step: str, operation: str) -> Reply:
        path = f"/certificates/{self._number}/actions/{operation}"
        return await self._act(step, operation, "support", path, body={"reason": "asked for"})

    async def _act(
        self,
        step: str,
        operation: str,
        client: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        method: str = "POST",
        number: str | None = None,
        code: str | None = None,
        wrong_code: bool = False,
    ) -> Reply:
        return await self.calls.act(
            Call(
                life=self.name,
                step=step,
                operation=operation,
                client=client,
                path=path,
                method=method,
                key=self._key(step),
                number=number or self._number or None,
                body=body or {},
                code=code,
                wrong_code=wrong_code,
            )
        )

    async def _read(
        self,
        step: str,
        operation: str,
        client: str,
        *,
        sure: bool = False,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        """A read; a `sure` one sends the latest position that this caller was told."""
        parts = {"readBalance": "/balance", "readHistory": "/history"}
        path = f"/certificates/{self._number}{parts.get(operation, '')}"
        if operation == "searchCertificates":
            path = "/certificates"
        return await self.calls.read(
            Call(
                life=self.name,
                step=step,
                operation=operation,
                client=client,
                path=path,
                number=self._number,
                body=query or {},
                position=self.calls.latest.get(self._number) if sure else None,
            )
        )
