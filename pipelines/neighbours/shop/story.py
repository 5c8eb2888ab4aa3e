"""What the stream told about an order: its certificate, its redemptions, its refunds.

Owns the fold from events to what a page can say. Pure: knows no clock and no topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipelines.contracts.amounts import amount_to_minor

_KEPT_MAX: Final = 200
_REDEMPTIONS: Final = frozenset({"redeem.partial", "redeem.full"})
_REFUSALS: Final = frozenset({"error", "alert"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event, as much of it as a page shows. Amounts are minor units."""

    key: str
    sequence: int
    event_type: str
    status: str
    channel: str | None
    at_ms: int
    correlation_id: str | None
    reason_code: str | None
    amount_minor: int | None
    currency: str | None
    certificate_id: str | None
    order_id: str | None
    remaining_minor: int | None
    held_minor: int | None
    pool: str | None


def seen_of(key: bytes | None, fields: Mapping[str, Any]) -> Seen:
    """An event from a decoded record. BrokenRecord when an amount is none."""
    payload: Mapping[str, Any] = fields["payload"] or {}
    currency = payload.get("currency")
    entry, reason = fields["entry"], fields["reason"]

    def minor(raw: bytes | None) -> int | None:
        if raw is None or currency is None:
            return None
        return amount_to_minor(raw, currency, negative=True)

    return Seen(
        key=(key or b"").decode(errors="replace"),
        sequence=fields["sequence"],
        event_type=fields["eventType"],
        status=fields["status"],
        channel=fields["channel"],
        at_ms=fields["occurredAt"],
        correlation_id=fields["correlationId"],
        reason_code=None if reason is None else reason["code"],
        amount_minor=None if entry is None else minor(entry["amount"]),
        currency=currency,
        certificate_id=payload.get("certificateId"),
        order_id=payload.get("orderId"),
        remaining_minor=minor(payload.get("remainingBalance")),
        held_minor=minor(payload.get("held")),
        pool=payload.get("pool"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The events that concern one order, in the order in which they were read.

    Of each kind about each certificate the last: a certificate that is spent from a hundred times
    has still been issued.
    """

    order_id: str
    events: tuple[Seen, ...] = ()

    def told(self, event: Seen) -> "Story":
        """One event more, in place of the one like it."""
        kept = (each for each in self.events if not self._is_like(each, event))
        return Story(order_id=self.order_id, events=(*kept, event)[-_KEPT_MAX:])

    def happened(self, event_type: str) -> Seen | None:
        """The last event of that type about what this order sold."""
        return self._last(frozenset({event_type}), of_sale=True)

    def redeemed(self, certificate_id: str) -> Seen | None:
        """That the certificate paid for this order."""
        return self._last(_REDEMPTIONS, certificate_id=certificate_id)

    def refunded(self, certificate_id: str) -> Seen | None:
        """That the certificate got back what it paid for this order, or was taken back itself."""
        return self._last(frozenset({"refund"}), certificate_id=certificate_id)

    def details_awaited(self) -> Seen | None:
        """That people have to see to a refund."""
        return self._last(frozenset({"refund.pendingDetails"}))

    def refusal(self) -> Seen | None:
        """The last thing that the rules refused of this order."""
        return self._last(_REFUSALS)

    def latest(self, certificate_id: str) -> Seen | None:
        """How the certificate stands now, whoever changed it."""
        found = [event for event in self.events if event.certificate_id == certificate_id]
        return max(found, key=lambda event: event.sequence, default=None)

    def _is_like(self, one: Seen, other: Seen) -> bool:
        def kind(event: Seen) -> tuple[str, str | None, bool, bool]:
            by_order = event.correlation_id == self.order_id
            return event.event_type, event.certificate_id, by_order, event.order_id == self.order_id

        return kind(one) == kind(other)

    def _last(
        self,
        types: frozenset[str],
        *,
        certificate_id: str | None = None,
        of_sale: bool = False,
    ) -> Seen | None:
        for event in reversed(self.events):
            about = event.order_id if of_sale else event.correlation_id
            named = certificate_id is None or event.certificate_id == certificate_id
            if event.event_type in types and about == self.order_id and named:
                return event
        return None
