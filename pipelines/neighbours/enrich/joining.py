"""The second stage: a record of the join topic and the state of its shard give payments to write.

Owns under which key of the state an order id is kept, and how marks get into a payment. What
follows from what is `join`'s; the time is the caller's.
"""

from collections.abc import Iterator
from typing import Final, assert_never

import msgspec

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.enrich.deadlines import Deadlines, ShardState
from pipelines.neighbours.enrich.join import Step, Telling, Waits, look, take_order, take_payment
from pipelines.neighbours.enrich.records import TRACEPARENT, Destination, Given, Taken, dead_letter
from pipelines.neighbours.enrich.told import (
    Known,
    OrderTold,
    PaymentTold,
    Tick,
    Told,
    decode_known,
    decode_told,
    encode,
)

WHY: Final = "enrichment"
"""The header that says why a payment is told as it is."""

_LOOKS: Final = 1_000
"""How many order ids of each delay one record may have looked at: a commit stays short, and a
backlog of them is worked off by the records and ticks that follow."""


class Joining:
    """Folds the records of a shard."""

    def __init__(self, framing: Framing, waits: Waits) -> None:
        self._framing = framing
        self._waits = waits

    def __call__(self, taken: Taken, state: ShardState, now_ms: int) -> list[Given]:
        """The payments to write, now that this record came."""
        try:
            told = _read(taken)
        except BrokenRecord as error:
            return [dead_letter(taken, error)]
        deadlines = Deadlines(state)
        return [
            self._payment(telling)
            for step in self._steps(told, state, deadlines, now_ms)
            for telling in step.told
        ]

    def _steps(
        self, told: Told, state: ShardState, deadlines: Deadlines, now_ms: int
    ) -> Iterator[Step]:
        """What the record itself gives, then what is due by now; each is kept as it is given."""
        match told:
            case OrderTold():
                known = _known(state, told.order_id)
                step = take_order(known, told, now_ms, self._waits)
                yield _kept(told.order_id, known, step, state, deadlines)
            case PaymentTold():
                known = _known(state, told.order_id)
                step = take_payment(known, told, now_ms, self._waits)
                yield _kept(told.order_id, known, step, state, deadlines)
            case Tick():
                pass
            case _:
                assert_never(told)
        for order_id in deadlines.take_due(now_ms, _LOOKS):
            known = _known(state, order_id)
            if known is not None:
                step = look(known, now_ms, self._waits)
                yield _kept(order_id, known, step, state, deadlines)

    def _payment(self, telling: Telling) -> Given:
        payment, marks = telling.payment, telling.marks
        value = payment.value
        if marks:
            fields = self._framing.decode(RecordName.PAYMENT, value)
            fields = fields | {
                "certificateId": marks.certificate_id,
                "certificateOperation": marks.operation,
            }
            value = self._framing.encode(RecordName.PAYMENT, fields)
        headers = [(WHY, telling.why.value.encode())]
        if payment.trace is not None:
            headers.append((TRACEPARENT, payment.trace))
        return Given(
            destination=Destination.OUTPUT,
            key=payment.key,
            value=value,
            headers=headers,
            timestamp_ms=payment.timestamp_ms,
        )


def _read(taken: Taken) -> Told:
    try:
        return decode_told(taken.value or b"")
    except msgspec.DecodeError as error:
        raise BrokenRecord(
            BrokenCode.UNDECODABLE, "it was not written by the first stage of the enrichment"
        ) from error


def _kept(
    order_id: str, known: Known | None, step: Step, state: ShardState, deadlines: Deadlines
) -> Step:
    """The step itself, once what it leaves behind is in the state."""
    if step.known is None:
        state.delete(_key(order_id))
    elif step.known != known:
        state.set_bytes(_key(order_id), encode(step.known))
    for delay, at_ms in step.looks:
        deadlines.put(delay, at_ms, order_id)
    return step


def _known(state: ShardState, order_id: str) -> Known | None:
    kept = state.get_bytes(_key(order_id))
    return None if kept is None else decode_known(kept)


def _key(order_id: str) -> bytes:
    return b"o" + order_id.encode()
