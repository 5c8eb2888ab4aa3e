"""What the engine and those who act in its universe know of each other.

Owns the two protocols' words only: what an actor can be asked to do, and what a check may find.
"""

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipelines.simulation.process import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorKind:
    """One thing that actors can be asked to do, and how often beside the others."""

    name: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A law that a run broke: which one, and where."""

    law: str
    text: str


class Actors(Protocol):
    """The neighbours and callers of the service: all that is not the service itself.

    They decide by the random numbers they are given and by what they see, by nothing else.
    """

    def act(self, kind: str, random: Random) -> str:
        """Do one thing of a kind; say in a line what was done, for the printed history."""
        ...

    def hear(self, process: "Process", payload: bytes) -> None:
        """A record came in the partition of the replies that this process's edge reads."""
        ...

    def look(self) -> None:
        """Something moved (a store, the clock): calls that wait for it may go on."""
        ...

    def process_died(self, process: "Process") -> None:
        """An edge is gone, and every call that was under way in it. Called once for each life."""
        ...

    def finish(self) -> bool:
        """Do the next of what must still happen before a run may be judged; False: nothing is left.

        Called again and again while the universe settles, each time after all is performed.
        """
        ...
