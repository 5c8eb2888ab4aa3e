"""Who wants to know what became of the records that a worker performed.

Owns that they are told, in the loop's own thread. Decides nothing about a commit.
"""

from typing import Protocol


class CommitListener(Protocol):
    """Told at every turn of the loop with nothing open, so it must be quick to see that."""

    def committed(self) -> None:
        """All that was performed is committed."""
        ...

    def dropped(self) -> None:
        """What was not committed came to nothing here; the next owner performs it again."""
        ...


class CommitListeners:
    """Any number of them, told in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: list[CommitListener] = []

    def add(self, listener: CommitListener) -> None:
        """Have it told from now on."""
        self._listeners.append(listener)

    def tell(self, *, dropped: bool, empty: bool) -> None:
        """`dropped`: what was open is not committed; `empty`: nothing is left to commit."""
        for each in self._listeners:
            if dropped:
                each.dropped()
            elif empty:
                each.committed()

    def dropped(self) -> None:
        """What was still open is not ours any more."""
        for each in self._listeners:
            each.dropped()
