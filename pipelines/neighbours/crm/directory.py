"""From the token of an address to the address: a file of a small team, or a call of a large one's.

Owns both and what they fail with. A directory is asked anew for each message: who changed a number
a minute ago is reached at the new one. Must not log, keep beyond the file's own lines, or put into
an error an address or a token.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import httpx
import msgspec

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.contact import Contact, language_of

_ANSWER_S: Final = 5.0
_CALLS: Final = 32
_COMMENT: Final = "#"


class DirectorySilent(Exception):
    """The directory does not answer now. `why` is for people."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Directory(Protocol):
    """Who knows addresses by token."""

    async def find(self, token: str) -> Contact | None:
        """What is known under a token; None: nothing is. DirectorySilent."""
        ...

    async def close(self) -> None:
        """Give up connections."""
        ...


class NoDirectory:
    """Where nobody knows addresses."""

    async def find(self, token: str) -> Contact | None:  # noqa: ARG002 - it knows no token
        """Nothing."""
        return None

    async def close(self) -> None:
        """Nothing is open."""


class FileDirectory:
    """Lines `token=address` or `token=address language`; empty ones and those with # are passed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._contacts: Mapping[str, Contact] = {}
        if self._stamp() is None:
            raise SettingsError(f"GIFTCERT_CRM_ADDRESS_FILE: cannot read {path}")

    async def find(self, token: str) -> Contact | None:
        """What the file says now. DirectorySilent when it is gone."""
        stamp = self._stamp()
        if stamp is None:
            raise DirectorySilent("the file of addresses cannot be read")
        if stamp != self._read_at:
            self._contacts = await asyncio.to_thread(self._lines)
            self._read_at = stamp
        return self._contacts.get(token)

    async def close(self) -> None:
        """Nothing is open."""

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _lines(self) -> Mapping[str, Contact]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise DirectorySilent("the file of addresses cannot be read") from None
        found: dict[str, Contact] = {}
        for line in text.splitlines():
            # The last one: a token may be base64.
            token, equals, rest = line.rpartition("=")
            if not equals or line.startswith(_COMMENT):
                continue
            address, _, word = rest.strip().rpartition(" ")
            language = language_of(word)
            if language is None:
                address = rest.strip()
            found[token.strip()] = Contact(address=address.strip(), language=language)
        return found


class _Known(msgspec.Struct, frozen=True):
    """What a directory answers; it may say more."""

    address: str
    language: str | None = None


class HttpDirectory:
    """A directory that is called. `secret` None: it asks for none."""

    def __init__(
        self,
        address: str,
        secret: Callable[[], str | None],
        *,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = address
        self._secret = secret
        self._places = asyncio.Semaphore(_CALLS)
        self._client = httpx.AsyncClient(
            timeout=_ANSWER_S, verify=verify, trust_env=False, transport=transport
        )

    async def find(self, token: str) -> Contact | None:
        """What the directory says. DirectorySilent."""
        async with self._places:
            return _contact_in(await self._answer(token))

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.aclose()

    async def _answer(self, token: str) -> httpx.Response:
        try:
            secret = self._secret()
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            async with asyncio.timeout(_ANSWER_S):
                return await self._client.get(self._address_of(token), headers=headers)
        except SettingsError:
            raise DirectorySilent("the directory's secret cannot be read") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            raise DirectorySilent(
                f"the directory was not reached ({type(error).__name__})"
            ) from None

    def _address_of(self, token: str) -> str:
        # A token of dots alone would be a step to another page.
        quoted = quote(token, safe="")
        word = quoted if quoted.strip(".") else quoted.replace(".", "%2E")
        return self._address.replace("{token}", word)


def _contact_in(answer: httpx.Response) -> Contact | None:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    if answer.status_code != httpx.codes.OK:
        raise DirectorySilent(f"the directory answers {answer.status_code}")
    try:
        known = msgspec.json.decode(answer.content, type=_Known)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DirectorySilent("the directory's answer holds no address") from None
    return Contact(address=known.address, language=language_of(known.language))
