"""A proof: for each store and partition the offsets it was folded from, and one hash.

Owns its shape and its file, which a later proof is compared with. Judges nothing.
"""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pipelines.faults import OperatorError
from pipelines.stores import StoreName

VERSION: Final = 1


class Proven(Struct, frozen=True, kw_only=True, rename="camel"):
    """One partition: the fold of the offsets from `start` up to, not with, `end`."""

    store: StoreName
    partition: int
    start: int
    end: int
    records: int
    hash: str


class Proof(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was proven at one time of one installation. `at`: of which time in the past, if any."""

    version: int
    made: str
    topic_prefix: str
    partitions: int
    at: str | None
    proven: tuple[Proven, ...]


def write_proof(proof: Proof, path: Path) -> None:
    """Write it where a later command reads it. OperatorError: the file cannot be written."""
    content = msgspec.json.format(msgspec.json.encode(proof), indent=2)
    try:
        path.write_bytes(content + b"\n")
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from error


def read_proof(path: Path, *, topic_prefix: str, partitions: int) -> Proof:
    """An earlier proof of the same installation. OperatorError: it is none."""
    try:
        proof = msgspec.json.decode(path.read_bytes(), type=Proof)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise OperatorError(f"{path} is no proof written by this program: {error}") from error
    if proof.version != VERSION:
        raise OperatorError(f"{path} is a proof of version {proof.version}, not {VERSION}")
    if (proof.topic_prefix, proof.partitions) != (topic_prefix, partitions):
        raise OperatorError(f"{path} is a proof of another installation, with other topics")
    return proof
