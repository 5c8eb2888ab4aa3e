"""A stream told event by event, as a faithful service would write it.

Owns a small bookkeeping of its own, so that what is fed to the audit comes neither from the audit
nor from the rules it audits. Tests forge single events of it.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from pipelines.audit.stream_event import Entry, Snapshot, StreamEvent

NUMBER = "GC-0000-1234"
OTHER = "GC-0000-5678"


@dataclass(kw_only=True)
class Story:
    """The events of one number so far. Amounts are kopecks."""

    key: str = NUMBER
    pool: str = "ELECTRONIC"
    partition: int = 3
    first_offset: int = 100
    events: list[StreamEvent] = field(default_factory=list)
    lifecycle: str = "AVAILABLE"
    status: str = "AVAILABLE"
    currency: str | None = None
    nominal: int = 0
    remaining: int = 0
    held: int = 0

    def tell(
        self,
        event_type: str,
        *,
        lifecycle: str | None = None,
        entry: tuple[str, int] | None = None,
        cause: str = "cause",
    ) -> "Story":
        """Add one event that leaves the certificate as it is now described."""
        self.lifecycle = lifecycle or self.lifecycle
        sequence = len(self.events) + 1
        self.events.append(
            StreamEvent(
                partition=self.partition,
                offset=self.first_offset + 2 * sequence,
                key=self.key,
                event_id=f"{self.key}/{sequence}",
                event_type=event_type,
                sequence=sequence,
                causation_id=cause,
                entry=None
                if entry is None
                else Entry(
                    kind=entry[0],
                    amount_minor=entry[1],
                    remaining_minor=self.remaining,
                    held_minor=self.held,
                ),
                snapshot=Snapshot(
                    certificate_id=self.key,
                    pool=self.pool,
                    status=self.status,
                    lifecycle=self.lifecycle,
                    currency=self.currency,
                    nominal_minor=self.nominal,
                    remaining_minor=self.remaining,
                    held_minor=self.held,
                    version=sequence,
                ),
            )
        )
        return self

    def load(self) -> "Story":
        return self.tell("load")

    def reserve(self, request: str = "request-1") -> "Story":
        return self.tell("reserve", lifecycle="RESERVED", cause=request)

    def release(self) -> "Story":
        return self.tell("release", lifecycle="AVAILABLE")

    def issue(self, nominal: int = 5_000_00) -> "Story":
        self.currency, self.nominal, self.remaining = "RUB", nominal, nominal
        return self.tell("issue", lifecycle="ISSUED", entry=("ISSUE", nominal))

    def activate(self) -> "Story":
        return self.tell("activate", lifecycle="ACTIVE")

    def authorize(self, amount: int) -> "Story":
        self.held += amount
        return self.tell("authorize", entry=("AUTHORIZE", 0))

    def void(self, hold: int) -> "Story":
        self.held -= hold
        return self.tell("void", entry=("VOID", 0))

    def hold_expired(self, hold: int) -> "Story":
        self.held -= hold
        return self.tell("hold.expired", entry=("HOLD_EXPIRED", 0))

    def capture(self, hold: int, amount: int) -> "Story":
        self.held -= hold
        return self.tell("capture", entry=("CAPTURE", 0)).redeem(amount)

    def redeem(self, amount: int) -> "Story":
        self.remaining -= amount
        full = self.remaining == 0
        return self.tell(
            "redeem.full" if full else "redeem.partial",
            lifecycle="REDEEMED" if full else "PARTIALLY_REDEEMED",
            entry=("REDEEM", -amount),
        )

    def refund(self, amount: int) -> "Story":
        self.remaining += amount
        return self.tell("refund", lifecycle="PARTIALLY_REDEEMED", entry=("REFUND", amount))

    def undo_purchase(self) -> "Story":
        left, self.remaining = self.remaining, 0
        return self.tell("refund", lifecycle="ANNULLED", entry=("PURCHASE_UNDONE", -left))

    def annul(self) -> "Story":
        left, self.remaining = self.remaining, 0
        return self.tell("annul", lifecycle="ANNULLED", entry=("ANNUL", -left))

    def forge(self, **changes: object) -> "Story":
        """Change the latest event."""
        self.events[-1] = replace(self.events[-1], **changes)
        return self

    def forge_snapshot(self, **changes: object) -> "Story":
        """Change the snapshot of the latest event."""
        snapshot = self.events[-1].snapshot
        assert snapshot is not None
        return self.forge(snapshot=replace(snapshot, **changes))

    def forge_entry(self, **changes: object) -> "Story":
        """Change the entry of the latest event."""
        entry = self.events[-1].entry
        assert entry is not None
        return self.forge(entry=replace(entry, **changes))

    def drop(self) -> "Story":
        """Lose the latest event; the next one is numbered as if it had been there."""
        return self.forge(event_type="dropped")

    def cut(self) -> "Story":
        """Take the latest event back, as if the stream ended before it."""
        self.events.pop()
        return self

    @property
    def stream(self) -> list[StreamEvent]:
        """The events that are on the stream."""
        return [event for event in self.events if event.event_type != "dropped"]


def on_sale() -> Story:
    """A number that was loaded and reserved."""
    return Story().load().reserve()


def sold() -> Story:
    """A certificate of 5000.00 that can be spent."""
    return on_sale().issue().activate()


def pool_event(sequence: int, event_type: str = "issue.blocked") -> StreamEvent:
    """What the stream says of a pool that ran dry."""
    return StreamEvent(
        partition=1,
        offset=50 + sequence,
        key="ELECTRONIC",
        event_id=f"pool/{sequence}",
        event_type=event_type,
        sequence=sequence,
        causation_id="request-9",
        entry=None,
        snapshot=None,
    )
