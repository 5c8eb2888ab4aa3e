"""The laws over a stream that goes on: each event judged as it comes, all sums always at hand.

Owns what is known after each event: the ledger, the sums, the breaches and the alerts they call
for. Pure: it reads nothing, sends nothing, and knows no clock.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.audit.alerts import Alerts
from pipelines.audit.breaches import Breach, BreachKind, BreachList
from pipelines.audit.ledger import Ledger
from pipelines.audit.stream_event import StreamEvent
from pipelines.audit.totals import Sums, Totals, standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that a watch knows at one moment; what comes later does not change it."""

    events: int
    sums: Sums
    breaches: Mapping[BreachKind, int]
    certificates_in_breach: int
    alerts_awaited: int


class _Collected(BreachList):
    """Keeps the counts, and hands every breach to whoever watches."""

    def __init__(self, tell: Callable[[Breach], None]) -> None:
        super().__init__(kept_max=0)
        self._tell = tell

    def add(self, breach: Breach) -> None:
        super().add(breach)
        self._tell(breach)


class Watch:
    """One watch over one stream. `home` is the ledger's; `told` is told every breach at once."""

    def __init__(self, home: Callable[[str], int], told: Callable[[Breach], None]) -> None:
        self._told = told
        self._fresh: list[Breach] = []
        self._in_breach: set[str] = set()
        self._captures: set[str] = set()
        self._totals = Totals()
        self.ledger = Ledger(_Collected(self._note), home=home)
        self.alerts = Alerts()

    def feed(self, event: StreamEvent) -> None:
        """Judge one event. Events of one key come in the order of the stream."""
        self.take_state_breaches()
        accounts = self.ledger.accounts
        before = standing_of(accounts.get(event.key))
        self.ledger.feed(event)
        account = accounts.get(event.key)
        self._totals.move(before, standing_of(account))
        if account is not None and account.captured_minor is not None:
            self._captures.add(event.key)
        elif self._captures:
            self._captures.discard(event.key)
        if self._fresh or event.event_type == "alert":
            self.alerts.note_event(event, self._taken())

    def feed_unreadable(self, key: str, partition: int, offset: int, text: str) -> None:
        """Note a record that is no event."""
        self.take_state_breaches()
        self.ledger.feed_unreadable(key, partition, offset, text)
        # A stray that cannot be read is two breaches of one record.
        for breach in self._taken():
            self.alerts.note_record(breach)

    def judge_ends(self, ends: Mapping[int, int]) -> None:
        """Judge what can only be said at the end, once all before these offsets was fed.

        An end stands behind whole transactions, so what follows a capture was read with it.
        """
        self.take_state_breaches()
        accounts = self.ledger.accounts
        for key in sorted(self._captures):
            account = accounts[key]
            if account.offset < ends.get(account.partition, 0):
                self._captures.discard(key)
                self.ledger.note_unspent(key, account)
        for breach in self._taken():
            self.alerts.note_end(breach, accounts[breach.key].sequence)

    def take_state_breaches(self) -> None:
        """See to the alerts of what was noted in the ledger beside its events.

        Before each event, too: else what a comparison finds meanwhile would be taken for its.
        """
        if self._fresh:
            for breach in self._taken():
                self.alerts.note_state(breach)

    def findings(self) -> Findings:
        """What is known now."""
        return Findings(
            events=self.ledger.events,
            sums=self._totals.sums(),
            breaches=Counter(self.ledger.breaches.counts),
            certificates_in_breach=len(self._in_breach),
            alerts_awaited=self.alerts.awaited,
        )

    def _note(self, breach: Breach) -> None:
        self._fresh.append(breach)
        self._in_breach.add(breach.key)
        self._told(breach)

    def _taken(self) -> list[Breach]:
        taken, self._fresh = self._fresh, []
        return taken
