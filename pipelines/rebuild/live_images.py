"""The live workers' own images of their stores, asked for over HTTP, one partition at a time.

Owns finding who keeps what and asking again while it moves. Judges nothing, changes nothing there.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
import msgspec
from msgspec import Struct

from pipelines.addresses import web_address
from pipelines.audit.live_stores import AuditRefused, ProcessorUnreachable
from pipelines.edge_client import BearerToken, TokenSource, trusted
from pipelines.rebuild.kafka_places import GroupPlaces
from pipelines.settings import Settings
from pipelines.stores import STORES, FoldedStore
from state.stores.image import StoreImage

PATIENCE_S: Final = 30.0
"""How long a partition may be moving, or never at rest for an instant."""

_ANSWER_S: Final = 60.0
_PAUSE_S: Final = 0.1
_COME_AGAIN: Final = frozenset(
    {
        httpx.codes.UNPROCESSABLE_ENTITY,  # It has another role than it had: the port was taken on.
        httpx.codes.SERVICE_UNAVAILABLE,
        httpx.codes.TOO_MANY_REQUESTS,
    }
)
_HINT: Final = "name every worker with --http, choose with --store, or use --log-only"

Held = tuple[str, int]
"""Name of a store, and a partition."""


class _Kept(Struct, frozen=True, kw_only=True, rename="camel"):
    worker: str
    partition_count: int
    stores: dict[str, list[int]]


_Body = TypeVar("_Body", bound=Struct)


def worker_urls(settings: Settings) -> list[str]:
    """Where the workers of both groups listen, by the members' own word."""
    groups = GroupPlaces(settings)
    urls = set()
    for role in {store.role for store in STORES}:
        for client_id in groups.members(role):
            try:
                urls.add(web_address(client_id.partition("@")[2]))
            except ValueError:
                continue  # A member of another kind has no listener.
    return sorted(urls)


class LiveImages:
    """The workers at the given addresses. Open from entry to exit of its `with`.

    `token` gives what they are shown; `authorities` is the PEM file of those who vouch for them.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        token: TokenSource | None = None,
        authorities: Path | None = None,
        timeout_s: float = PATIENCE_S,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._urls = urls
        self._timeout_s = timeout_s
        self._clock = clock
        self._pause = pause
        # Their addresses are inside the cluster: a proxy for the outside has no business here.
        self._client = httpx.Client(
            timeout=_ANSWER_S,
            transport=transport,
            trust_env=False,
            auth=None if token is None else BearerToken(token),
            verify=trusted(authorities),
        )
        self._owners: dict[Held, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def workers(self) -> int:
        """How many workers keep something."""
        return len(set(self._owners.values()))

    def find(self, wanted: Sequence[Held]) -> Mapping[Held, str]:
        """Who keeps each. ProcessorUnreachable when one of them nobody keeps in time."""
        deadline_s = self._clock() + self._timeout_s
        while True:
            owners, said = self._asked_owners()
            missing = [held for held in wanted if held not in owners]
            if not missing:
                self._owners = owners
                return owners
            if self._clock() > deadline_s or not self._urls:
                store, partition = missing[0]
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                asked = ", ".join(self._urls) or "nobody: no group has a member"
                raise ProcessorUnreachable(
                    f"no live worker answers for {store} partition {partition}{more} (asked "
                    f"{asked}: {said or 'no more'}); {_HINT}"
                )
            self._pause(_PAUSE_S)

    def image(self, store: FoldedStore, partition: int) -> StoreImage:
        """The image of one partition. ProcessorUnreachable: not to be had in time."""
        held = (store.name.value, partition)
        query = {"store": store.name.value, "partition": str(partition)}
        deadline_s = self._clock() + self._timeout_s
        while True:
            if held not in self._owners:
                self.find([held])
            answer, said = self._ask(f"{self._owners[held]}/internal/image", query)
            if answer is not None and answer.status_code == httpx.codes.OK:
                return _decoded(answer, StoreImage, msgspec.msgpack.decode)
            if self._clock() > deadline_s:
                raise ProcessorUnreachable(f"{store.name} partition {partition}: {said}; {_HINT}")
            # The partition moved, its owner is gone, or it was not at rest: ask again.
            self._owners = {}
            self._pause(_PAUSE_S)

    def _asked_owners(self) -> tuple[dict[Held, str], str]:
        owners: dict[Held, str] = {}
        said = ""
        for url in self._urls:
            answer, complaint = self._ask(f"{url}/internal/stores", {})
            if answer is None or answer.status_code != httpx.codes.OK:
                said = said or complaint
                continue
            kept = _decoded(answer, _Kept, msgspec.json.decode)
            for store, partitions in kept.stores.items():
                owners.update(dict.fromkeys(((store, each) for each in partitions), url))
        return owners, said

    def _ask(self, url: str, query: dict[str, str]) -> tuple[httpx.Response | None, str]:
        try:
            answer = self._client.get(url, params=query)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuditRefused(
                f"{url} answers {answer.status_code}: it shows its stores for a token with the "
                "scope certificates:audit; give one (--token, GIFTCERT_TOKEN or "
                "GIFTCERT_TOKEN_FILE), or use --log-only"
            )
        if answer.status_code != httpx.codes.OK and answer.status_code not in _COME_AGAIN:
            raise ProcessorUnreachable(f"{url} answers {answer.status_code}, not its stores")
        return answer, f"{answer.status_code} {answer.reason_phrase}".strip()


def _decoded(answer: httpx.Response, shape: type[_Body], decode: Callable[..., _Body]) -> _Body:
    try:
        return decode(answer.content, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ProcessorUnreachable(f"{answer.url.path} answers something else: {error}") from None
