"""How far the stores of a worker are: which records of its inputs readers see the effect of.

Owns two maps and no lock: the worker's loop writes whole values, other threads read single ones.
"""

from collections.abc import Iterable

_Place = tuple[str, int]
"""Full name of a topic, and a partition."""


class StorePositions:
    """The first offset of each input partition that readers do not see the effect of yet."""

    def __init__(self) -> None:
        self._performed: dict[_Place, int] = {}
        self._reached: dict[_Place, int] = {}

    def reached(self, topic: str, partition: int) -> int:
        """That offset; zero where nothing is known."""
        return self._reached.get((topic, partition), 0)

    def performed(self, topic: str, partition: int) -> int:
        """The first offset that was not performed: what readers will have reached soon.

        Output becomes visible to others a moment before it is in the stores; whoever comes because
        of what it saw there waits for this.
        """
        return self._performed.get((topic, partition), self.reached(topic, partition))

    def note_performed(self, topic: str, partition: int, offset: int) -> None:
        """A record was performed; its effect is not committed yet."""
        self._performed[topic, partition] = offset + 1

    def note_committed(self) -> None:
        """All that was performed is committed, and in the stores."""
        if self._performed:
            self._reached |= self._performed
            self._performed.clear()

    def note_dropped(self) -> None:
        """What was performed and not committed is not ours: its next owner performs it."""
        self._performed.clear()

    def note_assigned(self, committed: Iterable[tuple[str, int, int]]) -> None:
        """Other partitions came, with what their earlier owners committed.

        It is in the stores once these are recovered, and nobody reads them before.
        """
        self._performed.clear()
        self._reached = {
            (topic, partition): max(offset, 0) for topic, partition, offset in committed
        }
