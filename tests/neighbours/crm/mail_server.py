"""A real SMTP server in a thread (aiosmtpd), and a raw one that behaves as none should.

Owns what they got. What they answer is the test's.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(slots=True)
class Mailbox:
    """What a server got, and what it says to each step; `hold` makes it wait after a message."""

    user: str | None = None
    password: str | None = None
    to_address: Sequence[str] = ()
    to_message: Sequence[str] = ()
    hold: Event | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    addressed: list[str] = field(default_factory=list)
    let_in: bool = False

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take an address, or say what the test says; the last word is repeated."""
        self.addressed.append(address)
        said = _word(self.to_address, len(self.addressed))
        if said is None:
            envelope.rcpt_tos.append(address)
            return "250 OK"
        return said

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a message, or say what the test says."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.hold is not None:
            while not self.hold.is_set():
                await asyncio.sleep(0.01)
        return _word(self.to_message, len(self.mails)) or "250 OK"

    def login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        """Let the one user in."""
        assert isinstance(data, LoginPassword)
        told = (data.login.decode(), data.password.decode())
        self.let_in = told == (self.user, self.password)
        return AuthResult(success=self.let_in)


def _word(words: Sequence[str], count: int) -> str | None:
    word = words[count - 1] if count <= len(words) else None
    return word or None


@contextmanager
def mail_server(
    box: Mailbox, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A server for this mailbox; its port."""
    extra: dict[str, Any] = {}
    if box.user is not None:
        # Of a connection that begins encrypted the library does not know that it is.
        guarded = {"auth_required": tls is None, "auth_require_tls": tls is None}
        extra = {"authenticator": box.login, **guarded}
    if starttls is not None:
        extra |= {"tls_context": starttls, "require_starttls": True}
    controller = Controller(
        box, hostname="127.0.0.1", port=0, ssl_context=tls, ready_timeout=10, **extra
    )
    # Chosen before it starts: the library's own look at itself needs a port.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    try:
        yield controller.port
    finally:
        if box.hold is not None:
            box.hold.set()
        controller.stop()


@contextmanager
def raw_server(*lines: bytes, then: str) -> Iterator[tuple[int, list[bytes]]]:
    """Says one line to each thing it hears, the first to nothing; then `hangs` or `hangs up`.

    `drips`: goes on with a byte every few hundredths of a second. What it heard is in the list.
    """
    heard: list[bytes] = []
    ended = Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with suppress(OSError), listener.accept()[0] as connection:
            for line in lines:
                connection.sendall(line + b"\r\n")
                end = b"\r\n.\r\n" if line.startswith(b"354") else b"\r\n"
                heard.append(b"")
                while not heard[-1].endswith(end):
                    more = connection.recv(65_536)
                    if not more:
                        return
                    heard[-1] += more
            while then == "drips" and not ended.wait(0.03):
                connection.sendall(b"2")
            if then == "hangs":
                ended.wait()

    thread = Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        ended.set()
        listener.close()
        thread.join(5.0)
