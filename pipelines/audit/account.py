"""What the audit remembers of one certificate while it reads the stream.

Owns the shape, kept small: a million of these must fit. Judges nothing.
"""

from msgspec import Struct

SOLD = frozenset({"ISSUED", "ACTIVE", "PARTIALLY_REDEEMED", "REDEEMED"})
ENDED = "ANNULLED"


class Account(Struct, kw_only=True, gc=False):
    """One key of the stream, as its events so far leave it. Amounts are minor units.

    `sequence` and `offset` are of the latest event. `holds` are the amounts of the open holds, in
    the order in which they were opened; None: they can no longer be told apart. `captured_minor`
    is what a capture has just freed and the next event must spend. `unexplained_minor` is what
    breaches already named have left between the ledger and the balance. `skipped` says that an
    event was unreadable, so the next one is taken as it is. `listed`: a store has shown it.
    """

    partition: int
    offset: int = -1
    sequence: int = 0
    loaded: bool = False
    issued: bool = False
    skipped: bool = False
    listed: bool = False
    reserved_by: str | None = None
    pool: str | None = None
    status: str | None = None
    lifecycle: str | None = None
    currency: str | None = None
    nominal_minor: int = 0
    redeemed_minor: int = 0
    refunded_minor: int = 0
    annulled_minor: int = 0
    remaining_minor: int = 0
    held_minor: int = 0
    unexplained_minor: int = 0
    captured_minor: int | None = None
    holds: tuple[int, ...] | None = ()

    @property
    def ledger_minor(self) -> int:
        """What nominal, refunds, redemptions and annulments say the balance is."""
        earned_minor = self.nominal_minor + self.refunded_minor
        return earned_minor - self.redeemed_minor - self.annulled_minor + self.unexplained_minor
