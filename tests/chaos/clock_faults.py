"""A clock of its own for one worker, which can be made to jump while the worker runs.

Owns the use of libfaketime: the library that tells a process another time, read from a file. The
time since the machine's start stays right, as it does on a machine whose clock is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PLACES: Final = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)


class FaketimeMissing(Exception):
    """The library is not on this machine; the text says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clock of one worker."""

    library: Path
    file: Path

    @classmethod
    def for_worker(cls, data_dir: Path, name: str) -> Self:
        """A clock that is right. FaketimeMissing where it cannot be had."""
        found = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
        if not found:
            raise FaketimeMissing("libfaketime is not installed (Debian: package faketime)")
        clock = cls(library=found[0], file=data_dir / f"clock-{name}")
        clock.jump(0)
        return clock

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker is started with to live by this clock."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, offset_s: int) -> None:
        """From now on it is off by that many seconds; the worker notices within one."""
        partial = self.file.with_name(f"{self.file.name}.partial")
        partial.write_text(f"{offset_s:+d}s\n", encoding="ascii")
        partial.replace(self.file)
