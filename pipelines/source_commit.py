"""Which commit a package was made of: stamped into it, or read from the sources it lies in.

Owns the stamp's place and the reading of `.git`, whose files are read as they are: there need be no
git. Imports nothing but the standard library: the build loads it too (`hatch_build.py`), and there
none of our packages is installed.
"""

import re
from pathlib import Path
from typing import Final

UNKNOWN: Final = "unknown"
STAMP: Final = "commit.txt"
"""Beside this module in a wheel: the build writes it, nothing else does."""

COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"ref: (refs/[^\s]+)")


def commit_of(package: Path) -> str:
    """The commit a package was made of: stamped into it, or that of the sources it lies in."""
    stamp = _text(package / STAMP)
    if stamp is not None:
        return _checked(stamp)
    return checked_out(package.parent)


def checked_out(folder: Path) -> str:
    """The commit that is checked out in a folder of sources. What was changed since is not seen."""
    place = _git_folder(folder)
    head = None if place is None else _text(place / "HEAD")
    if place is None or head is None:
        return UNKNOWN
    reference = _REFERENCE.fullmatch(head)
    if reference is None:
        return _checked(head)
    shared = _shared_folder(place)
    for each in (place, shared):
        named = _text(each / reference[1])
        if named is not None:
            return _checked(named)
    return _packed(shared, reference[1])


def _git_folder(folder: Path) -> Path | None:
    """Where git keeps what belongs to these sources: a folder, or where a file says it is."""
    place = folder / ".git"
    if place.is_dir():
        return place
    told = _text(place)
    if told is None or not told.startswith("gitdir: "):
        return None
    return folder / told.removeprefix("gitdir: ")


def _shared_folder(place: Path) -> Path:
    """What several working trees of one repository have in common."""
    told = _text(place / "commondir")
    return place if told is None else place / told


def _packed(place: Path, reference: str) -> str:
    for line in (_text(place / "packed-refs") or "").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return _checked(commit)
    return UNKNOWN


def _checked(commit: str) -> str:
    return commit if COMMIT.fullmatch(commit) else UNKNOWN


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
