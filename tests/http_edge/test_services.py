"""Finding a certificate: here, elsewhere, moving, or nowhere; and not older than it must be."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from http_edge.api.problems import Problem
from http_edge.asking import services as module
from http_edge.asking.services import EdgeServices, ElsewhereError
from http_edge.asking.store_position import StorePosition
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, INDEX, Topic
from state.certificate.record import CertificateState
from state.stores.codec import CERTIFICATE_STATE
from state.stores.reader import StoreClosed
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
SETTINGS = Settings(partitions=6, http_port=8123)
NUMBER = "GC-0001"
PARTITION = partition_of(NUMBER.encode(), 6)
STATE = CertificateState(sequence=5, certificate=specimens.ACTIVE)
DEADLINE_S = 10


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
    """Says where to look, and is asked by nobody but who looks there."""

    def place(self, topic: Topic, partition: int) -> Any:
        return topic, partition


class FakeWorker:
    def __init__(self) -> None:
        self.serving = True
        self.offset = 7
        self.performed_offset = 7

    def performed(self, topic: Topic, partition: int) -> int:
        assert (topic, partition) == (COMMANDS, PARTITION)
        return self.performed_offset

    def reached(self, topic: Topic, partition: int) -> int:
        assert (topic, partition) == (COMMANDS, PARTITION)
        return self.offset


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, store: FakeStore, worker: FakeWorker) -> EdgeServices:
    monkeypatch.setattr(module, "WorkerStore", lambda _worker, _topic: store)
    monkeypatch.setattr(module, "Requests", lambda *_: SimpleNamespace())
    fakes: Any = {
        "gate": SimpleNamespace(settings=SETTINGS),
        "worker": worker,
        "outbox": SimpleNamespace(),
        "owners": FakeOwners(),
        "correlator_owners": FakeOwners(),
        "cvc_keys": SimpleNamespace(),
    }
    return EdgeServices(framing=SingleObjectFraming(), **fakes)


async def read(
    services: EdgeServices, offset: int | None = None, timeout_s: float = DEADLINE_S
) -> CertificateState:
    position = None if offset is None else StorePosition(partition=PARTITION, offset=offset)
    return await services.certificate_state(NUMBER, position, timeout_s)


async def test_certificate_kept_here_is_read(services: EdgeServices) -> None:
    assert await read(services) == STATE


async def test_number_unknown_here_does_not_exist(services: EdgeServices, store: FakeStore) -> None:
    store.records.clear()
    with pytest.raises(Problem) as caught:
        await read(services)
    assert caught.value.kind.name == "not-found"


async def test_certificate_kept_elsewhere_names_where(
    services: EdgeServices, store: FakeStore
) -> None:
    store.held.clear()
    with pytest.raises(ElsewhereError) as caught:
        await read(services)
    place: Any = caught.value.place
    assert place == (COMMANDS, PARTITION)


def test_what_is_elsewhere_is_moving_while_this_process_gets_its_own(
    services: EdgeServices, worker: FakeWorker
) -> None:
    """It may be given the partition in a moment: it must not be sent to who had it before."""
    assert isinstance(services.elsewhere(INDEX, 3), ElsewhereError)
    worker.serving = False
    told = services.elsewhere(INDEX, 3)
    assert isinstance(told, Problem)
    assert told.kind.name == "moving"


@pytest.mark.parametrize("fault", ["is_moving", "is_closed"])
async def test_certificate_whose_partition_moves_is_moving(
    services: EdgeServices, store: FakeStore, worker: FakeWorker, fault: str
) -> None:
    setattr(store, fault, True)
    worker.serving = fault == "is_closed"
    with pytest.raises(Problem) as caught:
        await read(services)
    assert caught.value.kind.name == "moving"


async def test_partition_that_leaves_during_the_read_is_moving(
    services: EdgeServices, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = store.get

    def get_and_leave(partition: int, key: bytes) -> bytes | None:
        value = genuine(partition, key)
        store.held.clear()
        return value

    monkeypatch.setattr(store, "get", get_and_leave)
    with pytest.raises(Problem) as caught:
        await read(services)
    assert caught.value.kind.name == "moving"


@pytest.mark.parametrize("offset", [0, 6])
async def test_store_that_is_past_the_position_is_read_at_once(
    services: EdgeServices, offset: int
) -> None:
    assert await read(services, offset) == STATE


async def test_store_that_is_not_past_the_position_is_waited_for(
    services: EdgeServices, worker: FakeWorker
) -> None:
    """At 7 means that the record at 7 is not in it yet."""
    reading = asyncio.ensure_future(read(services, 7))
    await asyncio.wait({reading}, timeout=0.02)
    assert not reading.done()
    worker.offset = 8
    assert await reading == STATE


async def test_position_that_is_not_reached_in_time_is_not_there_yet(
    services: EdgeServices,
) -> None:
    with pytest.raises(Problem) as caught:
        await read(services, 7, timeout_s=0.01)
    assert caught.value.kind.name == "not-there-yet"


async def test_position_that_no_answer_can_have_told_is_not_waited_for(
    services: EdgeServices,
) -> None:
    with pytest.raises(Problem) as caught:
        await read(services, 10**18, timeout_s=3_600)
    assert caught.value.kind.name == "not-there-yet"


async def test_position_in_another_partition_says_nothing_of_this_certificate(
    services: EdgeServices,
) -> None:
    position = StorePosition(partition=PARTITION - 1, offset=99)
    assert await services.certificate_state(NUMBER, position, DEADLINE_S) == STATE


async def test_partition_that_leaves_while_it_is_waited_for_is_asked_of_who_has_it(
    services: EdgeServices, store: FakeStore, worker: FakeWorker
) -> None:
    """What was here is no answer any more, and another process has the newer one."""
    reading = asyncio.ensure_future(read(services, 7))
    await asyncio.wait({reading}, timeout=0.01)
    store.is_moving = True
    worker.offset = 8
    with pytest.raises(ElsewhereError):
        await reading


async def test_store_is_settled_once_it_shows_what_was_performed(
    services: EdgeServices, worker: FakeWorker
) -> None:
    """The stream tells of it a moment earlier: somebody may have come because of that."""
    worker.performed_offset = 9
    settling = asyncio.ensure_future(services.settled(NUMBER, DEADLINE_S))
    await asyncio.wait({settling}, timeout=0.02)
    assert not settling.done(), "at 7 of 9"
    worker.offset = 9
    await settling
    await services.settled(NUMBER, DEADLINE_S)


async def test_store_that_does_not_settle_in_time_is_not_there_yet(
    services: EdgeServices, worker: FakeWorker
) -> None:
    worker.performed_offset = 9
    with pytest.raises(Problem) as caught:
        await services.settled(NUMBER, 0.01)
    assert caught.value.kind.name == "not-there-yet"


def test_clock_counts_milliseconds_since_1970(
    services: EdgeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(time_ns=lambda: 1_735_689_600_123_999_999)
    monkeypatch.setattr(module, "time", clock)
    assert services.now_ms() == 1_735_689_600_123


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("5.7", StorePosition(partition=5, offset=7)),
        ("0.0", StorePosition(partition=0, offset=0)),
        ("12345.1234567890123456789", None),
        ("5", None),
        ("5.7.1", None),
        ("-5.7", None),
        ("5.7\n", None),
        ("\u0665.\u0667", None),
        ("123456.7", None),
        ("", None),
    ],
)
def test_position_is_read_from_a_header_or_passed_over(
    text: str, position: StorePosition | None
) -> None:
    read_from = StorePosition.parsed(text)
    if text.startswith("12345."):
        assert read_from is not None
        assert read_from.text() == text
    else:
        assert read_from == position
