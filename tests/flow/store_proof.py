"""The stores on disk against the topics that they are the fold of, byte for byte.

Owns reading the files of a stack that has stopped. The fold is today's stages', from offset 0.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from rocksdict import AccessType, Options, Rdict

from pipelines.contracts.framing import framing_for
from pipelines.edge_client import BearerToken
from pipelines.local.stack import Stack
from pipelines.replay import fold_records, read_topic
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import StatefulStage
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Topic, topic_name


def owners_of(stack: Stack, partitions: int) -> dict[int, str]:
    """Which processor keeps each partition; each is kept by exactly one."""
    owners: dict[int, str] = {}
    for url in stack.http_urls:
        answer = asked(stack, f"{url}/internal/assignment")
        for partition in answer["partitions"]:
            assert partition not in owners, "two workers keep the same partition"
            owners[partition] = answer["worker"]
    assert sorted(owners) == list(range(partitions))
    return owners


def asked(stack: Stack, url: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    """What a processor tells the auditor."""
    auth = BearerToken(lambda: stack.token("auditor"))
    answer = httpx.get(url, params=query, auth=auth, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def check_processors_stores(
    settings: Settings, owners: Mapping[int, str], stores: Mapping[str, Path]
) -> None:
    """Each partition's stores, at their owner, equal the folds of their topics from the start."""
    framing = framing_for(settings)
    for topic, stage in (
        (COMMANDS, CertificatesStage(framing, settings.partitions)),
        (POOL, PoolStage(framing, settings.partitions)),
        (INDEX, IndexStage(framing, settings.partitions)),
    ):
        places = {
            partition: stores[owner] / settings.processor_group
            for partition, owner in owners.items()
        }
        _check_store(settings, topic, stage, places)


def check_correlators_store(settings: Settings, store: Path) -> None:
    """The same of the only correlator, which keeps every partition."""
    stage = CorrelateStage(framing_for(settings), settings.partitions)
    places = dict.fromkeys(range(settings.partitions), store / settings.correlator_group)
    _check_store(settings, FACTS, stage, places)


def _check_store(
    settings: Settings, topic: Topic, stage: StatefulStage, places: Mapping[int, Path]
) -> None:
    folded = fold_records(read_topic(settings, topic), stage)
    name = topic_name(topic, settings)
    for partition, place in places.items():
        stored = dict(_store_content(place / "default" / name / str(partition)))
        wanted = folded[partition].records if partition in folded else {}
        assert stored == wanted, f"{topic.name}[{partition}] differs from the fold of its topic"


def _store_content(path: Path) -> Iterator[tuple[bytes, bytes]]:
    options = Options(raw_mode=True)
    database = Rdict(str(path), options=options, access_type=AccessType.read_only())
    try:
        for key, value in database.items():
            if isinstance(key, bytes) and isinstance(value, bytes):
                yield key, value
    finally:
        database.close()
