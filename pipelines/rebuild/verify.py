"""Verify: the live stores are what the retained topics fold into, key by key.

Owns the order of things: who keeps what, where everything stands, the folding, the verdict. Changes
nothing anywhere.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from pipelines.edge_client import TokenSource
from pipelines.faults import OperatorError
from pipelines.progress import Advance, untold
from pipelines.rebuild.crew import Crew
from pipelines.rebuild.dead_letters import dead_letter_places
from pipelines.rebuild.kafka_places import GroupPlaces, Span, refuse_what_is_gone, topic_places
from pipelines.rebuild.live_images import LiveImages, worker_urls
from pipelines.rebuild.partition_work import FoldResult, FoldTask, Part, bundles, fold_and_compare
from pipelines.rebuild.proof import VERSION, Proof, Proven
from pipelines.rebuild.unread import NOTHING_UNREAD, Unread, clock_ms, fault_of_unread, settled
from pipelines.settings import Settings
from pipelines.stores import STORES, FoldedStore, StoreName
from pipelines.topics import topic_name

Spans = Mapping[StoreName, Mapping[int, Span]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What to verify. `http_urls` None: the members of the groups. `log_only`: no live store.

    `unreadable`: so many records cannot be read and are older than the dead letters.
    """

    stores: tuple[StoreName, ...] = tuple(StoreName)
    http_urls: Sequence[str] | None = None
    log_only: bool = False
    processes: int = 1
    against: Proof | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """How one partition of an earlier proof compares. `now` None: it is not as far any more."""

    proven: Proven
    now: str | None

    @property
    def equal(self) -> bool:
        """Whether the topic still folds into the same."""
        return self.now == self.proven.hash


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """One verification. `workers` None: no live store was asked.

    `unread_fault`: what is wrong with the records that could not be read; empty for nothing.
    """

    results: tuple[FoldResult, ...]
    earlier: tuple[Earlier, ...]
    workers: int | None
    seconds: float
    unread: Unread = NOTHING_UNREAD
    unread_fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything that was compared is equal, and was read."""
        equal = all(result.equal is not False for result in self.results)
        return equal and all(each.equal for each in self.earlier) and not self.unread_fault

    @property
    def performed(self) -> int:
        """How many records of the topics were folded."""
        return sum(result.performed for result in self.results)

    @property
    def rate(self) -> float:
        """Records folded a second, over everything."""
        return self.performed / max(self.seconds, 1e-9)

    def proof(self, settings: Settings) -> Proof:
        """The proof to write down."""
        return proof_of(self.results, settings)


def proof_of(results: Sequence[FoldResult], settings: Settings, *, at: str | None = None) -> Proof:
    """Results as a proof."""
    return Proof(
        version=VERSION,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        topic_prefix=settings.topic_prefix,
        partitions=settings.partitions,
        at=at,
        proven=tuple(
            Proven(
                store=result.store,
                partition=result.partition,
                start=0,
                end=result.end,
                records=result.records,
                hash=result.hash,
            )
            for result in results
        ),
    )


def run_verify(
    settings: Settings,
    options: VerifyOptions,
    *,
    token: TokenSource | None = None,
    advance: Advance = untold,
) -> VerifyReport:
    """Fold the topics to where the stores are, and compare.

    An OperatorError when Kafka, a topic or a worker cannot be reached or is not fit for it; a
    difference is no error.
    """
    started_s = time.monotonic()
    refuse_incomparable(options)
    stores = [store for store in STORES if store.name in options.stores]
    spans = whole_spans(settings, stores)
    with ExitStack() as undo:
        live = None
        if not options.log_only:
            live = undo.enter_context(
                LiveImages(
                    options.http_urls or worker_urls(settings),
                    token=token,
                    authorities=settings.tls_ca_location,
                )
            )
            # Before anything is folded: who forgot to start them should not wait for that.
            live.find([(name, each) for name, parts in spans.items() for each in parts])
        crew = Crew(
            settings, dead_letter_places(settings), processes=options.processes, advance=advance
        )
        tasks = _tasks(settings, stores, spans, options, live)
        total = sum(span.end for parts in spans.values() for span in parts.values())
        results = in_order(chain.from_iterable(crew.results(fold_and_compare, tasks, total=total)))
        workers = None if live is None else live.workers
    unread = settled(settings, (result.unread for result in results))
    return VerifyReport(
        results=results,
        earlier=compare_earlier(options.against, results),
        workers=workers,
        seconds=time.monotonic() - started_s,
        unread=unread,
        unread_fault=fault_of_unread(unread, options.unreadable, clock_ms()),
    )


def refuse_incomparable(options: VerifyOptions) -> None:
    """OperatorError when nothing of an earlier proof is verified again: that compares nothing."""
    if options.against is None:
        return
    proven = {each.store for each in options.against.proven}
    if not proven & set(options.stores):
        raise OperatorError(
            f"the earlier proof is of {', '.join(sorted(proven)) or 'nothing'}, and nothing of "
            "that is verified: leave out --store, or take another proof"
        )


def whole_spans(settings: Settings, stores: Sequence[FoldedStore]) -> Spans:
    """Where the topics of the stores begin and end. TopicDiffers: their beginning is gone."""
    with topic_places(settings) as places:
        spans = {store.name: places.spans(store.topic) for store in stores}
    for store in stores:
        name = topic_name(store.topic, settings)
        refuse_what_is_gone(name, spans[store.name], spans[store.name])
    return spans


def in_order(results: Iterable[FoldResult]) -> tuple[FoldResult, ...]:
    """Results in the order of the stores and partitions."""
    places = {store.name: place for place, store in enumerate(STORES)}
    return tuple(sorted(results, key=lambda each: (places[each.store], each.partition)))


def _tasks(
    settings: Settings,
    stores: Sequence[FoldedStore],
    spans: Spans,
    options: VerifyOptions,
    live: LiveImages | None,
) -> Iterator[FoldTask]:
    """The tasks. A live image is taken when a process is free to compare it."""
    by_name = {store.name: store for store in stores}
    ends = committed_ends(settings, stores, spans) if live is None else {}

    def part(name: StoreName, partition: int) -> Part:
        image = None if live is None else live.image(by_name[name], partition)
        return Part(
            partition=partition,
            end=ends[name, partition] if image is None else image.position,
            marks=marks_of(options.against, name, partition),
            live=image,
        )

    for name, partitions in bundles(ends_of(spans)):
        yield FoldTask(store=name, parts=tuple(part(name, each) for each in partitions))


def ends_of(spans: Spans) -> dict[StoreName, dict[int, int]]:
    """Only where each partition ends."""
    return {
        name: {partition: span.end for partition, span in parts.items()}
        for name, parts in spans.items()
    }


def committed_ends(
    settings: Settings, stores: Sequence[FoldedStore], spans: Spans
) -> dict[tuple[StoreName, int], int]:
    """Where the workers go on; the topic's end where their group has never committed anything."""
    groups = GroupPlaces(settings)
    committed = {role: groups.committed(role) for role in {store.role for store in stores}}
    return {
        (store.name, partition): committed[store.role].get(
            (topic_name(store.topic, settings), partition), 0
        )
        if committed[store.role]
        else span.end
        for store in stores
        for partition, span in spans[store.name].items()
    }


def marks_of(proof: Proof | None, store: StoreName, partition: int) -> tuple[int, ...]:
    """Up to where an earlier proof was of this partition."""
    if proof is None:
        return ()
    return tuple(
        each.end for each in proof.proven if (each.store, each.partition) == (store, partition)
    )


def compare_earlier(proof: Proof | None, results: Sequence[FoldResult]) -> tuple[Earlier, ...]:
    """Each partition of an earlier proof that was folded again, with its hash at that offset."""
    if proof is None:
        return ()
    found = {(result.store, result.partition): result for result in results}
    return tuple(
        Earlier(
            proven=proven,
            now=result.hashes.get(proven.end),
        )
        for proven in proof.proven
        if (result := found.get((proven.store, proven.partition))) is not None
    )
