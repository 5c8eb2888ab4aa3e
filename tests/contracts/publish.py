"""Publish what was changed in `avro/`: keep the new version, and lock it with golden files.

    python -m tests.contracts.publish             keep each changed record as its next version
    python -m tests.contracts.publish --rewrite Reply   change the latest version in place

Rewriting is for a version that nobody has ever written by: it breaks every record that was.
"""

import argparse
import json
from collections.abc import Collection

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, load_schema, published, schema_folder
from tests.contracts.golden_files import (
    FINGERPRINTS,
    digests_of,
    golden_bytes_file,
    name_of,
    readable,
)
from tests.contracts.samples import sample_of


def publish(rewrite: Collection[RecordName]) -> None:
    """Keep what changed, then write the golden files that are missing (or to be rewritten)."""
    for record in RecordName:
        text = (schema_folder() / f"{record.value}.avsc").read_text(encoding="utf-8")
        versions = published(record)
        if versions and load_schema(record, 1, text).declared == versions[-1].declared:
            continue
        version = len(versions) if record in rewrite else len(versions) + 1
        kept = schema_folder() / "published" / f"{record.value}.v{version}.avsc"
        kept.write_text(text, encoding="utf-8")
        print(f"{record.value}: kept as version {version}")
    published.cache_clear()
    _lock(rewrite)


def _lock(rewrite: Collection[RecordName]) -> None:
    locked = json.loads(FINGERPRINTS.read_text(encoding="utf-8")) if FINGERPRINTS.exists() else {}
    for record in RecordName:
        for schema in published(record):
            is_latest = schema is published(record)[-1]
            if name_of(schema) in locked and not (record in rewrite and is_latest):
                continue
            locked[name_of(schema)] = digests_of(schema)
            value = sample_of(schema)
            framed = SingleObjectFraming().encode(record, value, version=schema.version)
            golden = {"bytes": framed.hex(), "value": readable(value)}
            text = json.dumps(golden, ensure_ascii=False, indent=2)
            golden_bytes_file(schema).write_text(text + "\n", encoding="utf-8")
            print(f"{name_of(schema)}: locked")
    FINGERPRINTS.parent.mkdir(exist_ok=True)
    FINGERPRINTS.write_text(json.dumps(locked, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rewrite", nargs="+", type=RecordName, default=[], metavar="RECORD")
    publish(parser.parse_args().rewrite)
