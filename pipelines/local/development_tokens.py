"""The tokens of a stack on this machine: what its development issuer keeps, and how it signs.

Owns the issuer's directory: address, private key, the clients and their secrets. Whoever may read
that directory may make tokens, and nobody else. Must not serve anything, and no worker imports it.
"""

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from pipelines.local.development_clients import (
    CLIENTS,
    client_of,
    clients_file,
    granted_scopes,
)
from pipelines.local.local_keys import kept_client_secrets, kept_signing_key
from pipelines.local.running_broker import LocalError

TOKEN_LIFETIME_S: Final = 3_600
ALGORITHM: Final = "ES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A signed token and the scopes in it. The repr shows no token."""

    text: str = field(repr=False)
    scopes: tuple[str, ...]


class DevelopmentTokens:
    """Makes tokens as the issuer at `url` for the audience `audience`."""

    def __init__(self, directory: Path, *, url: str, audience: str) -> None:
        self.directory = directory
        self.url = url
        self.audience = audience

    @property
    def clients_file(self) -> Path:
        """Which clients there are, as workers read it. Nothing in it is secret."""
        return self.directory / "clients.json"

    @property
    def secrets_file(self) -> Path:
        """The clients' secrets, for those who ask the issuer itself for a token."""
        return self.directory / "client-secrets.json"

    def issue(
        self,
        client_id: str,
        scope: str | None = None,
        *,
        subject: str | None = None,
        now_s: float | None = None,
    ) -> IssuedToken:
        """A token for a client, from now (seconds since 1970) on, and for a person behind it.

        Without `scope` it has what the client usually asks for. UnknownClient or UnknownScope.
        """
        client = client_of(client_id)
        scopes = granted_scopes(client, scope)
        at_s = int(time.time() if now_s is None else now_s)
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self.audience,
            "sub": subject or client.client_id,
            "client_id": client.client_id,
            "scope": " ".join(scopes),
            "iat": at_s,
            "exp": at_s + TOKEN_LIFETIME_S,
            "jti": secrets.token_hex(16),
        }
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "at+jwt"}
        text = jwt.encode(header, claims, self._key, [ALGORITHM])
        return IssuedToken(text=text, scopes=scopes)

    def public_keys(self) -> dict[str, Any]:
        """The key set that says whether a token is ours; the private part is not in it."""
        return {"keys": [self._key.as_dict(private=False)]}

    def is_secret_of(self, client_id: str, secret: str) -> bool:
        """Whether a client may have a token; in the same time for each wrong secret."""
        kept = self._secrets.get(client_id)
        # An unknown client costs the same as a wrong secret.
        matches = hmac.compare_digest((kept or "").encode(), secret.encode())
        return matches and kept is not None

    @cached_property
    def _key(self) -> ECKey:
        return ECKey.import_key({**_read(kept_signing_key(self.directory / "signing-key.json"))})

    @cached_property
    def _secrets(self) -> Mapping[str, str]:
        return _read(self.secrets_file)


def issuer_directory(data_dir: Path) -> Path:
    """Where a stack that keeps its things in `data_dir` keeps those of its issuer."""
    return data_dir / "issuer"


def prepared_tokens(data_dir: Path, *, url: str, audience: str) -> DevelopmentTokens:
    """An issuer at that address, with all that it keeps made where it is missing."""
    tokens = DevelopmentTokens(issuer_directory(data_dir), url=url, audience=audience)
    kept_signing_key(tokens.directory / "signing-key.json")
    kept_client_secrets(tokens.secrets_file, [client.client_id for client in CLIENTS])
    _write(tokens.clients_file, clients_file())
    _write(_identity(data_dir), {"issuer": url, "audience": audience})
    return tokens


def kept_tokens(data_dir: Path) -> DevelopmentTokens:
    """The issuer of the stack that runs, or last ran, on `data_dir`. LocalError when none did."""
    if not _identity(data_dir).exists():
        raise LocalError(
            f"no stack with a development issuer has run on {data_dir}: start it with "
            "`giftcert up`, or name its directory with --data-dir"
        )
    identity = _read(_identity(data_dir))
    return DevelopmentTokens(
        issuer_directory(data_dir), url=identity["issuer"], audience=identity["audience"]
    )


def last_port(data_dir: Path) -> int | None:
    """Where the issuer listened when a stack last ran on `data_dir`: tokens outlive a restart."""
    try:
        url = kept_tokens(data_dir).url
    except LocalError:
        return None
    return int(url.rpartition(":")[2])


def forget_issuer(data_dir: Path) -> None:
    """Note that the stack on `data_dir` takes no tokens of ours; its keys stay."""
    _identity(data_dir).unlink(missing_ok=True)


def _identity(data_dir: Path) -> Path:
    return issuer_directory(data_dir) / "issuer.json"


def _read(path: Path) -> dict[str, str]:
    """One of the files above. LocalError when it is somebody else's."""
    try:
        kept: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
    return kept


def _write(path: Path, content: object) -> None:
    """Write a file in one step: it is read by processes that start at any moment."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content), encoding="ascii")
    partial.replace(path)
