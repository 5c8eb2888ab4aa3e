"""How we log in to the schema registry: by name and password, or by a bearer token.

Owns the header of each question. The file is read for every one, so a secret that is changed is
taken up without a restart; the registry is asked a few times in a process's life. Must not log or
keep a secret.
"""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx

from pipelines.secret_files import read_secret
from pipelines.settings import ENV_PREFIX, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLogin(httpx.Auth):
    """HTTP basic. SettingsError when the file cannot be read."""

    username: str
    file: Path

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One try: a wrong password is not made right by another."""
        secret = read_secret(self.file, f"{ENV_PREFIX}SCHEMA_REGISTRY_PASSWORD_FILE")
        yield from httpx.BasicAuth(self.username, secret).auth_flow(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogin(httpx.Auth):
    """A bearer token that something else keeps fresh in its file."""

    file: Path

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One try, with the token of the moment."""
        token = read_secret(self.file, f"{ENV_PREFIX}SCHEMA_REGISTRY_TOKEN_FILE")
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


def login_of(settings: Settings) -> httpx.Auth | None:
    """The login that the settings describe; None where the registry lets everyone in.

    SettingsError at once when its file cannot be read: not at the first record.
    """
    if settings.schema_registry_token_file is not None:
        read_secret(settings.schema_registry_token_file, f"{ENV_PREFIX}SCHEMA_REGISTRY_TOKEN_FILE")
        return TokenLogin(file=settings.schema_registry_token_file)
    if settings.schema_registry_password_file is None:
        return None
    assert settings.schema_registry_username is not None, "the settings go together"
    read_secret(
        settings.schema_registry_password_file, f"{ENV_PREFIX}SCHEMA_REGISTRY_PASSWORD_FILE"
    )
    return PasswordLogin(
        username=settings.schema_registry_username, file=settings.schema_registry_password_file
    )
