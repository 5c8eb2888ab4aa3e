"""The codes that customers have, as the CRM was told them: they must never be found in the log.

Owns who was told what. A customer uses the code that was told last, an older one, or a wrong one.
"""

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pipelines.simulation.errands import Errand

Told = tuple["Errand", str]
"""The call that told a code, and the code."""

_WRONG: Final = "00000000"


@dataclass(slots=True)
class Wallet:
    """Every code that was told, by certificate, in the order in which they were told."""

    digits: int
    codes: dict[str, list[Told]] = field(default_factory=dict)

    def keep(self, errand: "Errand", code: str) -> None:
        """A code was told."""
        self.codes.setdefault(errand.number, []).append((errand, code))

    def told(self) -> set[str]:
        """Every code that was told."""
        return {code for codes in self.codes.values() for _, code in codes}

    def code_to_try(self, number: str, random: Random) -> tuple[str, Told | None]:
        """What a customer types, and the code that was told last before."""
        known = self.codes.get(number, [])
        newest = known[-1] if known else None
        chance = random.random()
        if newest is None or chance < 0.12:
            return _WRONG[: self.digits], newest
        return (random.choice(known) if chance < 0.2 else newest)[1], newest
