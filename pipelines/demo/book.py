"""The demo's own bookkeeping: what every certificate must come to, told by nobody else.

Pure. It counts in its own way what the service must publish, so that the end of the demo can be
compared with it: an event too few, an event too many or a cent astray shows. It must not import the
service's rules, or it would only compare them with themselves.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipelines.demo.steps import Slot, Spending

_SOLD = (
    "load",
    "reserve",
    "issue",
    "notification.requested",
    "activate",
    "cvc.revealed",
    "notification.sent",
)
"""All that is published about a certificate until its buyer can spend it, in some order."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One certificate as it must be. Cents; `sequence` is how many events it has published."""

    pool: str
    nominal_minor: int
    remaining_minor: int
    sequence: int = 0
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class Book:
    """All certificates sold, and how many events of each type there must be."""

    accounts: dict[Slot, Account] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)

    def sell(self, pool: str, nominal_minor: int) -> Slot:
        """A certificate is bought, told to its buyer and active; its slot."""
        slot = len(self.accounts)
        self.accounts[slot] = Account(
            pool=pool, nominal_minor=nominal_minor, remaining_minor=nominal_minor
        )
        self._publish(slot, *_SOLD)
        return slot

    def spend(self, spent: Iterable[Spending]) -> None:
        """Money leaves."""
        for spending in spent:
            account = self.accounts[spending.slot]
            account.remaining_minor -= spending.amount_minor
            assert spending.amount_minor > 0 <= account.remaining_minor, "the demo overspends"
            full = account.remaining_minor == 0
            self._publish(spending.slot, "redeem.full" if full else "redeem.partial")

    def refuse_locked(self, slot: Slot) -> None:
        """It is locked, refuses once, and is unlocked."""
        self._publish(slot, "lock", "error", "unlock")

    def give_back(self, spent: Iterable[Spending], *, fails: bool) -> None:
        """Money returns, or cannot."""
        for spending in spent:
            if not fails:
                self.accounts[spending.slot].remaining_minor += spending.amount_minor
            end = "refund.pendingDetails" if fails else "refund"
            self._publish(spending.slot, "refund.pending", end)

    def undo(self, slots: Iterable[Slot]) -> None:
        """The certificates end, and with them all that is on them."""
        for slot in slots:
            account = self.accounts[slot]
            assert account.remaining_minor == account.nominal_minor, "only unspent ones are undone"
            account.remaining_minor = 0
            account.ended = True
            self._publish(slot, "refund.pending", "refund")

    def expected_events(self, *, loaded: int, blocked: int, low: int) -> Mapping[str, int]:
        """Events by type, once `loaded` numbers went in and pools ran empty and low so often."""
        pools = Counter({"issue.blocked": blocked, "alert": low})
        return +(self.events + pools + Counter({"load": loaded - self.events["load"]}))

    def _publish(self, slot: Slot, *event_types: str) -> None:
        self.accounts[slot].sequence += len(event_types)
        self.events.update(event_types)
