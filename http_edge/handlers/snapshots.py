"""Many certificates at once: those kept here, and those that other processors keep.

Owns what becomes of numbers that a caller may not know of: they are left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from http_edge.access.callers import Caller
from http_edge.api.models import Snapshot, Told
from http_edge.api.problems import moving
from http_edge.asking.asking import Ask, may_know
from http_edge.asking.services import EdgeServices
from http_edge.handlers.outputs import snapshot
from http_edge.handlers.siblings import ask_owners
from pipelines.topics import COMMANDS
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import MAIN
from state.stores.reader import Found, Moving, NotHere, StoreReader

INTERNAL_SNAPSHOTS: Final = "/internal/snapshots"
IDS_AT_MOST: Final = 101
"""Of one question: a page and the one after it. Its address stays below what an edge takes."""


class Snapshots(Told, frozen=True, kw_only=True):
    """What one processor says of the numbers it was asked about."""

    items: list[Snapshot]


async def read_snapshots(
    services: EdgeServices, ask: Ask, numbers: Sequence[str]
) -> Mapping[str, Snapshot]:
    """The certificates of these numbers by number, without those the caller may not know of.

    Problem `moving` when one of them cannot be read now.
    """
    by_partition: defaultdict[int, list[str]] = defaultdict(list)
    for number in numbers:
        by_partition[services.partition_of(number.encode())].append(number)
    here = [partition for partition in by_partition if services.certificates.serves(partition)]

    def numbers_in(partitions: Iterable[int]) -> list[str]:
        return [number for partition in partitions for number in by_partition[partition]]

    remote = await ask_owners(
        services,
        ask,
        COMMANDS,
        by_partition.keys() - here,
        INTERNAL_SNAPSHOTS,
        lambda kept: {"ids": ",".join(numbers_in(kept))},
        Snapshots,
    )
    # Last: what is here could have left while the others were asked.
    found = local_snapshots(services, ask.caller, numbers_in(here))
    found += (each for told in remote for each in told.items)
    return {each.certificate_id: each for each in found}


def local_snapshots(
    services: EdgeServices, caller: Caller, numbers: Iterable[str]
) -> list[Snapshot]:
    """The certificates of these numbers, in their order, all kept here; Problem `moving` if not."""
    reader = StoreReader(services.certificates, services.partition_of)
    found: list[Snapshot] = []
    for number in numbers:
        match reader.get(number.encode(), MAIN):
            case Found(value=bytes() as value):
                state = CERTIFICATE_STATE.decode(value)
                if state.certificate is not None and may_know(caller, state.certificate):
                    found.append(snapshot(state.certificate, state.sequence))
            case Found():
                continue
            case NotHere() | Moving():
                raise moving()
    return found
