"""E-mail by a mail server, over the standard library's client.

Owns the conversation and what each refusal in it means. From the moment the text of a message goes
out until the server's word on it nobody knows whether it was taken; before that it surely was not.
Must not log, nor put into an error, what was sent or said: servers repeat addresses in refusals.
"""

import asyncio
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, localtime, parseaddr
from typing import Final, Literal

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.gateway import Message, NotTaken, Refused, Unsure

_TAKEN: Final = 250
_WILL_FORWARD: Final = 251
_GO_ON: Final = 354
_PERMANENT: Final = 500
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)
_IN_ASCII: Final = SMTP_POLICY.clone(cte_type="7bit")
"""Not every server on the way takes eight bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail goes out and how."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str | None
    sender: str
    deduplicates: bool

    def sender_address(self) -> Address:
        """The sender in its parts. SettingsError when it is no address."""
        name, plain = parseaddr(self.sender)
        try:
            return Address(display_name=name, addr_spec=plain)
        except (ValueError, IndexError):
            raise SettingsError("GIFTCERT_CRM_SMTP_FROM is no mail address") from None


class SmtpGateway:
    """One mail server; a connection for each message, in a few threads of its own."""

    def __init__(
        self,
        server: MailServer,
        password: Callable[[], str | None],
        *,
        timeout_s: float,
        parallel: int,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._sender = server.sender_address()
        self._password = password
        self._timeout_s = timeout_s
        self._context = context or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="smtp")

    @property
    def deduplicates(self) -> bool:
        """Whether the mail system drops a second message of one Message-ID."""
        return self._server.deduplicates

    async def send(self, message: Message) -> None:
        """Hand one message over. NotTaken, Unsure or Refused."""
        mail = self._mail(message)
        conversation = _Conversation(self._server, self._context, timeout_s=self._timeout_s)
        talking = asyncio.get_running_loop().run_in_executor(
            self._threads,
            conversation.hand_over,
            mail,
            message.address,
            self._password,
        )
        # Who is told what it ended with may be gone by then.
        talking.add_done_callback(_hear)
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.shield(talking)
        except TimeoutError:
            # A server that says a little every few seconds would keep the thread for ever.
            conversation.break_off()
            raise conversation.lost("the mail server was too slow") from None
        except asyncio.CancelledError:
            conversation.break_off()
            raise

    async def close(self) -> None:
        """Give up the threads; what they still say is cut by their own time limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _mail(self, message: Message) -> EmailMessage:
        """The letter. Refused when its parts make none."""
        try:
            return self._written(message)
        except ValueError:
            # Not chained: that exception quotes the address.
            raise Refused("no mail can be written of it") from None

    def _written(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=_IN_ASCII)
        mail["From"] = self._sender
        mail["To"] = Address(addr_spec=message.address)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(localtime())
        # The same whenever it is sent again: mail systems that know it deliver it once.
        mail["Message-ID"] = f"<{message.key}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n")
        return mail


def _hear(talking: asyncio.Future[None]) -> None:
    if not talking.cancelled():
        talking.exception()


class _Conversation:
    """One connection and one message."""

    def __init__(self, server: MailServer, context: ssl.SSLContext, *, timeout_s: float) -> None:
        self._server = server
        self._context = context
        self._timeout_s = timeout_s
        self._smtp: smtplib.SMTP | None = None
        self._lock = threading.Lock()
        self._text_out = False
        self._broken_off = False

    def hand_over(
        self, mail: EmailMessage, address: str, password: Callable[[], str | None]
    ) -> None:
        """The whole conversation, in a thread. NotTaken, Unsure or Refused."""
        try:
            smtp = self._smtp = self._connected()
            try:
                self._log_in(smtp, password)
                self._give(smtp, mail, address)
                with suppress(OSError, smtplib.SMTPException):
                    # Nobody waits for the answer: the message is in other hands already.
                    smtp.putcmd("QUIT")
            finally:
                smtp.close()
        except SettingsError:
            raise NotTaken("the mail server's password cannot be read") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # The last: a user, a password or a host's name that the client cannot put into words.
            raise self.lost(f"the mail server was lost ({type(error).__name__})") from None

    def break_off(self) -> None:
        """End it from another thread: what has not gone out by now never will."""
        with self._lock:
            self._broken_off = True
        sock = None if self._smtp is None else self._smtp.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def lost(self, why: str) -> NotTaken | Unsure:
        """What a conversation that broke means."""
        return Unsure(why) if self._text_out else NotTaken(why)

    def _connected(self) -> smtplib.SMTP:
        server, timeout_s = self._server, self._timeout_s
        if server.tls == "tls":
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=timeout_s, context=self._context
            )
        return smtplib.SMTP(server.host, server.port, timeout=timeout_s)

    def _log_in(self, smtp: smtplib.SMTP, password: Callable[[], str | None]) -> None:
        if self._server.tls == "starttls":
            # Raises where the server offers none: a code never goes out in the clear.
            smtp.starttls(context=self._context)
        smtp.ehlo_or_helo_if_needed()
        secret = password()
        if self._server.user is not None and secret is not None:
            smtp.login(self._server.user, secret)

    def _give(self, smtp: smtplib.SMTP, mail: EmailMessage, address: str) -> None:
        sender = mail["From"].addresses[0].addr_spec
        _expect(smtp.mail(sender), "the sender", refuses=False)
        _expect(smtp.rcpt(address), "the address", refuses=True)
        _expect(smtp.docmd("DATA"), "a message", refuses=False, wanted=_GO_ON)
        text = _LEADING_DOT.sub(b"..", mail.as_bytes())
        with self._lock:
            if self._broken_off:
                raise NotTaken("the mail server was too slow")
            self._text_out = True
        smtp.send(text + b".\r\n")
        _expect(smtp.getreply(), "the message", refuses=True)


def _expect(reply: tuple[int, bytes], what: str, *, refuses: bool, wanted: int = _TAKEN) -> None:
    """Judge one reply of the server. SMTPServerDisconnected when it is none."""
    code = reply[0]
    if code == wanted or (wanted == _TAKEN and code == _WILL_FORWARD):
        return
    if code < _TAKEN:
        raise smtplib.SMTPServerDisconnected("its reply cannot be read")
    told = f"the mail server answers {code} to {what}"
    raise Refused(told) if refuses and code >= _PERMANENT else NotTaken(told)
