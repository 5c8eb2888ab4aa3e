"""The messages of one partition: nothing is lost, forgotten or done twice, wherever it crashes."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.neighbours.crm.partition_work import PartitionWork
from pipelines.neighbours.crm.progress_note import MOST_OPEN, Progress, note_of, progress_of
from pipelines.neighbours.crm.request import Closed, Happening, Request
from tests.neighbours.crm.asked_messages import request

FRESH = Progress(read_to=0)


def work_over(*log: Happening | None, committed: Progress = FRESH) -> PartitionWork:
    """A partition read from what was committed to its end."""
    work = PartitionWork(committed)
    for offset in range(committed.offset, len(log)):
        work.take(offset, log[offset])
    work.all_read()
    return work


def started(work: PartitionWork) -> list[tuple[int, bool]]:
    return [(each.request.offset, each.doubtful) for each in work.startable()]


def closed(asked: Request) -> Closed:
    return Closed(certificate_id=asked.certificate_id, notification_id=asked.notification_id)


def test_messages_start_in_order_and_once() -> None:
    first, second = request(0), request(2, number="GC-00000043")
    work = work_over(first, None, second)
    assert started(work) == [(0, False), (2, False)]
    assert started(work) == []


def test_nothing_starts_before_all_that_was_there_is_read() -> None:
    """What is told of a message later on the stream decides whether it is still to be sent."""
    asked = request(0)
    work = PartitionWork(FRESH)
    work.take(0, asked)
    assert started(work) == []
    assert work.take(1, closed(asked)) == asked
    work.all_read()
    assert started(work) == []
    assert work.progress() == Progress(read_to=2)


def test_later_request_for_a_certificate_ends_the_earlier() -> None:
    first, again = request(0), request(1, notification="notify-1")
    work = PartitionWork(FRESH)
    assert work.take(0, first) is None
    assert work.take(1, again) == first
    work.all_read()
    assert started(work) == [(1, False)]


def test_end_of_an_earlier_message_leaves_the_later_one_open() -> None:
    first, again = request(0), request(1, notification="notify-1")
    work = work_over(first, again, closed(first))
    assert started(work) == [(1, False)]


def test_finished_message_is_behind_the_next_commit_though_an_earlier_one_waits() -> None:
    first, second = request(0), request(1, number="GC-00000043")
    log = (first, second, None)
    work = work_over(*log)
    list(work.startable())
    work.finish(second)
    committed = work.progress()
    assert (committed.offset, committed.read_to) == (0, 3)
    again = work_over(*log, committed=committed)
    assert started(again) == [(0, False)]


def test_message_of_which_a_send_had_begun_is_doubtful_after_a_restart() -> None:
    asked = request(0)
    work = work_over(asked)
    list(work.startable())
    assert work.begin(asked)
    assert started(work_over(asked, committed=work.progress())) == [(0, True)]


def test_message_that_surely_was_not_sent_is_not_doubtful_after_a_restart() -> None:
    asked = request(0)
    work = work_over(asked)
    list(work.startable())
    work.begin(asked)
    work.not_sent(asked)
    assert started(work_over(asked, committed=work.progress())) == [(0, False)]


def test_second_attempt_of_what_may_have_been_sent_leaves_the_doubt() -> None:
    asked = request(0)
    work = work_over(asked)
    list(work.startable())
    assert work.begin(asked)
    assert not work.begin(asked)


def test_no_more_start_than_a_note_can_name_and_the_rest_follow() -> None:
    log = [request(at, number=f"GC-{at:08}") for at in range(MOST_OPEN + 5)]
    work = work_over(*log)
    assert len(started(work)) == MOST_OPEN
    assert started(work) == []
    committed = work.progress()
    assert (committed.offset, committed.read_to) == (0, MOST_OPEN)
    assert len(committed.open) == MOST_OPEN
    for asked in log[:3]:
        work.finish(asked)
    assert started(work) == [(MOST_OPEN + at, False) for at in range(3)]
    assert work.progress().read_to == MOST_OPEN + 3


def test_note_that_cannot_be_read_makes_every_message_of_then_doubtful() -> None:
    work = PartitionWork(Progress(read_to=0), all_doubtful=True)
    work.take(0, request(0))
    work.all_read()
    work.take(1, request(1, number="GC-00000043"))
    assert started(work) == [(0, True), (1, False)]


def test_oldest_waits_longest() -> None:
    work = work_over(request(0, asked_at_ms=500), request(1, number="GC-00000043", asked_at_ms=400))
    assert work.oldest_asked_at_ms == 400
    assert work_over().oldest_asked_at_ms is None


NUMBERS = st.sampled_from([f"GC-0000000{digit}" for digit in range(4)])


@dataclass
class World:
    """A log that grows, a worker that crashes, and what really happened to each message."""

    log: list[Happening | None] = field(default_factory=list)
    committed: tuple[int, str] = (0, "")
    recorded: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    open_of: dict[str, Request] = field(default_factory=dict)
    begun_since: set[int] = field(default_factory=set)
    committed_begun: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)

    def ask(self, number: str) -> None:
        offset = len(self.log)
        asked = request(offset, number=number, notification=f"n-{offset}")
        before = self.open_of.get(number)
        if before is not None:
            self.ended.add(before.offset)
        self.open_of[number] = asked
        self.log.append(asked)

    def close(self, number: str) -> None:
        asked = self.open_of.pop(number, None)
        self.log.append(None if asked is None else closed(asked))
        if asked is not None:
            self.ended.add(asked.offset)

    def restarted(self) -> PartitionWork:
        progress = progress_of(*self.committed)
        work = PartitionWork(progress)
        for offset in range(progress.offset, len(self.log)):
            work.take(offset, self.log[offset])
        work.all_read()
        return work

    def commit(self, work: PartitionWork) -> None:
        progress = work.progress()
        self.committed = (progress.offset, note_of(progress))
        self.recorded |= self.finished
        self.committed_begun = set(self.begun_since)

    def to_do(self) -> set[int]:
        asked = {each.offset for each in self.log if isinstance(each, Request)}
        return asked - self.ended - self.recorded


@settings(max_examples=200)
@given(st.data())
def test_after_any_crash_exactly_what_is_not_done_starts_and_what_began_is_doubtful(
    data: st.DataObject,
) -> None:
    world = World()
    work = world.restarted()
    for _ in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(["ask", "close", "pass", "work", "commit", "crash"])):
            case "ask":
                world.ask(data.draw(NUMBERS))
                work.take(len(world.log) - 1, world.log[-1])
            case "close":
                world.close(data.draw(NUMBERS))
                work.take(len(world.log) - 1, world.log[-1])
            case "pass":
                world.log.append(None)
                work.take(len(world.log) - 1, None)
            case "work":
                list(work.startable())
                under_way = work.started()
                if under_way:
                    _step(data, world, work, data.draw(st.sampled_from(under_way)))
            case "commit":
                world.commit(work)
            case "crash":
                work = world.restarted()
                world.finished = set(world.recorded)
                world.begun_since = set(world.committed_begun)
                starts = list(work.startable())
                assert {each.request.offset for each in starts} == world.to_do()
                doubtful = {each.request.offset for each in starts if each.doubtful}
                assert doubtful == world.committed_begun & world.to_do()


def _step(data: st.DataObject, world: World, work: PartitionWork, asked: Request) -> None:
    match data.draw(st.sampled_from(["begin", "not sent", "finish"])):
        case "begin":
            work.begin(asked)
            world.begun_since.add(asked.offset)
        case "not sent":
            work.not_sent(asked)
            world.begun_since.discard(asked.offset)
        case "finish":
            work.finish(asked)
            world.finished.add(asked.offset)
