"""Owns the development issuer of a local stack: its process, its port, and its tokens.

Must not know the workers, nor what a token is for.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from pipelines.local.child import Child
from pipelines.local.development_tokens import (
    ALGORITHM,
    DevelopmentTokens,
    last_port,
    prepared_tokens,
)
from pipelines.local.ports import LOOPBACK, preferred_port
from pipelines.local.running_broker import LocalError

NAME = "issuer"
_ANSWER_TIMEOUT_S = 2.0


class IssuerProcess:
    """A development issuer, running or not; its port is held, the last run's where it is free.

    `command` is the program, to which the data directory and the address are added.
    """

    def __init__(self, data_dir: Path, command: Sequence[str], *, audience: str) -> None:
        self.child: Child | None = None
        self._data_dir = data_dir
        self._command = command
        self._port = preferred_port(last_port(data_dir))
        self.url = f"http://{LOOPBACK}:{self._port.port}"
        self.tokens: DevelopmentTokens = prepared_tokens(data_dir, url=self.url, audience=audience)

    def settings(self) -> dict[str, str]:
        """What workers are told, so that they take its tokens, from its clients, and no others."""
        return {
            "GIFTCERT_TOKEN_ISSUER": self.url,
            "GIFTCERT_TOKEN_AUDIENCE": self.tokens.audience,
            "GIFTCERT_TOKEN_ALGORITHMS": ALGORITHM,
            "GIFTCERT_CLIENTS_FILE": str(self.tokens.clients_file),
        }

    def start(self, environment: Mapping[str, str]) -> None:
        """Start its process and do not wait until it answers."""
        assert self.child is None, "the issuer is running"
        address = ["--host", LOOPBACK, "--port", f"{self._port.port}"]
        self.child = Child(
            NAME,
            [*self._command, "--data-dir", str(self._data_dir), *address],
            log_path=self._data_dir / "logs" / f"{NAME}.log",
            environment={**environment, "PYTHONUNBUFFERED": "1"},
        )

    def release(self) -> None:
        """Let its port go; may be called again."""
        self._port.release()

    def failure(self) -> LocalError | None:
        """What happened, when it ended without being asked to."""
        return None if self.child is None else self.child.failure()

    def readiness(self) -> str:
        """What it answers when asked for its keys: the empty string when it gives them."""
        try:
            answer = httpx.get(f"{self.url}/jwks", timeout=_ANSWER_TIMEOUT_S, trust_env=False)
        except httpx.TransportError as error:
            return str(error) or type(error).__name__
        return "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}".strip()
