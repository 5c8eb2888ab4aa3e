"""The live workers' own images of their stores, asked for over HTTP, one partition at a time.

Owns finding who keeps what and asking again while it moves. Judges nothing, changes nothing there.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx
import msgspec
from msgspec import Struct

from pipelines.live_workers import LiveWorkers, ProcessorUnreachable, decoded, edge_urls
from pipelines.rebuild.kafka_places import GroupPlaces
from pipelines.settings import Settings
from pipelines.stores import STORES, FoldedStore
from state.stores.image import StoreImage

PATIENCE_S: Final = 30.0
"""How long a partition may be moving, or never at rest for an instant."""

_ANSWER_S: Final = 60.0
_PAUSE_S: Final = 0.1
_HINT: Final = "name every worker with --http, choose with --store, or use --log-only"

Held = tuple[str, int]
"""Name of a store, and a partition."""


class _Kept(Struct, frozen=True, kw_only=True, rename="camel"):
    worker: str
    partition_count: int
    stores: dict[str, list[int]]


def worker_urls(settings: Settings) -> list[str]:
    """Where the workers of both groups listen, by the members' own word."""
    groups = GroupPlaces(settings)
    roles = {store.role for store in STORES}
    return edge_urls(client_id for role in roles for client_id in groups.members(role))


class LiveImages(LiveWorkers[Held]):
    """The workers of both kinds at the given addresses."""

    shows = "stores"
    instead = "--log-only"
    answer_s = _ANSWER_S
    patience_s = PATIENCE_S
    come_again = frozenset(
        {
            # It has another role than it had: the port was taken on.
            httpx.codes.UNPROCESSABLE_ENTITY,
            httpx.codes.SERVICE_UNAVAILABLE,
            httpx.codes.TOO_MANY_REQUESTS,
        }
    )

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
                return decoded(answer, StoreImage, msgspec.msgpack.decode)
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
            kept = decoded(answer, _Kept, msgspec.json.decode)
            for store, partitions in kept.stores.items():
                owners.update(dict.fromkeys(((store, each) for each in partitions), url))
        return owners, said
