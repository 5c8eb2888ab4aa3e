"""Laws 2 and 3 for one event: the ledger gives the balance, holds fit, entry and snapshot agree.

Judges one event against what is remembered of its certificate, and moves that on. Written from the
laws, not from the rules that are audited. After a breach it goes on from what the event says, so
that one mistake is named once.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pipelines.audit.account import Account
from pipelines.audit.breaches import BreachKind
from pipelines.audit.stock_law import Findings
from pipelines.audit.stream_event import Entry, Snapshot, StreamEvent

_OPENS: Final = "AUTHORIZE"
_CLOSES: Final = frozenset({"CAPTURE", "VOID", "HOLD_EXPIRED"})
_ENDS: Final = frozenset({"PURCHASE_UNDONE", "ANNUL"})
_REDEEMS: Final = frozenset({"redeem.partial", "redeem.full"})
# Order and payment can confirm a capture done before: an event of that type that moves no money.
_MAY_LACK_ENTRY: Final = "capture"

_ENTRY_KINDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "issue": frozenset({"ISSUE"}),
        "authorize": frozenset({_OPENS}),
        "capture": frozenset({"CAPTURE"}),
        "void": frozenset({"VOID"}),
        "hold.expired": frozenset({"HOLD_EXPIRED"}),
        "redeem.partial": frozenset({"REDEEM"}),
        "redeem.full": frozenset({"REDEEM"}),
        "refund": frozenset({"REFUND", "PURCHASE_UNDONE"}),
        "annul": frozenset({"ANNUL"}),
    }
)


def judge_money(account: Account, event: StreamEvent, snapshot: Snapshot) -> Findings:
    """What the event breaks of laws 2 and 3; nothing, nearly always."""
    found: Findings = []
    entry = event.entry
    if account.captured_minor is not None:
        _judge_spending(account, event, found)
    if entry is not None:
        if not _fits(entry, event.event_type):
            text = f"an entry {entry.kind} of {entry.amount_minor} on {event.event_type}"
            found.append((BreachKind.ENTRY_MISFIT, text))
            adopt_money(account, snapshot)
            return found
        _judge_entry(account, entry, snapshot, found)
    elif event.event_type in _ENTRY_KINDS and event.event_type != _MAY_LACK_ENTRY:
        found.append((BreachKind.ENTRY_MISFIT, f"{event.event_type} has no entry"))
        adopt_money(account, snapshot)
        return found
    elif (
        snapshot.remaining_minor != account.remaining_minor
        or snapshot.held_minor != account.held_minor
    ):
        text = (
            f"{event.event_type} shows balance {snapshot.remaining_minor} and held "
            f"{snapshot.held_minor}, the ledger has {account.remaining_minor} "
            f"and {account.held_minor}"
        )
        found.append((BreachKind.BALANCE_WITHOUT_ENTRY, text))
        adopt_money(account, snapshot)
    _judge_snapshot(account, event, snapshot, found)
    return found


def adopt_money(account: Account, snapshot: Snapshot) -> None:
    """Take over what the snapshot says; what cannot be explained is remembered as such."""
    account.nominal_minor = snapshot.nominal_minor
    account.remaining_minor = snapshot.remaining_minor
    if snapshot.held_minor != account.held_minor or account.holds is None:
        account.holds = None if snapshot.held_minor else ()
    account.held_minor = snapshot.held_minor
    account.unexplained_minor += account.remaining_minor - account.ledger_minor
    account.currency = snapshot.currency
    account.captured_minor = None


def _fits(entry: Entry, event_type: str) -> bool:
    """Whether the entry is one that the event type can have, signed as its kind must be."""
    kind, amount_minor = entry.kind, entry.amount_minor
    if kind not in _ENTRY_KINDS.get(event_type, ()):
        return False
    if kind in ("ISSUE", "REFUND"):
        return amount_minor > 0
    if kind == "REDEEM":
        return amount_minor < 0
    return amount_minor <= 0 if kind in _ENDS else amount_minor == 0


def _judge_entry(account: Account, entry: Entry, snapshot: Snapshot, found: Findings) -> None:
    _book(account, entry)
    _judge_holds(account, entry, found)
    account.remaining_minor, account.held_minor = entry.remaining_minor, entry.held_minor
    remaining_minor = entry.remaining_minor
    if account.ledger_minor != remaining_minor:
        text = f"the balance is {remaining_minor}, the ledger gives {account.ledger_minor}"
        found.append((BreachKind.LEDGER_DISAGREES, text))
        account.unexplained_minor += remaining_minor - account.ledger_minor
    if remaining_minor < 0:
        found.append((BreachKind.NEGATIVE_BALANCE, f"the balance is {remaining_minor}"))
    elif entry.held_minor > remaining_minor:
        text = f"held {entry.held_minor} of a balance of {remaining_minor}"
        found.append((BreachKind.HELD_ABOVE_BALANCE, text))
    if entry.kind == "REFUND" and account.refunded_minor > account.redeemed_minor:
        text = f"refunded {account.refunded_minor} of {account.redeemed_minor} redeemed"
        found.append((BreachKind.REFUNDED_TOO_MUCH, text))
    if entry.kind in _ENDS and remaining_minor != 0:
        text = f"ended by {entry.kind} with a balance of {remaining_minor}"
        found.append((BreachKind.ENDED_WITH_MONEY, text))
    if snapshot.remaining_minor != remaining_minor or snapshot.held_minor != entry.held_minor:
        text = (
            f"the entry leaves {remaining_minor} and held {entry.held_minor}, the snapshot shows "
            f"{snapshot.remaining_minor} and {snapshot.held_minor}"
        )
        found.append((BreachKind.ENTRY_DISAGREES, text))


def _book(account: Account, entry: Entry) -> None:
    match entry.kind:
        case "ISSUE":
            account.nominal_minor += entry.amount_minor
        case "REDEEM":
            account.redeemed_minor -= entry.amount_minor
        case "REFUND":
            account.refunded_minor += entry.amount_minor
        case "PURCHASE_UNDONE" | "ANNUL":
            account.annulled_minor -= entry.amount_minor


def _judge_holds(account: Account, entry: Entry, found: Findings) -> None:
    """Holds are opened one at a time, and closed whole: what is freed is one hold's amount."""
    opened_minor = entry.held_minor - account.held_minor
    holds = account.holds
    if entry.kind == _OPENS:
        fits = opened_minor > 0
        account.holds = None if holds is None or not fits else (*holds, opened_minor)
    elif entry.kind in _CLOSES:
        fits = holds is None or -opened_minor in holds
        account.holds = _without(holds, -opened_minor) if fits else None
        if entry.kind == "CAPTURE":
            account.captured_minor = -opened_minor
    else:
        fits = opened_minor == 0
        account.holds = holds if fits else None
    if entry.held_minor == 0:
        account.holds = ()
    if not fits:
        text = f"{entry.kind} moves held from {account.held_minor} to {entry.held_minor}"
        found.append((BreachKind.HOLDS_DISAGREE, text))


def _without(holds: tuple[int, ...] | None, amount_minor: int) -> tuple[int, ...] | None:
    if holds is None:
        return None
    place = holds.index(amount_minor)
    return holds[:place] + holds[place + 1 :]


def _judge_spending(account: Account, event: StreamEvent, found: Findings) -> None:
    """A capture closes its hold, and the very next event spends at most what was held."""
    captured_minor, entry = account.captured_minor, event.entry
    account.captured_minor = None
    assert captured_minor is not None, "asked only after a capture"
    if event.event_type not in _REDEEMS or entry is None:
        text = f"a capture is followed by {event.event_type}, not by a redemption"
        found.append((BreachKind.CAPTURE_UNSPENT, text))
    elif -entry.amount_minor > captured_minor:
        text = f"{-entry.amount_minor} redeemed under a hold of {captured_minor}"
        found.append((BreachKind.CAPTURE_UNSPENT, text))


def _judge_snapshot(
    account: Account, event: StreamEvent, snapshot: Snapshot, found: Findings
) -> None:
    if snapshot.nominal_minor != account.nominal_minor:
        text = f"nominal {snapshot.nominal_minor}, issued for {account.nominal_minor}"
        found.append((BreachKind.NOMINAL_CHANGED, text))
        account.unexplained_minor += account.nominal_minor - snapshot.nominal_minor
        account.nominal_minor = snapshot.nominal_minor
    if snapshot.currency != account.currency:
        # Money has a currency from the issue on, and never another one.
        if account.currency is not None or event.event_type != "issue":
            text = f"currency {snapshot.currency}, before {account.currency}"
            found.append((BreachKind.CURRENCY_CHANGED, text))
        account.currency = snapshot.currency
    if snapshot.version != event.sequence:
        text = f"version {snapshot.version} in the event of sequence {event.sequence}"
        found.append((BreachKind.VERSION_DISAGREES, text))
