"""A seed decides everything: the same steps give the same log, byte for byte, in any process."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from pipelines.contracts.schemas import RecordName
from pipelines.simulation.climate import FAULT_WEIGHTS, WORK_WEIGHTS, climate_of, settings_of
from pipelines.simulation.engine_steps import ENGINE_STEPS
from pipelines.simulation.steps import seeded
from pipelines.topics import COMMANDS, STREAM
from tests.simulation.small_world import CALM, KINDS, counts, play, small_universe

ROOT = Path(__file__).resolve().parents[2]
_PLAY = "from tests.simulation.small_world import play; print(play(11, 150)[0].digest())"


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_playing_the_same_seed_in_another_process_gives_the_same_log(hash_seed: str) -> None:
    """Python orders sets of texts differently in each process; nothing may hang on that."""
    played = subprocess.run(
        [sys.executable, "-c", _PLAY],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert played.stdout.strip() == play(11, 150)[0].digest()


def test_playing_another_seed_gives_another_log() -> None:
    assert play(11, 50)[0].digest() != play(12, 50)[0].digest()


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_of(CALM)
    monkeypatch.setenv("GIFTCERT_POOL_LOW_MARK", "99")
    monkeypatch.setenv("GIFTCERT_TOPIC_PREFIX", "mine.")
    assert settings_of(CALM) == before


def test_every_kind_of_step_is_weighed_and_can_be_performed() -> None:
    assert set(ENGINE_STEPS) == {*WORK_WEIGHTS, *FAULT_WEIGHTS}
    weights = climate_of(seeded(1), KINDS).weights
    assert set(weights) == {*ENGINE_STEPS, *(kind.name for kind in KINDS)}


def test_playing_many_seeds_meets_every_fault() -> None:
    """A fault that never comes proves nothing: each has happened in a few seeds."""
    whole: Counter[str] = Counter()
    for seed in range(60):
        whole += counts(play(seed, 250)[0])
    for wanted in (
        "crashes: nothing performed",
        "crashes: performed, not committed",
        "crashes: changelog written, not committed",
        "crashes: committed, not in its stores",
        "disks lost",
        "pauses",
        "workers replaced while they slept",
        "processes fenced",
        "commits refused to sleepers",
        "members put out",
        "transactions given up",
        "rebalances",
        "changes of the number of workers",
        "records delayed",
        "records duplicated",
        "records lost with their process",
        "replies lost",
        "markers late",
        "deadlines asked about",
        "lives of an earlier version",
    ):
        assert whole[wanted], f"it never happened: {wanted}"


@pytest.mark.parametrize("seed", range(25))
def test_playing_gives_each_number_once_and_each_request_at_most_one(seed: int) -> None:
    universe, actors = play(seed, 150)

    events = [
        universe.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
        for record in universe.records(STREAM)
    ]
    loaded = Counter(
        record.key
        for record in universe.records(STREAM)
        if ("eventType", b"load") in record.headers
    )
    assert loaded == {number.encode(): 1 for number in actors.loaded}
    ids = [event["eventId"] for event in events]
    assert len(ids) == len(set(ids))
    answers: dict[str, set[str]] = {}
    for reply in actors.replies:
        answers.setdefault(reply.outcome.command_id, set()).add(reply.outcome.certificate_id)
    assert all(len(numbers) == 1 for numbers in answers.values())


def test_stores_after_any_history_are_what_their_owners_recover_from_the_changelog() -> None:
    """A disk that was kept through every fault holds what an empty one would recover."""
    for seed in range(10):
        universe, _ = play(seed, 150)
        kept = {key: dict(each) for key, each in universe.stores(COMMANDS).items()}
        for process in list(universe.service.living()):
            universe.service.crash(process, lose_disk=True)
        for role, name in universe.service.missing():
            universe.start(role, name)
        assert {key: dict(each) for key, each in universe.stores(COMMANDS).items()} == kept


def test_beginning_gives_every_partition_to_somebody_who_serves_it() -> None:
    universe, _ = small_universe()
    universe.random = Random(0)
    for partition in range(universe.partitions):
        owner = universe.owner_of(COMMANDS, partition)
        assert owner is not None
        assert owner.serving
        assert partition in owner.partitions_of(COMMANDS)
