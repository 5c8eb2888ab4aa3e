"""A worker that commits by the clock only: the stream library's own loop, for comparison.

Owns one change to the program and is used by nothing but a benchmark: `python <this> processor`.
"""

import time
from typing import Any

from quixstreams import Application

from pipelines.cli import main
from pipelines.runtime import Worker


def by_the_clock(worker: Worker, dataframe_composed: Any) -> None:
    """What `Worker._process_message` does, without looking whether the inbox is drained."""
    worker._loop_turned_s = time.monotonic()
    worker._serving = worker._assigned
    Application._process_message(worker, dataframe_composed)  # type: ignore[no-untyped-call]  # theirs is untyped


if __name__ == "__main__":
    changed: Any = Worker
    changed._process_message = by_the_clock
    main()
