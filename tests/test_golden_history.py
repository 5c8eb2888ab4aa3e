"""Whatever a version of this program could write is still read: asked of the repository itself.

A golden file holds what once was; nothing in a tree can show that it was not written anew. Its
history can. Without a history these tests say that they are skipped.
"""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from pipelines.contracts.compatibility import reading_problems
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, by_fingerprint, current, fingerprint_of
from tests.contracts.golden_files import readable
from tests.repository_history import ROOT, EarlierFile, NoHistory, ever_in

_STATE: Final = "tests/state/stores/golden"
_STORES: Final = "tests/pipelines/stages/golden"
_CONTRACTS: Final = "tests/contracts/golden"

BEFORE_ANY_WRITER: Final = frozenset({"5baefe8c2fd7e2ac", "833c67059230d17d"})
"""Fingerprints of schemas that were in the tree before there was any code that wrote records."""


def ever(folder: str, ending: str) -> Iterator[EarlierFile]:
    """Every content of every file there; a test that asks is skipped where nobody remembers."""
    try:
        yield from ever_in(folder, ending)
    except NoHistory as reason:
        pytest.skip(f"the history is not here: {reason}")


def test_every_schema_that_was_ever_in_the_tree_is_published() -> None:
    """A record framed by it may be on a topic for ever."""
    lost = set()
    asked = 0
    for file in ever("avro", ".avsc"):
        declared = json.loads(file.read())
        known = by_fingerprint(RecordName(declared["name"]))
        found = fingerprint_of(declared)
        asked += 1
        if found.hex() in BEFORE_ANY_WRITER:
            reader = current(RecordName(declared["name"])).declared
            assert reading_problems(reader, declared) == [], "and yet they could be read"
        elif found not in known:
            lost.add(f"{file.path} {file.blob}: {found.hex()}")
    assert asked >= len(RecordName)
    assert lost == set()


def test_every_golden_record_of_a_contract_that_ever_was_is_read() -> None:
    """What it holds that today's version knows too, as it was."""
    framing = SingleObjectFraming()
    asked = 0
    for file in ever(_CONTRACTS, ".json"):
        if file.path.name == "fingerprints.json":
            continue
        golden = json.loads(file.read())
        record = RecordName(file.path.name.split(".")[0])
        value = readable(framing.decode(record, bytes.fromhex(golden["bytes"])))
        names = [field["name"] for field in current(record).declared["fields"]]
        assert value == {name: golden["value"].get(name) for name in names}, file
        asked += 1
    assert asked >= len(RecordName)


def test_every_golden_value_of_a_store_that_ever_was_is_still_an_edition() -> None:
    """And so is read by a test beside it."""
    today: dict[str, set[bytes]] = {}
    for path in (ROOT / _STATE).glob("*.hex"):
        today.setdefault(path.name.split(".")[0], set()).add(path.read_bytes())
    lost = [
        f"{file.path} {file.blob}"
        for file in ever(_STATE, ".hex")
        if file.read() not in today.get(file.path.name.split(".")[0], set())
    ]
    assert lost == []


def test_golden_stores_are_as_they_were_when_they_were_made() -> None:
    changed = [
        str(file.path)
        for file in ever(_STORES, ".json")
        if not (ROOT / file.path).exists() or (ROOT / file.path).read_bytes() != file.read()
    ]
    assert changed == []
