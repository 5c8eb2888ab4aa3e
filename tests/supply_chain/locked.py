"""What a lock file pins: names, versions and where they apply.

Owns the reading of `requirements*.lock`. Asks no index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[2]
EVERYTHING: Final = ROOT / "requirements.lock"
"""All that any command of the Makefile installs."""

RUNTIME: Final = ROOT / "requirements-runtime.lock"
"""What runs in production, and nothing else: what the image has."""

_IMAGE: Final = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_PYTHONS: Final = ("3.11", "3.12", "3.13")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One pinned package, by its canonical name."""

    name: str
    version: str
    marker: Marker | None

    @property
    def applies_here(self) -> bool:
        """Whether this interpreter on this machine installs it."""
        return self.marker is None or self.marker.evaluate()

    @property
    def applies_in_production(self) -> bool:
        """Whether any Python that we support installs it on Linux."""
        return self.marker is None or any(
            self.marker.evaluate({**_IMAGE, "python_version": each, "python_full_version": each})
            for each in _PYTHONS
        )


def pins(lock: Path) -> Iterator[Pin]:
    """Every pin, in the order of the file."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.removesuffix("\\").strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        yield Pin(
            name=canonicalize_name(requirement.name),
            version=specifier.version,
            marker=requirement.marker,
        )
