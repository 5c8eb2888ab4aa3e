"""Images of a running worker's stores, each with the very position of its input that it belongs to.

Owns finding a moment at which store and position agree, and reading the whole store as it was then,
beside a worker that goes on. Changes nothing; never keeps an iterator when the partition moves.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Final, Protocol

from rocksdict import DbClosedError

from pipelines.stores import STORES, FoldedStore
from pipelines.topics import Role, Topic
from state.stores.image import StoreImage, rows_of
from state.stores.reader import StoreClosed

_CHUNK: Final = 2_000
"""Rows read at a time while a rebalance, a timer or a search would have to wait: a millisecond."""

_BREATHE_S: Final = 0.001
_LOOK_AGAIN_S: Final = 0.000_25


class StoreBusyError(Exception):
    """The store was not at rest for an instant, or not read whole, within the time given."""


class ImagedWorker(Protocol):
    """What is asked of a worker."""

    @property
    def stores_lock(self) -> AbstractContextManager[Any]:
        """Held while stores open and close."""
        ...

    @property
    def serving(self) -> bool:
        """Whether its stores may be read."""
        ...

    def reached(self, topic: Topic, partition: int) -> int:
        """The first offset whose effect the stores do not show."""
        ...

    def performed(self, topic: Topic, partition: int) -> int:
        """The first offset that was not performed."""
        ...

    def partitions_of(self, topic: Topic) -> dict[int, Any]:
        """The open partitions of a store."""
        ...


class StoreImages:
    """The stores of one worker's role."""

    def __init__(
        self,
        worker: ImagedWorker,
        role: Role,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._pause = pause
        self.stores = tuple(store for store in STORES if store.role is role)

    def partitions(self, store: FoldedStore) -> list[int]:
        """The partitions that can be asked for here now."""
        return sorted(self._worker.partitions_of(store.topic)) if self._worker.serving else []

    def take(self, store: FoldedStore, partition: int, within_s: float) -> StoreImage:
        """The image of a partition. StoreClosed: it is not here; StoreBusyError: not in time.

        Takes as long as reading the store does; not for an event loop.
        """
        deadline_s = self._clock() + within_s
        while (begun := self._begin(store.topic, partition)) is None:
            if self._clock() > deadline_s:
                raise StoreBusyError
            self._pause(_LOOK_AGAIN_S)
        position, rows = begun
        try:
            content = self._read(rows, deadline_s)
        finally:
            # Whatever happened: an open iterator would keep a store locked past its close.
            rows.close()
        count, image = content
        return StoreImage(
            store=store.name.value,
            partition=partition,
            position=position,
            records=count,
            rows=bytes(image),
        )

    def _begin(self, topic: Topic, partition: int) -> tuple[int, Any] | None:
        """Begin to read the store as it is now, if it is known which position that is."""
        with self._worker.stores_lock:
            if not self._worker.serving:
                raise StoreClosed
            opened = self._worker.partitions_of(topic).get(partition)
            if opened is None:
                raise StoreClosed
            position = self._position_at_rest(topic, partition)
            if position is None:
                return None
            rows = _rows_from_now(opened)
            # What is performed is written later, and told before it is: nothing was performed in
            # between, so nothing was written.
            if self._position_at_rest(topic, partition) == position:
                return position, rows
            rows.close()
            return None

    def _position_at_rest(self, topic: Topic, partition: int) -> int | None:
        """What the store shows, if nothing is performed that it does not show yet."""
        reached = self._worker.reached(topic, partition)
        return reached if self._worker.performed(topic, partition) == reached else None

    def _read(
        self, rows: Iterator[tuple[bytes, bytes]], deadline_s: float
    ) -> tuple[int, bytearray]:
        count, image = 0, bytearray()
        while True:
            with self._worker.stores_lock:
                if not self._worker.serving:
                    raise StoreClosed
                try:
                    chunk = list(islice(rows, _CHUNK))
                except DbClosedError as error:
                    raise StoreClosed from error
            image += rows_of(chunk)
            count += len(chunk)
            if len(chunk) < _CHUNK:
                return count, image
            if self._clock() > deadline_s:
                raise StoreBusyError
            self._pause(_BREATHE_S)


def _rows_from_now(opened: Any) -> Any:
    """A generator over the store as it is at this moment.

    The library begins to read, and fixes what is seen, at the first row asked for.
    """

    def rows() -> Iterator[tuple[bytes, bytes] | None]:
        found = opened.iter_items(lower_bound=b"")
        try:
            first = next(found, None)
            yield None
            if first is not None:
                yield first
                yield from found
        finally:
            found.close()

    try:
        begun = rows()
        next(begun)
    except DbClosedError as error:
        raise StoreClosed from error
    return begun
