"""How the story of a certificate looks: a table for people, JSON of the same for programs.

Owns the words and the columns. What may be shown is decided in `timeline`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipelines.contracts.amounts import minor_to_text
from pipelines.timeline.timeline import Line, OpenHold, Timeline
from pipelines.timeline.words import EVENTS, LIFECYCLES, UNKNOWN_EVENT

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STYLES: Final = {"alert": "bold red", "error": "red", "lock": "bold yellow"}
_NONE: Final = "-"


def show_timeline(timeline: Timeline, zone: tzinfo, console: Console) -> None:
    """Print how the certificate stands, and what happened to it, oldest first."""
    console.print(f"Certificate {timeline.last_four}", style="bold", highlight=False)
    for name, text in _facts(timeline, zone):
        console.print(f"  {name:<13} {text}", soft_wrap=True, highlight=False)
    if timeline.lines:
        console.print(_table(timeline, zone))
    for text in _warnings(timeline):
        console.print(text, style="bold red", soft_wrap=True, highlight=False)


def timeline_json(timeline: Timeline) -> dict[str, Any]:
    """The same for programs: amounts as decimal text, times in UTC."""
    standing = timeline.standing
    return {
        "certificate": timeline.last_four,
        "exists": timeline.loaded,
        "standing": None if standing is None else _standing_json(standing),
        "openHolds": [_hold_json(hold, timeline) for hold in timeline.holds],
        "alerts": [line.sequence for line in timeline.alerts],
        "events": [_line_json(line) for line in timeline.lines],
        "missingBefore": list(timeline.gaps),
        "unreadable": [
            {"partition": each.place.partition, "offset": each.place.offset, "fault": each.fault}
            for each in timeline.unreadable
        ],
    }


def told_amount(amount_minor: int, currency: str) -> str:
    """An amount as a person reads it: 1,500.00 RUB."""
    return f"{Decimal(minor_to_text(amount_minor, currency)):,} {currency}"


def told_when(at_ms: int, zone: tzinfo) -> str:
    """A time of that zone, to the second."""
    try:
        return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).strftime(_SECOND)
    except OverflowError:
        return f"{at_ms} ms"  # A writer's clock that is nowhere near the calendar.


_SECOND: Final = "%Y-%m-%d %H:%M:%S"


def _facts(timeline: Timeline, zone: tzinfo) -> Iterator[tuple[str, str]]:
    standing = timeline.standing
    if standing is None:
        yield "state", "nobody ever loaded this number"
        return
    lifecycle = standing["lifecycle"]
    yield "state", f"{lifecycle}: {LIFECYCLES.get(lifecycle, 'a state of a newer version')}"
    if standing["lock"] is not None:
        lock = standing["lock"]
        yield "LOCKED", f"since {told_when(lock['at'], zone)} by {lock['by']}: {lock['reason']}"
    yield from _money_facts(timeline, zone)
    sold = f", {standing['channel']}" if standing["channel"] else ""
    yield "pool", f"{standing['pool']}{sold}"
    if standing["orderId"] is not None:
        of_client = f", client {standing['clientId']}" if standing["clientId"] else ""
        yield "order", f"{standing['orderId']}{of_client}"
    if standing["reservedUntil"] is not None:
        yield "reserved", f"until {told_when(standing['reservedUntil'], zone)}"
    if standing["expiresAt"] is not None:
        yield "valid", f"until {told_when(standing['expiresAt'], zone)}"
    if standing["notification"] is not None:
        yield "message", f"{standing['notification']}"
    if timeline.alerts:
        codes = sorted({line.code or _NONE for line in timeline.alerts})
        yield "alerts", f"{len(timeline.alerts)}: {', '.join(codes)}"


def _money_facts(timeline: Timeline, zone: tzinfo) -> Iterator[tuple[str, str]]:
    standing = timeline.standing
    assert standing is not None, "asked only where there is a certificate"
    currency = standing["currency"]
    if currency is None:
        return
    balance, held = standing["remainingBalance"], standing["held"]
    said = f"{told_amount(balance, currency)} of {told_amount(standing['nominal'], currency)}"
    if held:
        said += f"; held {told_amount(held, currency)}, available "
        said += told_amount(balance - held, currency)
    yield "balance", said
    for hold in timeline.holds:
        yield "open hold", _hold_text(hold, currency, zone)
    earlier = held - sum(hold.amount_minor for hold in timeline.holds)
    if earlier > 0:
        yield "open hold", f"{told_amount(earlier, currency)}, set aside earlier than what was read"


def _hold_text(hold: OpenHold, currency: str, zone: tzinfo) -> str:
    said = f"{told_amount(hold.amount_minor, currency)} since {told_when(hold.since_ms, zone)}"
    doubt = "" if hold.certain else " (or another of the same amount)"
    return f"{said}, authorization {hold.cause}{doubt}"


def _table(timeline: Timeline, zone: tzinfo) -> Table:
    table = Table(
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
    )
    table.title = f"What happened (times: {_zone_name(zone)})"
    table.add_column("#", justify="right", no_wrap=True)
    # Neither a time nor a type is ever broken: people look for them, and programs do.
    table.add_column("when and what", no_wrap=True)
    table.add_column("that is", overflow="fold")
    for name in ("money", "balance", "held"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in timeline.lines:
        table.add_row(
            str(line.sequence),
            f"{told_when(line.at_ms, zone)}\n{line.event}",
            _meaning(line),
            _signed(line),
            _amount(line.balance_minor, line.currency),
            _amount(line.held_minor, line.currency) if line.held_minor else "",
            style=_STYLES.get(line.event),
        )
    return table


def _zone_name(zone: tzinfo) -> str:
    return getattr(zone, "key", None) or str(zone)


def _meaning(line: Line) -> str:
    """The sentence, then who and why."""
    parts = [EVENTS.get(line.event, UNKNOWN_EVENT)]
    if line.code is not None:
        parts.append(f"{line.code}: {line.text}" if line.text else line.code)
    elif line.text:
        parts.append(line.text)
    if line.actor is not None:
        parts.append(f"by {line.actor}")
    return "; ".join(parts)


def _signed(line: Line) -> str:
    if line.money is None or line.currency is None or line.money.amount_minor == 0:
        return ""
    amount_minor = line.money.amount_minor
    sign = "+" if amount_minor > 0 else ""
    return f"{sign}{Decimal(minor_to_text(amount_minor, line.currency)):,}"


def _amount(amount_minor: int | None, currency: str | None) -> str:
    if amount_minor is None or currency is None:
        return ""
    return f"{Decimal(minor_to_text(amount_minor, currency)):,}"


def _warnings(timeline: Timeline) -> Iterator[str]:
    for sequence in timeline.gaps:
        yield f"Before event {sequence} something is missing: run `giftcert audit`."
    for each in timeline.unreadable:
        where = f"partition {each.place.partition} offset {each.place.offset}"
        yield f"The record at {where} cannot be read: {each.fault}."


def _standing_json(standing: Any) -> dict[str, Any]:
    currency, lock = standing["currency"], standing["lock"]
    amounts = ("nominal", "remainingBalance", "held")
    times = ("reservedUntil", "issuedAt", "activatedAt", "expiresAt")
    told = dict(standing)
    for name in amounts:
        told[name] = None if currency is None else minor_to_text(standing[name], currency)
    for name in times:
        told[name] = _utc(standing[name])
    told["lock"] = None if lock is None else {**lock, "at": _utc(lock["at"])}
    return told


def _hold_json(hold: OpenHold, timeline: Timeline) -> dict[str, Any]:
    assert timeline.standing is not None, "a hold is of a certificate"
    return {
        "amount": minor_to_text(hold.amount_minor, timeline.standing["currency"]),
        "since": _utc(hold.since_ms),
        "authorizationId": hold.cause,
        "certain": hold.certain,
    }


def _line_json(line: Line) -> dict[str, Any]:
    currency = line.currency

    def amount(amount_minor: int | None) -> str | None:
        if amount_minor is None or currency is None:
            return None
        return minor_to_text(amount_minor, currency)

    return {
        "sequence": line.sequence,
        "occurredAt": _utc(line.at_ms),
        "eventType": line.event,
        "status": line.status,
        "means": EVENTS.get(line.event, UNKNOWN_EVENT),
        "actor": line.actor,
        "causationId": line.cause,
        "correlationId": line.correlation,
        "reason": None if line.code is None else {"code": line.code, "text": line.text},
        "entry": None
        if line.money is None
        else {"kind": line.money.kind, "amount": amount(line.money.amount_minor)},
        "remainingBalance": amount(line.balance_minor),
        "held": amount(line.held_minor),
        "currency": currency,
        "partition": line.place.partition,
        "offset": line.place.offset,
    }


def _utc(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
