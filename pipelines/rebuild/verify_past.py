"""Runs a verification of a past time: finds the offsets of that time, has them folded, sums up.

Owns the order of things and the report. Changes nothing anywhere.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from pipelines.audit.figures import MoneyFigures
from pipelines.faults import OperatorError
from pipelines.progress import Advance, untold
from pipelines.rebuild.crew import Crew
from pipelines.rebuild.dead_letters import dead_letter_places
from pipelines.rebuild.kafka_places import topic_places
from pipelines.rebuild.partition_work import bundles
from pipelines.rebuild.past import PastResult, PastTask, fold_past, money_figures
from pipelines.rebuild.proof import Proof
from pipelines.rebuild.unread import NOTHING_UNREAD, Unread, clock_ms, fault_of_unread, settled
from pipelines.rebuild.verify import (
    Earlier,
    VerifyOptions,
    compare_earlier,
    in_order,
    marks_of,
    proof_of,
    refuse_incomparable,
    whole_spans,
)
from pipelines.settings import Settings
from pipelines.stores import STORES
from pipelines.topics import STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReport:
    """What was at a time. `open_ended`: partitions in which nothing is newer than it."""

    at: datetime
    results: tuple[PastResult, ...]
    earlier: tuple[Earlier, ...]
    open_ended: int
    seconds: float
    unread: Unread = NOTHING_UNREAD
    unread_fault: str = ""

    @property
    def money(self) -> tuple[MoneyFigures, ...]:
        """The money there was, by currency."""
        return money_figures([result.money for result in self.results])

    @property
    def certificates(self) -> int:
        """How many certificates there were, sold or not."""
        return sum(result.certificates for result in self.results)

    @property
    def disagreeing(self) -> int:
        """How many numbers are not what the stream said of them."""
        return sum(result.disagreeing for result in self.results)

    @property
    def performed(self) -> int:
        """How many records of the topics were folded."""
        return sum(result.fold.performed for result in self.results)

    @property
    def rate(self) -> float:
        """Records folded a second, over everything."""
        return self.performed / max(self.seconds, 1e-9)

    @property
    def holds(self) -> bool:
        """Whether the stream, the balances and an earlier proof agree with the fold."""
        sound = not self.unread_fault and all(row.unexplained_minor == 0 for row in self.money)
        return sound and not self.disagreeing and all(each.equal for each in self.earlier)

    def proof(self, settings: Settings) -> Proof:
        """The proof to write down."""
        folds = [result.fold for result in self.results]
        return proof_of(folds, settings, at=self.at.isoformat())


def run_verify_past(
    settings: Settings, options: VerifyOptions, at: datetime, *, advance: Advance = untold
) -> PastReport:
    """Fold each topic as of a time, and compare the certificates with the stream.

    A record belongs to the time at which its writer says it was written, as Kafka keeps it. An
    OperatorError when the time is not over, or Kafka or a topic is not fit for it.
    """
    started_s = time.monotonic()
    refuse_incomparable(options)
    at_ms = int(at.timestamp() * 1_000)
    if at_ms > time.time_ns() // 1_000_000:
        raise OperatorError(f"{at.isoformat()} is not over: only what has been can be proven")
    stores = [store for store in STORES if store.name in options.stores]
    spans = whole_spans(settings, stores)
    with topic_places(settings) as places:
        ends = {
            store.name: places.at_time(store.topic, spans[store.name], at_ms) for store in stores
        }
        stream = places.spans(STREAM)
    crew = Crew(
        settings, dead_letter_places(settings), processes=options.processes, advance=advance
    )
    tasks = (
        PastTask(
            store=name,
            ends={each: ends[name][each] for each in partitions},
            stream_ends={each: stream[each].end for each in partitions},
            marks={each: marks_of(options.against, name, each) for each in partitions},
        )
        for name, partitions in bundles(ends)
    )
    total = sum(end for parts in ends.values() for end in parts.values())
    results = _in_order(chain.from_iterable(crew.results(fold_past, tasks, total=total)))
    unread = settled(settings, (result.fold.unread for result in results))
    return PastReport(
        at=at,
        results=results,
        earlier=compare_earlier(options.against, [result.fold for result in results]),
        open_ended=sum(
            spans[name][part].end == end
            for name, parts in ends.items()
            for part, end in parts.items()
        ),
        seconds=time.monotonic() - started_s,
        unread=unread,
        unread_fault=fault_of_unread(unread, options.unreadable, clock_ms()),
    )


def _in_order(results: Iterable[PastResult]) -> tuple[PastResult, ...]:
    by_place = {(each.fold.store, each.fold.partition): each for each in results}
    folds = in_order(result.fold for result in by_place.values())
    return tuple(by_place[fold.store, fold.partition] for fold in folds)
