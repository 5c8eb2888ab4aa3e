"""E-mail by a real SMTP server: what is sent, and what each refusal, silence or hang-up means."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from threading import Event
from typing import Literal

import pytest
import trustme

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.gateway import GatewayFault, Message, NotTaken, Refused, Unsure
from pipelines.neighbours.crm.smtp_gateway import MailServer, SmtpGateway
from tests.neighbours.crm.mail_server import Mailbox, mail_server, raw_server

pytestmark = pytest.mark.anyio

PASSWORD = "mail-password-51d0"
MESSAGE = Message(
    key="3f0e9f0b-1c0d-5e0a-9b57-6d2f6f0f7c55",
    address="anna@shop.example",
    subject="Код сертификата",
    text="Шифр:\n.\n..492039\nЖдём.",
)


def no_password() -> None:
    """A server that asks for none."""


@asynccontextmanager
async def gateway_at(
    port: int,
    *,
    tls: Literal["starttls", "tls", "none"] = "none",
    user: str | None = None,
    password: Callable[[], str | None] = no_password,
    timeout_s: float = 2.0,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[SmtpGateway]:
    server = MailServer(
        host="127.0.0.1",
        port=port,
        tls=tls,
        user=user,
        sender="Подарки <gifts@shop.example>",
        deduplicates=False,
    )
    gateway = SmtpGateway(server, password, timeout_s=timeout_s, parallel=2, context=context)
    try:
        yield gateway
    finally:
        await gateway.close()


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and that of a client who trusts it."""
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return serving, trusting


async def test_message_arrives_whole_with_an_id_of_its_own() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        async with gateway_at(port) as gateway:
            await gateway.send(MESSAGE)
            assert not gateway.deduplicates
    (mail,) = box.mails
    assert mail["To"] == "anna@shop.example"
    assert mail["From"] == "Подарки <gifts@shop.example>"
    assert mail["Subject"] == "Код сертификата"
    assert mail["Message-ID"] == f"<{MESSAGE.key}@shop.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip().replace("\r\n", "\n") == MESSAGE.text
    assert box.addressed == ["anna@shop.example"]


@pytest.mark.parametrize("way", ["starttls", "tls"])
async def test_message_goes_encrypted_with_user_and_password(
    way: Literal["starttls", "tls"],
) -> None:
    serving, trusting = contexts()
    box = Mailbox(user="gifts", password=PASSWORD)
    protected = {"tls": serving} if way == "tls" else {"starttls": serving}
    with mail_server(box, **protected) as port:
        async with gateway_at(
            port, tls=way, user="gifts", password=lambda: PASSWORD, context=trusting
        ) as gateway:
            await gateway.send(MESSAGE)
    assert len(box.mails) == 1
    assert box.let_in


@pytest.mark.parametrize("way", ["starttls", "tls"])
async def test_server_of_a_foreign_authority_is_told_nothing(
    way: Literal["starttls", "tls"],
) -> None:
    serving, _ = contexts()
    _, trusting_another = contexts()
    box = Mailbox()
    protected = {"tls": serving} if way == "tls" else {"starttls": serving}
    with mail_server(box, **protected) as port:
        async with gateway_at(port, tls=way, context=trusting_another) as gateway:
            with pytest.raises(NotTaken):
                await gateway.send(MESSAGE)
    assert (box.mails, box.addressed) == ([], [])


async def test_server_that_offers_no_encryption_is_told_nothing() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        async with gateway_at(port, tls="starttls") as gateway:
            with pytest.raises(NotTaken):
                await gateway.send(MESSAGE)
    assert (box.mails, box.addressed) == ([], [])


async def test_wrong_password_is_no_end_and_is_not_told() -> None:
    serving, trusting = contexts()
    box = Mailbox(user="gifts", password="another")
    with mail_server(box, starttls=serving) as port:
        async with gateway_at(
            port, tls="starttls", user="gifts", password=lambda: PASSWORD, context=trusting
        ) as gateway:
            with pytest.raises(NotTaken) as caught:
                await gateway.send(MESSAGE)
    assert PASSWORD not in f"{caught.value!r}"
    assert box.mails == []


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        (Mailbox(to_address=["550 5.1.1 anna@shop.example: no such user"]), Refused),
        (Mailbox(to_address=["450 4.2.0 greylisted, come again"]), NotTaken),
        (Mailbox(to_address=["421 4.3.2 closing"]), NotTaken),
        (Mailbox(to_message=["554 5.7.1 anna@shop.example: spam"]), Refused),
        (Mailbox(to_message=["452 4.3.1 no room"]), NotTaken),
    ],
)
async def test_refusal_of_the_server_says_whether_to_come_again(
    box: Mailbox, fault: type[GatewayFault]
) -> None:
    with mail_server(box) as port:
        async with gateway_at(port) as gateway:
            with pytest.raises(fault) as caught:
                await gateway.send(MESSAGE)
    told = f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert "anna" not in told
    assert "492039" not in told


async def test_server_that_refuses_for_a_moment_takes_the_message_then() -> None:
    box = Mailbox(to_address=["451 4.7.1 greylisted", ""])
    with mail_server(box) as port:
        async with gateway_at(port) as gateway:
            with pytest.raises(NotTaken):
                await gateway.send(MESSAGE)
            await gateway.send(MESSAGE)
    assert len(box.mails) == 1


async def test_server_that_says_nothing_to_the_message_may_have_taken_it() -> None:
    box = Mailbox(hold=Event())
    with mail_server(box) as port:
        async with gateway_at(port, timeout_s=0.5) as gateway:
            with pytest.raises(Unsure):
                await gateway.send(MESSAGE)
    assert len(box.mails) == 1


GREETED = (b"220 mail.shop.example", b"250 mail.shop.example")


@pytest.mark.parametrize(
    ("lines", "then", "fault"),
    [
        ((), "hangs up", NotTaken),
        ((), "hangs", NotTaken),
        ((), "drips", NotTaken),
        ((b"554 go away",), "hangs up", NotTaken),
        ((b"this is no mail server",), "hangs", NotTaken),
        (GREETED, "hangs up", NotTaken),
        (GREETED, "hangs", NotTaken),
        ((*GREETED, b"250 OK", b"250 OK"), "hangs up", NotTaken),
        ((*GREETED, b"250 OK", b"250 OK"), "hangs", NotTaken),
        ((*GREETED, b"250 OK", b"250 OK", b"354 go on"), "hangs up", Unsure),
        ((*GREETED, b"250 OK", b"250 OK", b"354 go on"), "hangs", Unsure),
        ((*GREETED, b"250 OK", b"250 OK", b"354 go on"), "drips", Unsure),
        ((*GREETED, b"250 OK", b"250 OK", b"354 go on", b"what?"), "hangs", Unsure),
        ((*GREETED, b"250 OK", b"250 OK", b"250 not what it should say"), "hangs", NotTaken),
    ],
)
async def test_server_that_misbehaves_took_nothing_before_it_had_the_text(
    lines: tuple[bytes, ...], then: str, fault: type[GatewayFault]
) -> None:
    with raw_server(*lines, then=then) as (port, _):
        async with gateway_at(port, timeout_s=0.5) as gateway:
            with pytest.raises(fault):
                await gateway.send(MESSAGE)


async def test_message_that_was_taken_is_sent_though_the_server_hangs_at_the_goodbye() -> None:
    lines = (*GREETED, b"250 OK", b"250 OK", b"354 go on", b"250 taken")
    with raw_server(*lines, then="hangs") as (port, heard):
        async with gateway_at(port, timeout_s=2.0) as gateway:
            await gateway.send(MESSAGE)
    assert b"\r\n.\r\n" in heard[4]


async def test_password_that_cannot_be_read_for_a_moment_is_no_end() -> None:
    def broken() -> str:
        raise SettingsError("GIFTCERT_CRM_SMTP_PASSWORD_FILE: cannot read it")

    box = Mailbox()
    with mail_server(box) as port:
        async with gateway_at(port, user="gifts", password=broken) as gateway:
            with pytest.raises(NotTaken, match="password cannot be read"):
                await gateway.send(MESSAGE)
    assert box.mails == []


async def test_password_that_the_server_cannot_be_told_is_no_end_and_is_not_told() -> None:
    serving, trusting = contexts()
    secret = "пароль"
    box = Mailbox(user="gifts", password=secret)
    with mail_server(box, starttls=serving) as port:
        async with gateway_at(
            port, tls="starttls", user="gifts", password=lambda: secret, context=trusting
        ) as gateway:
            with pytest.raises(NotTaken) as caught:
                await gateway.send(MESSAGE)
    assert secret not in f"{caught.value!r} {caught.value.__cause__}"
    assert box.mails == []


async def test_message_that_no_mail_can_carry_is_refused_before_anything_goes_out() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        async with gateway_at(port) as gateway:
            with pytest.raises(Refused):
                await gateway.send(replace(MESSAGE, address="an..na@shop.example"))
            with pytest.raises(Refused):
                await gateway.send(replace(MESSAGE, subject="Code\rBcc: all@shop.example"))
    assert (box.mails, box.addressed) == ([], [])


@pytest.mark.parametrize("sender", ["", "gifts", "gifts@", "Gifts <>"])
def test_sender_that_is_no_address_is_told_at_the_start(sender: str) -> None:
    server = MailServer(
        host="127.0.0.1", port=25, tls="none", user=None, sender=sender, deduplicates=False
    )
    with pytest.raises(SettingsError, match="GIFTCERT_CRM_SMTP_FROM"):
        SmtpGateway(server, no_password, timeout_s=1.0, parallel=1)
