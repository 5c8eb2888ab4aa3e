"""How many free numbers each pool holds, over all processors."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Final

from http_edge.api.models import PoolLevel, PoolLevels
from http_edge.api.problems import moving
from http_edge.asking.asking import Answer, Ask
from http_edge.asking.services import EdgeServices
from http_edge.handlers.siblings import ask_owners
from pipelines.pool_heads import pool_heads
from pipelines.topics import POOL
from state.pool.queue import PoolHead
from state.stores.reader import StoreClosed

INTERNAL_POOLS: Final = "/internal/pools"


async def read_pools(services: EdgeServices, ask: Ask) -> Answer:
    """Every pool there is, or a problem: a pool that is left out would look like none."""
    partitions = range(services.settings.partitions)
    here = [number for number in partitions if services.pools.serves(number)]
    remote, local = await asyncio.gather(
        ask_owners(
            services,
            ask,
            POOL,
            set(partitions).difference(here),
            INTERNAL_POOLS,
            lambda kept: {"partitions": ",".join(map(str, kept))},
            list[PoolLevel],
        ),
        asyncio.to_thread(pool_levels, services, here),
    )
    found = [*local, *chain.from_iterable(remote)]
    return Answer(content=PoolLevels(items=sorted(found, key=lambda level: level.pool)))


def pool_levels(services: EdgeServices, partitions: Iterable[int]) -> list[PoolLevel]:
    """The pools in these partitions. Problem `moving` when one of them is not kept here."""
    try:
        return [level for partition in partitions for level in _levels_in(services, partition)]
    except StoreClosed:
        raise moving() from None


def _levels_in(services: EdgeServices, partition: int) -> list[PoolLevel]:
    found = [_level(services, name, head) for name, head in pool_heads(services.pools, partition)]
    # Read first, then asked again: what was read from a partition that left meanwhile is void.
    if not services.pools.serves(partition):
        raise StoreClosed
    return found


def _level(services: EdgeServices, name: str, head: PoolHead) -> PoolLevel:
    # The mark comes with each number taken; a pool that never gave one has none yet.
    low_mark = head.low_mark or services.settings.pool_low_mark
    return PoolLevel(pool=name, level=head.level, low_mark=low_mark, low=head.level < low_mark)
