"""Locked packages of npm in the user's cache, for the tests and the documentation's site.

Owns the fetching, once for each lock file: npm compares what it fetches with the hashes in it. Runs
nothing of a package, neither while it is fetched nor after.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.kafka_jars import cache_directory

_LOCKED: Final = ("package.json", "package-lock.json")
_FETCH_TIMEOUT_S: Final = 600


class PackagesUnavailable(Exception):
    """They cannot be had on this machine; the text says why."""


def locked_packages(name: str, locked_in: Path) -> Path:
    """A directory with the packages that the lock file of another directory names.

    `name` is for people who look into the cache.
    """
    locked = [(locked_in / each).read_bytes() for each in _LOCKED]
    digest = hashlib.sha256(b"\0".join(locked)).hexdigest()[:16]
    cache = cache_directory()
    directory = cache / f"{name}-{digest}"
    with DirectoryLock(cache, name=f"{directory.name}.lock", wait=True):
        if not directory.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{directory.name}.") as partial:
                program = Path(partial) / "program"
                program.mkdir()
                for each, content in zip(_LOCKED, locked, strict=True):
                    (program / each).write_bytes(content)
                _fetch(name, program)
                program.rename(directory)
    return directory


def _fetch(name: str, directory: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PackagesUnavailable(f"npm, which fetches {name}, is not on PATH")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        answer = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise PackagesUnavailable(f"npm did not fetch {name} in time") from None
    if answer.returncode != 0:
        complaint = (answer.stderr + answer.stdout).strip()[:300]
        raise PackagesUnavailable(f"npm cannot fetch {name}: {complaint}")
