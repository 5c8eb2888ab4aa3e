"""The golden files: what locks a published schema, and bytes written by it.

Owns their form. `fingerprints.json` has two digests of every published version: of what decides the
bytes (CRC-64-AVRO), and of all of it, documentation included (SHA-256 of its JSON with sorted
keys). `<Record>.v<N>.json` has a framed record, as hexadecimal, and the value that is in it.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pipelines.contracts.schemas import Schema

GOLDEN = Path(__file__).parent / "golden"
FINGERPRINTS = GOLDEN / "fingerprints.json"


def name_of(schema: Schema) -> str:
    """`Payment.v1`: the version's name in every golden file."""
    return f"{schema.record.value}.v{schema.version}"


def digests_of(schema: Schema) -> dict[str, str]:
    """What must never change once a version is published."""
    whole = json.dumps(schema.declared, sort_keys=True, separators=(",", ":"))
    return {
        "crc64Avro": schema.fingerprint.hex(),
        "sha256": hashlib.sha256(whole.encode()).hexdigest(),
    }


def golden_bytes_file(schema: Schema) -> Path:
    return GOLDEN / f"{name_of(schema)}.json"


def readable(value: Any) -> Any:
    """The value as JSON can hold it: bytes as hexadecimal."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: readable(inner) for key, inner in value.items()}
        case list():
            return [readable(inner) for inner in value]
        case _:
            return value
