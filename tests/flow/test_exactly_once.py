"""Exactly-once: processors killed at random moments, and nothing is lost, doubled or different.

Real Kafka, real processes, kill -9. Three independent checks after the run: the load's own
bookkeeping, a second read of the stream, and the stores against a fold of their topics.
"""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.replay import read_topic
from pipelines.settings import Settings, load_settings
from pipelines.topics import DLQ, STREAM
from tests.flow.crash_load import CrashLoad
from tests.flow.store_proof import asked, check_processors_stores, owners_of

KILLS = 20
CERTIFICATES = 520
SEED = 20_260_101


@pytest.fixture
def crash_stack(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Stack]:
    """One correlator and two processors on the shared broker, with topics of their own."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker proves nothing about exactly-once: no real transactions")
    options = StackOptions(
        data_dir=tmp_path / "stack",
        broker=broker.bootstrap,
        processors=2,
        topic_prefix=topic_prefix,
    )
    with Stack(options) as stack:
        yield stack


@pytest.mark.timeout(600)
def test_processors_killed_at_random_moments_lose_and_double_nothing(
    crash_stack: Stack, topic_prefix: str
) -> None:
    """20 kill -9 of two processors under load, half of them with the state directory deleted."""
    settings = load_settings({"bootstrap": crash_stack.bootstrap, "topic_prefix": topic_prefix})
    load = CrashLoad(settings=settings, certificates=CERTIFICATES, seed=SEED, pace_s=0.015)
    with load.publishing() as publisher:
        _kill_and_restart(crash_stack, publisher)
        publisher.join(timeout=300)
        assert not publisher.is_alive(), "the load did not finish"
        load.await_events(timeout_s=60)
    assert load.operations >= 5_000

    _check_events(load, settings)
    _check_balances(load, crash_stack)
    owners = owners_of(crash_stack, settings.partitions)
    stores = crash_stack.state_directories
    crash_stack.stop()
    check_processors_stores(settings, owners, stores)
    assert list(read_topic(settings, DLQ)) == []


def _kill_and_restart(stack: Stack, publisher: threading.Thread) -> None:
    """Kill one of the two at a random moment after it served again, KILLS times in all."""
    chance = random.Random(SEED)
    for kill in range(KILLS):
        publisher.join(timeout=chance.uniform(0.0, 2.0))
        victim = chance.randrange(2)
        stack.kill_processor(victim)
        stack.restart_processor(victim, forget_state=kill % 2 == 0)


def _check_events(load: CrashLoad, settings: Settings) -> None:
    """The live reader saw each event once, without gap; a reader from the start sees the same."""
    framing = framing_for(settings)
    again = []
    for record in read_topic(settings, STREAM):
        event = framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
        key = (record.key or b"").decode()
        again.append((event["eventId"], key, event["sequence"], event["eventType"]))
    assert len({event_id for event_id, *_ in again}) == len(again), "an event is there twice"
    assert sorted(load.seen) == sorted(again), "a live reader saw something else"
    sequences: dict[str, list[int]] = {}
    for _, key, sequence, _ in again:
        sequences.setdefault(key, []).append(sequence)
    for key, numbers in sequences.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"…{key[-4:]} has a gap"


def _check_balances(load: CrashLoad, stack: Stack) -> None:
    """Every certificate has just the balance that the load's own bookkeeping says."""
    found = {record["certificateId"]: record for record in _listing(stack)}
    assert found.keys() == load.expected.keys()
    for number, expected in load.expected.items():
        record = found[number]
        balance = (record["nominalMinor"], record["remainingMinor"], record["heldMinor"])
        assert balance == (expected.nominal_minor, expected.remaining_minor, 0), number


def _listing(stack: Stack) -> Iterator[dict[str, object]]:
    for url in stack.http_urls:
        assigned = asked(stack, f"{url}/internal/assignment")["partitions"]
        for partition in assigned:
            after = ""
            while after is not None:
                query = {"partition": str(partition), "after": after, "limit": "1000"}
                page = asked(stack, f"{url}/internal/certificates", query)
                yield from page["records"]
                after = page["next"]
