"""One record of a topic as the mart takes it in, and what it was read as.

Owns the two shapes between Kafka and the mart. Decodes nothing.
"""

from collections.abc import Sequence

from msgspec import Struct

from pipelines.neighbours.bi.rows import (
    BrokenRow,
    ClientRecordRow,
    DeadLetterRow,
    OrderLineRow,
    OrderTenderRow,
    OrderVersionRow,
    PaymentEventRow,
    ResolutionRow,
    StreamEventRow,
)
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, DLQ, STREAM, Topic

TOPICS_READ: tuple[Topic, ...] = (STREAM, ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, DLQ)
"""Everything that the mart is made of."""

Partition = tuple[str, int]
"""A topic by its name without the installation's prefix, and a partition of it."""


class TopicRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One committed record. `topic` has no prefix; `timestamp_ms` is Kafka's, None without one."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_ms: int | None


class OrderTold(Struct, frozen=True, kw_only=True, gc=False):
    """One version of an order: its row, and those of its certificate lines and tenders."""

    order: OrderVersionRow
    lines: tuple[OrderLineRow, ...]
    tenders: tuple[OrderTenderRow, ...]


Reading = (
    StreamEventRow
    | OrderTold
    | PaymentEventRow
    | ClientRecordRow
    | DeadLetterRow
    | ResolutionRow
    | BrokenRow
)
"""What one record comes to. A `StreamEventRow` is not booked yet: `booking` does that."""
