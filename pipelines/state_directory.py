"""Which directories may hold a worker's state.

Owns one refusal: the stream library deletes its state directory when told to clear it, and its own
default is `./state`, which in a checkout is our source. Must not create or delete anything.
"""

from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).resolve().parent.parent


def outside_sources(path: Path) -> Path:
    """`path`, links followed. ValueError if it is not absolute, or touches a tree of our source."""
    if not path.is_absolute():
        raise ValueError("it must be an absolute path")
    resolved = path.resolve()
    if resolved.exists() and not resolved.is_dir():
        raise ValueError("it is a file, not a directory")
    holders = [folder for folder in (resolved, *resolved.parents) if _holds_sources(folder)]
    if holders or _SOURCES.is_relative_to(resolved):
        raise ValueError(
            f"it must be outside the program's source in {holders[0] if holders else _SOURCES}: "
            "what is in a state directory gets deleted"
        )
    return resolved


def _holds_sources(folder: Path) -> bool:
    # Any checkout's, not only the one we run from.
    return (folder / "state" / "certificate" / "__init__.py").is_file()
