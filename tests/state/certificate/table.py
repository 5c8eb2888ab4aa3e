"""One row of the tables that specify the rules: given a certificate, an action gives this.

A row is named `<action>_<condition>_<outcome>`; the tables stand in the order in which the design
lists the commands, and within a command acceptances come first, then refusals in precedence order.
"""

from dataclasses import dataclass, field

from state.certificate.commands import Action, Origin
from state.certificate.decision import Decision, PoolEffect
from state.certificate.events import EventType
from state.certificate.headline import event_type
from state.certificate.machine import decide
from state.certificate.record import Certificate, Lifecycle, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import NOW_MS, applied, command


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is given, what is asked, and all that must come of it.

    `then` names fields of the certificate afterwards and their values; a refused command changes
    nothing unless events are listed.
    """

    name: str
    given: Certificate | None
    action: Action
    events: tuple[EventType, ...] = ()
    refused: RejectionCode | None = None
    pool: PoolEffect | None = None
    lifecycle: Lifecycle | None = None
    status: Status | None = None
    then: dict[str, object] = field(default_factory=dict)
    at_ms: int = NOW_MS
    origin: Origin = Origin.HTTP
    actor: str | None = None
    command_id: str = "request"

    def decision(self) -> Decision:
        asked = command(
            self.action,
            self.command_id,
            at_ms=self.at_ms,
            origin=self.origin,
            actor=self.actor,
            correlation_id="correlation-1",
        )
        return decide(self.given, asked)


def check(row: Row) -> None:
    """Every promise of the row holds."""
    decision = row.decision()
    code = decision.rejection.code if decision.rejection else None
    assert code is row.refused
    assert tuple(event_type(event) for event in decision.events) == row.events
    assert decision.pool == row.pool
    certificate = applied(row.given, decision)
    if not row.events:
        assert certificate == row.given
    if row.lifecycle is not None:
        assert certificate is not None
        assert certificate.lifecycle is row.lifecycle
    if row.status is not None:
        assert certificate is not None
        assert certificate.status is row.status
    assert {name: getattr(certificate, name) for name in row.then} == row.then
