"""The directory of one partition's store, and the two marks that may lie beside it.

Owns when a directory must not be opened at all, the list of table files it held before it was, and
throwing it away. Knows nothing of what is in the files: that is RocksDB's.

RocksDB cannot see that the end of its MANIFEST is missing: it opens the store as it was some time
ago, deletes the newer table files as rubbish, and puts the newest log over the gap. So the names of
the table files are noted before a store is opened. One that is not in use afterwards is either the
half-made file of an interrupted flush or such a loss; nobody can tell, and a recovery is cheap.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TABLES: Final = ".sst"
_CURRENT: Final = "CURRENT"


class StoreDirectory:
    """Where one partition's store is. Nothing may have it open while it is thrown away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._damaged = path.with_name(f"{path.name}.damaged")
        self._opening = path.with_name(f"{path.name}.opening")
        self._doomed = path.with_name(f"{path.name}.thrown-away")

    def mark_damaged(self, reason: str) -> None:
        """Leave word for the next start that nothing in it may be trusted."""
        try:
            self._damaged.write_text(f"{reason}\n", encoding="utf-8")
        except OSError:
            # On a full or dying disk the next start meets the same damage, and says so again.
            return

    def unfit(self) -> str | None:
        """Why it must not be opened; None when it may be, or is not there yet."""
        if self._damaged.exists():
            return "it was marked as damaged"
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / _CURRENT).exists():
            # RocksDB would take it for a new store, and old logs in it for the new store's own.
            return "its file CURRENT is missing"
        return None

    def throw_away(self) -> None:
        """Delete it and its marks. A crash in the midst leaves nothing that looks like a store."""
        shutil.rmtree(self._doomed, ignore_errors=True)
        if self.path.exists():
            self.path.rename(self._doomed)
            shutil.rmtree(self._doomed)
        self._opening.unlink(missing_ok=True)
        self._damaged.unlink(missing_ok=True)

    def note_tables(self) -> None:
        """Note the table files before opening; a note that was left by a crash is kept with it."""
        names = {file.name for file in self.path.glob(f"*{_TABLES}")} | self._noted()
        if names:
            self._opening.write_text("\n".join(sorted(names)), encoding="ascii")

    def lost_tables(self, in_use: Iterable[str]) -> set[str]:
        """The noted table files that the opened store does not use."""
        return self._noted() - {Path(name).name for name in in_use}

    def forget_tables(self) -> None:
        """The store was opened and is whole."""
        self._opening.unlink(missing_ok=True)

    def _noted(self) -> set[str]:
        if not self._opening.exists():
            return set()
        return set(self._opening.read_text(encoding="ascii").split())
