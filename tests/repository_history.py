"""What this repository remembers: earlier versions of files, by git's own reading commands.

Owns asking git, and saying that there is nothing to ask: an unpacked archive has no history, and a
shallow clone only a part of it.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


class NoHistory(Exception):
    """What was asked for is not in this repository, or there is no repository at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFile:
    """One content that a path once had, by git's name for that content."""

    path: Path
    blob: str

    def read(self) -> bytes:
        """The content."""
        return git("cat-file", "blob", self.blob)


def git(*arguments: str) -> bytes:
    """What git prints. NoHistory when it says no."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], check=False, capture_output=True
        )
    except FileNotFoundError:
        raise NoHistory("git is not installed") from None
    if done.returncode != 0:
        raise NoHistory(done.stderr.decode().strip().splitlines()[-1])
    return done.stdout


def ever_in(folder: str, ending: str) -> Iterator[EarlierFile]:
    """Every content that every file under a folder has had on this branch. NoHistory."""
    if git("rev-parse", "--is-shallow-repository").strip() == b"true":
        raise NoHistory("this clone is shallow")
    log = git(
        "log", "--first-parent", "-m", "--format=", "--raw", "--no-abbrev", "--no-renames",
        "--diff-filter=AM", "HEAD", "--", folder,
    )  # fmt: skip
    seen = set()
    for line in log.decode().splitlines():
        changed, _, name = line.partition("\t")
        found = EarlierFile(path=Path(name), blob=changed.split()[3])
        if name.endswith(ending) and found not in seen:
            seen.add(found)
            yield found
