"""What happens to a worker's disk: files cut short or changed, an older copy, no room left.

Owns the harm alone; the worker is down while a file is harmed, and up when its disk is full.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_DISK_BYTES: Final = 96 * 1024 * 1024
_BLOCK: Final = b"\0" * (64 * 1024)
_FLIPPED_MAX: Final = 64


class MountRefused(Exception):
    """A small disk cannot be had here; the text says why."""


def cut_file(directory: Path, chance: random.Random) -> str:
    """Cut one file of a state directory short, somewhere; what was done."""
    path = _any_file(directory, chance)
    size = path.stat().st_size
    left = chance.randrange(size)
    os.truncate(path, left)
    return f"{_kind_of(path)} cut to {left * 100 // size} %"


def changed_file(directory: Path, chance: random.Random) -> str:
    """Change up to 64 bytes in a row in one file of a state directory; what was done."""
    path = _any_file(directory, chance)
    content = bytearray(path.read_bytes())
    begin = chance.randrange(len(content))
    end = min(len(content), begin + chance.randrange(1, _FLIPPED_MAX))
    for place in range(begin, end):
        content[place] ^= chance.randrange(1, 256)
    path.write_bytes(content)
    return f"{_kind_of(path)} changed in {end - begin} bytes"


def _any_file(directory: Path, chance: random.Random) -> Path:
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    filled = [path for path in files if path.stat().st_size > 0 and path.name != "LOCK"]
    assert filled, "a worker that ran keeps something"
    kinds = sorted({_kind_of(path) for path in filled})
    kind = chance.choice(kinds)
    return chance.choice([path for path in filled if _kind_of(path) == kind])


def _kind_of(path: Path) -> str:
    """What a file of RocksDB is for, by its name."""
    return path.suffix.lstrip(".") or path.name.partition("-")[0]


@contextmanager
def older_copy(directory: Path) -> Iterator[Callable[[], None]]:
    """Keep a copy of a directory; the given puts it back in place of what is there by then."""
    kept = directory.with_name(f"{directory.name}.kept")
    shutil.copytree(directory, kept)

    def put_back() -> None:
        shutil.rmtree(directory)
        kept.rename(directory)

    try:
        yield put_back
    finally:
        shutil.rmtree(kept, ignore_errors=True)


class SmallDisk:
    """A disk of its own in memory, mounted where a worker keeps its state."""

    def __init__(self, directory: Path) -> None:
        self._ballast = directory / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        try:
            with self._ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(_BLOCK)
        except OSError:
            return

    def make_room(self) -> None:
        """Somebody has deleted what filled it."""
        self._ballast.unlink()


@contextmanager
def full_disk(directory: Path) -> Iterator[SmallDisk]:
    """Mount a small disk over a directory until the end. MountRefused where that is not allowed."""
    size = f"size={_DISK_BYTES}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "giftcert-chaos", str(directory)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        raise MountRefused(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True, capture_output=True)
