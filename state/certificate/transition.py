"""One command against one record: the whole step that a stage performs, still pure.

Owns what surrounds `decide`: a request that was answered before gets the same answer, events are
numbered without a gap, refusals of facts become `error` events, and the outcome is kept for ever.
"""

from dataclasses import dataclass, replace

from state.certificate.commands import Authorize, Capture, Command, Origin, Reserve
from state.certificate.decision import AskPoolAgain, PoolEffect
from state.certificate.events import Authorized, Captured, ErrorRaised, Event
from state.certificate.machine import decide, evolve
from state.certificate.record import Certificate, CertificateState, Status
from state.certificate.rejections import Rejection, RejectionCode, reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The one answer a request ever gets. Amounts are minor units of `currency`.

    It is the state of the certificate right after the command, with the ids and deadlines the
    command made; a field that the action does not concern is absent. No secret is in it.
    """

    command_id: str
    certificate_id: str
    body_digest: str | None
    decided_at_ms: int
    rejection: Rejection | None = None
    sequence: int = 0
    status: Status | None = None
    currency: str | None = None
    remaining_minor: int = 0
    held_minor: int = 0
    amount_minor: int | None = None
    reservation_id: str | None = None
    reserved_until_ms: int | None = None
    authorization_id: str | None = None
    hold_expires_at_ms: int | None = None
    notification_id: str | None = None
    cvc_key_id: str | None = None
    cvc_version: int | None = None
    passed_on: bool = False
    """The number was not free when the pool offered it: the request is answered elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One numbered event and the certificate right after it (absent for an unknown number)."""

    event: Event
    sequence: int
    certificate: Certificate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Everything one command changes.

    `outcome` is absent when there is none to keep: a timer's. `repeated` says that the outcome is
    an old one and that nothing changed. `answers` says that whoever waits gets it: not so where
    the request goes back to the pool.
    """

    state: CertificateState
    published: tuple[Published, ...] = ()
    outcome: Outcome | None = None
    pool: PoolEffect | None = None
    repeated: bool = False

    @property
    def answers(self) -> bool:
        """Whether the outcome is the request's answer."""
        return self.outcome is not None and not self.outcome.passed_on


def transition(state: CertificateState, known: Outcome | None, command: Command) -> Transition:
    """Perform one command. `known` is the kept outcome of the same origin and command id."""
    if known is not None:
        return _repeat(state, known, command)
    decision = decide(state.certificate, command)
    if isinstance(decision.pool, AskPoolAgain):
        # Kept, because the number may be free again when a repeat of the offer arrives: the request
        # would then get this number and, from the pool, another one.
        passed_on = replace(_bare_outcome(command), passed_on=True)
        return Transition(state=state, outcome=passed_on, pool=decision.pool)
    events = decision.events
    if decision.rejection is not None and command.origin is Origin.FACT:
        events += (ErrorRaised(rejection=decision.rejection),)
    after, published = _publish(state, command.certificate_id, events)
    outcome = None
    if command.origin is not Origin.TIMER:
        outcome = _outcome(after, command, decision.rejection, events)
    return Transition(state=after, published=published, outcome=outcome, pool=decision.pool)


def _repeat(state: CertificateState, known: Outcome, command: Command) -> Transition:
    """The same answer again, or a refusal when the id now comes with another body."""
    # Only a number that the pool offered is passed on, so anything else is another request.
    is_offer = isinstance(command.action, Reserve)
    if known.body_digest != command.body_digest or (known.passed_on and not is_offer):
        rejection = reject(RejectionCode.REQUEST_REUSED)
        outcome = replace(_bare_outcome(command), rejection=rejection)
        return Transition(state=state, outcome=outcome, repeated=True)
    if known.passed_on:
        assert isinstance(command.action, Reserve), "only a number the pool offered is passed on"
        again = AskPoolAgain(pool=command.action.pool)
        return Transition(state=state, outcome=known, pool=again, repeated=True)
    return Transition(state=state, outcome=known, repeated=True)


def _bare_outcome(command: Command) -> Outcome:
    return Outcome(
        command_id=command.command_id,
        certificate_id=command.certificate_id,
        body_digest=command.body_digest,
        decided_at_ms=command.at_ms,
    )


def _publish(
    state: CertificateState, certificate_id: str, events: tuple[Event, ...]
) -> tuple[CertificateState, tuple[Published, ...]]:
    certificate, sequence = state.certificate, state.sequence
    published: list[Published] = []
    for event in events:
        certificate = evolve(certificate, certificate_id, event)
        sequence += 1
        published.append(Published(event=event, sequence=sequence, certificate=certificate))
    return CertificateState(sequence=sequence, certificate=certificate), tuple(published)


def _outcome(
    state: CertificateState,
    command: Command,
    rejection: Rejection | None,
    events: tuple[Event, ...],
) -> Outcome:
    certificate = state.certificate
    if certificate is None or rejection is not None:
        return replace(_bare_outcome(command), rejection=rejection, sequence=state.sequence)
    reservation = certificate.reservation
    notification = certificate.notification
    authorization_id = _authorization_id(command)
    hold = certificate.holds.get(authorization_id) if authorization_id else None
    return replace(
        _bare_outcome(command),
        sequence=state.sequence,
        status=certificate.status,
        currency=certificate.currency,
        remaining_minor=certificate.remaining_minor,
        held_minor=certificate.held_minor,
        amount_minor=_amount_minor(events),
        reservation_id=reservation.reservation_id if reservation else None,
        reserved_until_ms=reservation.until_ms if reservation else None,
        authorization_id=authorization_id,
        hold_expires_at_ms=hold.expires_at_ms if hold else None,
        notification_id=notification.notification_id if notification else None,
        cvc_key_id=certificate.cvc.key_id,
        cvc_version=certificate.cvc.version or None,
    )


def _authorization_id(command: Command) -> str | None:
    match command.action:
        case Authorize():
            return command.command_id
        case Capture(authorization_id=authorization_id):
            return authorization_id
        case _:
            return None


def _amount_minor(events: tuple[Event, ...]) -> int | None:
    """What was set aside or spent, which may be less than what was asked for."""
    for event in events:
        if isinstance(event, Authorized | Captured):
            return event.amount_minor
    return None
