"""TLS from files: what a listener shows to callers, and whom we trust when we ask others.

Owns the two kinds of context and their renewal: certificates are replaced under a running process,
and every handshake after that must use the new ones. Must not tell what is in a file.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

import structlog

from pipelines.faults import SettingsError
from pipelines.settings import ENV_PREFIX, Settings

LOOK_EVERY_S: Final = 5.0
"""How often the files are looked at. Certificates are renewed days before they end."""

# Forward secrecy and authenticated encryption only; all suites of TLS 1.3 are such anyway.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_ALPN: Final = ("http/1.1",)
_NO_FILE: Final = b"no file"

_log = structlog.get_logger(__name__)


class FollowedFiles:
    """A context that follows its files: each change makes a whole new one.

    SettingsError when they cannot be used at the start.
    """

    def __init__(
        self, what: str, files: Sequence[Path], make: Callable[[], ssl.SSLContext]
    ) -> None:
        self._what = what
        self._files = files
        self._make = make
        self._seen = self._digest()
        self._context = make()

    def context(self) -> ssl.SSLContext:
        """The context of the moment: one that is never changed."""
        return self._context

    def look(self) -> bool:
        """Take up the files if they changed; whether that was done.

        Files that cannot be used are told once, and what was there before stays.
        """
        seen = self._digest()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            made = self._make()
        except SettingsError as error:
            # Files that change at this very moment are no fault yet: the next look sees them whole.
            if self._digest() == seen:
                _log.error("not renewed, what was before stays", what=self._what, why=str(error))
            return False
        self._context = made
        _log.info("renewed", what=self._what)
        return True

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while self._files:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)

    def _digest(self) -> bytes:
        """What all files hold, in one short value.

        Their times and names say less: a volume that swaps a link changes neither of a file.
        """
        found = hashlib.sha256()
        for path in self._files:
            try:
                content = path.read_bytes()
            except OSError:
                content = _NO_FILE
            found.update(hashlib.sha256(content).digest())
        return found.digest()


class ServedContext(ssl.SSLContext):
    """What a listener is given once and for all: each connection gets the context of the moment.

    A context that serves can be given another certificate and another key, but not both in one
    step, and is of no use in between. This one itself has neither: who gets past the method below
    gets no connection.
    """

    followed: FollowedFiles

    @classmethod
    def of(cls, followed: FollowedFiles) -> "ServedContext":
        """The context to listen with."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context.followed = followed
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """One connection of an event loop."""
        return self.followed.context().wrap_bio(
            incoming, outgoing, server_side, server_hostname, session
        )


def shown_certificate(settings: Settings) -> FollowedFiles | None:
    """What the listener shows; None where it speaks plain HTTP. SettingsError: unusable files."""
    certificate, key = settings.tls_certificate_location, settings.tls_key_location
    if certificate is None or key is None:
        return None

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _harden(context)
        # A client without a say in it gets the strongest; and it may not make us start anew.
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
        for path, name in ((certificate, "TLS_CERTIFICATE_LOCATION"), (key, "TLS_KEY_LOCATION")):
            _require(path, name)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except OSError as error:
            raise SettingsError(
                f"{ENV_PREFIX}TLS_CERTIFICATE_LOCATION and {ENV_PREFIX}TLS_KEY_LOCATION: "
                f"{certificate} and {key} are not a certificate and its own key without a "
                f"password ({_reason(error)})"
            ) from None
        return context

    return FollowedFiles("the certificate that is shown", (certificate, key), make)


def trusted_authorities(settings: Settings) -> FollowedFiles:
    """Whom we believe who they are: other workers and the token issuer, by name.

    With `tls_ca_location` those it names and nobody else. SettingsError: an unusable file.
    """
    authorities = settings.tls_ca_location

    def make() -> ssl.SSLContext:
        if authorities is not None:
            _require(authorities, "TLS_CA_LOCATION")
        try:
            context = ssl.create_default_context(cafile=authorities)
        except OSError as error:
            raise SettingsError(
                f"{ENV_PREFIX}TLS_CA_LOCATION: {authorities} holds no certificates "
                f"({_reason(error)})"
            ) from None
        _harden(context)
        return context

    files = () if authorities is None else (authorities,)
    return FollowedFiles("the trusted authorities", files, make)


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(list(_ALPN))
    context.options |= ssl.OP_NO_COMPRESSION


def _require(path: Path, name: str) -> None:
    """SettingsError, naming the variable, when the file cannot be read."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise SettingsError(f"{ENV_PREFIX}{name}: cannot read {path}: {error.strerror}") from None


def _no_password() -> NoReturn:
    """Without this a key with a password would be asked for at the terminal."""
    raise ssl.SSLError("the key has a password")


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or str(error)
