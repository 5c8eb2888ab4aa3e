"""The neighbours of the service: everybody who buys, sells, pays, asks, supports and breaks.

Owns the list of what they do and how often, and hands each act to whose it is. What comes of it is
the service's.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Final

from pipelines.simulation.actors import ActorKind
from pipelines.simulation.callers import Callers
from pipelines.simulation.desk import Desk
from pipelines.simulation.mirror import Mirror
from pipelines.simulation.ordinary import Ordinary
from pipelines.simulation.process import Process
from pipelines.simulation.repeating import Repeating
from pipelines.simulation.selling import POOLS, Selling
from pipelines.simulation.sources import Sources
from pipelines.simulation.spending import Spending
from pipelines.simulation.undoing import Undoing
from pipelines.simulation.wallet import Wallet

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_WEIGHTS: Final[Mapping[str, int]] = {
    "load": 4,
    "reserve": 14,
    "scan": 3,
    "tell order": 8,
    "pay": 12,
    "tell payment again": 3,
    "undo purchase": 3,
    "begin spending": 16,
    "authorize": 22,
    "close hold": 16,
    "tell spending": 14,
    "go on spending": 4,
    "give back": 5,
    "tell customers": 14,
    "support": 4,
    "read": 6,
    "repeat call": 7,
    "ask again": 6,
    "give up call": 3,
    "ordinary": 5,
    "tell again": 5,
    "break": 1,
}

ACTOR_KINDS: Final = tuple(ActorKind(name=name, weight=weight) for name, weight in _WEIGHTS.items())

_LAGS: Final = 0.2
"""How often the neighbours act on what they read on the stream a while ago."""

_ROUNDS_MAX: Final = 3


class Neighbours:
    """All of them, in one run."""

    def __init__(self, universe: "Universe") -> None:
        self._universe = universe
        self.mirror = Mirror(universe)
        self.callers = Callers(universe)
        self.sources = Sources(universe)
        self.wallet = Wallet(digits=universe.settings.cvc_digits)
        self.selling = Selling(universe, self.callers, self.sources, self.mirror)
        self._undoing = Undoing(self.selling, self.sources)
        self.spending = Spending(self.callers, self.sources, self.mirror, self.wallet)
        self.desk = Desk(universe, self.callers, self.sources, self.mirror, self.wallet)
        self.ordinary = Ordinary(self.sources)
        self._repeating = Repeating(self.callers)
        self._acts = self._all_acts()
        self._rounds = 0
        self._stocked = False

    def _all_acts(self) -> Mapping[str, Callable[[Random], str]]:
        return {
            "load": self.desk.load,
            "reserve": self.selling.reserve,
            "scan": self.selling.scan,
            "tell order": self.selling.tell,
            "pay": self.selling.pay,
            "tell payment again": self._undoing.tell_payment_again,
            "undo purchase": self._undoing.undo,
            "begin spending": self.spending.begin,
            "authorize": self.spending.authorize,
            "close hold": self.spending.close,
            "tell spending": self.spending.tell,
            "go on spending": self.spending.go_on,
            "give back": self.spending.give_back,
            "tell customers": self.desk.tell_customers,
            "support": self.desk.support,
            "read": self.desk.read,
            "repeat call": self._repeating.repeat,
            "ask again": self.callers.repeat_unanswered,
            "give up call": self.callers.give_up,
            "ordinary": self.ordinary.go_on,
            "tell again": self.sources.again,
            "break": self._break,
        }

    def act(self, kind: str, random: Random) -> str:
        """Do one thing of a kind; say in a line what was done."""
        if not self._stocked:
            self._stocked = True
            self.desk.stock(random)
        if random.random() >= _LAGS:
            self.mirror.read()
        return self._acts[kind](random)

    def _break(self, random: Random) -> str:
        number = self.mirror.any_number(random) or "EL-00000"
        return self.sources.break_something(random, number, random.choice(POOLS))

    def books(self) -> Mapping[tuple[str, str], str | None]:
        """Which payment each payment operation is about, as the payment system knows it."""
        orders = (*self.selling.orders, *self.spending.orders, *self.ordinary.orders)
        return {
            (payment.type, payment.payment_id): payment.about
            for order in orders
            for payment in order.payments
        }

    def hear(self, process: Process, payload: bytes) -> None:
        """A record came in the partition of the replies that this process's edge reads."""
        self.callers.hear(process, payload)

    def look(self) -> None:
        """Something moved: calls that wait for it go on."""
        self.callers.look()

    def process_died(self, process: Process) -> None:
        """An edge is gone, and every call that was under way in it."""
        self.callers.process_died(process)

    def finish(self) -> bool:
        """What is late comes at last: answers, missing halves, codes; then nothing is left."""
        random = self._universe.random
        if self.callers.finish(random):
            return True
        self.mirror.read()
        if self._rounds >= _ROUNDS_MAX:
            return False
        self._rounds += 1
        late = self._rounds == 1
        told = late and self.selling.finish(random)
        told = (late and self.spending.finish(random)) or told
        wishes = len(self.mirror.wishes)
        for _ in range(wishes):
            self.desk.tell_customers(random)
        return told or wishes > 0
