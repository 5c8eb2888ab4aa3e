"""Who has which partition: read from the group's own membership, once a second at most."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines import owners as module
from pipelines.owners import FRESH_FOR_S, Owners
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, POOL, Role

SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-")
ONE, OTHER = "http://10.0.0.1:8080", "http://10.0.0.2:8080"


class FakeAdmin:
    """A coordinator that knows its members, or does not answer."""

    def __init__(self) -> None:
        self.members: list[SimpleNamespace] = []
        self.error: KafkaException | None = None
        self.asked: list[list[str]] = []

    def describe_consumer_groups(
        self, groups: list[str], request_timeout: float
    ) -> dict[str, Future[Any]]:
        self.asked.append(groups)
        future: Future[Any] = Future()
        if self.error is None:
            future.set_result(SimpleNamespace(members=list(self.members)))
        else:
            future.set_exception(self.error)
        return {groups[0]: future}

    def holds(self, client_id: str, *held: tuple[str, int]) -> None:
        assignment = SimpleNamespace(topic_partitions=[TopicPartition(*each) for each in held])
        self.members.append(SimpleNamespace(client_id=client_id, assignment=assignment))


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
    commands = "here-GiftCertificates.Commands"
    admin.holds(f"processor-0@{ONE}", (commands, 0), (commands, 1))
    admin.holds(f"processor-1@{OTHER}", (commands, 2), ("here-GiftCertificates.Pool", 0))
    return Owners(SETTINGS, Role.PROCESSOR)


def test_owner_is_the_address_of_the_member_that_holds_the_partition(
    owners: Owners, admin: FakeAdmin
) -> None:
    assert [owners.owner_of(COMMANDS, partition) for partition in range(4)] == [
        ONE,
        ONE,
        OTHER,
        None,
    ]
    assert owners.owner_of(POOL, 0) == OTHER
    assert owners.addresses() == {ONE, OTHER}
    assert admin.asked == [["here-giftcert-processor"]]


def test_group_is_asked_again_after_a_second_and_not_before(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    assert owners.owner_of(COMMANDS, 0) == ONE
    admin.members.clear()
    clock.now_s += FRESH_FOR_S
    assert owners.owner_of(COMMANDS, 0) == ONE
    clock.now_s += 0.001
    assert owners.owner_of(COMMANDS, 0) is None
    assert len(admin.asked) == 2


def test_group_that_does_not_answer_means_not_knowing(
    owners: Owners, admin: FakeAdmin, clock: Clock
) -> None:
    admin.error = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    assert owners.owner_of(COMMANDS, 0) is None
    admin.error = None
    clock.now_s += 2 * FRESH_FOR_S
    assert owners.owner_of(COMMANDS, 0) == ONE


def test_each_role_asks_its_own_group(admin: FakeAdmin, clock: Clock) -> None:
    Owners(SETTINGS, Role.CORRELATOR).addresses()
    assert admin.asked == [["here-giftcert-correlator"]]
