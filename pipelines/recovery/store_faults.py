"""What can be wrong with a worker's stores and their changelogs, in an operator's words.

Owns telling the errors of RocksDB apart: its binding raises one bare exception for everything, so
the text is all there is. Decides nothing about what happens then.

    StoreFault                    exit 7   the worker's own store
    ├── StoreDamaged                       its files are not what was written
    ├── StoreFull                          the disk has no room
    └── StoreUnusable                      it cannot be opened, read or written
    ChangelogLost                 exit 4   the changelog is not the one that holds the state
"""

from typing import ClassVar, Final

from rocksdict import DbClosedError

from pipelines.faults import OperatorError, TopicFault

_REBUILD: Final = "stop the workers and run `giftcert rebuild`"

_FULL: Final = ("no space left on device", "disk quota exceeded", "max allowed space was reached")
_LOCKED: Final = ("io error: while lock file", "io error: lock hold by current process")
_GONE: Final = "no such file or directory"


class StoreFault(OperatorError):
    """The store of a partition on this worker's disk cannot be used."""

    exit_code: ClassVar[int] = 7


class StoreDamaged(StoreFault):
    """What was read is not what was written, or a file is gone."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"the store in {path} is damaged ({reason}): start this worker again, "
            "and it recovers the store from its changelog"
        )
        self.reason = reason


class StoreFull(StoreFault):
    """There is no room on the disk for what Kafka has already taken."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"the disk of {path} is full: make room and start this worker again; "
            "nothing is lost, it goes on from the changelog"
        )


class StoreUnusable(StoreFault):
    """The disk or its owner refuses."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"the store in {path} cannot be used ({reason}): look at the disk and its permissions"
        )


class ChangelogLost(TopicFault):
    """A changelog is not whole, so no store can be trusted to be recovered from it."""

    def __init__(self, changelog: str, partition: int, reason: str) -> None:
        super().__init__(f"{changelog} partition {partition}: {reason}; {_REBUILD}")
        self.reason = reason


def fault_of(error: Exception, path: str) -> StoreFault | None:
    """The fault behind an error of the binding; None when it is no error of the store itself."""
    # The binding raises exactly this class; what our code or the stream library raises is another.
    if type(error) is not Exception or isinstance(error, DbClosedError):
        return None
    reason = " ".join(str(error).split())
    lowered = reason.lower()
    if any(words in lowered for words in _FULL):
        return StoreFull(path)
    if lowered.startswith("corruption") or _GONE in lowered:
        return StoreDamaged(path, reason)
    return StoreUnusable(path, reason)


def is_locked(error: Exception) -> bool:
    """Whether somebody still has the store open."""
    return str(error).lower().startswith(_LOCKED)
