"""What this installation is: its version, the commit it was made of, and the contracts it writes.

Owns the one answer that `giftcert --version`, the figures, the status page and the image's labels
give. What cannot be known is `UNKNOWN`, never a guess.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from pipelines.contracts.schemas import RecordName, current
from pipelines.source_commit import UNKNOWN, commit_of

DISTRIBUTION: Final = "gift-certificates"

_SHORT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The version of a record that this installation writes, and its schema's fingerprint.

    `fingerprint` is CRC-64-AVRO as it stands in a record's header, in hexadecimal.
    """

    version: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One installation. `commit` is the whole id, or `UNKNOWN`."""

    version: str
    commit: str
    contracts: Mapping[RecordName, Contract]

    @property
    def schemas(self) -> str:
        """One short word for all contracts: two installations that write alike have the same."""
        told = "\n".join(
            f"{record.value} {contract.version} {contract.fingerprint}"
            for record, contract in sorted(self.contracts.items())
        )
        return hashlib.sha256(told.encode()).hexdigest()[:_SHORT]

    @property
    def short_commit(self) -> str:
        """Enough of the commit for a person to find it."""
        return self.commit if self.commit == UNKNOWN else self.commit[:_SHORT]

    def lines(self) -> list[str]:
        """For people: the version alone on the first line."""
        return [
            f"giftcert {self.version}",
            f"commit {self.commit}",
            f"schemas {self.schemas}",
            *(
                f"  {record.value:<20} version {contract.version}  {contract.fingerprint}"
                for record, contract in self.contracts.items()
            ),
        ]


@cache
def release() -> Release:
    """This installation."""
    return Release(
        version=_version(),
        commit=commit_of(Path(__file__).parent),
        contracts={record: _contract(record) for record in RecordName},
    )


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return f"{UNKNOWN} (run from its source, not installed)"


def _contract(record: RecordName) -> Contract:
    schema = current(record)
    return Contract(version=schema.version, fingerprint=schema.fingerprint.hex())
