"""Finding a certificate: here, elsewhere, moving, or nowhere."""

from types import SimpleNamespace
from typing import Any

import pytest

from http_edge import services as module
from http_edge.problems import Problem
from http_edge.services import EdgeServices, ElsewhereError
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, Topic
from state.certificate.record import CertificateState
from state.stores.codec import CERTIFICATE_STATE
from state.stores.reader import StoreClosed
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
SETTINGS = Settings(partitions=6, http_port=8123)
NUMBER = "GC-0001"
PARTITION = partition_of(NUMBER.encode(), 6)
STATE = CertificateState(sequence=5, certificate=specimens.ACTIVE)
OTHER = "http://10.0.0.2:8080"


class FakeStore:
    """The store of the certificates stage."""

    def __init__(self) -> None:
        self.held = {PARTITION}
        self.is_moving = False
        self.is_closed = False
        self.records = {f"{NUMBER}|c".encode(): CERTIFICATE_STATE.encode(STATE)}

    def serves(self, partition: int) -> bool:
        return partition in self.held and not self.is_moving

    def moving(self) -> bool:
        return self.is_moving

    def get(self, partition: int, key: bytes) -> bytes | None:
        assert partition == PARTITION
        if self.is_closed:
            raise StoreClosed
        return self.records.get(key)


class FakeOwners:
    def __init__(self) -> None:
        self.owner: str | None = None
        self.asked: list[tuple[Topic, int]] = []

    def owner_of(self, topic: Topic, partition: int) -> str | None:
        self.asked.append((topic, partition))
        return self.owner


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def owners() -> FakeOwners:
    return FakeOwners()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, store: FakeStore, owners: FakeOwners) -> EdgeServices:
    monkeypatch.setattr(module, "WorkerStore", lambda _worker, _topic: store)
    monkeypatch.setattr(module, "Requests", lambda *_: SimpleNamespace())
    unused: Any = SimpleNamespace()
    return EdgeServices(
        settings=SETTINGS,
        framing=SingleObjectFraming(),
        worker=unused,
        outbox=unused,
        owners=owners,  # type: ignore[arg-type]  # a fake of the group's membership
        cvc_keys=unused,
    )


async def test_certificate_kept_here_is_read_without_asking_kafka(
    services: EdgeServices, owners: FakeOwners
) -> None:
    assert await services.certificate_state(NUMBER) == STATE
    assert owners.asked == []


async def test_number_unknown_here_does_not_exist(services: EdgeServices, store: FakeStore) -> None:
    store.records.clear()
    with pytest.raises(Problem) as caught:
        await services.certificate_state(NUMBER)
    assert caught.value.status == 404


async def test_certificate_kept_elsewhere_names_where(
    services: EdgeServices, store: FakeStore, owners: FakeOwners
) -> None:
    store.held.clear()
    owners.owner = OTHER
    with pytest.raises(ElsewhereError) as caught:
        await services.certificate_state(NUMBER)
    assert caught.value.owner == OTHER
    assert owners.asked == [(COMMANDS, PARTITION)]


@pytest.mark.parametrize("owner", [None, "http://127.0.0.1:8123"])
async def test_certificate_that_nobody_or_only_we_should_have_is_moving(
    services: EdgeServices, store: FakeStore, owners: FakeOwners, owner: str | None
) -> None:
    """The group says it is ours and we do not have it: it will be one or the other in a moment."""
    store.held.clear()
    owners.owner = owner
    with pytest.raises(Problem) as caught:
        await services.certificate_state(NUMBER)
    assert (caught.value.status, caught.value.kind) == (503, "moving")


@pytest.mark.parametrize("fault", ["is_moving", "is_closed"])
async def test_certificate_whose_partition_moves_is_moving(
    services: EdgeServices, store: FakeStore, fault: str
) -> None:
    setattr(store, fault, True)
    with pytest.raises(Problem) as caught:
        await services.certificate_state(NUMBER)
    assert caught.value.kind == "moving"


def test_clock_counts_milliseconds_since_1970(
    services: EdgeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(time_ns=lambda: 1_735_689_600_123_999_999)
    monkeypatch.setattr(module, "time", clock)
    assert services.now_ms() == 1_735_689_600_123
