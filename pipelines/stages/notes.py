"""What a stage tells of what it did, to whoever counts it: by default to nobody.

Owns the words only. What is told changes nothing of what a stage makes of a record: a stage that
nobody listens to gives the same state and output.
"""

from collections.abc import Sequence
from typing import Final

from pipelines.stages.record import Incoming
from state.certificate.commands import Command
from state.certificate.transition import Transition
from state.pool.queue import PoolResult


class StageNotes:
    """Hears nothing. Who counts overrides what it wants to hear."""

    def command_performed(self, incoming: Incoming, command: Command, result: Transition) -> None:
        """A certificate's command was performed, or refused."""

    def pool_performed(self, results: Sequence[PoolResult]) -> None:
        """A pool's command was performed."""


UNHEARD: Final = StageNotes()
