"""Law 1: a number is reserved by at most one request at a time, and issued at most once, ever.

Judges one event against what is remembered of its number, and moves that on. Written from the law,
not from the rules that are audited.
"""

from typing import Final

from pipelines.audit.account import ENDED, SOLD, Account
from pipelines.audit.breaches import BreachKind
from pipelines.audit.stream_event import Snapshot, StreamEvent

Findings = list[tuple[BreachKind, str]]

ABOUT_UNKNOWN_NUMBERS: Final = frozenset({"alert", "error", "issue.blocked"})
"""What may be said of a number nobody loaded, or of a pool."""


def judge_stock(account: Account, event: StreamEvent, snapshot: Snapshot) -> Findings:
    """What the event breaks of law 1; nothing, nearly always."""
    found = resales(account, event)
    event_type = event.event_type
    if event_type == "load":
        if account.loaded:
            found.append((BreachKind.LOADED_TWICE, "the number was loaded before"))
        account.loaded = True
    elif not account.loaded:
        found.append((BreachKind.NOT_LOADED, f"{event_type} on a number that was never loaded"))
        adopt_stock(account, event, snapshot)
    elif event_type == "reserve":
        if account.issued or account.lifecycle == ENDED:
            found.append((BreachKind.RESERVED_AFTER_SALE, "reserved though it was sold or ended"))
        account.reserved_by = event.causation_id
    elif event_type == "release":
        if account.reserved_by is None:
            found.append((BreachKind.RELEASED_UNRESERVED, "released though it was not reserved"))
        account.reserved_by = None
    elif event_type == "issue":
        if account.reserved_by is None and not account.issued:
            found.append((BreachKind.ISSUED_UNRESERVED, "issued though nobody had reserved it"))
        account.issued = True
        account.reserved_by = None
    elif event_type == "annul":
        account.reserved_by = None
    if not found:
        _judge_lifecycle(account, snapshot.lifecycle, found)
    return found


def resales(account: Account, event: StreamEvent) -> Findings:
    """Whether the event gives a number to a second request. Changes nothing."""
    if event.event_type == "issue" and account.issued:
        return [(BreachKind.ISSUED_TWICE, "the number was issued before")]
    if event.event_type == "reserve" and account.reserved_by is not None:
        requests = f"{event.causation_id} while {account.reserved_by} holds it"
        return [(BreachKind.RESERVED_TWICE, f"reserved for request {requests}")]
    return []


def adopt_stock(account: Account, event: StreamEvent, snapshot: Snapshot) -> None:
    """Take over what the snapshot says, after events that were not seen."""
    account.loaded = True
    account.reserved_by = event.causation_id if snapshot.lifecycle == "RESERVED" else None
    account.issued = account.issued or snapshot.lifecycle in SOLD


def _judge_lifecycle(account: Account, lifecycle: str, found: Findings) -> None:
    if account.reserved_by is not None:
        was, fits = "reserved", lifecycle == "RESERVED"
    elif account.issued:
        was, fits = "sold", lifecycle in SOLD or lifecycle == ENDED
    else:
        was, fits = "free", lifecycle in ("AVAILABLE", ENDED)
    if not fits:
        text = f"the snapshot says {lifecycle}, but by its events the number is {was}"
        found.append((BreachKind.STOCK_DISAGREES, text))
