"""Stores that earlier versions left are read, and gone on from, as if today's had made them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Topic
from state.stores.codec import (
    CERTIFICATE_STATE,
    CORRELATION,
    HISTORY_ENTRY,
    OUTCOME,
    POOL_HEAD,
    POOL_TAKE,
    decode_number,
    decode_text,
)
from state.stores.layout import DEADLINES, SEPARATOR, deadline_entry
from tests.pipelines.stages.golden_stores import (
    AFTER,
    INPUTS,
    editions,
    go_on_from,
    kept_stores,
    todays_stores,
    written,
)
from tests.pipelines.stages.stage_in_memory import opened

LOCKED: Mapping[str, tuple[str, str]] = {
    "inputs.json": ("a9fc1cced40e2de3", "the records"),
    "stores.1.json": ("5e1c2cf9835fc375", "the first stores of all"),
    "stores.2.json": ("884f6c07ff49cfa0", "an outcome says that its request was passed on"),
    "stores.3.json": ("5a83927d46b4572e", "waiting counts from when a fact was written"),
    "stores.4.json": (
        "f39eed00a8bd11b5",
        "a correlation names its ordinary order, and a second one",
    ),
    "stores.5.json": ("8b644af5d5c2030b", "a hold says whose it is"),
    "stores.6.json": ("c1399c84e86ab9fe", "the history of each certificate"),
}
"""Every golden file: the beginning of its SHA-256, and what its version brought."""

EDITIONS = [pytest.param(path, id=path.name) for path in editions()]
Decode = Callable[[bytes], object]

KINDS: Mapping[Topic, Mapping[bytes, tuple[str, Decode]]] = {
    COMMANDS: {
        b"c": ("certificate", CERTIFICATE_STATE.decode),
        b"e": ("history", HISTORY_ENTRY.decode),
        b"q": ("outcome", OUTCOME.decode),
    },
    POOL: {
        b"c": ("head", POOL_HEAD.decode),
        b"n": ("number at a place", decode_text),
        b"p": ("place of a number", decode_number),
        b"t": ("take", POOL_TAKE.decode),
    },
    INDEX: {
        b"c": ("count", decode_number),
        b"n": ("number at a place", decode_text),
        b"p": ("place of a number", decode_number),
    },
    FACTS: {b"c": ("correlation", CORRELATION.decode)},
}
"""What each store keeps, by the first byte of the key within a message key, and how it is read."""


def kinds_in(stores: Mapping[Topic, Mapping[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    """The kind of every record, each decoded on the way."""
    for topic, records in stores.items():
        for key, value in records.items():
            message_key, _, within = key.partition(SEPARATOR)
            if message_key == DEADLINES:
                assert value == b"\x01"
                yield topic.name, deadline_entry(within).kind
            else:
                kind, decode = KINDS[topic][within[:1]]
                decode(value)
                yield topic.name, kind


def told(outputs: Mapping[Topic, list[Outgoing]]) -> list[object]:
    """What stages wrote, readable."""
    return [
        (output.topic.name, output.key, output.partition, opened(output))
        for each in outputs.values()
        for output in each
    ]


def test_every_golden_file_is_what_it_was_when_it_was_made() -> None:
    """A changed one is a version that never was; a new one is told of in the table above."""
    folder = INPUTS.parent
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in folder.iterdir()
    }
    assert found == {name: digest for name, (digest, _) in LOCKED.items()}


def test_stores_of_todays_version_are_the_newest_edition() -> None:
    """A changed byte is a decision: `python -m tests.pipelines.stages.golden_stores` keeps it."""
    assert written(todays_stores()) == editions()[-1].read_text(encoding="utf-8")


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_record_of_an_edition_is_of_a_known_kind_and_readable(edition: Path) -> None:
    stores = {topic: folded.records for topic, folded in kept_stores(edition).items()}
    assert list(kinds_in(stores))


def test_newest_edition_has_every_kind_of_record() -> None:
    stores = {topic: folded.records for topic, folded in kept_stores(editions()[-1]).items()}
    expected = {(topic.name, kind) for topic, kinds in KINDS.items() for kind, _ in kinds.values()}
    deadlines = {
        (COMMANDS.name, "HOLD"),
        (COMMANDS.name, "RESERVATION"),
        (FACTS.name, "CORRELATION"),
    }
    assert set(kinds_in(stores)) == expected | deadlines


@pytest.mark.parametrize("edition", EDITIONS)
def test_going_on_from_an_edition_tells_the_same_as_from_todays_stores(edition: Path) -> None:
    """Captures, refunds, repeats of old requests, deadlines, more of an order: all as if new."""
    stores = kept_stores(edition)
    outputs = go_on_from(stores, AFTER)
    assert told(outputs) == told(go_on_from(todays_stores(), AFTER))
    records = {topic: folded.records for topic, folded in stores.items()}
    assert list(kinds_in(records))
