"""Two processors that share the partitions, each with its own part of one flow.

Owns who keeps what. They reach each other as the real ones do, through their apps, without a
network between.
"""

from collections.abc import Iterable

from pipelines.topics import COMMANDS, INDEX, POOL, Topic
from tests.http_edge.edge_under_test import OWN_URL, SIBLING, FakeServices, app_over
from tests.http_edge.flow_in_memory import PARTITIONS, FlowInMemory, StoreInMemory


class TwoProcessors:
    """`asked` is the one that is called, `sibling` keeps the given partitions instead of it."""

    def __init__(self, **kept_by_sibling: Iterable[int]) -> None:
        self.flow = FlowInMemory()
        self.asked = FakeServices(flow=self.flow)
        self.sibling = FakeServices(flow=self.flow)
        for name, topic in (("certificates", COMMANDS), ("pools", POOL), ("index", INDEX)):
            self._share(name, topic, set(kept_by_sibling.get(name, ())))
        self.asked.forwarder.siblings[SIBLING] = app_over(self.sibling)
        self.sibling.forwarder.siblings[OWN_URL] = app_over(self.asked)

    def _share(self, name: str, topic: Topic, theirs: set[int]) -> None:
        whole: StoreInMemory = getattr(self.flow, name)
        for services, held in (
            (self.asked, set(range(PARTITIONS)) - theirs),
            (self.sibling, theirs),
        ):
            part = StoreInMemory()
            part.records, part.held = whole.records, held
            setattr(services, name, part)
        for partition in range(PARTITIONS):
            owner = SIBLING if partition in theirs else OWN_URL
            self.asked.owners.give(topic, partition, owner)
            self.sibling.owners.give(topic, partition, owner)
