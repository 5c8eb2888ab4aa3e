"""The golden stores: what each version kept of one and the same records.

Owns their files. `golden/inputs.json` has the records, in two parts; nobody writes it again.
`golden/stores.<edition>.json` has every stored key and value after the first part, as a version
left them. Run as a program it keeps what today's version leaves as the next edition, if it differs
from the last:

    python -m tests.pipelines.stages.golden_stores
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pipelines.replay import FoldedPartition, fold_one
from pipelines.stages.record import Outgoing
from pipelines.topics import TOPICS, Topic
from tests.pipelines.stages.golden_story import STAGES, incoming

GOLDEN: Final = Path(__file__).parent / "golden"
INPUTS: Final = GOLDEN / "inputs.json"
BEFORE: Final = "before"
AFTER: Final = "after"

Stores = dict[Topic, FoldedPartition]
_BY_NAME: Final[Mapping[str, Topic]] = {topic.name: topic for topic in TOPICS}


def records_of(part: str) -> Iterator[tuple[Topic, int, bytes, bytes]]:
    """The golden records of one part: topic, offset, key and value."""
    offsets: dict[str, int] = {}
    for record in json.loads(INPUTS.read_text(encoding="utf-8")):
        name = record["topic"]
        offset = offsets.get(name, 0)
        offsets[name] = offset + 1
        if record["part"] == part:
            key, value = bytes.fromhex(record["key"]), bytes.fromhex(record["value"])
            yield _BY_NAME[name], offset, key, value


def go_on_from(stores: Stores, part: str) -> dict[Topic, list[Outgoing]]:
    """Fold a part of the records into the stores, by topic; what the stages would write of each."""
    outputs: dict[Topic, list[Outgoing]] = {topic: [] for topic in STAGES}
    for topic, offset, key, value in records_of(part):
        given = incoming(topic, offset, key, value)
        outputs[topic] += fold_one(stores[topic], given, STAGES[topic])
    assert all(folded.broken == 0 for folded in stores.values()), "golden records are whole"
    return outputs


def empty_stores() -> Stores:
    """Before anything was written."""
    return {topic: FoldedPartition() for topic in STAGES}


def todays_stores() -> Stores:
    """What today's version makes of the first part."""
    stores = empty_stores()
    go_on_from(stores, BEFORE)
    return stores


def editions() -> list[Path]:
    """The golden stores, oldest first."""
    return sorted(GOLDEN.glob("stores.*.json"), key=lambda path: int(path.suffixes[0][1:]))


def kept_stores(edition: Path) -> Stores:
    """What a version had left."""
    kept = json.loads(edition.read_text(encoding="utf-8"))
    return {
        topic: FoldedPartition(
            records={
                bytes.fromhex(key): bytes.fromhex(value) for key, value in kept[topic.name].items()
            }
        )
        for topic in STAGES
    }


def written(stores: Stores) -> str:
    """The text of an edition's file."""
    kept = {
        topic.name: {key.hex(): value.hex() for key, value in sorted(folded.records.items())}
        for topic, folded in stores.items()
    }
    return json.dumps(kept, indent=1) + "\n"


def main() -> None:
    """Keep what today's version leaves, if no edition has it."""
    text = written(todays_stores())
    there = editions()
    if there and there[-1].read_text(encoding="utf-8") == text:
        print(f"{there[-1].name} is what today's version leaves")
        return
    path = GOLDEN / f"stores.{len(there) + 1}.json"
    path.write_text(text, encoding="utf-8")
    print(f"kept {path.name}: say in tests/pipelines/stages/test_golden_stores.py what it brought")


if __name__ == "__main__":
    main()
