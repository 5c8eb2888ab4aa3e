"""The law of histories, attacked by the generated lives of certificates.

The same machine as in `test_laws`, with clocks that disagree. What each number's events come to,
through the bytes of the store, must be the number's record, at the end and at every event.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import settings

from state.certificate.commands import Action, Command, Origin
from state.certificate.history import as_of, entry_of, replayed
from state.certificate.record import CertificateState
from state.certificate.transition import Transition
from state.stores.codec import HISTORY_ENTRY
from tests.state.certificate.test_laws import Histories
from tests.state.certificate.world import World


@dataclass(slots=True)
class RememberedWorld(World):
    """A world that keeps every event as the certificates stage keeps it."""

    kept: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def perform(self, command: Command) -> Transition:
        # Not super(): a class with slots is made anew by its decorator.
        step = World.perform(self, command)
        for published in step.published:
            entry = entry_of(published, command)
            self.kept[command.certificate_id].append(HISTORY_ENTRY.encode(entry))
        return step


class RememberedHistories(Histories):
    """Lives as there, with times that jump about."""

    def __init__(self) -> None:
        super().__init__()
        self.remembered = RememberedWorld()
        self.world = self.remembered

    def send(
        self, to: str, action: Action, *, origin: Origin = Origin.HTTP, at_ms: int = 0
    ) -> None:
        # A timer's time is judged; the others' are only remembered.
        jumping_ms = at_ms if origin is Origin.TIMER else self.requests * 37 % 101
        super().send(to, action, origin=origin, at_ms=jumping_ms)

    def teardown(self) -> None:
        """Every kept event folded again gives the record, and each time one of its states."""
        for number, state in self.world.states.items():
            if state.sequence == 0:
                continue
            entries = [HISTORY_ENTRY.decode(value) for value in self.remembered.kept[number]]
            published = self.world.published[number]
            assert [after for _, after in replayed(number, entries)] == [
                each.certificate for each in published
            ]
            latest_ms = max(entry.at_ms for entry in entries)
            assert as_of(number, entries, latest_ms) == state
            states = [CertificateState()] + [
                CertificateState(sequence=each.sequence, certificate=each.certificate)
                for each in published
            ]
            for at_ms in {entry.at_ms for entry in entries}:
                past = as_of(number, entries, at_ms)
                assert past == states[past.sequence]


TestRememberedHistories = RememberedHistories.TestCase
TestRememberedHistories.settings = settings(stateful_step_count=40)
# Only a failure takes long: it is made as short as it can be before it is shown.
TestRememberedHistories = pytest.mark.timeout(600)(TestRememberedHistories)
