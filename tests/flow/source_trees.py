"""Earlier versions of the program, taken out of the history of this repository.

Owns finding a commit and unpacking it.
"""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

from tests.repository_history import ROOT, NoHistory, git

SHIPPED: Final = ("avro", "http_edge", "pipelines", "state")
"""What an installed program is made of."""

_LOOKED_AT_MAX: Final = "50"


def previous_version() -> str:
    """The last commit whose program is not the one in this tree. NoHistory."""
    log = git("log", "--first-parent", "--format=%H", "-n", _LOOKED_AT_MAX, "--", *SHIPPED)
    for commit in log.decode().split():
        if _differs(commit):
            return commit
    raise NoHistory("no earlier commit of the program is in this repository")


def unpack(commit: str, folder: Path) -> Path:
    """Put the program of a commit into a folder; the folder. NoHistory when it is not there."""
    archive = git("archive", "--format=tar", commit, "--", *SHIPPED)
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def _differs(commit: str) -> bool:
    asked = ["git", "-C", str(ROOT), "diff", "--quiet", commit, "--", *SHIPPED]
    return subprocess.run(asked, check=False).returncode == 1
