"""The audit's own ledger: every event fed to it is judged, and every breach noted.

Owns the order of events (sequence, key, partition, ids) and hands money and stock to their laws.
Shares no code with the rules of a certificate: what it says is a second opinion. No input or
output, no clock.
"""

from collections.abc import Callable
from typing import Final

from pipelines.audit.account import Account
from pipelines.audit.breaches import Breach, BreachKind, BreachList
from pipelines.audit.event_ids import EventIds
from pipelines.audit.money_law import adopt_money, judge_money
from pipelines.audit.stock_law import (
    ABOUT_UNKNOWN_NUMBERS,
    Findings,
    adopt_stock,
    judge_stock,
    resales,
)
from pipelines.audit.stream_event import Snapshot, StreamEvent

# After these the snapshot's amounts are another story's: they are taken over, not judged.
_NEW_STORY: Final = frozenset({BreachKind.NOT_LOADED, BreachKind.ISSUED_TWICE})


class Ledger:
    """All accounts by the key of their records, and the breaches found so far.

    `home` tells which partition a key belongs in. With it an event elsewhere is a breach and no
    part of its certificate's story, in whatever order the partitions are read; without it a key is
    at home where its first event stands.
    """

    def __init__(
        self, breaches: BreachList | None = None, *, home: Callable[[str], int] | None = None
    ) -> None:
        self.breaches = BreachList() if breaches is None else breaches
        self.accounts: dict[str, Account] = {}
        self.events = 0
        self._home = home
        self._ids = EventIds()
        self._shared: dict[str, str] = {}

    def feed(self, event: StreamEvent) -> None:
        """Judge one event. Events of one key come in the order of the stream."""
        self.events += 1
        repeat = self._ids.add(event.event_id, event.partition, event.offset)
        if repeat is not None:
            partition, offset = repeat.first
            text = f"its id was used before, at partition {partition} offset {offset}"
            self._note(BreachKind.EVENT_ID_REPEATED, event.key, event.partition, event.offset, text)
        account = self._account(event.key, event.partition, event.offset)
        if account is None:
            return
        account.offset = event.offset
        for kind, text in self._judge(account, event):
            self._note(kind, event.key, event.partition, event.offset, text)

    def feed_unreadable(self, key: str, partition: int, offset: int, text: str) -> None:
        """Note a record that is no event. The next event of its key is taken as it is."""
        self.events += 1
        account = self._account(key, partition, offset)
        if account is not None:
            account.offset = offset
            account.skipped = True
        self._note(BreachKind.UNREADABLE, key, partition, offset, text)

    def finish(self) -> None:
        """Judge what can only be said at the end. Once, after the last event."""
        for key, account in self.accounts.items():
            if account.captured_minor is not None:
                self.note_unspent(key, account)

    def note_unspent(self, key: str, account: Account) -> None:
        """Note that nothing follows a capture, though all of its transaction was read. Once."""
        text = "the stream ends between a capture and its redemption"
        self._note(BreachKind.CAPTURE_UNSPENT, key, account.partition, account.offset, text)
        account.captured_minor = None

    def note(self, kind: BreachKind, key: str, text: str) -> None:
        """Note a breach that shows outside the stream, at the latest event of its key."""
        account = self.accounts.get(key)
        partition, offset = (-1, -1) if account is None else (account.partition, account.offset)
        self._note(kind, key, partition, offset, text)

    def _note(self, kind: BreachKind, key: str, partition: int, offset: int, text: str) -> None:
        self.breaches.add(
            Breach(
                kind=kind, last4=key[-4:], partition=partition, offset=offset, text=text, key=key
            )
        )

    def _account(self, key: str, partition: int, offset: int) -> Account | None:
        """The account that an event belongs to; none, when a key's home says it is a stray."""
        account = self.accounts.get(key)
        if self._home is not None:
            home = account.partition if account is not None else self._home(key)
            if home != partition:
                text = f"its key belongs in partition {home}"
                self._note(BreachKind.TWO_PARTITIONS, key, partition, offset, text)
                return None
        if account is None:
            account = self.accounts[key] = Account(partition=partition)
        return account

    def _judge(self, account: Account, event: StreamEvent) -> Findings:
        found: Findings = []
        if account.partition != event.partition:
            text = f"its earlier events are in partition {account.partition}"
            found.append((BreachKind.TWO_PARTITIONS, text))
            account.partition = event.partition
        snapshot = event.snapshot
        if snapshot is not None and snapshot.certificate_id != event.key:
            found.append((BreachKind.WRONG_KEY, "the record's key is not the certificate's number"))
        due = account.sequence + 1
        # A record that could not be read may have been an event or not.
        in_turn = event.sequence == due or (account.skipped and event.sequence == due + 1)
        if event.sequence < due:
            text = f"sequence {event.sequence} after {account.sequence}"
            found.append((BreachKind.SEQUENCE_REPEATED, text))
            found += resales(account, event)
            return found
        if not in_turn:
            text = f"sequence {event.sequence} after {account.sequence}"
            found.append((BreachKind.SEQUENCE_GAP, text))
        account.sequence = event.sequence
        if account.skipped or not in_turn:
            account.skipped = False
            self._adopt(account, event)
        elif snapshot is None:
            _judge_bare(account, event, found)
        else:
            self._judge_snapshot(account, event, snapshot, found)
        return found

    def _judge_snapshot(
        self, account: Account, event: StreamEvent, snapshot: Snapshot, found: Findings
    ) -> None:
        stock = judge_stock(account, event, snapshot)
        found += stock
        if stock and any(kind in _NEW_STORY for kind, _ in stock):
            adopt_money(account, snapshot)
        else:
            found += judge_money(account, event, snapshot)
        if account.pool is not None and account.pool != snapshot.pool:
            text = f"pool {snapshot.pool}, before {account.pool}"
            found.append((BreachKind.POOL_CHANGED, text))
        self._remember(account, snapshot)

    def _adopt(self, account: Account, event: StreamEvent) -> None:
        if event.snapshot is not None:
            adopt_stock(account, event, event.snapshot)
            adopt_money(account, event.snapshot)
            self._remember(account, event.snapshot)

    def _remember(self, account: Account, snapshot: Snapshot) -> None:
        # One text for all accounts, where the decoder makes a new one for every record.
        share = self._shared.setdefault
        account.pool = share(snapshot.pool, snapshot.pool)
        account.status = share(snapshot.status, snapshot.status)
        account.lifecycle = share(snapshot.lifecycle, snapshot.lifecycle)
        if snapshot.currency is not None:
            account.currency = share(snapshot.currency, snapshot.currency)


def _judge_bare(account: Account, event: StreamEvent, found: Findings) -> None:
    """An event without a snapshot speaks of a pool, or of a number nobody loaded."""
    if account.loaded or event.event_type not in ABOUT_UNKNOWN_NUMBERS:
        found.append((BreachKind.SNAPSHOT_MISSING, f"{event.event_type} has no snapshot"))
    elif event.entry is not None:
        found.append((BreachKind.ENTRY_MISFIT, f"{event.event_type} has an entry"))
