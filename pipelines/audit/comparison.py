"""Compares the live stores' records with the ledger, each at one and the same sequence number.

Owns what counts as different, and how a record that is ahead or behind is settled while both go on
moving: a store ahead is compared as soon as the ledger has read as far, a store behind is asked
again. Knows neither Kafka nor HTTP: both are handed in.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from pipelines.audit.account import Account
from pipelines.audit.breaches import BreachKind
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveRecord

_COMPARED: Final = (
    "pool",
    "status",
    "lifecycle",
    "currency",
    "nominal_minor",
    "remaining_minor",
    "held_minor",
    "redeemed_minor",
    "refunded_minor",
    "annulled_minor",
)


def differences(account: Account, record: LiveRecord) -> list[str]:
    """In what a store's record and the ledger differ, both being at the same sequence."""
    found = [
        f"{name} {there}, by the stream {here}"
        for name in _COMPARED
        if (there := getattr(record, name)) != (here := getattr(account, name))
    ]
    holds = sorted(record.holds.values())
    if account.holds is not None and holds != sorted(account.holds):
        found.append(f"holds {holds}, by the stream {sorted(account.holds)}")
    return found


class Comparison:
    """One comparison of all live records with the ledger, which may be fed meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ahead: dict[str, LiveRecord] = {}
        self._behind: dict[str, int] = {}
        self._looks: dict[str, int] = {}
        self.compared = 0

    def take(self, partition: int, records: Iterable[LiveRecord]) -> None:
        """Compare what a partition's store shows; what is ahead or behind is kept in mind."""
        accounts = self._ledger.accounts
        for record in records:
            key = record.certificate_id
            account = accounts.get(key)
            if account is None:
                self._ahead[key] = record
            elif account.partition != partition:
                text = f"the store of partition {partition} has it too"
                self._ledger.note(BreachKind.STORE_INVENTS, key, text)
            elif account.listed:
                continue
            elif account.sequence < record.sequence:
                self._behind.pop(key, None)
                self._ahead[key] = record
            elif account.sequence == record.sequence:
                self._judge(account, record)
            else:
                stays = self._behind.get(key) == record.sequence
                self._looks[key] = self._looks[key] + 1 if stays else 1
                self._behind[key] = record.sequence

    def watch(self, key: str) -> None:
        """Tell that the ledger was fed an event of this key."""
        record, account = self._ahead.get(key), self._ledger.accounts.get(key)
        if record is None or account is None or account.sequence < record.sequence:
            return
        del self._ahead[key]
        if account.sequence == record.sequence:
            self._judge(account, record)

    def unsettled(self, known: int) -> set[int]:
        """Partitions to list again: with records behind, or lacking one of the first `known`.

        `known` is how many accounts there were when the stores were first asked: what the ledger
        has learned of since may rightly be missing from what they said.
        """
        accounts = self._ledger.accounts
        partitions = {accounts[key].partition for key in self._behind}
        partitions.update(
            account.partition
            for key, account in islice(accounts.items(), known)
            if account.loaded and not account.listed and key not in self._ahead
        )
        return partitions

    def finish(self, known: int, looks_min: int = 1) -> None:
        """Note as breaches what could not be settled.

        A store is behind when so many looks in a row showed it at the same sequence.
        """
        note = self._ledger.note
        for key, record in self._ahead.items():
            text = f"the store is at sequence {record.sequence}, the stream does not reach that"
            note(BreachKind.STORE_INVENTS, key, text)
        for key, sequence in self._behind.items():
            if self._looks[key] < looks_min:
                continue
            reached = self._ledger.accounts[key].sequence
            text = f"the store stays at sequence {sequence}, the stream is at {reached}"
            note(BreachKind.STORE_BEHIND, key, text)
        for key, account in islice(self._ledger.accounts.items(), known):
            unseen = account.loaded and not account.listed
            if unseen and key not in self._ahead and key not in self._behind:
                note(BreachKind.STORE_LACKS, key, "no live store has the certificate")

    @property
    def owed(self) -> bool:
        """Whether a store was ahead, and the ledger has not read as far yet."""
        return bool(self._ahead)

    def _judge(self, account: Account, record: LiveRecord) -> None:
        account.listed = True
        self._behind.pop(record.certificate_id, None)
        self.compared += 1
        different = differences(account, record)
        if different:
            text = f"at sequence {record.sequence} the store has {'; '.join(different)}"
            self._ledger.note(BreachKind.STORE_DISAGREES, record.certificate_id, text)


def settle(
    ledger: Ledger,
    partitions: Sequence[int],
    *,
    listing: Callable[[int], Iterable[LiveRecord]],
    read_further: Callable[[Comparison], None],
    go_on: Callable[[], bool],
    comparison: Comparison | None = None,
    looks_min: int = 1,
) -> Comparison:
    """Compare all partitions, and again those that were not settled, while `go_on` allows it.

    `listing` gives a partition's records; `read_further` feeds the ledger up to the stream's
    present end and tells the comparison each key. What is still open at the end is a breach.
    `comparison` is a fresh one, where others must know it too; `looks_min` is `finish`'s.
    """
    comparison = Comparison(ledger) if comparison is None else comparison
    known = len(ledger.accounts)
    waiting = set(partitions)
    while True:
        for partition in sorted(waiting):
            comparison.take(partition, listing(partition))
        if comparison.owed:
            read_further(comparison)
        waiting = comparison.unsettled(known)
        if not (waiting or comparison.owed) or not go_on():
            comparison.finish(known, looks_min)
            return comparison
