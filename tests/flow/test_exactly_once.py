"""Exactly-once: processors killed at random moments, and nothing is lost, doubled or different.

Real Kafka, real processes, kill -9. Three independent checks after the run: the load's own
bookkeeping, a second read of the stream, and the stores against a fold of their topics.
"""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rocksdict import AccessType, Options, Rdict

from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import BearerToken
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.replay import fold_records, read_topic
from pipelines.settings import Settings, load_settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import StatefulStage
from pipelines.topics import COMMANDS, DLQ, INDEX, POOL, STREAM, Topic, topic_name
from tests.flow.crash_load import CrashLoad

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
    publisher = threading.Thread(target=load.run, daemon=True)
    publisher.start()
    _kill_and_restart(crash_stack, publisher)
    publisher.join(timeout=300)
    assert not publisher.is_alive(), "the load did not finish"
    load.await_events(timeout_s=60)
    load.stop()
    assert load.operations >= 5_000

    _check_events(load, settings)
    _check_balances(load, crash_stack)
    owners = _owners(crash_stack, settings.partitions)
    stores = crash_stack.state_directories
    crash_stack.stop()
    for topic, stage in _stages(settings):
        _check_store(settings, topic, stage, owners, stores)
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


def _owners(stack: Stack, partitions: int) -> dict[int, str]:
    """Which worker keeps each partition; each is kept by exactly one."""
    owners: dict[int, str] = {}
    for url in stack.http_urls:
        answer = _asked(stack, f"{url}/internal/assignment")
        for partition in answer["partitions"]:
            assert partition not in owners, "two workers keep the same partition"
            owners[partition] = answer["worker"]
    assert sorted(owners) == list(range(partitions))
    return owners


def _asked(stack: Stack, url: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    """What a processor tells the auditor."""
    auth = BearerToken(lambda: stack.token("auditor"))
    answer = httpx.get(url, params=query, auth=auth, timeout=10)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _listing(stack: Stack) -> Iterator[dict[str, object]]:
    for url in stack.http_urls:
        assigned = _asked(stack, f"{url}/internal/assignment")["partitions"]
        for partition in assigned:
            after = ""
            while after is not None:
                query = {"partition": str(partition), "after": after, "limit": "1000"}
                page = _asked(stack, f"{url}/internal/certificates", query)
                yield from page["records"]
                after = page["next"]


def _stages(settings: Settings) -> list[tuple[Topic, StatefulStage]]:
    framing = framing_for(settings)
    return [
        (COMMANDS, CertificatesStage(framing, settings.partitions)),
        (POOL, PoolStage(framing, settings.partitions)),
        (INDEX, IndexStage(framing, settings.partitions)),
    ]


def _check_store(
    settings: Settings,
    topic: Topic,
    stage: StatefulStage,
    owners: dict[int, str],
    stores: dict[str, Path],
) -> None:
    """Each partition's store equals the fold of its topic from the start, byte for byte."""
    folded = fold_records(read_topic(settings, topic), stage)
    for partition, owner in owners.items():
        path = (
            stores[owner]
            / settings.processor_group
            / "default"
            / topic_name(topic, settings)
            / str(partition)
        )
        stored = _store_content(path)
        wanted = folded[partition].records if partition in folded else {}
        assert stored == wanted, f"{topic.name}[{partition}] differs from the fold of its topic"


def _store_content(path: Path) -> dict[bytes, bytes]:
    options = Options(raw_mode=True)
    database = Rdict(str(path), options=options, access_type=AccessType.read_only())
    try:
        return {
            key: value
            for key, value in database.items()
            if isinstance(key, bytes) and isinstance(value, bytes)
        }
    finally:
        database.close()
