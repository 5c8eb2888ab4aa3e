"""The stores of the flow: what people call them, which topic each is the fold of, and whose it is.

Owns that one list. How a store is folded is the stages' work, how it is kept the runtime's.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Role, Topic


class StoreName(StrEnum):
    """What a store holds."""

    CERTIFICATES = "certificates"
    POOLS = "pools"
    INDEX = "index"
    CORRELATIONS = "correlations"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedStore:
    """One store: the fold of `topic`, kept by the workers of `role`."""

    name: StoreName
    topic: Topic
    role: Role


STORES: Final = (
    FoldedStore(name=StoreName.CERTIFICATES, topic=COMMANDS, role=Role.PROCESSOR),
    FoldedStore(name=StoreName.POOLS, topic=POOL, role=Role.PROCESSOR),
    FoldedStore(name=StoreName.INDEX, topic=INDEX, role=Role.PROCESSOR),
    FoldedStore(name=StoreName.CORRELATIONS, topic=FACTS, role=Role.CORRELATOR),
)


def store_named(name: str) -> FoldedStore:
    """The store of that name. ValueError: there is none."""
    wanted = StoreName(name)
    return next(store for store in STORES if store.name is wanted)
