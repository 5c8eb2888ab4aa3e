"""Forwarding: to the owner in one hop, with what belongs to the call, and never in a circle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from http_edge import forwarding as module
from http_edge.forwarding import HOP, Forwarder
from http_edge.problems import Problem
from http_edge.services import ElsewhereError
from pipelines.local.ports import HeldPort
from state.certificate.record import CertificateState
from tests.http_edge.edge_under_test import FakeServices, app_over, calling, problem_of
from tests.state.certificate import specimens

pytestmark = pytest.mark.anyio
NOBODY = "http://127.0.0.1:1"


class Owner:
    """Answers for another process, and keeps what it was asked."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[httpx.Request] = []
        self.status = status
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        headers = {"ETag": '"5"', "Retry-After": "1", "Cache-Control": "no-store", "Server": "x"}
        return httpx.Response(self.status, json={"version": 5}, headers=headers)


def request(path: str = "/certificates/GC-0001", query: bytes = b"", **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "server": ("edge.test", 80),
            "path": path,
            "query_string": query,
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
    )


@asynccontextmanager
async def forwarder_to(owner: Owner) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder()
    await forwarder._client.aclose()
    forwarder._client = httpx.AsyncClient(transport=owner.transport)
    yield forwarder
    await forwarder.close()


async def forwarded(owner: Owner, asked: Request) -> Response:
    async with forwarder_to(owner) as forwarder:
        return await forwarder.forward(asked, "http://10.0.0.2:8080")


async def test_request_goes_to_the_owner_with_what_belongs_to_it() -> None:
    owner = Owner()
    await forwarded(
        owner,
        request(
            query=b"requestId=r%201&pool=A",
            idempotency_key="r-1",
            if_none_match='"4"',
            traceparent="00-0af7-b7ad-01",
            authorization="Bearer t",
            cookie="session=secret",
            host="edge.test",
        ),
    )
    (asked,) = owner.asked
    assert str(asked.url) == ("http://10.0.0.2:8080/certificates/GC-0001?requestId=r%201&pool=A")
    assert asked.headers["idempotency-key"] == "r-1"
    assert asked.headers["if-none-match"] == '"4"'
    assert asked.headers["traceparent"] == "00-0af7-b7ad-01"
    assert asked.headers["authorization"] == "Bearer t"
    assert asked.headers[HOP] == "1"
    assert asked.headers["host"] == "10.0.0.2:8080"
    assert "cookie" not in asked.headers


@pytest.mark.parametrize("status", [200, 304, 404, 409, 503])
async def test_owners_answer_is_handed_on(status: int) -> None:
    answer = await forwarded(Owner(status), request())
    assert (answer.status_code, bytes(answer.body)) == (status, b'{"version":5}')
    assert answer.headers["etag"] == '"5"'
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers


async def test_second_hop_is_refused_without_asking_anybody() -> None:
    """Two processes that each take the other for the owner must not call each other for ever."""
    owner = Owner()
    with pytest.raises(Problem) as caught:
        await forwarded(owner, request(x_giftcert_hop="1"))
    assert (caught.value.status, owner.asked) == (503, [])


async def test_owner_that_does_not_answer_is_moving() -> None:
    forwarder = Forwarder()
    with pytest.raises(Problem) as caught:
        await forwarder.forward(request(), NOBODY)
    assert (caught.value.status, caught.value.kind) == (503, "moving")
    await forwarder.close()


async def test_owner_that_takes_too_long_is_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read takes milliseconds; one that hangs must not outlast the stop of this process."""
    monkeypatch.setattr(module, "ANSWER_S", 0.05)

    async def silent(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    owner = Owner()
    owner.transport = httpx.MockTransport(silent)
    with pytest.raises(Problem) as caught:
        await forwarded(owner, request())
    assert (caught.value.status, caught.value.kind) == (503, "moving")


async def test_address_that_is_none_is_moving() -> None:
    """A member of the group that named no address: nothing better is known for the moment."""
    forwarder = Forwarder()
    with pytest.raises(Problem) as caught:
        await forwarder.forward(request(), "")
    assert caught.value.status == 503
    await forwarder.close()


async def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are neighbours: what they say of certificates goes through nobody else."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    forwarder = Forwarder()
    assert forwarder._client.trust_env is False
    await forwarder.close()


@asynccontextmanager
async def listening(services: FakeServices) -> AsyncIterator[str]:
    """The app of another process, on a real port of this machine."""
    port = HeldPort()
    address = f"http://127.0.0.1:{port.port}"
    port.release()
    server = uvicorn.Server(uvicorn.Config(app_over(services), port=port.port, log_config=None))
    serving = asyncio.ensure_future(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    yield address
    server.should_exit = True
    await serving


async def test_read_elsewhere_is_answered_by_the_owner_over_http() -> None:
    """Two whole apps: one does not have it and says who has, the other answers."""
    here, there = FakeServices(), FakeServices()
    there.states["GC-0001"] = CertificateState(sequence=5, certificate=specimens.ACTIVE)
    async with listening(there) as address, calling(here) as client:

        def elsewhere(_number: str) -> CertificateState:
            raise ElsewhereError(address)

        here.finds = elsewhere
        answer = await client.get("/certificates/GC-0001")
        assert (answer.status_code, answer.json()["version"]) == (200, 5)
        assert answer.headers["etag"] == '"5"'
        missing = await client.get("/certificates/GC-0002/balance")
        assert problem_of(missing) == (404, "not-found")


async def test_two_owners_that_name_each_other_end_in_a_503() -> None:
    here, there = FakeServices(), FakeServices()
    async with listening(there) as address, calling(here) as client:

        def elsewhere(_number: str) -> CertificateState:
            raise ElsewhereError(address)

        here.finds = there.finds = elsewhere
        answer = await client.get("/certificates/GC-0001")
        assert problem_of(answer) == (503, "moving")
        assert answer.headers["retry-after"] == "1"
