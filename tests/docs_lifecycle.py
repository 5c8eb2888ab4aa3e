"""The life of a certificate as a diagram, drawn from what the rules do.

Every certificate of the rules' tables is asked everything that the tables ask; each event that
moves one on is an arrow. Owns the arrows and the diagram's form, and knows no rule of its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from state.certificate.commands import Action, RefundToCertificate
from state.certificate.events import EventType
from state.certificate.evolution import evolve
from state.certificate.headline import event_type
from state.certificate.machine import decide
from state.certificate.record import Certificate, Lifecycle
from tests.state.certificate.specimens import (
    NOMINAL_MINOR,
    NUMBER,
    REDEEMED,
    SPENDER,
    command,
    money,
)
from tests.state.certificate.test_rules import ROWS

START: Final = "[*]"
Arrow = tuple[str, str]
"""From which lifecycle to which; the start is none."""

_SPENDING: Final = frozenset({EventType.REDEEM_PARTIAL, EventType.REDEEM_FULL})
_ENDING: Final = EventType.ANNUL
_ALL_BACK: Final = RefundToCertificate(
    order_id=SPENDER, payment_id="refund-1", amount=money(NOMINAL_MINOR)
)
"""No row gives everything back at once; it is the way from spent to unspent."""


def arrows() -> Mapping[Arrow, frozenset[EventType]]:
    """Every move between two lifecycles, and the events that make it; spending may stay in one."""
    found: dict[Arrow, set[EventType]] = defaultdict(set)
    for certificate, action, at_ms in _asked():
        moved = certificate
        for event in decide(certificate, command(action, at_ms=at_ms)).events:
            before, moved = moved, evolve(moved, NUMBER, event)
            kind = event_type(event)
            if _name(before) != _name(moved) or kind in _SPENDING:
                found[_name(before), _name(moved)].add(kind)
    return {arrow: frozenset(kinds) for arrow, kinds in found.items()}


def lifecycle_diagram() -> str:
    """The arrows for Mermaid, in the order in which lifecycles stand in the code.

    What ends a certificate from everywhere is left out: as arrows it would hide the others.
    """
    order = [START, *Lifecycle]
    lines = ["stateDiagram-v2"]
    for arrow, kinds in sorted(arrows().items(), key=lambda item: [*map(order.index, item[0])]):
        shown = sorted(kinds - {_ENDING})
        if shown:
            lines.append(f"  {arrow[0]} --> {arrow[1]}: {' or '.join(shown)}")
    return "\n".join(["```mermaid", *lines, "```"]) + "\n"


def ended_from() -> frozenset[str]:
    """The lifecycles that an annulment ends."""
    return frozenset(before for (before, _), kinds in arrows().items() if _ENDING in kinds)


def _asked() -> Iterator[tuple[Certificate | None, Action, int]]:
    yield REDEEMED, _ALL_BACK, ROWS[0].at_ms
    given: list[Certificate | None] = []
    for row in ROWS:
        if row.given not in given:
            given.append(row.given)
    for certificate in given:
        for row in ROWS:
            yield certificate, row.action, row.at_ms


def _name(certificate: Certificate | None) -> str:
    return START if certificate is None else certificate.lifecycle
