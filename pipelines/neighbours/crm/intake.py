"""The CRM's reading of the stream: what to deliver, what to put on record, and when.

Owns the turn: read, start deliveries, take what they say, commit. One commit is one transaction:
outcomes onto All_Clients, and with them how far the stream was read and what is still open. A send
begins only after a commit has said that it does, and Kafka takes a commit only from the member that
has the partition: of two CRMs that both believe to have one, only one can send.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from queue import Empty
from time import monotonic
from typing import Final, assert_never

import structlog

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.faults import BrokerRefused
from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm.desk import Begins, Desk, Done, NotSent, Said
from pipelines.neighbours.crm.group_words import (
    Committed,
    Given,
    Member,
    NotCommitted,
    PutOut,
    ReadTo,
    Told,
)
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.outcome import Obsolete, outcome_record
from pipelines.neighbours.crm.partition_work import PartitionWork
from pipelines.neighbours.crm.progress_note import Progress, UnknownNote, progress_of
from pipelines.neighbours.crm.request import StreamRecord, happening_of

_BUSY_S: Final = 0.02
_IDLE_S: Final = 0.1
_QUIET_COMMIT_S: Final = 5.0
"""How often the place is committed where nothing else calls for a commit."""

_ENDING_S: Final = 4.0
"""How long sends under way may take when partitions go, or the process does."""

_LOOK_UP_S: Final = 0.05
_TOLD_WITHIN_S: Final = 60.0
_FAILING_S: Final = 60.0
_SHORTEST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beginning:
    """A send that waits for its record; `fresh`: none of this message had begun before."""

    said: Begins
    fresh: bool


class Intake:
    """One CRM's share of the stream; all of it in one thread."""

    def __init__(
        self,
        desk: Desk,
        framing: Framing,
        metrics: CrmMetrics,
        last_turn: LastTurn,
        *,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = monotonic,
        ending_s: float = _ENDING_S,
    ) -> None:
        self._desk = desk
        self._framing = framing
        self._metrics = metrics
        self._last_turn = last_turn
        self._now_ms = now_ms
        self._clock = clock
        self._ending_s = ending_s
        self._in_group = False
        self._caught_up = False
        self._works: dict[int, PartitionWork] = {}
        self._ends: dict[int, int] = {}
        self._told: dict[tuple[int, int], Told] = {}
        self._begins: list[_Beginning] = []
        self._changed = False
        self._closing: set[int] = set()
        self._committed: dict[int, Progress] = {}
        self._committed_s = clock()
        self._put_out_s: float | None = None
        self._failing_since_s: float | None = None
        self._commit_again_s = float("-inf")

    @property
    def caught_up(self) -> bool:
        """Whether all partitions of ours were read to the end they had; a spare has none.

        As of the last turn: this is asked from another thread.
        """
        return self._caught_up

    def turn(self, member: Member) -> None:
        """Read what has come, start what may start, put on record what there is."""
        self._last_turn.note()
        busy = bool(self._waiting)
        for each in member.read(_BUSY_S if busy else _IDLE_S):
            self._take(each)
        self._start()
        self._listen()
        self._commit(member)
        self._show()
        if self._put_out_s is not None and self._clock() - self._put_out_s > _TOLD_WITHIN_S:
            raise BrokerRefused("the group went on without this CRM: start it again")

    def assigned(self, given: Mapping[int, Given]) -> None:
        """These partitions are ours from now on, and no others."""
        self._put_out_s = None
        self._in_group = True
        self._give_away(list(self._works))
        for partition, each in given.items():
            work = self._works[partition] = _work_from(partition, each.committed)
            self._ends[partition] = each.end
            if work.read_to >= each.end:
                work.all_read()

    def gone(self, member: Member | None, partitions: Collection[int]) -> None:
        """These partitions go; `member` None: they are gone, and nothing can be committed.

        Sends under way may end first, so that their outcome is told and nobody has to doubt.
        """
        if member is not None and self._put_out_s is None:
            self._closing = set(partitions)
            self._await_sends(member, partitions)
            self._closing = set()
        self._in_group = False
        self._give_away(partitions)

    def close(self, member: Member) -> None:
        """The process ends: the same for all partitions."""
        self.gone(member, list(self._works))

    @property
    def _waiting(self) -> int:
        return sum(work.waiting for work in self._works.values())

    def _take(self, read: StreamRecord | ReadTo) -> None:
        work = self._works.get(read.partition)
        if work is None:
            return
        if isinstance(read, ReadTo):
            work.all_read()
            return
        if read.offset < work.read_to:
            work = self._begun_anew(read.partition)
        try:
            happening = happening_of(read, self._framing)
        except BrokenRecord as broken:
            happening = None
            self._metrics.unreadable()
            _log.warning(
                "a record of the stream cannot be read",
                partition=read.partition,
                offset=read.offset,
                fault=broken.text,
            )
        ended = work.take(read.offset, happening)
        if work.read_to >= self._ends[read.partition]:
            # On a stream that never rests nobody says that its end was reached.
            work.all_read()
        if ended is not None:
            self._changed = True
            self._desk.drop(ended)

    def _begun_anew(self, partition: int) -> PartitionWork:
        """The topic is not the one that was committed: all that it has is new."""
        _log.warning("the stream begins anew", partition=partition)
        end = self._ends[partition]
        self._give_away([partition])
        self._works[partition] = PartitionWork(Progress(read_to=0))
        self._ends[partition] = end
        return self._works[partition]

    def _start(self) -> None:
        for work in self._works.values():
            for start in work.startable():
                self._metrics.started()
                self._desk.start(start)

    def _listen(self) -> None:
        """Take what deliveries have said since."""
        while True:
            try:
                said = self._desk.said.get_nowait()
            except Empty:
                return
            self._note(said)

    def _note(self, said: Said) -> None:
        partition = said.request.partition
        work = self._works.get(partition)
        # What a delivery said before its partition went and came back is not of this one.
        under_way = work is not None and work.is_under_way(said.request)
        match said:
            case Begins():
                if work is not None and under_way and partition not in self._closing:
                    fresh = work.begin(said.request)
                    self._begins.append(_Beginning(said=said, fresh=fresh))
                    self._changed = True
                else:
                    said.answer(False)
            case NotSent():
                if work is not None and under_way:
                    work.not_sent(said.request)
                    self._changed = True
            case Done():
                # How it ended is true whoever asked.
                if work is not None and work.is_open(said.request):
                    self._finish(work, said)
            case _:
                assert_never(said)

    def _finish(self, work: PartitionWork, done: Done) -> None:
        request, outcome = done.request, done.outcome
        work.finish(request)
        self._changed = True
        if not isinstance(outcome, Obsolete):
            record = outcome_record(request, outcome, self._now_ms())
            self._told[request.partition, request.offset] = Told(record=record, trace=request.trace)

    def _commit(self, member: Member) -> None:
        """Put everything on record, when there is something or it is time."""
        if self._put_out_s is not None:
            return
        # A send waits for a commit even where it changes nothing: Kafka's yes to it says that the
        # partition is still ours.
        asked = {each.said.request.partition for each in self._begins}
        moved: dict[int, Progress] = {}
        for partition, work in self._works.items():
            progress = work.progress()
            if partition in asked or progress != self._committed.get(partition):
                moved[partition] = progress
        now_s = self._clock()
        due = self._changed or now_s - self._committed_s >= _QUIET_COMMIT_S
        if not due or not (moved or self._told) or now_s < self._commit_again_s:
            return
        try:
            member.commit(moved, list(self._told.values()))
        except NotCommitted as fault:
            self._note_failure(fault, now_s)
            return
        except PutOut:
            self._metrics.committed(done=False)
            _log.warning("the group went on without this CRM: its partitions are others'")
            self._give_away(list(self._works))
            self._in_group = False
            self._put_out_s = now_s
            return
        self._metrics.committed(done=True)
        self._committed.update(moved)
        self._committed_s = now_s
        self._failing_since_s = None
        self._changed = False
        self._told.clear()
        begins, self._begins = self._begins, []
        for each in begins:
            each.said.answer(True)

    def _note_failure(self, fault: NotCommitted, now_s: float) -> None:
        """Make the commit again after a pause; BrokerRefused when that goes on for too long."""
        self._metrics.committed(done=False)
        _log.warning("a commit came to nothing and is made again", fault=str(fault))
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        failing_s = now_s - self._failing_since_s
        if failing_s > _FAILING_S:
            raise BrokerRefused(f"Kafka takes no commit of this CRM ({fault}): start it again")
        self._commit_again_s = now_s + min(max(failing_s, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)

    def _await_sends(self, member: Member, partitions: Collection[int]) -> None:
        """Let sends under way end and tell how; no new one begins."""
        self._call_off(partitions)
        until_s = self._clock() + self._ending_s
        while self._clock() < until_s and self._sending(partitions):
            try:
                self._note(self._desk.said.get(timeout=_LOOK_UP_S))
            except Empty:
                continue
        self._listen()
        self._changed = True
        self._commit(member)

    def _sending(self, partitions: Collection[int]) -> bool:
        works = (self._works.get(partition) for partition in partitions)
        return any(work is not None and work.begun() for work in works)

    def _give_away(self, partitions: Collection[int]) -> None:
        """Forget partitions: whoever has them goes on from the last commit."""
        self._call_off(partitions)
        for partition in partitions:
            work = self._works.pop(partition, None)
            self._ends.pop(partition, None)
            self._committed.pop(partition, None)
            if work is not None:
                for request in work.started():
                    self._desk.drop(request)
        self._told = {
            place: told for place, told in self._told.items() if place[0] not in partitions
        }

    def _call_off(self, partitions: Collection[int]) -> None:
        """Have sends that wait for their record not begin."""
        kept = []
        for each in self._begins:
            request = each.said.request
            if request.partition not in partitions:
                kept.append(each)
                continue
            if each.fresh:
                self._works[request.partition].not_sent(request)
            each.said.answer(False)
        self._begins = kept

    def _show(self) -> None:
        works = self._works.values()
        self._caught_up = self._in_group and all(work.caught_up for work in works)
        asked = [at_ms for work in works if (at_ms := work.oldest_asked_at_ms) is not None]
        self._metrics.show(
            waiting=self._waiting,
            oldest_s=(self._now_ms() - min(asked)) / 1_000 if asked else 0.0,
            caught_up=self._caught_up,
        )


def _work_from(partition: int, committed: Committed | None) -> PartitionWork:
    if committed is None:
        return PartitionWork(Progress(read_to=0))
    try:
        return PartitionWork(progress_of(committed.offset, committed.note))
    except UnknownNote as fault:
        _log.warning(
            "what was noted of open messages cannot be read: each may have been sent",
            partition=partition,
            fault=str(fault),
        )
        return PartitionWork(Progress(read_to=committed.offset), all_doubtful=True)
