"""What becomes of what no route foresaw: a caller that leaves, and a bug of ours."""

from typing import Any

import httpx
import pytest

from tests.http_edge.edge_under_test import BASE, FakeServices, app_over, problem_of

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
SECRET = "what the bug knew"  # Not to be told to a caller.


class BrokenServices(FakeServices):
    """Services with a bug behind every request."""

    def now_ms(self) -> int:
        raise RuntimeError(SECRET)


async def test_bug_is_a_problem_that_tells_nothing_but_the_key() -> None:
    # The server logs what the app raises on; here it is only to be answered.
    transport = httpx.ASGITransport(app_over(BrokenServices()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.post(
            NEXT, json={"pool": "ELECTRONIC"}, headers={"Idempotency-Key": "request-1"}
        )
    assert problem_of(answer) == (500, "internal-error")
    assert answer.headers["idempotency-key"] == "request-1"
    assert SECRET not in answer.text


async def test_caller_that_leaves_while_it_sends_its_body_asks_for_nothing() -> None:
    """Quietly: that a caller went away is no fault of ours, and nobody reads the answer."""
    services = FakeServices()
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"pool":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "server": ("edge.test", 80),
        "path": NEXT,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_message: Any) -> None:
        pass

    await app_over(services)(scope, receive, send)
    assert messages == []
    assert services.requests.asked == []
