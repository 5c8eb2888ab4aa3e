"""Asking the other processors about what they keep, with the caller's own token.

Owns who is asked for which partitions. What several say is whole or not told at all: a listing with
a part missing would be taken for the truth.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from http_edge.api.problems import TOO_MANY, Problem, moving
from http_edge.asking.asking import Ask
from http_edge.asking.services import EdgeServices
from pipelines.topics import Topic, topic_name

_MILLISECONDS: Final = 1_000

Listing = TypeVar("Listing")
QueryOf = Callable[[Sequence[int]], Mapping[str, str]]
"""The question about these partitions."""


async def ask_owners(
    services: EdgeServices,
    ask: Ask,
    topic: Topic,
    partitions: Iterable[int],
    path: str,
    query_of: QueryOf,
    listing_type: type[Listing],
) -> list[Listing]:
    """What each of the owners of these partitions, none of them ours, lists of its own.

    Problem `moving` when a partition has no known owner, or an owner does not tell. Those who told
    are not asked the same again when the call is: what they said is not older than the call.
    """
    owned = await _owned(services, topic, partitions)

    async def asked(owner: str, kept: Sequence[int]) -> Listing:
        query = query_of(kept)
        question = (owner, path, *query.items())
        if question in ask.heard:
            return _of_type(ask.heard[question], listing_type)
        try:
            told = await services.gate.forwarder.get_json(
                owner,
                path,
                query,
                ask.authorization,
                timeout_ms=max(1, int(ask.timeout_s * _MILLISECONDS)),
            )
        except Problem as problem:
            if problem.kind is TOO_MANY:
                raise
            for partition in kept:
                services.owners.mistaken(topic_name(topic, services.settings), partition, owner)
            raise
        listing = _of_type(told, listing_type)
        ask.heard[question] = told
        return listing

    # Where one does not tell, the others still do, and are found in `heard` at the next attempt.
    return await asyncio.gather(*(asked(owner, kept) for owner, kept in owned.items()))


def _of_type(told: object, listing_type: type[Listing]) -> Listing:
    try:
        return msgspec.convert(told, type=listing_type)
    except msgspec.ValidationError:
        # A process of another version, in a rolling update.
        raise moving() from None


async def _owned(
    services: EdgeServices, topic: Topic, partitions: Iterable[int]
) -> Mapping[str, Sequence[int]]:
    """Which of the partitions each other processor keeps. Problem when that is not known of all."""
    wanted = sorted(partitions)
    owned: defaultdict[str, list[int]] = defaultdict(list)
    if not wanted:
        return owned
    if not services.worker.serving:
        raise moving()
    held = (await asyncio.wrap_future(services.owners.members())).held
    name = topic_name(topic, services.settings)
    for partition in wanted:
        owner = held.get((name, partition))
        # What the group says is ours and we do not have yet is on its way to us.
        if owner is None or owner == services.settings.edge_url():
            raise moving()
        owned[owner].append(partition)
    return owned
