"""`giftcert` with steps that stand still for as long as a test wants, and with little patience.

Run as a module, like the program. Owns what can be made to hang; everything else is the program
itself.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from quixstreams.internal_consumer import InternalConsumer

from pipelines.cli import main
from pipelines.committed_reader import CommittedReader
from pipelines.last_turn import LastTurn
from pipelines.neighbours.bi.reader import MartReader
from pipelines.neighbours.crm.group_member import GroupMember
from pipelines.neighbours.crm.order_log import FollowedOrders

STAND_STILL: Final = "STAND_STILL_DIR"
"""The folder in which a file with a step's name makes that step stand still."""

PATIENCE: Final = "HANGS_AFTER_S"
_LOOK_S: Final = 0.05

STEPS: Final[Mapping[str, tuple[Any, str]]] = MappingProxyType(
    {
        "auditor": (CommittedReader, "batch"),
        "mart": (MartReader, "batch"),
        "stream": (GroupMember, "read"),
        "orders": (FollowedOrders, "batch"),
        "deliveries": (asyncio, "wait"),
        "enrichment": (InternalConsumer, "poll_row"),
    }
)
"""What each loop does in every turn."""


def _standing_still(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, as a call that does not come back before the test wants it to."""
    held_by = Path(os.environ[STAND_STILL]) / name

    def held(*arguments: Any, **named: Any) -> Any:
        while held_by.exists():
            time.sleep(_LOOK_S)
        return step(*arguments, **named)

    return held


def _of_little_patience(begin: Callable[..., None], patience_s: float) -> Callable[..., None]:
    """Begins a last turn with other bounds than the program's, which are minutes."""

    def begun(self: LastTurn, *, hangs_after_s: float, **named: Any) -> None:
        assert hangs_after_s > patience_s, "the program's own are longer than anything usual"
        begin(self, hangs_after_s=patience_s, **named)

    return begun


if __name__ == "__main__":
    for called, (owner, attribute) in STEPS.items():
        setattr(owner, attribute, _standing_still(called, getattr(owner, attribute)))
    patience = _of_little_patience(LastTurn.__init__, float(os.environ[PATIENCE]))
    LastTurn.__init__ = patience  # type: ignore[method-assign]  # for this process alone
    main()
