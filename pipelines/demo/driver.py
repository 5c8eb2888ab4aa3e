"""The demo from beginning to end, on a stack that runs.

Owns the order of its acts: load, the year, waiting for its end, the paced phase, the verdict. It
starts no stack and prints no result.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from pipelines.audit.report import AuditReport
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.demo.actors import Actors
from pipelines.demo.backlog import Backlog, is_done
from pipelines.demo.baskets import ELECTRONIC, Basket, BasketData
from pipelines.demo.latency import Latency, latency_of
from pipelines.demo.listener import StreamListener
from pipelines.demo.paced import ORDERS_A_SECOND, PacedPhase, paced_baskets
from pipelines.demo.patience import NothingComes, Patience
from pipelines.demo.progress import Meter
from pipelines.demo.proving import Proving
from pipelines.demo.publisher import Publisher
from pipelines.demo.records import RecordWriter, Source
from pipelines.demo.report import Result
from pipelines.demo.schedule import Schedule
from pipelines.demo.steps import Slot
from pipelines.demo.stock import Stock, plan_supply
from pipelines.demo.storefront import Storefront
from pipelines.demo.verdict import disagreements
from pipelines.demo.witness import Witness
from pipelines.settings import Settings

_FLUSH_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.5
_SAID_EVERY_S: Final = 5.0
_STUCK_S: Final = 120.0
_LAST_EVENTS_S: Final = 30.0
_WARM_UP: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What to play, and on what.

    `load` loads a CSV file into a pool and says how many went in; `token` gives one for a client,
    `token_of` the one that stands for a buyer's address.
    `prove` loses and rebuilds every store at the end; None: they are left alone.
    """

    settings: Settings
    url: str
    token: Callable[[str], str]
    broker: str
    run_id: str
    seed: int
    folder: Path
    token_of: Callable[[Basket], str]
    load: Callable[[Path, str], int]
    audit: Callable[[], AuditReport]
    prove: Callable[[], Proving] | None
    check_stack: Callable[[], None]
    began_s: float
    paced_orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cast:
    """Everybody who takes part."""

    actors: Actors
    publisher: Publisher
    patience: Patience
    stock: Stock
    backlog: Backlog


class Demo:
    """One run. Every part of it is ended when `play` returns or raises."""

    def __init__(self, plan: DemoPlan, data: BasketData, meter: Meter) -> None:
        self._plan = plan
        self._data = data
        self._meter = meter
        self._schedule = Schedule(seed=plan.seed)
        self._witness = Witness()
        self._numbers: dict[Slot, str] = {}
        self._paced = _paced_baskets(data, plan)

    def play(self) -> Result:
        """Play everything, and say what came of it."""
        plan, witness = self._plan, self._witness
        baskets = self._data.count()
        with self._cast() as cast:
            self._meter.say("Loading the first delivery of numbers")
            cast.stock.deliver()
            self._tell_year(cast, baskets)
            next_ms = cast.actors.next_ms
            told = len(next_ms)
            self._empty_the_pool(cast)
            warmed_up = len(next_ms)
            e2e = self._sell_paced(cast)
            self._settle(cast)
            self._meter.say("Auditing")
            audit = plan.audit()
            proving = None if plan.prove is None else plan.prove()
            return Result(
                broker=plan.broker,
                baskets=baskets,
                orders=cast.publisher.written[Source.ORDERS],
                payments=cast.publisher.written[Source.PAYMENTS],
                events=witness.events(),
                dead_letters=witness.dead_letters,
                certificates=witness.certificates(),
                e2e=e2e,
                next_paced=latency_of(next_ms[warmed_up:]),
                next_story=latency_of(next_ms[:told]),
                delivered=latency_of(witness.deliveries_ms()),
                seconds=monotonic() - plan.began_s,
                audit=audit,
                proving=proving,
                disagreements=self._disagreements(cast.stock),
            )

    @contextmanager
    def _cast(self) -> Iterator[_Cast]:
        """Everybody, with their threads running until the end."""
        plan, framing = self._plan, SingleObjectFraming()
        publisher = Publisher(plan.settings)
        writer = RecordWriter(framing, self._numbers, plan.token_of)
        with ExitStack() as undo:
            undo.callback(publisher.abandon)
            backlog = Backlog(plan.settings)
            undo.callback(backlog.close)
            storefront = undo.enter_context(Storefront(plan.url, plan.token))
            patience = undo.enter_context(
                Patience(self._witness, (publisher.check, plan.check_stack))
            )
            listener = StreamListener(plan.settings, framing, self._witness)
            patience.start(listener.listen)
            stock = self._stock()
            actors = Actors(
                run_id=plan.run_id,
                service=storefront,
                records=publisher,
                writer=writer,
                witness=self._witness,
                patience=patience,
                stock=stock,
                numbers=self._numbers,
            )
            yield _Cast(
                actors=actors,
                publisher=publisher,
                patience=patience,
                stock=stock,
                backlog=backlog,
            )

    def _stock(self) -> Stock:
        story = Counter(card.pool for card in self._data.gift_cards(limited=True))
        paced = Counter(basket.gift_cards[0].pool for basket in self._paced)
        return Stock(
            supply=plan_supply(story, paced),
            seed=self._plan.seed,
            folder=self._plan.folder,
            load=self._plan.load,
        )

    def _tell_year(self, cast: _Cast, baskets: int) -> None:
        """The whole story, and then wait until the service has done with it."""
        began_s = monotonic()
        tracked = self._meter.track(self._data.baskets(), total=baskets, what="Baskets")
        for step in self._schedule.steps(tracked):
            cast.actors.perform(step)
        cast.publisher.release_held()
        cast.publisher.flush(_FLUSH_S)
        took_s, records = monotonic() - began_s, cast.publisher.written.total()
        self._meter.say(
            f"Wrote {records:,} records in {took_s:,.0f} s, {records / took_s:,.0f} a second"
        )
        self._settle(cast)

    def _empty_the_pool(self, cast: _Cast) -> None:
        """A first sale or more, not measured; they empty the pool where the story did not."""
        warm_up = self._paced[:_WARM_UP]
        for basket in warm_up:
            if basket is not warm_up[0] and cast.stock.refills:
                break
            cast.actors.perform(self._schedule.purchase(basket))

    def _sell_paced(self, cast: _Cast) -> Latency:
        baskets = self._paced[_WARM_UP:]
        self._meter.say(f"Selling {len(baskets):,} more, {ORDERS_A_SECOND} a second, to measure")
        phase = PacedPhase(
            actors=cast.actors, schedule=self._schedule, baskets=baskets, seed=self._plan.seed
        )
        phase.run()
        return phase.e2e()

    def _settle(self, cast: _Cast) -> None:
        """Wait until nothing is left to do, and every certificate has shown all its events."""
        cast.publisher.flush(_FLUSH_S)
        self._await_rest(cast)
        wanted = [
            (self._numbers[slot], account.sequence)
            for slot, account in self._schedule.book.accounts.items()
        ]
        complete = cast.patience.gives(
            lambda: self._witness.has_sequences(wanted) and not self._witness.told_otherwise(),
            within_s=_LAST_EVENTS_S,
        )
        if not complete:
            self._meter.say("Some events have not come; the comparison at the end names them")

    def _await_rest(self, cast: _Cast) -> None:
        """Wait while the service reads on, and say now and then how far it is."""
        left, moved_s, said_s = cast.backlog.sources(), monotonic(), monotonic()
        before: list[int] = []
        rest = cast.backlog.rest()
        while not is_done(before, rest):
            cast.patience.pause(_LOOK_EVERY_S)
            before, rest = rest, cast.backlog.rest()
            now_s, left_before, left = monotonic(), left, cast.backlog.sources()
            if left < left_before:
                moved_s = now_s
            if min(now_s - moved_s, self._witness.quiet_for_s()) > _STUCK_S:
                raise NothingComes(f"the service stands still {left:,} records from the end")
            if left and now_s - said_s > _SAID_EVERY_S:
                said_s = now_s
                self._meter.say(f"The service has {left:,} records still to read")

    def _disagreements(self, stock: Stock) -> list[str]:
        return disagreements(
            self._schedule.book,
            self._numbers,
            self._witness,
            loaded=stock.loaded,
            refills=stock.refills,
        )


def _paced_baskets(data: BasketData, plan: DemoPlan) -> list[Basket]:
    """Electronic ones to warm up with, then the measured ones."""
    cards = data.gift_cards(limited=False)
    electronic = [card for card in cards if card.pool == ELECTRONIC]
    warm_up = paced_baskets(electronic, first=0, count=_WARM_UP, seed=plan.seed)
    return warm_up + paced_baskets(cards, first=_WARM_UP, count=plan.paced_orders, seed=plan.seed)
