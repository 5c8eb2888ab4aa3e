"""The whole step of one command: repeats, numbering, who is told of a refusal, what is kept."""

from dataclasses import replace

import pytest

from state.certificate.commands import (
    Action,
    Activate,
    Capture,
    ExpireHold,
    ExpireReservation,
    Load,
    Lock,
    Origin,
    RaiseAlert,
    Reserve,
    RevealCvc,
)
from state.certificate.decision import AskPoolAgain, ForgetInPool, ReturnToPool
from state.certificate.events import EventType
from state.certificate.headline import event_type
from state.certificate.record import Certificate, CertificateState, Status
from state.certificate.rejections import RejectionCode, reject
from state.certificate.transition import Outcome, transition
from tests.state.certificate.specimens import (
    ACTIVE,
    AVAILABLE,
    CHANNEL,
    CURRENCY,
    CVC_KEY,
    HELD,
    HOLD_MINOR,
    HOLD_UNTIL_MS,
    ISSUED,
    NOMINAL_MINOR,
    NOW_MS,
    NUMBER,
    ORDER,
    POOL,
    RESERVED,
    RESERVED_UNTIL_MS,
    authorize_action,
    command,
    issue_action,
    locked,
    money,
    redeem_action,
    reserve_number,
)


def state_of(certificate: Certificate | None, sequence: int = 7) -> CertificateState:
    return CertificateState(sequence=sequence, certificate=certificate)


def first_outcome(certificate: Certificate | None, action: Action, digest: str) -> Outcome:
    asked = command(action, body_digest=digest)
    outcome = transition(state_of(certificate), None, asked).outcome
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(
    ("certificate", "action"),
    [(AVAILABLE, reserve_number()), (RESERVED, reserve_number())],
    ids=["accepted", "refused"],
)
def test_repeat_of_a_request_gives_its_outcome_again_and_changes_nothing(
    certificate: Certificate, action: Action
) -> None:
    """Also when the certificate has moved on and the request would now be judged otherwise."""
    known = first_outcome(certificate, action, "digest")
    later = state_of(ACTIVE, 40)
    repeated = transition(later, known, command(action, body_digest="digest", at_ms=NOW_MS + 1))
    assert repeated.outcome == known
    assert repeated.repeated
    assert repeated.state == later
    assert repeated.published == ()
    assert repeated.pool is None


def test_repeat_of_a_request_with_another_body_is_refused_and_changes_nothing() -> None:
    known = first_outcome(AVAILABLE, reserve_number(), "digest")
    reused = command(reserve_number(), body_digest="another", at_ms=NOW_MS + 1)
    step = transition(state_of(RESERVED), known, reused)
    assert step.outcome == Outcome(
        command_id="request",
        certificate_id=NUMBER,
        body_digest="another",
        decided_at_ms=NOW_MS + 1,
        rejection=reject(RejectionCode.REQUEST_REUSED),
    )
    assert step.repeated
    assert step.state == state_of(RESERVED)
    assert step.published == ()


def test_events_of_one_command_are_numbered_on_from_the_last_without_a_gap() -> None:
    step = transition(state_of(AVAILABLE, 7), None, command(issue_action(), origin=Origin.FACT))
    assert [(each.sequence, event_type(each.event)) for each in step.published] == [
        (8, EventType.RESERVE),
        (9, EventType.ISSUE),
        (10, EventType.NOTIFICATION_REQUESTED),
    ]
    assert step.state.sequence == 10
    assert step.published[-1].certificate == step.state.certificate
    statuses = [each.certificate.status for each in step.published if each.certificate]
    assert statuses == [Status.RESERVED, Status.ISSUED, Status.NOTIFICATION_REQUESTED]
    assert step.pool == ForgetInPool(pool=POOL)


def test_refusal_of_a_fact_is_published_and_kept() -> None:
    asked = command(Activate(order_id=ORDER), origin=Origin.FACT)
    step = transition(state_of(ACTIVE, 7), None, asked)
    assert [event_type(each.event) for each in step.published] == [EventType.ERROR]
    assert step.state == state_of(ACTIVE, 8)
    assert step.outcome is not None
    assert step.outcome.rejection == reject(RejectionCode.ALREADY_ACTIVE)
    assert step.outcome.sequence == 8


def test_refusal_of_a_fact_about_an_unknown_number_is_published_without_a_certificate() -> None:
    asked = command(redeem_action(1), origin=Origin.FACT)
    step = transition(CertificateState(), None, asked)
    assert [(each.sequence, each.certificate) for each in step.published] == [(1, None)]
    assert step.state == CertificateState(sequence=1)
    assert step.outcome is not None
    assert step.outcome.rejection == reject(RejectionCode.NOT_FOUND)


@pytest.mark.parametrize("origin", [Origin.HTTP, Origin.LOADER])
def test_refusal_of_a_caller_is_answered_and_not_published(origin: Origin) -> None:
    step = transition(state_of(RESERVED), None, command(reserve_number(), origin=origin))
    assert step.published == ()
    assert step.state == state_of(RESERVED)
    assert step.outcome == Outcome(
        command_id="request",
        certificate_id=NUMBER,
        body_digest=None,
        decided_at_ms=NOW_MS,
        rejection=reject(RejectionCode.NOT_AVAILABLE),
        sequence=7,
    )


@pytest.mark.parametrize(
    ("certificate", "action"),
    [
        (None, ExpireHold(authorization_id="hold-1")),
        (ISSUED, ExpireReservation(reservation_id="reservation")),
        (RESERVED, ExpireReservation(reservation_id="reservation")),
        (HELD, ExpireHold(authorization_id="hold-1")),
    ],
    ids=["unknown", "too_late", "reservation_not_due", "hold_not_due"],
)
def test_refusal_of_a_timer_publishes_and_keeps_nothing(
    certificate: Certificate | None, action: Action
) -> None:
    step = transition(state_of(certificate), None, command(action, origin=Origin.TIMER))
    assert step.published == ()
    assert step.outcome is None
    assert step.pool is None
    assert step.state == state_of(certificate)


@pytest.mark.parametrize(
    ("certificate", "action", "at_ms", "event", "pool"),
    [
        (
            RESERVED,
            ExpireReservation(reservation_id="reservation"),
            RESERVED_UNTIL_MS,
            EventType.RELEASE,
            ReturnToPool(pool=POOL),
        ),
        (
            HELD,
            ExpireHold(authorization_id="hold-1"),
            HOLD_UNTIL_MS,
            EventType.HOLD_EXPIRED,
            None,
        ),
    ],
    ids=["reservation", "hold"],
)
def test_timer_that_is_due_publishes_and_keeps_no_outcome(
    certificate: Certificate, action: Action, at_ms: int, event: EventType, pool: ReturnToPool
) -> None:
    due = command(action, origin=Origin.TIMER, at_ms=at_ms)
    step = transition(state_of(certificate), None, due)
    assert [event_type(each.event) for each in step.published] == [event]
    assert step.pool == pool
    assert step.outcome is None


@pytest.mark.parametrize("certificate", [None, RESERVED, ACTIVE, locked(AVAILABLE)])
def test_offer_of_a_number_that_is_not_free_goes_back_to_the_pool_unanswered(
    certificate: Certificate | None,
) -> None:
    """The request has no answer yet: another number will give it one."""
    offer = Reserve(pool=POOL, channel=CHANNEL, order_id=ORDER, until_ms=RESERVED_UNTIL_MS)
    step = transition(state_of(certificate), None, command(offer))
    assert step.pool == AskPoolAgain(pool=POOL)
    assert not step.answers
    assert step.published == ()
    assert step.state == state_of(certificate)
    assert not step.repeated


def test_offer_repeated_after_the_number_became_free_goes_back_to_the_pool_again() -> None:
    """The pool gave the request another number meanwhile; it must not get this one as well."""
    offer = Reserve(pool=POOL, channel=CHANNEL, order_id=ORDER, until_ms=RESERVED_UNTIL_MS)
    first = transition(state_of(RESERVED), None, command(offer))
    again = transition(state_of(AVAILABLE), first.outcome, command(offer))
    assert again.pool == AskPoolAgain(pool=POOL)
    assert not again.answers
    assert again.repeated
    assert again.state == state_of(AVAILABLE)
    assert again.published == ()


def test_outcome_of_a_reservation_says_its_id_and_deadline() -> None:
    outcome = first_outcome(AVAILABLE, reserve_number(), "digest")
    assert outcome == Outcome(
        command_id="request",
        certificate_id=NUMBER,
        body_digest="digest",
        decided_at_ms=NOW_MS,
        sequence=8,
        status=Status.RESERVED,
        reservation_id="request",
        reserved_until_ms=RESERVED_UNTIL_MS,
    )


def test_outcome_of_an_authorization_says_what_is_held_and_until_when() -> None:
    """Which may be less than was asked for, where a part is accepted."""
    outcome = first_outcome(HELD, authorize_action(90_00, accept_partial=True), "digest")
    assert outcome == Outcome(
        command_id="request",
        certificate_id=NUMBER,
        body_digest="digest",
        decided_at_ms=NOW_MS,
        sequence=8,
        status=Status.ACTIVE,
        currency=CURRENCY,
        remaining_minor=NOMINAL_MINOR,
        held_minor=NOMINAL_MINOR,
        amount_minor=NOMINAL_MINOR - HOLD_MINOR,
        authorization_id="request",
        hold_expires_at_ms=HOLD_UNTIL_MS,
        notification_id="notification-1",
        cvc_key_id=CVC_KEY,
        cvc_version=1,
    )


def test_outcome_of_a_capture_says_what_was_spent_and_what_remains() -> None:
    action = Capture(authorization_id="hold-1", amount=money(50_00))
    outcome = first_outcome(HELD, action, "digest")
    assert (outcome.authorization_id, outcome.amount_minor) == ("hold-1", 50_00)
    assert (outcome.remaining_minor, outcome.held_minor) == (50_00, 0)
    assert outcome.hold_expires_at_ms is None
    assert outcome.status is Status.PARTIALLY_REDEEMED


def test_outcome_of_a_reveal_says_key_and_version_and_never_a_code() -> None:
    outcome = first_outcome(ISSUED, RevealCvc(key_id=CVC_KEY), "digest")
    assert (outcome.cvc_key_id, outcome.cvc_version) == (CVC_KEY, 1)
    assert outcome.notification_id == "notification-1"


def test_reveal_repeated_after_a_newer_reveal_gives_the_old_version_again() -> None:
    """A repeat is the same answer, even when that code has died meanwhile."""
    known = first_outcome(ISSUED, RevealCvc(key_id=CVC_KEY), "digest")
    newer = replace(ACTIVE, cvc=replace(ACTIVE.cvc, version=2))
    step = transition(
        state_of(newer), known, command(RevealCvc(key_id=CVC_KEY), body_digest="digest")
    )
    assert step.outcome == known
    assert step.state.certificate == newer


def test_outcome_on_a_number_never_loaded_has_no_status() -> None:
    alert = RaiseAlert(code="ORDER_MISSING", text="no order")
    outcome = first_outcome(None, alert, "digest")
    assert (outcome.rejection, outcome.status, outcome.sequence) == (None, None, 8)


def test_outcome_before_any_reveal_has_no_code_version() -> None:
    outcome = first_outcome(ISSUED, Lock(reason="a complaint"), "digest")
    assert (outcome.cvc_version, outcome.cvc_key_id) == (None, None)
    assert outcome.status is Status.LOCKED


def test_wrong_code_of_a_caller_is_published_once_and_refused() -> None:
    """The world sees wrong tries whoever makes them, and sees each once."""
    step = transition(state_of(ACTIVE), None, command(authorize_action(cvc_matches=False)))
    assert [event_type(each.event) for each in step.published] == [EventType.ERROR]
    assert step.outcome is not None
    assert step.outcome.rejection == reject(RejectionCode.WRONG_CVC)


def test_five_wrong_codes_with_a_right_one_between_do_not_lock() -> None:
    """Only five in a row lock."""
    state = state_of(ACTIVE)
    for number, matches in enumerate([False] * 4 + [True] + [False] * 4):
        action = authorize_action(1, cvc_matches=matches)
        state = transition(state, None, command(action, f"try-{number}")).state
    assert state.certificate is not None
    assert state.certificate.lock is None
    assert state.certificate.cvc.wrong_tries == 4
    state = transition(state, None, command(authorize_action(1, cvc_matches=False), "last")).state
    assert state.certificate is not None
    assert state.certificate.lock is not None
    assert state.certificate.lock.by == "service"


def test_load_after_an_error_about_the_unknown_number_goes_on_without_a_gap() -> None:
    state = CertificateState()
    state = transition(state, None, command(redeem_action(1), "a", origin=Origin.FACT)).state
    step = transition(state, None, command(Load(pool=POOL), "b", origin=Origin.LOADER))
    assert [each.sequence for each in step.published] == [2]
    assert step.state.sequence == 2
