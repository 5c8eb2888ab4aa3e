"""What becomes of what no call foresaw: no such path, a caller that leaves, and a bug of ours."""

from typing import Any

import pytest

from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import (
    STORE,
    FakeServices,
    app_over,
    call,
    calling,
    problem_of,
)

pytestmark = pytest.mark.anyio
NEXT = "/certificates/next"
SECRET = "what the bug knew"  # Not to be told to a caller.


class BrokenServices(FakeServices):
    """Services with a bug behind every request that acts."""

    def now_ms(self) -> int:
        raise RuntimeError(SECRET)


async def test_bug_is_a_problem_that_tells_nothing_of_it(log_lines: LogLines) -> None:
    # The server logs what the app raises on; here it is only to be answered.
    async with calling(BrokenServices(), raise_app_exceptions=False) as client:
        answer = await client.post(
            NEXT, json={"pool": "ELECTRONIC"}, headers={**STORE, "Idempotency-Key": "r-1"}
        )
    assert problem_of(answer) == (500, "internal-error")
    assert SECRET not in answer.text
    (line,) = log_lines.calls()
    assert (line["status"], line["outcome"]) == (500, "unknown"), "it may have happened"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_bug_is_told_to_the_server() -> None:
    with pytest.raises(RuntimeError, match=SECRET):
        await call(BrokenServices(), "POST", NEXT, STORE, key="r", body={"pool": "ELECTRONIC"})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing/here",
        "/certificates/",
        f"/certificates/{made.NUMBER}/",
        f"/certificates/{made.NUMBER}/actions",
        f"/certificates/{made.NUMBER}/actions/refund",
        f"/certificates/{made.NUMBER}/authorizations/hold-1",
        "//certificates/next",
        "/internal",
        "/internal/secrets",
    ],
)
async def test_path_that_is_none_is_a_problem(path: str) -> None:
    """A token is not asked for: there is nothing to guard. And nothing is redirected."""
    assert problem_of(await call(FakeServices(), "GET", path)) == (404, "no-such-path")


async def test_caller_that_leaves_while_it_sends_its_body_asks_for_nothing(
    log_lines: LogLines,
) -> None:
    """Quietly: that a caller went away is no fault of ours, and nobody reads the answer."""
    services = FakeServices()
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"pool":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    authorization = STORE["Authorization"].encode()
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "server": ("edge.test", 80),
        "client": ("10.0.0.9", 5000),
        "path": NEXT,
        "raw_path": NEXT.encode(),
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", b"100"),
            (b"idempotency-key", b"r-1"),
            (b"authorization", authorization),
        ],
    }

    async def receive() -> Any:
        return messages.pop(0)

    async def send(_message: Any) -> None:
        pass

    await app_over(services)(scope, receive, send)
    assert messages == []
    assert services.flow.asked == []
    (line,) = log_lines.calls()
    assert (line["status"], line["outcome"]) == (400, "refused")
