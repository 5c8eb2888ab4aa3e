"""Owns what every kind of local broker looks like once it runs, and how local failures are said.

Knows no kind, and starts nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self, TypeAlias

from pipelines.faults import OperatorError

Say: TypeAlias = Callable[[str], None]
"""Where words for a person go, one line a call; never standard output."""


class LocalError(OperatorError):
    """The local broker or stack cannot go on; `detail` is what its log said last, or empty."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail
        if detail:
            self.add_note(detail)


class BrokerUnavailableError(LocalError):
    """A kind of broker cannot be had on this machine; another kind may be."""

    exit_code: ClassVar[int] = 3


class Broker(ABC):
    """A broker that answers. Leaving it as a context manager stops it."""

    kind: str
    """`apache`, `docker`, `embedded` or `existing`."""

    bootstrap: str
    """HOST:PORT, comma separated where there are several brokers."""

    why: str
    """What it is and why it was taken rather than another; a phrase without its full stop."""

    cluster_id: str
    """The cluster's own id: what a worker keeps on disk belongs to it."""

    @abstractmethod
    def process_ids(self) -> tuple[int, ...]:
        """The broker's processes, where they are ours."""

    @abstractmethod
    def failure(self) -> LocalError | None:
        """What happened, when it ended without being asked to."""

    @abstractmethod
    def stop(self, timeout_s: float = 10.0) -> bool:
        """End it within `timeout_s`; False when it had to be killed. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
