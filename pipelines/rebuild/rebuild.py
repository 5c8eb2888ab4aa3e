"""Rebuild: make the changelogs anew from the retained topics, while the workers are stopped.

Owns the order of things, and every reason to refuse: a wrong changelog is a number sold twice. The
workers recover from what is written here in their ordinary way. Nothing else is written, and
nothing at all before everything was folded.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

from pipelines.faults import OperatorError
from pipelines.progress import Advance, untold
from pipelines.rebuild.changelogs import (
    filled,
    headers_of,
    make_empty,
    present,
    wanted_changelog,
)
from pipelines.rebuild.crew import Crew
from pipelines.rebuild.dead_letters import dead_letter_places
from pipelines.rebuild.kafka_places import Committed, GroupPlaces, topic_places
from pipelines.rebuild.log_writer import LogTransaction
from pipelines.rebuild.partition_work import FoldResult, Part, bundles
from pipelines.rebuild.rebuild_work import SpoolTask, Target, fold_and_spool, spool_path
from pipelines.rebuild.spool import read_spool
from pipelines.rebuild.unread import clock_ms, fault_of_unread, settled
from pipelines.rebuild.verify import Spans, in_order, whole_spans
from pipelines.settings import Settings
from pipelines.stores import STORES, FoldedStore, StoreName
from pipelines.topics import STREAM, Role, group_name, topic_name

_LEAVE_S: Final = 5.0
"""Beyond a session: so long a group may take to forget a worker that was stopped."""

_LOOK_EVERY_S: Final = 0.2
_FOLDER: Final = "giftcert-rebuild-"

Ends = Mapping[StoreName, Mapping[int, int]]
Shown = Callable[[str], AbstractContextManager[Advance]]


class RebuildRefused(OperatorError):
    """Rebuilding now could lose or double something."""

    exit_code: ClassVar[int] = 1


@contextmanager
def unshown(_what: str) -> Iterator[Advance]:
    """Progress that nobody watches."""
    yield untold


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOptions:
    """What to rebuild. `replace`: delete changelogs that hold something. `dry_run`: write nothing.

    `into` folds into stores in that directory, for inspection, and writes nothing to Kafka.
    `unreadable`: so many records cannot be read and are older than the dead letters.
    """

    stores: tuple[StoreName, ...] = tuple(StoreName)
    processes: int = 1
    dry_run: bool = False
    replace: bool = False
    into: Path | None = None
    spool_dir: Path | None = None
    unreadable: int = 0

    @property
    def writes(self) -> bool:
        """Whether the changelogs are written."""
        return not self.dry_run and self.into is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What was folded, and written where it says so."""

    results: tuple[FoldResult, ...]
    written: bool
    fold_s: float
    write_s: float

    @property
    def performed(self) -> int:
        """How many records of the topics were folded."""
        return sum(result.performed for result in self.results)

    @property
    def records(self) -> int:
        """How many records the stores hold."""
        return sum(result.records for result in self.results)


def run_rebuild(
    settings: Settings, options: RebuildOptions, *, shown: Shown = unshown
) -> RebuildReport:
    """Fold up to what the groups have committed, and fill the changelogs.

    RebuildRefused, or another OperatorError, before anything was changed, or else it says what was
    deleted. Interrupted it has written nothing that anybody reads; it is simply run again.
    """
    stores = [store for store in STORES if store.name in options.stores]
    groups = GroupPlaces(settings)
    if not options.writes:
        with TemporaryDirectory(prefix=_FOLDER, dir=options.spool_dir) as made:
            folder = Path(made) if options.into is None else options.into
            return _folded(settings, options, groups, stores, folder, shown)[0]
    _await_rest(groups, settings, stores)
    deleted: list[str] = []
    try:
        # Entered before anything is read: an earlier run that still goes on can write no more.
        with (
            TemporaryDirectory(prefix=_FOLDER, dir=options.spool_dir) as made,
            LogTransaction(settings, f"{settings.processor_group}-rebuild") as transaction,
        ):
            if not options.replace:
                _refuse_filled(settings, stores)
            folder = Path(made)
            report, committed = _folded(settings, options, groups, stores, folder, shown)
            started_s = time.monotonic()
            # Folding takes its time, and what is deleted next is what a worker would recover from.
            _refuse_changes(groups, settings, stores, committed)
            if options.replace:
                deleted += present(settings, stores)
            make_empty(settings, stores, delete=deleted)
            _write(transaction, settings, stores, report.results, folder, shown)
            _refuse_changes(groups, settings, stores, committed)
            _go_on(transaction, settings, stores, committed)
    except OperatorError as error:
        if not deleted:
            raise
        raise RebuildRefused(
            f"{error}; {', '.join(deleted)} had been deleted for it and must be filled: start no "
            "worker, and run this again with --replace"
        ) from error
    _refuse_members(groups, settings, stores, late=True)
    return replace(report, written=True, write_s=time.monotonic() - started_s)


def _folded(
    settings: Settings,
    options: RebuildOptions,
    groups: GroupPlaces,
    stores: Sequence[FoldedStore],
    folder: Path,
    shown: Shown,
) -> tuple[RebuildReport, Mapping[Role, Committed]]:
    """Everything folded, and up to where; refused unless it is what the workers made."""
    spans = whole_spans(settings, stores)
    committed = {role: groups.committed(role) for role in _roles(stores)}
    ends = positions(settings, stores, spans, committed)
    started_s = time.monotonic()
    results = _fold(settings, options, ends, folder, shown)
    fold_s = time.monotonic() - started_s
    unread = settled(settings, (result.unread for result in results))
    refuse_unread(fault_of_unread(unread, options.unreadable, clock_ms()))
    refuse_disagreement(results)
    report = RebuildReport(results=results, written=False, fold_s=fold_s, write_s=0.0)
    return report, committed


def positions(
    settings: Settings,
    stores: Sequence[FoldedStore],
    spans: Spans,
    committed: Mapping[Role, Committed],
) -> dict[StoreName, dict[int, int]]:
    """Up to where each partition is folded: where its group goes on.

    RebuildRefused: the group has committed nothing, or more than the topic has.
    """
    ends: dict[StoreName, dict[int, int]] = {}
    for store in stores:
        name, known = topic_name(store.topic, settings), committed[store.role]
        parts = spans[store.name]
        if not known and any(span.end for span in parts.values()):
            group = group_name(store.role, settings)
            raise RebuildRefused(
                f"the group {group} has no committed offsets, so nobody knows up to where {name} "
                "was performed; started now, workers would perform all of it again. "
                "docs/rebuild.md says how to find the offsets, set them with Kafka's "
                "kafka-consumer-groups, and run this again"
            )
        # A partition of which a known group has committed nothing is begun at its start.
        ends[store.name] = {part: known.get((name, part), 0) for part in parts}
        for part, span in parts.items():
            if ends[store.name][part] > span.end:
                raise RebuildRefused(
                    f"{name} partition {part} ends at {span.end:,}, and its group has committed "
                    f"{ends[store.name][part]:,}: the topic is not the one that was performed"
                )
    return ends


def refuse_unread(fault: str) -> None:
    """RebuildRefused when there are records that the workers have read and this could not."""
    if fault:
        raise RebuildRefused(f"{fault}; nothing was changed")


def refuse_disagreement(results: Sequence[FoldResult]) -> None:
    """RebuildRefused when the stream does not tell of just what was folded.

    Events and offsets are committed together. Where they disagree the offsets are not those up to
    which the workers performed: they were set by hand, or come from another time.
    """
    found = [line for result in results for line in result.disagreements]
    if found:
        more = f", and {len(found) - 1:,} more" if len(found) > 1 else ""
        raise RebuildRefused(
            "the committed offsets do not belong to the stream as it is: "
            f"{found[0]}{more}; nothing was changed"
        )


def _roles(stores: Sequence[FoldedStore]) -> list[Role]:
    return sorted({store.role for store in stores})


def _await_rest(groups: GroupPlaces, settings: Settings, stores: Sequence[FoldedStore]) -> None:
    """Wait until Kafka has forgotten the workers that were stopped, or died at their work.

    They stay members until their session is over, and a transaction that one of them left open
    hides what others have committed behind it.
    """
    topics = [*(store.topic for store in stores), STREAM]
    longest_ms = max(settings.session_timeout_ms, settings.transaction_timeout_ms)
    deadline_s = time.monotonic() + longest_ms / 1_000 + _LEAVE_S
    while True:
        members = [role for role in _roles(stores) if groups.members(role)]
        still_open = [] if members else groups.transactions_open(topics)
        if not members and not still_open:
            return
        if time.monotonic() > deadline_s:
            break
        time.sleep(_LOOK_EVERY_S)
    _refuse_members(groups, settings, stores)
    raise RebuildRefused(
        f"somebody has a transaction open in {', '.join(still_open)}: stop every worker, and run "
        "this again"
    )


def _refuse_members(
    groups: GroupPlaces, settings: Settings, stores: Sequence[FoldedStore], *, late: bool = False
) -> None:
    for role in _roles(stores):
        members = groups.members(role)
        if members:
            what = (
                "a worker came while the changelogs were written: stop all, delete their volumes, "
                "and run this again with --replace"
                if late
                else "stop all of them first"
            )
            names = ", ".join(member.partition("@")[0] for member in members)
            raise RebuildRefused(
                f"the group {group_name(role, settings)} has workers ({names}): {what}"
            )


def _refuse_filled(settings: Settings, stores: Sequence[FoldedStore]) -> None:
    names = filled(settings, stores)
    if names:
        raise RebuildRefused(
            f"{', '.join(names)}: there are records in it, and a worker can recover from them; "
            "--replace deletes the topic and makes it anew, --store chooses what to rebuild"
        )


def _refuse_changes(
    groups: GroupPlaces,
    settings: Settings,
    stores: Sequence[FoldedStore],
    committed: Mapping[Role, Committed],
) -> None:
    """The groups are as they were when the folding began."""
    _refuse_members(groups, settings, stores)
    for role, known in committed.items():
        if groups.committed(role) != known:
            raise RebuildRefused(
                f"the group {group_name(role, settings)} has committed something meanwhile: "
                "stop all workers, and run this again"
            )


def _fold(
    settings: Settings, options: RebuildOptions, ends: Ends, folder: Path, shown: Shown
) -> tuple[FoldResult, ...]:
    with topic_places(settings) as places:
        stream = {part: span.end for part, span in places.spans(STREAM).items()}
    tasks = (
        SpoolTask(
            store=store,
            parts=tuple(Part(partition=each, end=ends[store][each]) for each in partitions),
            stream_ends={each: stream[each] for each in partitions},
            folder=folder,
            target=Target.SPOOL if options.into is None else Target.STORE,
            whole=options.writes,
        )
        for store, partitions in bundles(ends)
    )
    total = sum(end for parts in ends.values() for end in parts.values())
    with shown("folding the topics") as advance:
        crew = Crew(
            settings, dead_letter_places(settings), processes=options.processes, advance=advance
        )
        return in_order(chain.from_iterable(crew.results(fold_and_spool, tasks, total=total)))


def _write(
    transaction: LogTransaction,
    settings: Settings,
    stores: Sequence[FoldedStore],
    results: Sequence[FoldResult],
    folder: Path,
    shown: Shown,
) -> None:
    """Fill the changelogs, and wait until Kafka has it all."""
    by_name = {store.name: store for store in stores}
    total, done = sum(result.records for result in results), 0
    with shown("writing the changelogs") as advance:

        def told(more: int) -> None:
            nonlocal done
            done += more
            advance(done, total)

        for result in results:
            store = by_name[result.store]
            transaction.write(
                wanted_changelog(store, settings).name,
                result.partition,
                read_spool(spool_path(folder, result.store, result.partition)),
                headers_of(store, settings, result.end),
                told,
            )
        # Minutes perhaps: what is looked at before the commit is looked at afterwards.
        transaction.flush()


def _go_on(
    transaction: LogTransaction,
    settings: Settings,
    stores: Sequence[FoldedStore],
    committed: Mapping[Role, Committed],
) -> None:
    """The same offsets as before, of what was rebuilt, committed with its changelogs."""
    for role, known in committed.items():
        names = {topic_name(store.topic, settings) for store in stores if store.role is role}
        offsets = {place: offset for place, offset in known.items() if place[0] in names}
        if offsets:
            transaction.go_on_at(group_name(role, settings), offsets)
