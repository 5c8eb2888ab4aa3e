"""All that the shop remembers of the stream: its own orders' stories, empty pools, the latest news.

Owns who is told of an event, and the waiting for one. Memory only: it is filled from the beginning
of the stream at each start. Must not read Kafka.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from threading import Condition
from typing import Final

from pipelines.neighbours.shop.broadcast import Broadcast
from pipelines.neighbours.shop.story import Seen, Story

OWN_ORDER: Final = re.compile(r"[WT]-[0-9A-HJKMNP-TV-Z]{10}")
"""Ids of the shop's own orders: of ten letters and digits that nobody confuses."""

_NEWS_KEPT: Final = 200
_CHANGES_KEPT: Final = 1_000


class StreamMemory:
    """Events go in by the reader's thread; pages read and wait on theirs."""

    def __init__(self, orders_kept: int) -> None:
        self._orders_kept = orders_kept
        self._news = Condition()
        self._stories: OrderedDict[str, Story] = OrderedDict()
        self._empty_pools: set[str] = set()
        self._caught_up = False
        self.events: Broadcast[Seen] = Broadcast(_NEWS_KEPT)
        self.changes: Broadcast[str] = Broadcast(_CHANGES_KEPT)

    def take(self, event: Seen) -> None:
        """Remember one event and tell whoever waits for it."""
        own = {
            about
            for about in (event.correlation_id, event.order_id)
            if about is not None and OWN_ORDER.fullmatch(about)
        }
        with self._news:
            for order_id in own:
                story = self._stories.setdefault(order_id, Story(order_id=order_id))
                self._stories[order_id] = story.told(event)
                self._stories.move_to_end(order_id)
            while len(self._stories) > self._orders_kept:
                self._stories.popitem(last=False)
            self._note_pool(event)
            self._news.notify_all()
        self.events.publish(event)
        for order_id in own:
            self.changes.publish(order_id)

    def note_caught_up(self, caught_up: bool) -> None:
        """Whether all that was on the stream has been read."""
        with self._news:
            self._caught_up = caught_up

    @property
    def caught_up(self) -> bool:
        with self._news:
            return self._caught_up

    def story(self, order_id: str) -> Story:
        """What is known of an order by now; an empty story where nothing is."""
        with self._news:
            return self._stories.get(order_id, Story(order_id=order_id))

    def is_empty(self, pool: str) -> bool:
        """Whether a checkout found the pool empty, and nothing came into it since."""
        with self._news:
            return pool in self._empty_pools

    def wait_for(self, order_id: str, holds: Callable[[Story], bool], timeout_s: float) -> bool:
        """Wait until the order's story is so far; False when the time is over."""
        with self._news:
            return self._news.wait_for(
                lambda: holds(self._stories.get(order_id, Story(order_id=order_id))), timeout_s
            )

    def close(self) -> None:
        """Let no page wait any more."""
        self.events.close()
        self.changes.close()

    def _note_pool(self, event: Seen) -> None:
        if event.event_type == "issue.blocked":
            self._empty_pools.add(event.key)
        elif event.event_type in ("load", "release") and event.pool is not None:
            self._empty_pools.discard(event.pool)
