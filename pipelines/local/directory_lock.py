"""Owns the promise that one process at a time uses a directory.

The kernel lets the lock go when its holder ends, however that happens. Must not touch anything
else in the directory.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.local.running_broker import LocalError


class DirectoryLock:
    """An exclusive lock on `directory`, kept in its file `name`.

    With `wait` it waits its turn; without, a LocalError names who holds it.
    """

    def __init__(self, directory: Path, *, name: str = "lock", wait: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode().strip() or "unknown"
            self.release()
            message = f"{directory} is in use by another giftcert (process {holder})"
            raise LocalError(message) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let it go; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
