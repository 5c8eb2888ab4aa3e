"""A log in memory in the place of Kafka, wherever a fold reads from it."""

import pytest

from pipelines.rebuild import folding, run_replay, stream_word
from tests.pipelines.rebuild import log_in_memory
from tests.pipelines.rebuild.log_in_memory import LogInMemory


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogInMemory:
    """The topics; nothing is on them yet."""
    made = LogInMemory()
    for module in (folding, stream_word, run_replay):
        monkeypatch.setattr(module, "CommittedReader", made.reader)
        monkeypatch.setattr(module, "read_to", log_in_memory.read_to)
    return made
