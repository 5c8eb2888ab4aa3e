"""The record that the stream library hands to a stage, in our own words.

Owns that one step. Part of the run time: where the record lies is only known while it is performed.
"""

import warnings
from typing import Any

from pipelines.stages.record import Incoming

with warnings.catch_warnings(record=True):
    from quixstreams.context import message_context


def incoming_record(
    value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any
) -> Incoming:
    """The record under way, with where it lies."""
    context = message_context()
    return Incoming(
        topic=context.topic,
        partition=context.partition,
        offset=context.offset,
        key=key,
        value=value,
        headers=headers or (),
        timestamp_ms=timestamp_ms,
    )
