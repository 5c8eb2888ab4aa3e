"""Who has which partition: read from the group's own membership, and never from an old one."""

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from pipelines import owners as module
from pipelines.group_descriptions import Described, Member
from pipelines.owners import ASK_AGAIN_S, FRESH_FOR_S, GOOD_FOR_S, Owners
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, POOL, Role

SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-")
NAME = "here-GiftCertificates.Commands"
ONE, OTHER = "http://10.0.0.1:8080", "https://other.edge:8080/prefix"
A_MOMENT_S = 0.001


class FakeGroups:
    """A coordinator that knows its members. It answers at once, or when it is told to."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.stable = True
        self.silent = False
        self.refusal: BaseException | None = None
        self.asked: list[str] = []
        self.slow = False
        self._waiting: list[Future[Described | None]] = []

    def describe(self, group: str, timeout_s: float) -> Future[Described | None]:
        self.asked.append(group)
        if self.refusal is not None:
            raise self.refusal
        future: Future[Described | None] = Future()
        self._waiting.append(future)
        if not self.slow:
            self.answer()
        return future

    def answer(self) -> None:
        """Answer the oldest question."""
        described = Described(stable=self.stable, members=tuple(self.members))
        self._waiting.pop(0).set_result(None if self.silent else described)

    def holds(self, client_id: str, *held: tuple[str, int]) -> None:
        self.members.append(Member(client_id=client_id, held=held))

    def moves(self, address: str) -> None:
        """From now on one member holds the first partition, at this address."""
        self.members.clear()
        self.holds(f"processor-9@{address}", (NAME, 0))


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def groups() -> Any:
    return FakeGroups()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def owners(groups: Any, clock: Clock) -> Owners:
    groups.holds(f"processor-0@{ONE}", (NAME, 0), (NAME, 1))
    groups.holds(f"processor-1@{OTHER}", (NAME, 2), ("here-GiftCertificates.Pool", 0))
    return Owners(SETTINGS, Role.PROCESSOR, groups)


def owner_now(owners: Owners) -> Future[str | None]:
    """What is said of the first partition, without waiting."""
    return owners.place(COMMANDS, 0).owner()


def test_owner_is_the_address_of_the_member_that_holds_the_partition(
    owners: Owners, groups: Any
) -> None:
    said = [owners.owner_of(COMMANDS, partition) for partition in range(4)]
    assert said == [ONE, ONE, OTHER, None]
    assert owners.owner_of(POOL, 0) == OTHER
    assert owners.members().result().addresses() == {ONE, OTHER}
    assert groups.asked == ["here-giftcert-processor"]


def test_each_role_asks_its_own_group(groups: Any, clock: Clock) -> None:
    Owners(SETTINGS, Role.CORRELATOR, groups).members()
    assert groups.asked == ["here-giftcert-correlator"]


@pytest.mark.parametrize(
    "client_id",
    ["rdkafka", "processor-0", "processor-0@", "x@ftp://h", "x@http://", "x@http://user:pw@h:1"],
)
def test_member_without_an_address_of_an_edge_is_nobody(
    owners: Owners, groups: Any, client_id: str
) -> None:
    """A stranger in the group, a tool perhaps: no caller's token is sent to what it names."""
    groups.members.clear()
    groups.holds(client_id, (NAME, 0))
    assert owners.owner_of(COMMANDS, 0) is None


def test_group_that_is_changing_has_no_owners_though_it_still_names_the_old_ones(
    owners: Owners, groups: Any
) -> None:
    """Kafka goes on telling the assignment of before while it makes the next."""
    groups.stable = False
    assert owners.owner_of(COMMANDS, 0) is None


def test_group_that_begins_to_change_has_no_owners_from_the_next_answer_on(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    assert owners.owner_of(COMMANDS, 0) == ONE
    groups.stable = False
    clock.now_s += FRESH_FOR_S + A_MOMENT_S
    owners.members()
    assert owners.owner_of(COMMANDS, 0) is None


def test_fresh_answer_is_not_asked_for_again(owners: Owners, groups: Any, clock: Clock) -> None:
    owners.owner_of(COMMANDS, 0)
    clock.now_s += FRESH_FOR_S
    groups.moves(OTHER)
    assert owners.owner_of(COMMANDS, 0) == ONE
    assert len(groups.asked) == 1


def test_answer_no_longer_fresh_is_said_at_once_while_the_group_is_asked_beside(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    groups.slow = True
    groups.moves(OTHER)
    clock.now_s += GOOD_FOR_S
    first, second = owner_now(owners), owner_now(owners)
    assert (first.result(timeout=0), second.result(timeout=0)) == (ONE, ONE)
    assert len(groups.asked) == 2, "one question for both"
    groups.answer()
    assert owner_now(owners).result(timeout=0) == OTHER


def test_answer_too_old_is_not_said_and_the_callers_wait_for_one_question(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    groups.slow = True
    groups.moves(OTHER)
    clock.now_s += GOOD_FOR_S + A_MOMENT_S
    waiting = [owner_now(owners) for _ in range(50)]
    assert not any(future.done() for future in waiting)
    assert len(groups.asked) == 2
    groups.answer()
    assert [future.result(timeout=0) for future in waiting] == [OTHER] * 50


def test_kafka_that_does_not_answer_leaves_what_is_known_until_that_is_too_old(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    groups.silent = True
    clock.now_s += GOOD_FOR_S
    assert [owners.owner_of(COMMANDS, 0) for _ in range(2)] == [ONE, ONE]
    clock.now_s += A_MOMENT_S
    assert owners.owner_of(COMMANDS, 0) is None
    groups.silent = False
    clock.now_s += ASK_AGAIN_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_kafka_that_stays_silent_is_waited_for_once(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    """An answer takes two seconds then: as long as callers have."""
    groups.slow, groups.silent = True, True
    first = owner_now(owners)
    assert not first.done()
    groups.answer()
    assert first.result(timeout=0) is None
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    assert owner_now(owners).result(timeout=0) is None
    assert len(groups.asked) == 2, "it is asked again beside"
    groups.silent = False
    groups.answer()
    assert owner_now(owners).result(timeout=0) == ONE
    clock.now_s += GOOD_FOR_S + A_MOMENT_S
    assert not owner_now(owners).done(), "it answers again, so it is waited for again"


def test_group_that_says_nothing_of_use_is_not_asked_by_every_caller(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    groups.stable = False
    assert [owners.owner_of(COMMANDS, 0) for _ in range(20)] == [None] * 20
    assert len(groups.asked) == 1
    groups.stable = True
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_owner_that_was_not_there_is_asked_about_anew_and_only_once(
    owners: Owners, groups: Any, clock: Clock
) -> None:
    place = owners.place(COMMANDS, 0)
    assert place.owner().result() == ONE
    groups.moves(OTHER)
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    place.mistaken(ONE)
    assert place.owner().result() == OTHER
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    for _ in range(20):
        # Those who had asked at the same time come later with the same news.
        place.mistaken(ONE)
        assert place.owner().result() == OTHER
    assert len(groups.asked) == 2


def test_owner_that_was_not_there_a_moment_after_the_group_named_it_stands(
    owners: Owners, groups: Any
) -> None:
    """The group knows no better yet: it takes its time to notice that a member died."""
    place = owners.place(COMMANDS, 0)
    for _ in range(20):
        assert place.owner().result() == ONE
        place.mistaken(ONE)
    assert len(groups.asked) == 1


def test_invalidated_answer_is_asked_for_again_at_once(owners: Owners, groups: Any) -> None:
    assert owners.owner_of(COMMANDS, 0) == ONE
    groups.moves(OTHER)
    owners.invalidate()
    assert owners.owner_of(COMMANDS, 0) == OTHER


def test_answer_to_a_question_from_before_an_invalidation_is_not_kept(
    owners: Owners, groups: Any
) -> None:
    groups.slow = True
    before = owner_now(owners)
    owners.invalidate()
    after = owner_now(owners)
    groups.answer()
    assert before.result(timeout=0) == ONE
    later = owner_now(owners)
    assert not after.done(), "it was asked after the change, and waits for its own answer"
    assert not later.done()
    groups.moves(OTHER)
    groups.answer()
    assert after.result(timeout=0) == OTHER
    assert owner_now(owners).result(timeout=0) == OTHER


@pytest.mark.anyio
async def test_waiting_caller_that_leaves_takes_the_answer_from_nobody(
    owners: Owners, groups: Any
) -> None:
    groups.slow = True
    leaving, staying = (asyncio.wrap_future(owners.members()) for _ in range(2))
    owner = asyncio.wrap_future(owner_now(owners))
    leaving.cancel()
    # A turn of the loop, in which the cancelling gets as far as it can.
    await asyncio.sleep(0)
    groups.answer()
    await asyncio.wait([staying])
    assert not staying.cancelled()
    assert staying.result().addresses() == {ONE, OTHER}
    assert await owner == ONE
    assert len(groups.asked) == 1


def test_question_that_fails_as_a_bug_is_told_to_the_caller_and_asked_again(
    owners: Owners, groups: Any
) -> None:
    groups.refusal = TypeError("another version of the client")
    with pytest.raises(TypeError):
        owners.owner_of(COMMANDS, 0)
    groups.refusal = None
    assert owners.owner_of(COMMANDS, 0) == ONE
