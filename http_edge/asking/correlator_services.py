"""What a correlator's own small edge works with: the way to its store and to the other correlators.

It asks nothing of the flow and changes nothing.
"""

from http_edge.access.gate import Gate
from http_edge.api.problems import moving, not_found
from http_edge.asking.services import ElsewhereError
from pipelines.owners import Owners
from pipelines.partitioning import partition_of
from pipelines.runtime import Worker
from pipelines.topics import FACTS
from state.correlation.record import Correlation
from state.stores.codec import CORRELATION
from state.stores.layout import MAIN
from state.stores.reader import Found, LocalStore, StoreReader


class CorrelatorServices:
    """One correlator's edge. `facts` is its own store of correlations."""

    def __init__(self, *, gate: Gate, worker: Worker, facts: LocalStore, owners: Owners) -> None:
        self.gate = gate
        self.worker = worker
        self._facts = facts
        self._owners = owners
        self._reader = StoreReader(facts, self._partition_of)

    def correlation(self, correlation_id: str) -> Correlation:
        """What is kept of a correlation. Reads the store.

        Problem when nothing is known of it or it is moving; ElsewhereError when another correlator
        keeps it.
        """
        key = correlation_id.encode()
        partition = self._partition_of(key)
        if not self._facts.serves(partition) and not self._facts.moving():
            raise ElsewhereError(self._owners.place(FACTS, partition))
        match self._reader.get(key, MAIN):
            case Found(value=bytes() as value):
                return CORRELATION.decode(value)
            case Found():
                raise not_found()
            case _:
                raise moving()

    def _partition_of(self, key: bytes) -> int:
        return partition_of(key, self.gate.settings.partitions)
