"""Processors are asked page by page, found again when partitions move, and missed in one line."""

from collections.abc import Callable

import httpx
import pytest

from pipelines.audit.live_stores import LiveStores
from pipelines.edge_client import TokenSource
from pipelines.live_workers import AuditRefused, ProcessorUnreachable

ONE, TWO = "http://one:1", "http://two:2"


def row(number: str) -> dict[str, object]:
    return {
        "certificateId": number,
        "sequence": 4,
        "currency": "RUB",
        "pool": "ELECTRONIC",
        "lifecycle": "ACTIVE",
        "status": "LOCKED",
        "nominalMinor": 500,
        "remainingMinor": 400,
        "heldMinor": 50,
        "holds": {"a": 50},
        "redeemedMinor": 100,
        "refundedMinor": 0,
        "annulledMinor": 0,
    }


class FakeProcessors:
    """Edges by their address: which partitions each has, and the pages of each partition."""

    def __init__(self, assignment: dict[str, list[int]], partition_count: int) -> None:
        self.assignment = assignment
        self.partition_count = partition_count
        self.pages: dict[tuple[int, str], tuple[list[str], str | None]] = {}
        self.before: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None
        self.now_s = 0.0
        self.shown: list[str | None] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.shown.append(request.headers.get("authorization"))
        special = self.before(request)
        if special is not None:
            return special
        address = f"{request.url.scheme}://{request.url.host}:{request.url.port}"
        if address not in self.assignment:
            raise httpx.ConnectError("connection refused", request=request)
        own = self.assignment[address]
        if request.url.path == "/internal/assignment":
            body = {"worker": address, "partitions": own, "partitionCount": self.partition_count}
            return httpx.Response(200, json=body)
        query = request.url.params
        partition = int(query["partition"])
        if partition not in own:
            return httpx.Response(503)
        numbers, following = self.pages[partition, query.get("after", "")]
        records = [row(number) for number in numbers]
        return httpx.Response(
            200, json={"partition": partition, "records": records, "next": following}
        )

    def stores(self, *urls: str, token: TokenSource | None = None) -> LiveStores:
        return LiveStores(
            urls,
            token=token,
            timeout_s=5.0,
            transport=httpx.MockTransport(self.answer),
            clock=lambda: self.now_s,
            pause=self._pass,
        )

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds


def test_records_of_several_pages_come_as_one() -> None:
    processors = FakeProcessors({ONE: [0]}, 1)
    processors.pages = {(0, ""): (["GC-1", "GC-2"], "aa"), (0, "aa"): ([], "bb")}
    processors.pages[0, "bb"] = (["GC-3"], None)
    with processors.stores(ONE) as stores:
        found = list(stores.records(0))
    assert [record.certificate_id for record in found] == ["GC-1", "GC-2", "GC-3"]
    assert (found[0].remaining_minor, found[0].holds) == (400, {"a": 50})


def test_owners_of_several_processors_cover_every_partition() -> None:
    processors = FakeProcessors({ONE: [0, 2], TWO: [1]}, 3)
    with processors.stores(ONE, TWO) as stores:
        assert stores.owners() == {0: ONE, 1: TWO, 2: ONE}
        assert stores.processors == 2


def test_records_of_a_partition_that_moves_meanwhile_go_on_at_its_new_owner() -> None:
    processors = FakeProcessors({ONE: [0], TWO: []}, 1)
    processors.pages = {(0, ""): (["GC-1"], "aa"), (0, "aa"): (["GC-2"], None)}

    def move(request: httpx.Request) -> None:
        if "after" in request.url.params:
            processors.assignment = {ONE: [], TWO: [0]}

    processors.before = move
    with processors.stores(ONE, TWO) as stores:
        assert [record.certificate_id for record in stores.records(0)] == ["GC-1", "GC-2"]
        assert stores.owners() == {0: TWO}


def test_owners_with_a_partition_that_nobody_has_are_waited_for_and_then_missed() -> None:
    processors = FakeProcessors({ONE: [0]}, 3)
    with (
        processors.stores(ONE) as stores,
        pytest.raises(ProcessorUnreachable, match=r"answers for partitions 1, 2 .*--stream-only"),
    ):
        stores.owners()
    assert processors.now_s > 5.0


def test_owners_with_nobody_there_are_missed_at_once() -> None:
    processors = FakeProcessors({}, 0)
    with (
        processors.stores(ONE, TWO) as stores,
        pytest.raises(ProcessorUnreachable, match=r"any partition .*connection refused"),
    ):
        stores.owners()
    assert processors.now_s == 0.0


def test_records_of_a_processor_that_never_comes_back_are_missed() -> None:
    processors = FakeProcessors({ONE: [0]}, 1)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(503) if "partition" in request.url.params else None

    processors.before = refuse
    with (
        processors.stores(ONE) as stores,
        pytest.raises(ProcessorUnreachable, match="partition 0: 503"),
    ):
        list(stores.records(0))


def test_every_question_shows_the_token_that_is_good_at_that_moment() -> None:
    """An audit may take longer than a token lives."""
    processors = FakeProcessors({ONE: [0]}, 1)
    processors.pages = {(0, ""): (["GC-1"], "aa"), (0, "aa"): (["GC-2"], None)}
    tokens = iter(["one", "two", "three"])
    with processors.stores(ONE, token=lambda: next(tokens)) as stores:
        assert len(list(stores.records(0))) == 2
    assert processors.shown == ["Bearer one", "Bearer two", "Bearer three"]


def test_records_of_a_busy_processor_are_asked_for_again() -> None:
    processors = FakeProcessors({ONE: [0]}, 1)
    processors.pages = {(0, ""): (["GC-1"], None)}
    busy = [httpx.Response(429), httpx.Response(503)]
    processors.before = lambda request: (
        busy.pop() if busy and "partition" in request.url.params else None
    )
    with processors.stores(ONE) as stores:
        assert [record.certificate_id for record in stores.records(0)] == ["GC-1"]
    assert busy == []


@pytest.mark.parametrize("status", [401, 403])
def test_audit_without_a_token_that_is_good_for_it_is_told_what_to_give(status: int) -> None:
    """At once: no waiting makes a token better."""
    processors = FakeProcessors({ONE: [0]}, 1)
    processors.before = lambda _request: httpx.Response(status)
    with processors.stores(ONE) as stores, pytest.raises(AuditRefused) as refused:
        stores.owners()
    assert refused.value.exit_code == 6
    for said in (f"{ONE}/internal/assignment answers {status}", "certificates:audit", "--token"):
        assert said in str(refused.value)
    assert processors.now_s == 0.0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404), "answers 404"),
        (httpx.Response(200, text="hello"), "answers something else"),
        (httpx.Response(200, json={"worker": "x"}), "answers something else"),
    ],
)
def test_owners_at_an_address_that_is_no_processor_are_refused(
    answer: httpx.Response, said: str
) -> None:
    processors = FakeProcessors({ONE: [0]}, 1)
    processors.before = lambda _request: answer
    with processors.stores(ONE) as stores, pytest.raises(ProcessorUnreachable, match=said):
        stores.owners()
