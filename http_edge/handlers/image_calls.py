"""Images of this process's stores, for a proof that they are what the log folds into.

Owns who may have one and its form: MessagePack, keys and digests of values, no value itself. No
part of the API, like the other internal listings.
"""

import asyncio
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.access.callers import Caller, Scope
from http_edge.access.gate import Gate
from http_edge.api.problems import invalid, moving
from http_edge.handlers.internal_route import internal_route, whole_number
from pipelines.store_images import StoreBusyError, StoreImages
from pipelines.stores import FoldedStore
from state.stores.reader import StoreClosed

STORES_PATH: Final = "/internal/stores"
IMAGE_PATH: Final = "/internal/image"
MEDIA_TYPE: Final = "application/msgpack"
WITHIN_S: Final = 12.0
"""Below what any call of the edge may take."""


def image_routes(gate: Gate, images: StoreImages) -> list[Route]:
    """The two routes: which stores are here, and one partition of one of them."""
    calls = ImageCalls(gate, images)
    return [
        internal_route(gate, STORES_PATH, calls.stores, (Scope.AUDIT,)),
        internal_route(gate, IMAGE_PATH, calls.image, (Scope.AUDIT,)),
    ]


class ImageCalls:
    """One method a call."""

    def __init__(self, gate: Gate, images: StoreImages) -> None:
        self._gate = gate
        self._images = images

    async def stores(self, _request: Request, _caller: Caller) -> object:
        """Which partitions of which stores this process keeps."""
        settings = self._gate.settings
        return {
            "worker": settings.worker_id,
            "partitionCount": settings.partitions,
            "stores": {
                store.name.value: self._images.partitions(store) for store in self._images.stores
            },
        }

    async def image(self, request: Request, _caller: Caller) -> Response:
        """The image of one partition, all as of one position of its input."""
        store = self._named(request.query_params.get("store"))
        last = self._gate.settings.partitions - 1
        partition = whole_number(request.query_params.get("partition"), "partition", 0, last)
        try:
            image = await asyncio.to_thread(self._images.take, store, partition, WITHIN_S)
        except (StoreClosed, StoreBusyError):
            # It moves, or was never at rest for an instant: both are a matter of coming again.
            raise moving() from None
        return Response(
            msgspec.msgpack.encode(image),
            media_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store"},
        )

    def _named(self, text: str | None) -> FoldedStore:
        for store in self._images.stores:
            if store.name.value == text:
                return store
        names = ", ".join(store.name.value for store in self._images.stores)
        raise invalid(f"store must be one that is kept here: {names}")
