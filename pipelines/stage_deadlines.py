"""The deadlines that a stage sets and takes back, kept beside its state.

Owns their keys in the store. Knows neither what a deadline is for nor when one has come.
"""

from typing import Final

from quixstreams.state import State

from state.stores.layout import DeadlineEntry, deadline_key

_DEADLINE_VALUE: Final = b"\x01"
"""A deadline is all in its key; the value only says that it is there (and its version)."""


class StageDeadlines:
    """The deadlines of one partition, inside the open transaction."""

    def __init__(self, state: State[bytes, bytes]) -> None:
        self._state = state

    def add(self, entry: DeadlineEntry) -> None:
        """Keep one."""
        self._state.set_bytes(deadline_key(entry), _DEADLINE_VALUE)

    def remove(self, entry: DeadlineEntry) -> None:
        """Forget one."""
        self._state.delete(deadline_key(entry))
