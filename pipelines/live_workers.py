"""Asking live workers over HTTP what they keep: who they are, the one client, what an answer means.

Owns the ways in which asking fails. What is asked for, and how long somebody goes on asking, is for
those who build on it. Changes nothing at a worker.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

import httpx
import msgspec

from pipelines.addresses import web_address
from pipelines.edge_client import BearerToken, TokenSource, trusted
from pipelines.faults import OperatorError

_Body = TypeVar("_Body", bound=msgspec.Struct)
_Held = TypeVar("_Held")
"""What somebody keeps: a partition, say."""


class ProcessorUnreachable(OperatorError):
    """No live processor answers for a partition."""

    exit_code: ClassVar[int] = 6


class AuditRefused(ProcessorUnreachable):
    """A live processor does not show its records to this caller."""


def edge_urls(client_ids: Iterable[str]) -> list[str]:
    """Where members of a group listen, by their own word: `<worker id>@<address of its edge>`."""
    urls = set()
    for client_id in client_ids:
        try:
            urls.add(web_address(client_id.partition("@")[2]))
        except ValueError:
            continue  # A member of another kind has no listener.
    return sorted(urls)


class LiveWorkers(Generic[_Held]):
    """The workers at the given addresses. Open from entry to exit of its `with`.

    `token` gives what they are shown; `authorities` is the PEM file of those who vouch for them.
    `timeout_s` is how long a partition may be with nobody.
    """

    shows: ClassVar[str]
    """What is asked for, in a word."""
    instead: ClassVar[str]
    """The option that does without it."""
    answer_s: ClassVar[float]
    patience_s: ClassVar[float]
    come_again: ClassVar[frozenset[int]]
    """Statuses that pass by themselves."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        token: TokenSource | None = None,
        authorities: Path | None = None,
        timeout_s: float | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._urls = urls
        self._timeout_s = self.patience_s if timeout_s is None else timeout_s
        self._clock = clock
        self._pause = pause
        # Their addresses are inside the cluster: a proxy for the outside has no business here.
        self._client = httpx.Client(
            timeout=self.answer_s,
            transport=transport,
            trust_env=False,
            auth=None if token is None else BearerToken(token),
            verify=trusted(authorities),
        )
        self._owners: dict[_Held, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def _ask(self, url: str, query: dict[str, str]) -> tuple[httpx.Response | None, str]:
        """The answer, if there is one, and what it or its absence says."""
        try:
            answer = self._client.get(url, params=query)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuditRefused(
                f"{url} answers {answer.status_code}: it shows its {self.shows} for a token with "
                "the scope certificates:audit; give one (--token, GIFTCERT_TOKEN or "
                f"GIFTCERT_TOKEN_FILE), or use {self.instead}"
            )
        if answer.status_code != httpx.codes.OK and answer.status_code not in self.come_again:
            raise ProcessorUnreachable(f"{url} answers {answer.status_code}, not its {self.shows}")
        return answer, f"{answer.status_code} {answer.reason_phrase}".strip()


def decoded(answer: httpx.Response, shape: type[_Body], decode: Callable[..., _Body]) -> _Body:
    """The body of an answer. ProcessorUnreachable when it is something else."""
    try:
        return decode(answer.content, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ProcessorUnreachable(f"{answer.url.path} answers something else: {error}") from None
