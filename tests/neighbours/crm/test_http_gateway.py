"""The SMS gateway over HTTP: what is sent, and what each answer, silence or hang-up means."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from threading import Event

import pytest
import trustme

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.gateway import GatewayFault, Message, NotTaken, Refused, Unsure
from pipelines.neighbours.crm.http_gateway import HttpContract, HttpGateway
from pipelines.neighbours.crm.settings import CrmSettings
from tests.neighbours.crm.local_http import Answer, Got, LocalHttp, local_http

pytestmark = pytest.mark.anyio

SECRET = "gateway-secret-7f3a"
MESSAGE = Message(key="key-1", address="+79001234567", subject="", text='Код "492039"\n…')


def contract(url: str, **changes: object) -> HttpContract:
    settings = CrmSettings(sms_url=f"{url}/gateway/messages", **changes)  # type: ignore[arg-type]  # a table's row
    return HttpContract.of(settings)


@asynccontextmanager
async def gateway_at(
    url: str,
    *,
    timeout_s: float = 2.0,
    secret: Callable[[], str] = lambda: SECRET,
    verify: ssl.SSLContext | bool = True,
    changes: Mapping[str, object] | None = None,
) -> AsyncIterator[HttpGateway]:
    gateway = HttpGateway(
        contract(url, **(changes or {})), secret, timeout_s=timeout_s, parallel=4, verify=verify
    )
    try:
        yield gateway
    finally:
        await gateway.close()


async def test_message_goes_out_as_the_gateways_contract_says() -> None:
    with local_http(lambda _: Answer(status=202, body=b'{"messageId": "1"}')) as server:
        async with gateway_at(server.url) as gateway:
            await gateway.send(MESSAGE)
            assert not gateway.deduplicates
    (got,) = server.got
    assert (got.method, got.path) == ("POST", "/gateway/messages")
    assert got.headers["authorization"] == f"Bearer {SECRET}"
    assert got.headers["idempotency-key"] == "key-1"
    assert got.headers["content-type"] == "application/json"
    assert json.loads(got.body) == {"id": "key-1", "to": "+79001234567", "text": MESSAGE.text}


async def test_gateway_of_another_kind_is_called_as_its_templates_say() -> None:
    changes = {
        "sms_url": "http://127.0.0.1/",
        "sms_method": "GET",
        "sms_headers": '{"X-Key": "{{ secret }}"}',
        "sms_success_field": "status",
        "sms_success_value": "ok",
        "sms_deduplicates": True,
    }
    with local_http(lambda _: Answer(body=b'{"status": "ok"}')) as server:
        changes["sms_url"] = f"{server.url}/send?to={{{{ to | urlencode }}}}&id={{{{ id }}}}"
        settings = CrmSettings(**changes)  # type: ignore[arg-type]  # a table of settings
        gateway = HttpGateway(HttpContract.of(settings), lambda: "ключ", timeout_s=2.0, parallel=1)
        await gateway.send(MESSAGE)
        await gateway.close()
        assert gateway.deduplicates
    (got,) = server.got
    assert (got.method, got.path, got.body) == ("GET", "/send?to=%2B79001234567&id=key-1", b"")
    assert got.headers["x-key"].encode("latin-1").decode() == "ключ"


JUDGED: list[tuple[Answer, type[GatewayFault] | None]] = [
    (Answer(status=200), None),
    (Answer(status=204, body=b""), None),
    (Answer(status=400), Refused),
    (Answer(status=413), Refused),
    (Answer(status=422), Refused),
    (Answer(status=301, headers={"Location": "http://127.0.0.1:1/"}), NotTaken),
    (Answer(status=401), NotTaken),
    (Answer(status=403), NotTaken),
    (Answer(status=404), NotTaken),
    (Answer(status=429), NotTaken),
    (Answer(status=503), NotTaken),
    (Answer(status=408), Unsure),
    (Answer(status=409), Unsure),
    (Answer(status=500), Unsure),
    (Answer(status=502), Unsure),
    (Answer(status=504), Unsure),
    (Answer(status=524), Unsure),
    (Answer(status=207), Unsure),
    (Answer(hangs_up=True), Unsure),
]


@pytest.mark.parametrize(
    ("answer", "fault"), JUDGED, ids=[f"{a.status}-{a.hangs_up}" for a, _ in JUDGED]
)
async def test_answer_says_whether_the_message_was_taken(
    answer: Answer, fault: type[GatewayFault] | None
) -> None:
    with local_http(lambda _: answer) as server:
        async with gateway_at(server.url) as gateway:
            if fault is None:
                await gateway.send(MESSAGE)
            else:
                with pytest.raises(fault):
                    await gateway.send(MESSAGE)
    assert len(server.got) == 1


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"status": "OK"}', None),
        (b'{"status": true}', NotTaken),
        (b'{"status": "ERROR", "text": "no money"}', NotTaken),
        (b'{"status": null}', Unsure),
        (b"{}", Unsure),
        (b"[]", Unsure),
        (b"<html>", Unsure),
        (b"\xff", Unsure),
        (b"", Unsure),
        (b"[" * 60_000, Unsure),
    ],
    ids=["yes", "another-word", "no", "null", "absent", "list", "page", "bytes", "empty", "deep"],
)
async def test_gateway_that_says_200_to_everything_is_read_by_its_field(
    body: bytes, fault: type[GatewayFault] | None
) -> None:
    """One that says nothing there, or nothing that can be read, may have taken the message."""
    with local_http(lambda _: Answer(body=body)) as server:
        async with gateway_at(server.url, changes={"sms_success_field": "status"}) as gateway:
            if fault is None:
                await gateway.send(MESSAGE)
            else:
                with pytest.raises(fault, match="does not say that it took"):
                    await gateway.send(MESSAGE)


async def test_pause_that_the_gateway_asks_for_is_told() -> None:
    with local_http(lambda _: Answer(status=503, headers={"Retry-After": "7"})) as server:
        async with gateway_at(server.url) as gateway:
            with pytest.raises(NotTaken) as caught:
                await gateway.send(MESSAGE)
    assert caught.value.come_again_s == 7.0


async def test_gateway_that_nobody_answers_for_surely_took_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with gateway_at(url) as gateway:
            with pytest.raises(NotTaken, match="not reached"):
                await gateway.send(MESSAGE)


async def test_gateway_that_hangs_is_left_in_time_and_may_have_taken_it() -> None:
    never = Event()
    with local_http(lambda _: Answer(after=never)) as server:
        async with gateway_at(server.url, timeout_s=0.2) as gateway:
            with pytest.raises(Unsure, match="did not answer within"):
                await gateway.send(MESSAGE)
    assert len(server.got) == 1


async def test_gateway_that_drips_its_answer_is_left_in_time_too() -> None:
    """Each byte comes soon enough; all of them would take minutes."""
    with local_http(lambda _: Answer(body=b"x" * 10_000, drips=True)) as server:
        async with gateway_at(server.url, timeout_s=0.3) as gateway:
            with pytest.raises(Unsure):
                await gateway.send(MESSAGE)


async def test_answer_without_an_end_is_not_read_to_its_end() -> None:
    with local_http(lambda _: Answer(body=b"x" * 10_000_000)) as server:
        async with gateway_at(server.url) as gateway:
            await gateway.send(MESSAGE)


async def test_gateway_of_a_foreign_authority_is_told_nothing() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    server = LocalHttp(lambda _: Answer())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.issue_cert("127.0.0.1").configure_cert(context)
    server.protect(context)
    trusting = ssl.create_default_context()
    ours.configure_trust(trusting)
    with server.serving():
        url = server.url.replace("http://", "https://")
        async with gateway_at(url, verify=trusting) as gateway:
            with pytest.raises(NotTaken):
                await gateway.send(MESSAGE)
    assert server.got == []


async def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_http(lambda _: Answer()) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        async with gateway_at(server.url) as gateway:
            await gateway.send(MESSAGE)
    assert len(server.got) == 1


def broken_secret() -> str:
    raise SettingsError("GIFTCERT_CRM_SMS_SECRET_FILE: cannot read it")


async def test_secret_that_cannot_be_read_for_a_moment_is_no_end() -> None:
    with local_http(lambda _: Answer()) as server:
        async with gateway_at(server.url, secret=broken_secret) as gateway:
            with pytest.raises(NotTaken, match="secret cannot be read"):
                await gateway.send(MESSAGE)
    assert server.got == []


@pytest.mark.parametrize(
    "changes",
    [
        {"sms_body": "{{ 1 // (text | length - 14) }}"},
        {"sms_headers": '{"X": "{{ [1][text | length - 1] }}"}'},
        {"sms_headers": '{"X": "a{{ text }}"}'},
    ],
)
async def test_message_that_the_templates_cannot_carry_is_not_sent(
    changes: dict[str, object],
) -> None:
    """The last one: a text with a line break is in no header."""
    with local_http(lambda _: Answer()) as server:
        async with gateway_at(server.url, changes=changes) as gateway:
            with pytest.raises((Refused, NotTaken)):
                await gateway.send(MESSAGE)
    assert server.got == []


@pytest.mark.parametrize("answer", [each for each, _ in JUDGED if each.status >= 300])
async def test_fault_tells_neither_address_text_nor_secret(answer: Answer) -> None:
    def repeats(got: Got) -> Answer:
        return Answer(status=answer.status, body=got.body + SECRET.encode())

    with local_http(repeats) as server:
        async with gateway_at(server.url) as gateway:
            with pytest.raises(GatewayFault) as caught:
                await gateway.send(MESSAGE)
    told = f"{caught.value!r} {caught.value} {caught.value.__cause__} {MESSAGE!r}"
    assert not any(word in told for word in ("7900", "492039", SECRET))
