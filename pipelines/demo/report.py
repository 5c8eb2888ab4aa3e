"""What the demo says at the end: tables for people, and one line of JSON for programs.

Owns their form. The JSON is the last line on standard output.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table

from pipelines.audit.presentation import show as show_audit
from pipelines.audit.report import AuditReport
from pipelines.contracts.amounts import minor_to_text
from pipelines.demo.baskets import CURRENCY
from pipelines.demo.latency import Latency
from pipelines.demo.proving import Proving
from pipelines.demo.witness import Seen
from pipelines.rebuild.presentation import say_rebuilt
from pipelines.rebuild.presentation import show as show_proof

_WIDTH: Final = 120  # Where nobody says how wide it is.
_REFUNDS: Final = ("refund",)
_REDEMPTIONS: Final = ("redeem.partial", "redeem.full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything the end of the demo tells. `orders` and `payments` are records written."""

    broker: str
    baskets: int
    orders: int
    payments: int
    events: Mapping[str, int]
    dead_letters: int
    certificates: Mapping[str, Seen]
    e2e: Latency
    next_paced: Latency
    next_story: Latency
    delivered: Latency
    seconds: float
    audit: AuditReport
    disagreements: Sequence[str]
    proving: Proving | None = None

    @property
    def holds(self) -> bool:
        """Whether the laws hold, and all that had to come has come, and nothing else."""
        proven = self.proving is None or self.proving.holds
        return self.audit.holds and not self.disagreements and proven

    def as_json(self) -> dict[str, object]:
        """The figures by their published names."""
        events = self.events
        return {
            "broker": self.broker,
            "baskets": self.baskets,
            "orders": self.orders,
            "payments": self.payments,
            "certificates_sold": events.get("issue", 0),
            "redemptions": sum(events.get(name, 0) for name in _REDEMPTIONS),
            "refunds": sum(events.get(name, 0) for name in _REFUNDS),
            "alerts": events.get("alert", 0),
            "dlq": self.dead_letters,
            "laws": "hold" if self.holds else "broken",
            "seconds": round(self.seconds, 1),
            "e2e_ms": {"p50": self.e2e.p50_ms, "p99": self.e2e.p99_ms},
            "http_next_ms": {"p50": self.next_paced.p50_ms, "p99": self.next_paced.p99_ms},
            "code_delivered_ms": {
                "p50": self.delivered.p50_ms,
                "p99": self.delivered.p99_ms,
                "max": self.delivered.max_ms,
            },
            **({} if self.proving is None else {"rebuild": _proving(self.proving)}),
        }


def show(result: Result, out: TextIO) -> None:
    """Write the tables, the audit, what disagrees with the demo's own book, and the JSON."""
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(_certificates_table(result.certificates))
    console.print(_events_table(result.events))
    console.print(_latency_table(result))
    show_audit(result.audit, console)
    if result.proving is not None:
        show_proof(result.proving.before, console)
        say_rebuilt(result.proving.rebuilt, console)
        show_proof(result.proving.after, console, table=False)
    for sentence in result.disagreements:
        console.print(f"not as it must be: {sentence}", markup=False, soft_wrap=True)
    if not result.disagreements:
        console.print("every certificate stands as the demo's own book says", soft_wrap=True)
    out.write(json.dumps(result.as_json()) + "\n")
    out.flush()


def _proving(proving: Proving) -> dict[str, object]:
    before, rebuilt, after = proving.before, proving.rebuilt, proving.after
    return {
        "equal": proving.holds,
        "records": rebuilt.records,
        "folded": rebuilt.performed,
        "fold_seconds": round(rebuilt.fold_s, 1),
        "write_seconds": round(rebuilt.write_s, 1),
        "verify_seconds": [round(before.seconds, 1), round(after.seconds, 1)],
        "verify_rate": [round(before.rate), round(after.rate)],
    }


def _certificates_table(certificates: Mapping[str, Seen]) -> Table:
    """How many certificates stand where, by channel, and the money on them."""
    rows: defaultdict[tuple[str, str], list[Seen]] = defaultdict(list)
    for certificate in certificates.values():
        rows[certificate.status, certificate.channel or "-"].append(certificate)
    table = Table(title="Certificates by status and channel", title_justify="left")
    for heading in ("status", "channel"):
        table.add_column(heading)
    for heading in ("certificates", f"nominal {CURRENCY}", f"remaining {CURRENCY}"):
        table.add_column(heading, justify="right")
    for (status, channel), seen in sorted(rows.items()):
        nominal = sum(certificate.nominal_minor for certificate in seen)
        remaining = sum(certificate.remaining_minor for certificate in seen)
        table.add_row(
            status,
            channel,
            f"{len(seen):,}",
            minor_to_text(nominal, CURRENCY),
            minor_to_text(remaining, CURRENCY),
        )
    return table


def _events_table(events: Mapping[str, int]) -> Table:
    table = Table(title="Events on the stream", title_justify="left")
    table.add_column("event")
    table.add_column("count", justify="right")
    for name, count in sorted(events.items()):
        table.add_row(name, f"{count:,}")
    return table


def _latency_table(result: Result) -> Table:
    table = Table(title="Latency in milliseconds", title_justify="left")
    table.add_column("from, to")
    for heading in ("measured", "p50", "p99", "max"):
        table.add_column(heading, justify="right")
    for name, latency in (
        ("payment written, ISSUED seen; paced", result.e2e),
        ("HTTP next; paced", result.next_paced),
        ("HTTP next; beside the year's backlog", result.next_story),
        ("code asked for, delivered and told of", result.delivered),
    ):
        shown = [
            "-" if time is None else f"{time:,.1f}"
            for time in (latency.p50_ms, latency.p99_ms, latency.max_ms)
        ]
        table.add_row(name, f"{latency.count:,}", *shown)
    return table
