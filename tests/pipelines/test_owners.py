"""Who has which partition: read from the group's own membership, and never from an old one."""

import asyncio
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException, TopicPartition

from pipelines import owners as module
from pipelines.owners import ASK_AGAIN_S, FRESH_FOR_S, GOOD_FOR_S, Owners
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, POOL, Role

SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-")
NAME = "here-GiftCertificates.Commands"
ONE, OTHER = "http://10.0.0.1:8080", "https://other.edge:8080/prefix"
NO_KAFKA = KafkaException(KafkaError(KafkaError._TIMED_OUT))
A_MOMENT_S = 0.001


class FakeAdmin:
    """A coordinator that knows its members. It answers at once, or when it is told to."""

    def __init__(self) -> None:
        self.members: list[SimpleNamespace] = []
        self.state: object = ConsumerGroupState.STABLE
        self.error: KafkaException | None = None
        self.refusal: BaseException | None = None
        self.asked: list[list[str]] = []
        self.slow = False
        self._waiting: list[Future[Any]] = []

    def describe_consumer_groups(
        self, groups: list[str], request_timeout: float
    ) -> dict[str, Future[Any]]:
        self.asked.append(groups)
        if self.refusal is not None:
            raise self.refusal
        future: Future[Any] = Future()
        self._waiting.append(future)
        if not self.slow:
            self.answer()
        return {groups[0]: future}

    def answer(self) -> None:
        """Answer the oldest question."""
        future = self._waiting.pop(0)
        if self.error is None:
            future.set_result(SimpleNamespace(state=self.state, members=list(self.members)))
        else:
            future.set_exception(self.error)

    def holds(self, client_id: str, *held: tuple[str, int]) -> None:
        assignment = SimpleNamespace(topic_partitions=[TopicPartition(*each) for each in held])
        self.members.append(SimpleNamespace(client_id=client_id, assignment=assignment))

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
def admin(monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    admin = FakeAdmin()
    monkeypatch.setattr(module, "AdminClient", lambda _config: admin)
    return admin


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def owners(admin: FakeAdmin, clock: Clock) -> Owners:
    admin.holds(f"processor-0@{ONE}", (NAME, 0), (NAME, 1))
    admin.holds(f"processor-1@{OTHER}", (NAME, 2), ("here-GiftCertificates.Pool", 0))
    return Owners(SETTINGS, Role.PROCESSOR)


def owner_now(owners: Owners) -> Future[str | None]:
    """What is said of the first partition, without waiting."""
    return owners.place(COMMANDS, 0).owner()


def test_owner_is_the_address_of_the_member_that_holds_the_partition(
    owners: Owners, admin: FakeAdmin
) -> None:
    said = [owners.owner_of(COMMANDS, partition) for partition in range(4)]
    assert said == [ONE, ONE, OTHER, None]
    assert owners.owner_of(POOL, 0) == OTHER
    assert owners.members().result().addresses() == {ONE, OTHER}
    assert admin.asked == [["here-giftcert-processor"]]


def test_each_role_asks_its_own_group(admin: FakeAdmin, clock: Clock) -> None:
    Owners(SETTINGS, Role.CORRELATOR).members()
    assert admin.asked == [["here-giftcert-correlator"]]


@pytest.mark.parametrize(
    "client_id",
    ["rdkafka", "processor-0", "processor-0@", "x@ftp://h", "x@http://", "x@http://user:pw@h:1"],
)
def test_member_without_an_address_of_an_edge_is_nobody(
    owners: Owners, admin: FakeAdmin, client_id: str
) -> None:
    """A stranger in the group, a tool perhaps: no caller's token is sent to what it names."""
    admin.members.clear()
    admin.holds(client_id, (NAME, 0))
    assert owners.owner_of(COMMANDS, 0) is None


@pytest.mark.parametrize(
    "state", [state for state in ConsumerGroupState if state is not ConsumerGroupState.STABLE]
)
def test_group_that_is_changing_has_no_owners_though_it_still_names_the_old_ones(
    owners: Owners, admin: FakeAdmin, state: object
) -> None:
    """Kafka goes on telling the assignment of before while it makes the next."""
    admin.state = state
    assert owners.owner_of(COMMANDS, 0) is None


def test_group_that_begins_to_change_has_no_owners_from_the_next_answer_on(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    assert owners.owner_of(COMMANDS, 0) == ONE
    admin.state = ConsumerGroupState.PREPARING_REBALANCING
    clock.now_s += FRESH_FOR_S + A_MOMENT_S
    owners.members()
    assert owners.owner_of(COMMANDS, 0) is None


def test_fresh_answer_is_not_asked_for_again(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    clock.now_s += FRESH_FOR_S
    admin.moves(OTHER)
    assert owners.owner_of(COMMANDS, 0) == ONE
    assert len(admin.asked) == 1


def test_answer_no_longer_fresh_is_said_at_once_while_the_group_is_asked_beside(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    admin.slow = True
    admin.moves(OTHER)
    clock.now_s += GOOD_FOR_S
    first, second = owner_now(owners), owner_now(owners)
    assert (first.result(timeout=0), second.result(timeout=0)) == (ONE, ONE)
    assert len(admin.asked) == 2, "one question for both"
    admin.answer()
    assert owner_now(owners).result(timeout=0) == OTHER


def test_answer_too_old_is_not_said_and_the_callers_wait_for_one_question(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    admin.slow = True
    admin.moves(OTHER)
    clock.now_s += GOOD_FOR_S + A_MOMENT_S
    waiting = [owner_now(owners) for _ in range(50)]
    assert not any(future.done() for future in waiting)
    assert len(admin.asked) == 2
    admin.answer()
    assert [future.result(timeout=0) for future in waiting] == [OTHER] * 50


def test_kafka_that_does_not_answer_leaves_what_is_known_until_that_is_too_old(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    owners.owner_of(COMMANDS, 0)
    admin.error = NO_KAFKA
    clock.now_s += GOOD_FOR_S
    assert [owners.owner_of(COMMANDS, 0) for _ in range(2)] == [ONE, ONE]
    clock.now_s += A_MOMENT_S
    assert owners.owner_of(COMMANDS, 0) is None
    admin.error = None
    clock.now_s += ASK_AGAIN_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_kafka_that_stays_silent_is_waited_for_once(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    """An answer takes two seconds then: as long as callers have."""
    admin.slow, admin.error = True, NO_KAFKA
    first = owner_now(owners)
    assert not first.done()
    admin.answer()
    assert first.result(timeout=0) is None
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    assert owner_now(owners).result(timeout=0) is None
    assert len(admin.asked) == 2, "it is asked again beside"
    admin.error = None
    admin.answer()
    assert owner_now(owners).result(timeout=0) == ONE
    clock.now_s += GOOD_FOR_S + A_MOMENT_S
    assert not owner_now(owners).done(), "it answers again, so it is waited for again"


def test_client_that_cannot_even_ask_means_not_knowing(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    admin.refusal = NO_KAFKA
    assert owners.owner_of(COMMANDS, 0) is None
    admin.refusal = None
    clock.now_s += 2 * ASK_AGAIN_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_group_that_says_nothing_of_use_is_not_asked_by_every_caller(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    admin.state = ConsumerGroupState.COMPLETING_REBALANCING
    assert [owners.owner_of(COMMANDS, 0) for _ in range(20)] == [None] * 20
    assert len(admin.asked) == 1
    admin.state = ConsumerGroupState.STABLE
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_owner_that_was_not_there_is_asked_about_anew_and_only_once(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    place = owners.place(COMMANDS, 0)
    assert place.owner().result() == ONE
    admin.moves(OTHER)
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    place.mistaken(ONE)
    assert place.owner().result() == OTHER
    clock.now_s += ASK_AGAIN_S + A_MOMENT_S
    for _ in range(20):
        # Those who had asked at the same time come later with the same news.
        place.mistaken(ONE)
        assert place.owner().result() == OTHER
    assert len(admin.asked) == 2


def test_owner_that_was_not_there_a_moment_after_the_group_named_it_stands(
    owners: Owners, admin: FakeAdmin
) -> None:
    """The group knows no better yet: it takes its time to notice that a member died."""
    place = owners.place(COMMANDS, 0)
    for _ in range(20):
        assert place.owner().result() == ONE
        place.mistaken(ONE)
    assert len(admin.asked) == 1


def test_invalidated_answer_is_asked_for_again_at_once(owners: Owners, admin: FakeAdmin) -> None:
    assert owners.owner_of(COMMANDS, 0) == ONE
    admin.moves(OTHER)
    owners.invalidate()
    assert owners.owner_of(COMMANDS, 0) == OTHER


def test_answer_to_a_question_from_before_an_invalidation_is_not_kept(
    owners: Owners, admin: FakeAdmin
) -> None:
    admin.slow = True
    before = owner_now(owners)
    owners.invalidate()
    after = owner_now(owners)
    admin.answer()
    assert before.result(timeout=0) == ONE
    later = owner_now(owners)
    assert not after.done(), "it was asked after the change, and waits for its own answer"
    assert not later.done()
    admin.moves(OTHER)
    admin.answer()
    assert after.result(timeout=0) == OTHER
    assert owner_now(owners).result(timeout=0) == OTHER


@pytest.mark.anyio
async def test_waiting_caller_that_leaves_takes_the_answer_from_nobody(
    owners: Owners, admin: FakeAdmin
) -> None:
    admin.slow = True
    leaving, staying = (asyncio.wrap_future(owners.members()) for _ in range(2))
    owner = asyncio.wrap_future(owner_now(owners))
    leaving.cancel()
    # A turn of the loop, in which the cancelling gets as far as it can.
    await asyncio.sleep(0)
    admin.answer()
    await asyncio.wait([staying])
    assert not staying.cancelled()
    assert staying.result().addresses() == {ONE, OTHER}
    assert await owner == ONE
    assert len(admin.asked) == 1


def test_description_that_cannot_be_read_is_told_to_the_caller_and_asked_for_again(
    owners: Owners, admin: FakeAdmin
) -> None:
    admin.members.append(SimpleNamespace())
    with pytest.raises(AttributeError):
        owners.owner_of(COMMANDS, 0)
    admin.members.pop()
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_question_that_fails_as_a_bug_is_told_to_the_caller_and_asked_again(
    owners: Owners, admin: FakeAdmin
) -> None:
    admin.refusal = TypeError("another version of the client")
    with pytest.raises(TypeError):
        owners.owner_of(COMMANDS, 0)
    admin.refusal = None
    assert owners.owner_of(COMMANDS, 0) == ONE
