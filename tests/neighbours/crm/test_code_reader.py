"""Reading a code: once under the notification's own id, and what each refusal means."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

import pytest

from pipelines.faults import OperatorError
from pipelines.neighbours.crm import code_reader
from pipelines.neighbours.crm.code_reader import (
    NOT_OPEN,
    CodeNotGiven,
    CodeReader,
    CodeRefused,
    request_id_of,
)
from tests.neighbours.crm.asked_messages import NUMBER, request
from tests.neighbours.crm.local_http import Answer, Got, local_http

pytestmark = pytest.mark.anyio

TOKEN = "token-of-the-crm-81c2"


def problem(status: int, name: str, **headers: str) -> Answer:
    body = f'{{"type": "https://gift-certificates.example/problems/{name}", "status": {status}}}'
    return Answer(status=status, body=body.encode(), headers=headers)


@asynccontextmanager
async def reader_at(url: str) -> AsyncIterator[CodeReader]:
    reader = CodeReader(url, lambda: TOKEN)
    try:
        yield reader
    finally:
        await reader.close()


async def test_code_is_asked_for_under_the_id_of_the_notification() -> None:
    with local_http(lambda _: Answer(body=b'{"cvc": "492039", "new": 1}')) as server:
        async with reader_at(server.url) as reader:
            assert await reader.read(request()) == "492039"
            assert await reader.read(request(offset=9)) == "492039"
    first, second = server.got
    assert first.path == f"/certificates/{NUMBER}/cvc?requestId=42%2Fissue%2F1"
    assert second.path == first.path
    assert first.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "notification",
    ["заказ-42/issue/1", "a b", "x" * 129, "42/issue/1\t", "<script>", "'; --", "%2e%2e"],
)
def test_notification_that_can_be_no_request_id_has_a_digest_in_its_place(
    notification: str,
) -> None:
    found = request_id_of(notification)
    assert re.fullmatch(r"[A-Za-z0-9._:/@+=-]{1,128}", found)
    assert found == request_id_of(notification) != request_id_of(notification + "2")


@pytest.mark.parametrize(
    "answer",
    [
        problem(409, "cvc-already-revealed"),
        problem(409, "annulled"),
        problem(409, "not-issued"),
        problem(422, "request-reused"),
        problem(422, "invalid-request"),
        problem(409, NOT_OPEN),
    ],
)
async def test_refusal_that_the_service_keeps_is_the_end(answer: Answer) -> None:
    with local_http(lambda _: answer) as server:
        async with reader_at(server.url) as reader:
            with pytest.raises(CodeRefused) as caught:
                await reader.read(request())
    assert caught.value.problem in answer.body.decode()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (problem(404, "not-found"), "404 not-found"),
        (problem(401, "token-invalid"), "401 token-invalid"),
        (problem(403, "scope-missing"), "403 scope-missing"),
        (problem(429, "too-many-requests"), "429 too-many-requests"),
        (problem(500, "internal-error"), "500 internal-error"),
        (problem(503, "moving"), "503 moving"),
        (problem(503, "code-key-missing"), "503 code-key-missing"),
        (problem(504, "no-answer"), "504 no-answer"),
        (problem(502, "</title> anna@shop.example"), "answers 502"),
        (Answer(status=502, body=b"<html>"), "answers 502"),
        (Answer(status=302, headers={"Location": "http://127.0.0.1:1"}), "answers 302"),
        (Answer(body=b'{"cvc": "not digits"}'), "holds no code"),
        (Answer(body=b'{"cvc": 492039}'), "holds no code"),
        (Answer(body=b"\xff"), "holds no code"),
        (Answer(body=b'{"x": ' + b"[" * 60_000), "holds no code"),
        (Answer(status=502, body=b'{"x": ' + b"[" * 60_000), "answers 502"),
        (Answer(hangs_up=True), "not reached"),
    ],
)
async def test_anything_else_is_asked_for_again(answer: Answer, why: str) -> None:
    with local_http(lambda _: answer) as server:
        async with reader_at(server.url) as reader:
            with pytest.raises(CodeNotGiven, match=why) as caught:
                await reader.read(request())
    told = f"{caught.value!r} {caught.value.__cause__}"
    assert not any(word in told for word in (TOKEN, NUMBER, "anna", "492039"))


async def test_token_that_is_not_taken_is_forgotten_and_the_next_one_asked_for() -> None:
    """Keys of an issuer can change long before its tokens end."""
    tokens = ["old", "new"]

    def answer(got: Got) -> Answer:
        good = got.headers["authorization"] == "Bearer new"
        return Answer(body=b'{"cvc": "492039"}') if good else problem(401, "token-invalid")

    with local_http(answer) as server:
        reader = CodeReader(server.url, lambda: tokens[0], token_refused=lambda: tokens.pop(0))
        with pytest.raises(CodeNotGiven):
            await reader.read(request())
        assert await reader.read(request()) == "492039"
        await reader.close()
    assert tokens == ["new"]


async def test_pause_that_the_service_asks_for_is_told() -> None:
    with local_http(lambda _: problem(503, "moving", **{"Retry-After": "3"})) as server:
        async with reader_at(server.url) as reader:
            with pytest.raises(CodeNotGiven) as caught:
                await reader.read(request())
    assert caught.value.come_again_s == 3.0


async def test_service_that_hangs_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_reader, "_ANSWER_S", 0.2)
    with local_http(lambda _: Answer(after=Event())) as server:
        async with reader_at(server.url) as reader:
            with pytest.raises(CodeNotGiven, match="not reached"):
                await reader.read(request())


async def test_token_that_no_header_can_carry_is_no_end() -> None:
    reader = CodeReader("http://127.0.0.1:1", lambda: "токен")
    with pytest.raises(CodeNotGiven):
        await reader.read(request())
    await reader.close()


async def test_issuer_that_gives_no_token_is_asked_again() -> None:
    def no_token() -> str:
        raise OperatorError("no token from http://127.0.0.1")

    reader = CodeReader("http://127.0.0.1:1", no_token)
    with pytest.raises(CodeNotGiven, match="no token"):
        await reader.read(request())
    await reader.close()
