"""The changelog topics of stores that are made anew: whether they are empty, and filling them.

Owns the form of a changelog record as the stream library's recovery reads it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from pipelines.kafka_admin import KafkaAdmin
from pipelines.rebuild.kafka_places import ANSWER_S, topic_places
from pipelines.settings import Settings
from pipelines.stores import FoldedStore
from pipelines.topics import (
    WantedTopic,
    changelog_name,
    topic_name,
    wanted_changelogs,
)

COLUMN_FAMILY_HEADER: Final = "__column_family__"
PROCESSED_OFFSETS_HEADER: Final = "__processed_tp_offsets__"
COLUMN_FAMILY: Final = b"default"
"""The library's own words; a test holds them to it."""


def wanted_changelog(store: FoldedStore, settings: Settings) -> WantedTopic:
    """The changelog topic that a store must have."""
    name = changelog_name(store.role, store.topic, settings)
    return next(each for each in wanted_changelogs(store.role, settings) if each.name == name)


def filled(settings: Settings, stores: Iterable[FoldedStore]) -> list[str]:
    """The changelogs that are there and hold committed records, by name."""
    names = present(settings, stores)
    with topic_places(settings) as places:
        return [name for name in names if places.holds_records(name)]


def present(settings: Settings, stores: Iterable[FoldedStore]) -> list[str]:
    """The changelogs that are there, whatever they hold, by name."""
    there = KafkaAdmin(settings, timeout_s=ANSWER_S).topics()
    names = [wanted_changelog(store, settings).name for store in stores]
    return [name for name in names if name in there]


def make_empty(settings: Settings, stores: Iterable[FoldedStore], *, delete: Sequence[str]) -> None:
    """See to it that every changelog is there; those to `delete` are made anew.

    One that is there and holds no record is used as it is.
    """
    admin = KafkaAdmin(settings, timeout_s=ANSWER_S)
    wanted = [wanted_changelog(store, settings) for store in stores]
    if delete:
        admin.delete(delete)
    admin.create(wanted)


def headers_of(store: FoldedStore, settings: Settings, end: int) -> list[tuple[str, bytes]]:
    """What the library's recovery reads beside key and value.

    It applies a record whose input offset the group has committed: all of these have.
    """
    processed = {topic_name(store.topic, settings): end - 1}
    return [
        (COLUMN_FAMILY_HEADER, COLUMN_FAMILY),
        (PROCESSED_OFFSETS_HEADER, msgspec.json.encode(processed)),
    ]
