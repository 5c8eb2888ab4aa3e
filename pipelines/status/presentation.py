"""How a status looks: one screen for people, JSON of the same for programs.

Owns the words, the columns and their order: what a person has to act on stands first, so that it is
there on a small screen too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group as Stacked
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.source_commit import UNKNOWN
from pipelines.status.judgement import BEHIND_AT_MOST, findings_of, told_partitions
from pipelines.status.spans import told_span
from pipelines.status.status import Pool, Status, TopicLag, Worker

_SHORT: Final = 12
_GOOD, _BAD, _MEANWHILE = "green", "bold red", "yellow"


def screen(status: Status, *, trouble: str = "") -> RenderableType:
    """The whole screen. `trouble`: this is what was last seen, and why there is nothing newer."""
    findings = findings_of(status)
    parts: list[RenderableType] = [_headline(status, findings)]
    if trouble:
        parts.append(Text(f"No newer picture: {trouble}", style=_BAD))
    parts += [Text(f" {number}. {each}", style=_BAD) for number, each in enumerate(findings, 1)]
    parts += [Text(f" {each}", style=_MEANWHILE) for each in _remarks(status)]
    parts += [Text(), _workers(status), _lags(status)]
    if status.pools:
        parts.append(_pools(status.pools))
    facts = _table("", ("", ""))
    facts.show_header = False
    for name, text in _facts(status):
        facts.add_row(name, text)
    parts.append(facts)
    return Stacked(*parts)


def status_json(status: Status) -> dict[str, Any]:
    """The same for programs."""
    findings = findings_of(status)
    told = _told(status)
    return {"well": not findings, "at": _utc(status.at_ms), "findings": list(findings), **told}


def _headline(status: Status, findings: Sequence[str]) -> Text:
    count = len(findings)
    word = "thing needs" if count == 1 else "things need"
    verdict = f"{count} {word} a person" if count else "all is well"
    text = Text(f"giftcert at {status.bootstrap}")
    if status.prefix:
        text.append(f", {status.prefix}*")
    text.append(f", {_utc(status.at_ms)}: ")
    text.append(verdict, style=_BAD if count else f"bold {_GOOD}")
    return text


def _remarks(status: Status) -> Iterator[str]:
    """What is worth a look and passes by itself, or is nobody's fault."""
    for group in status.groups:
        if group.changing:
            yield f"The {group.role.value}s are giving out their partitions: look again."
    for worker in status.workers:
        if not worker.fault and worker.alive and not worker.ready:
            left = f"; {worker.records_left:,.0f} records to recover" if worker.records_left else ""
            yield f"{worker.name} is not ready yet{left}."
    told = {(each.version, each.commit, each.schemas) for each in status.workers if each.version}
    if len(told) > 1:
        yield "The workers run different versions: an upgrade is under way, or was left halfway."
    elif told and told != {(status.version, status.commit, status.schemas)}:
        here = f"{status.version} {_short(status.commit)}"
        yield f"The workers run another version than this command ({here})."


def _workers(status: Status) -> Table:
    table = _table("Workers", ("worker", "role", "state", "has", "version", "commit"))
    for each in status.workers:
        state, style = _state(each)
        table.add_row(
            each.name,
            each.role.value,
            Text(state, style=style),
            _has(each),
            each.version or "-",
            _short(each.commit) if each.commit else "-",
        )
    if not status.workers:
        table.add_row("none", "", "", "", "", "")
    return table


def _state(worker: Worker) -> tuple[str, str]:
    if worker.fault:
        return "no answer", _BAD
    if not worker.alive:
        return "failed", _BAD
    return ("ready", _GOOD) if worker.ready else ("not ready", _MEANWHILE)


def _has(worker: Worker) -> str:
    """The partitions by topic; topics with the same ones are told together."""
    by_parts: dict[tuple[int, ...], list[str]] = {}
    for topic, parts in worker.partitions.items():
        by_parts.setdefault(parts, []).append(topic.rpartition(".")[2])
    return (
        "; ".join(
            f"{told_partitions(parts)} of {', '.join(topics)}" for parts, topics in by_parts.items()
        )
        or "nothing"
    )


def _lags(status: Status) -> Table:
    table = _table("Behind", ("topic", "read by", "partitions", "records behind"))
    for each in status.lags:
        text, style = _behind(each)
        table.add_row(
            each.topic, f"{each.role.value}s", f"{each.partitions:,}", Text(text, style=style)
        )
    return table


def _behind(lag: TopicLag) -> tuple[str, str]:
    if lag.leaderless:
        return "no leader", _BAD
    if lag.behind is None:
        return "not known", _BAD
    return f"{lag.behind:,}", _BAD if lag.behind > BEHIND_AT_MOST else ""


def _pools(pools: Sequence[Pool]) -> Table:
    table = _table("Pools", ("pool", "free", "low mark", "taken an hour", "empty in"))
    for each in pools:
        low = each.free < each.low_mark or each.free == 0
        table.add_row(
            each.name,
            Text(f"{each.free:,}", style=_BAD if low else ""),
            f"{each.low_mark:,}",
            f"{each.taken_per_hour:,.1f}",
            told_span(each.empty_in_s),
        )
    return table


def _facts(status: Status) -> Iterator[tuple[str, str]]:
    for pending in status.pending:
        known = "not known" if pending.open is None else f"{pending.open:,} open"
        late = f", {pending.overdue:,} overdue" if pending.overdue else ""
        yield pending.name, f"{known}{late}"
    yield "dead letters", _letters(status)
    yield "laws", _laws(status)
    yield "alerts, last hour", _alerts(status)
    yield (
        "this command",
        f"{status.version}, commit {_short(status.commit)}, schemas " + (status.schemas),
    )


def _letters(status: Status) -> str:
    letters = status.letters
    if letters.fault and not letters.open:
        return f"not known: {letters.fault}"
    said = f"{letters.open:,} open" + ("" if letters.whole else " or more")
    if letters.by_code:
        said += f" ({_counts(letters.by_code)})"
    if letters.first_deleted_ms is not None:
        left_s = max(0, letters.first_deleted_ms - status.at_ms) / 1_000
        said += f"; the first is deleted in {told_span(left_s)}"
    return said


def _laws(status: Status) -> str:
    laws = status.laws
    if not laws.asked:
        return "not asked: no auditor is named (--auditor, GIFTCERT_AUDITOR_URL)"
    if laws.fault:
        return f"not known: {laws.fault}"
    said = "hold" if laws.breaches == 0 else f"{laws.breaches:,} breaches"
    said += f"; {laws.events:,} events judged"
    if not laws.caught_up:
        left = "" if laws.behind is None else f", {laws.behind:,} to go"
        said += f", still reading the past{left}"
    if laws.compared:
        said += f"; {laws.compared:,} certificates compared with the live stores"
    return said


def _alerts(status: Status) -> str:
    alerts = status.alerts
    if alerts.fault:
        return f"not known: {alerts.fault}"
    said = _counts(alerts.by_code) if alerts.by_code else "none"
    return (
        said if alerts.whole else f"{said} (only the latest events of a busy hour were looked at)"
    )


def _counts(counts: Any) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in sorted(counts.items()))


def _short(commit: str) -> str:
    return commit if commit == UNKNOWN else commit[:_SHORT]


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    table.padding = (0, 2, 0, 1)
    for name in columns:
        right = name in _NUMBERS
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


_NUMBERS: Final = frozenset({"partitions", "records behind", "free", "low mark", "taken an hour"})


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _told(value: Any) -> Any:
    """The fields under the names that the API would give them; keys of a mapping as they are."""
    match value:
        case Mapping():
            return {key: _told(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_told(inner) for inner in value]
        case _ if is_dataclass(value):
            return {_camel(each.name): _told(getattr(value, each.name)) for each in fields(value)}
        case _:
            return value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
