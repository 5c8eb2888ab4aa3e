"""The workers are found, asked for one partition at a time, and asked again while it moves."""

import httpx
import msgspec
import pytest

from pipelines.live_workers import AuditRefused, ProcessorUnreachable
from pipelines.rebuild.live_images import LiveImages
from pipelines.stores import STORES
from state.stores.image import StoreImage

ONE, TWO = "http://one:1", "http://two:2"
CERTIFICATES, CORRELATIONS = STORES[0], STORES[-1]


class FakeWorkers:
    """Listeners by their address: which stores each keeps, and what it answers instead."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, list[int]]] = {
            ONE: {"certificates": [0, 1]},
            TWO: {"correlations": [0, 1]},
        }
        self.answers: list[httpx.Response] = []
        self.asked: list[str] = []
        self.now_s = 0.0

    def answer(self, request: httpx.Request) -> httpx.Response:
        address = f"{request.url.scheme}://{request.url.host}:{request.url.port}"
        self.asked.append(f"{address}{request.url.path}")
        if address not in self.kept:
            raise httpx.ConnectError("connection refused", request=request)
        if request.url.path == "/internal/stores":
            body = {"worker": address, "partitionCount": 2, "stores": self.kept[address]}
            return httpx.Response(200, json=body)
        if self.answers:
            return self.answers.pop(0)
        image = StoreImage(
            store=request.url.params["store"],
            partition=int(request.url.params["partition"]),
            position=9,
            records=0,
            rows=b"",
        )
        return httpx.Response(200, content=msgspec.msgpack.encode(image))

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    def live(self, *urls: str) -> LiveImages:
        return LiveImages(
            urls or (ONE, TWO),
            token=lambda: "token",
            timeout_s=1.0,
            transport=httpx.MockTransport(self.answer),
            clock=lambda: self.now_s,
            pause=self.pause,
        )


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers()


def test_image_is_asked_of_the_worker_that_keeps_the_partition(workers: FakeWorkers) -> None:
    with workers.live() as live:
        live.find([("certificates", 1), ("correlations", 0)])
        assert live.image(CERTIFICATES, 1).partition == 1
        assert live.image(CORRELATIONS, 0).store == "correlations"
        assert live.workers == 2
    assert workers.asked[-2:] == [f"{ONE}/internal/image", f"{TWO}/internal/image"]


def test_image_of_a_partition_that_moved_is_asked_of_its_new_owner(workers: FakeWorkers) -> None:
    with workers.live() as live:
        live.find([("certificates", 1)])
        workers.answers = [httpx.Response(503), httpx.Response(422)]
        workers.kept = {ONE: {}, TWO: {"certificates": [0, 1]}}
        assert live.image(CERTIFICATES, 1).position == 9
    assert workers.asked[-1] == f"{TWO}/internal/image"


def test_worker_that_is_gone_is_asked_about_no_more_than_in_time(workers: FakeWorkers) -> None:
    with workers.live() as live:
        live.find([("certificates", 1)])
        del workers.kept[ONE]
        with pytest.raises(ProcessorUnreachable, match="no live worker answers for certificates"):
            live.image(CERTIFICATES, 1)
    assert workers.now_s < 5


def test_partition_that_never_rests_is_given_up_in_one_line(workers: FakeWorkers) -> None:
    workers.answers = [httpx.Response(503) for _ in range(100)]
    with workers.live() as live, pytest.raises(ProcessorUnreachable) as caught:
        live.image(CERTIFICATES, 0)
    assert "certificates partition 0: 503" in str(caught.value)
    assert "--log-only" in str(caught.value)


def test_store_that_nobody_keeps_is_missed_at_once_without_any_worker(
    workers: FakeWorkers,
) -> None:
    with (
        LiveImages([], clock=lambda: 0.0) as live,
        pytest.raises(ProcessorUnreachable, match="nobody: no group has a member"),
    ):
        live.find([("pools", 0)])


@pytest.mark.parametrize("status", [401, 403])
def test_worker_that_does_not_take_the_token_says_which_scope(
    workers: FakeWorkers, status: int
) -> None:
    workers.answers = [httpx.Response(status)]
    with workers.live() as live, pytest.raises(AuditRefused, match="certificates:audit"):
        live.image(CERTIFICATES, 0)


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, content=b"\xc1")])
def test_worker_that_answers_something_else_is_not_believed(
    workers: FakeWorkers, answer: httpx.Response
) -> None:
    workers.answers = [answer]
    with workers.live() as live, pytest.raises(ProcessorUnreachable):
        live.image(CERTIFICATES, 0)
