"""Helm for the tests: the machine's own, or one version built into the user's cache.

Where there is neither Helm nor Go it says so by HelmUnavailable, and the tests that need it are
skipped with that reason.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from pipelines.local.directory_lock import DirectoryLock
from pipelines.local.kafka_jars import cache_directory

VERSION: Final = "3.18.6"
_MODULE: Final = f"helm.sh/helm/v3/cmd/helm@v{VERSION}"
_BUILD_TIMEOUT_S: Final = 900


class HelmUnavailable(Exception):
    """There is no Helm to be had on this machine; the text says why."""


def helm_program() -> Path:
    """The program. HelmUnavailable when there is none and none can be built."""
    found = shutil.which("helm")
    if found is not None:
        return Path(found)
    return _cached_program()


def _cached_program() -> Path:
    cache = cache_directory()
    program = cache / f"helm-{VERSION}" / "helm"
    with DirectoryLock(cache, name=f"helm-{VERSION}.lock", wait=True):
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"helm-{VERSION}.") as partial:
                built = Path(partial) / "bin"
                _build(built)
                built.rename(program.parent)
    return program


def _build(place: Path) -> None:
    """Build it: Go checks the module against its public list of checksums."""
    go = shutil.which("go")
    if go is None:
        raise HelmUnavailable("there is neither helm nor go (to build it) on this machine")
    try:
        done = subprocess.run(
            [go, "install", _MODULE],
            env={**os.environ, "GOBIN": str(place)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_BUILD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise HelmUnavailable(f"go did not build {_MODULE} in {_BUILD_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise HelmUnavailable(f"go could not build {_MODULE}: {done.stderr.strip()[-300:]}")
