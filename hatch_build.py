"""Stamps the commit into what is built, where the installed program reads it.

Owns nothing else of the build. The commit is `SOURCE_COMMIT`, for builds that have no `.git` (an
image, an archive), else the one that is checked out; where neither is known nothing is stamped and
the program says `unknown`. An editable install is not stamped: it would go on naming the commit of
its first day.
"""

import importlib.util
import os
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMMIT_VARIABLE: Final = "SOURCE_COMMIT"


class StampCommit(BuildHookInterface):  # type: ignore[type-arg] # Its parameter is of no matter here.
    """Adds one file to the build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files are gathered."""
        reader = _reader(Path(self.root))
        stamp = Path(self.root, "pipelines", reader.STAMP)
        commit = os.environ.get(COMMIT_VARIABLE) or reader.checked_out(Path(self.root))
        # A tree that carries the stamp is an unpacked source archive, which hands its own on.
        if version == "editable" or stamp.exists() or commit == reader.UNKNOWN:
            return
        if not reader.COMMIT.fullmatch(commit):
            raise ValueError(f"{COMMIT_VARIABLE} is no commit: 40 hexadecimal digits are")
        self._written = Path(tempfile.mkdtemp(prefix="giftcert-build-")) / reader.STAMP
        self._written.write_text(f"{commit}\n", encoding="ascii")
        build_data["force_include"][str(self._written)] = f"pipelines/{reader.STAMP}"

    def finalize(self, *_build: object) -> None:
        """Called when the build is done."""
        written: Path | None = getattr(self, "_written", None)
        if written is not None:
            written.unlink(missing_ok=True)
            written.parent.rmdir()


def _reader(root: Path) -> ModuleType:
    """`pipelines/source_commit.py` by its path: the package itself cannot be imported here."""
    place = root / "pipelines" / "source_commit.py"
    spec = importlib.util.spec_from_file_location("source_commit", place)
    assert spec is not None, "it is a Python file"
    assert spec.loader is not None, "it is a Python file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
