"""A hold is its channel's: another channel's client learns nothing of it."""

import pytest

from state.certificate.commands import Authorize, Capture, Channel, Command, Origin, Void
from state.certificate.machine import decide
from state.certificate.money import Money
from state.certificate.record import Certificate, CertificateState, Cvc, Hold, Lifecycle, Status
from state.certificate.rejections import RejectionCode
from state.certificate.transition import transition

ONLINE, POS = Channel.ONLINE_STORE, Channel.POS


def held_by(channel: Channel | None) -> Certificate:
    return Certificate(
        certificate_id="GC-0001",
        pool="ELECTRONIC",
        lifecycle=Lifecycle.ACTIVE,
        status=Status.ACTIVE,
        currency="RUB",
        nominal_minor=100,
        remaining_minor=100,
        cvc=Cvc(key_id="k", version=1),
        holds={"h": Hold(order_id="o", amount_minor=10, expires_at_ms=99, channel=channel)},
    )


def asked(action: Authorize | Capture | Void, command_id: str = "c") -> Command:
    return Command(
        command_id=command_id,
        at_ms=1,
        certificate_id="GC-0001",
        origin=Origin.HTTP,
        action=action,
        body_digest="d",
    )


@pytest.mark.parametrize(
    ("holder", "asker", "open_"),
    [
        (POS, POS, True),
        (POS, ONLINE, False),
        (ONLINE, POS, False),
        (POS, None, True),
        (None, POS, True),
        (None, None, True),
    ],
)
def test_capture_and_void_concern_holds_of_the_askers_own_channel(
    holder: Channel | None, asker: Channel | None, open_: bool
) -> None:
    for action in (
        Capture(authorization_id="h", amount=None, channel=asker),
        Void(authorization_id="h", channel=asker),
    ):
        decision = decide(held_by(holder), asked(action))
        code = None if decision.rejection is None else decision.rejection.code
        assert code is (None if open_ else RejectionCode.AUTHORIZATION_NOT_OPEN)


def authorizing(*, matches: bool, channel: Channel | None = None) -> Authorize:
    return Authorize(
        order_id="o",
        amount=Money(amount_minor=5, currency="RUB"),
        cvc_matches=matches,
        cvc_version=1,
        accept_partial=False,
        expires_at_ms=50,
        channel=channel,
    )


def test_authorize_keeps_the_channel_with_the_hold() -> None:
    state = CertificateState(sequence=1, certificate=held_by(None))
    after = transition(state, None, asked(authorizing(matches=True, channel=POS))).state
    assert after.certificate is not None
    assert after.certificate.holds["c"].channel is POS


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        (False, False, RejectionCode.WRONG_CVC),
        (False, True, RejectionCode.WRONG_CVC),
        (True, True, None),
        (True, False, None),
    ],
)
def test_repeated_request_is_answered_alike_whatever_code_it_brings(
    first: bool, second: bool, answer: RejectionCode | None
) -> None:
    """A repeat counts no try, so it must not tell anything about the code that it brings."""
    state = CertificateState(sequence=1, certificate=held_by(None))
    decided = transition(state, None, asked(authorizing(matches=first)))
    again = transition(decided.state, decided.outcome, asked(authorizing(matches=second)))
    assert again.outcome is not None
    code = None if again.outcome.rejection is None else again.outcome.rejection.code
    assert code is answer
    assert again.published == ()
