"""Rules of money leaving a certificate: authorize, capture, void, hold expiry, redeem.

Each rule is a pure function; checks stand in the order of precedence of the rejection codes.
"""

from state.certificate.commands import Authorize, Capture, Command, ExpireHold, Redeem, Void
from state.certificate.decision import Decision, accepted, alert, refused
from state.certificate.events import (
    Authorized,
    CaptureConfirmed,
    Captured,
    ErrorRaised,
    Event,
    HoldExpired,
    Locked,
    Reason,
    Redeemed,
    Voided,
)
from state.certificate.record import SPENDABLE, Certificate
from state.certificate.rejections import RejectionCode, reject

WRONG_TRIES_TO_LOCK = 5


def authorize(certificate: Certificate, command: Command, action: Authorize) -> Decision:
    """Set money aside, in full or, when the caller accepts it, as much as there is."""
    assert action.amount.amount_minor > 0, "an authorization of nothing is a broken record"
    if certificate.lifecycle not in SPENDABLE:
        return refused(RejectionCode.NOT_ACTIVE)
    if certificate.lock is not None:
        return refused(RejectionCode.LOCKED)
    cvc = certificate.cvc
    if not (action.cvc_matches and cvc.version > 0 and action.cvc_version == cvc.version):
        return _wrong_cvc(certificate, command)
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    amount_minor = action.amount.amount_minor
    if action.accept_partial:
        amount_minor = min(amount_minor, certificate.available_minor)
    if amount_minor > certificate.available_minor or amount_minor == 0:
        return refused(RejectionCode.INSUFFICIENT_BALANCE)
    return accepted(
        Authorized(
            authorization_id=command.command_id,
            order_id=action.order_id,
            amount_minor=amount_minor,
            expires_at_ms=action.expires_at_ms,
            channel=action.channel,
        )
    )


def _wrong_cvc(certificate: Certificate, command: Command) -> Decision:
    """Refuse and remember; the fifth wrong code in a row locks the certificate."""
    rejection = reject(RejectionCode.WRONG_CVC)
    tries = certificate.cvc.wrong_tries + 1
    events: tuple[Event, ...] = (ErrorRaised(rejection=rejection, wrong_tries=tries),)
    if tries >= WRONG_TRIES_TO_LOCK:
        text = f"locked after {tries} wrong codes in a row"
        reason = Reason(code="WRONG_CVC", text=text)
        events += (
            Locked(reason=reason, by="service", at_ms=command.at_ms),
            alert("CVC_LOCKED", text),
        )
    return Decision(events=events, rejection=rejection)


def _spend(certificate: Certificate, order_id: str, amount_minor: int) -> Redeemed:
    return Redeemed(
        order_id=order_id,
        amount_minor=amount_minor,
        full=amount_minor == certificate.remaining_minor,
    )


def capture(certificate: Certificate, action: Capture) -> Decision:
    """Spend an open hold, in part or whole; the rest of it is freed."""
    if certificate.lock is not None:
        return refused(RejectionCode.LOCKED)
    if action.amount is not None and action.amount.currency != certificate.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    hold = certificate.holds.get(action.authorization_id)
    # Another channel's hold is answered as if there were none: whose it is, is not to be learned.
    if hold is None or not hold.is_of(action.channel):
        return refused(RejectionCode.AUTHORIZATION_NOT_OPEN)
    amount_minor = hold.amount_minor if action.amount is None else action.amount.amount_minor
    assert amount_minor > 0, "a capture of nothing is a broken record"
    if amount_minor > hold.amount_minor:
        return refused(RejectionCode.HOLD_EXCEEDED)
    return accepted(
        Captured(authorization_id=action.authorization_id, amount_minor=amount_minor),
        _spend(certificate, hold.order_id, amount_minor),
    )


def void(certificate: Certificate, action: Void) -> Decision:
    """Give an open hold up. It lets no value out, so a lock does not stop it."""
    hold = certificate.holds.get(action.authorization_id)
    if hold is None or not hold.is_of(action.channel):
        return refused(RejectionCode.AUTHORIZATION_NOT_OPEN)
    return accepted(Voided(authorization_id=action.authorization_id))


def expire_hold(certificate: Certificate, command: Command, action: ExpireHold) -> Decision:
    """Free a hold whose deadline is reached. Until then, or once closed, nothing is to be done."""
    hold = certificate.holds.get(action.authorization_id)
    if hold is None:
        return refused(RejectionCode.AUTHORIZATION_NOT_OPEN)
    if command.at_ms < hold.expires_at_ms:
        return refused(RejectionCode.NOT_DUE)
    return accepted(HoldExpired(authorization_id=action.authorization_id))


def redeem(certificate: Certificate, action: Redeem) -> Decision:
    """Order and payment agree that this certificate paid.

    In this order: a capture already done for it is only confirmed; an open hold for it is spent;
    else the available balance is. A payment that names no authorization (version 1 cannot) is
    taken for its order's captures and holds, whatever they sum to, so that money captured over
    HTTP is never deducted a second time, in one piece or in several.
    """
    assert action.amount.amount_minor > 0, "a redemption of nothing is a broken record"
    if _names_another_order(certificate, action):
        return refused(RejectionCode.ORDER_MISMATCH, "the authorization is another order's")
    if action.authorization_id is None:
        return _redeem_unnamed(certificate, action)
    if action.authorization_id in certificate.captures:
        return _confirm(certificate, action, action.authorization_id)
    amount_minor = action.amount.amount_minor
    refusal = _not_spendable(certificate, action)
    if refusal is not None:
        return refusal
    hold = certificate.holds.get(action.authorization_id)
    if hold is None:
        if amount_minor > certificate.available_minor:
            return refused(RejectionCode.INSUFFICIENT_BALANCE)
        return accepted(_spend(certificate, action.order_id, amount_minor))
    if amount_minor > hold.amount_minor:
        # Taking the money elsewhere would leave the hold open to be captured on top.
        return refused(RejectionCode.HOLD_EXCEEDED)
    return accepted(
        Captured(authorization_id=action.authorization_id, amount_minor=amount_minor),
        _spend(certificate, action.order_id, amount_minor),
        CaptureConfirmed(authorization_id=action.authorization_id, amount_minor=amount_minor),
    )


def _not_spendable(certificate: Certificate, action: Redeem) -> Decision | None:
    if certificate.lifecycle not in SPENDABLE:
        return refused(RejectionCode.NOT_ACTIVE)
    if certificate.lock is not None:
        return refused(RejectionCode.LOCKED)
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    return None


def _redeem_unnamed(certificate: Certificate, action: Redeem) -> Decision:
    """Confirm the order's captures, then spend its holds, then the balance, until all is told."""
    left_minor = action.amount.amount_minor
    events: list[Event] = []
    for authorization_id, captured in certificate.captures.items():
        unconfirmed_minor = captured.amount_minor - captured.confirmed_minor
        part_minor = min(unconfirmed_minor, left_minor)
        if captured.order_id == action.order_id and part_minor > 0:
            events.append(
                CaptureConfirmed(authorization_id=authorization_id, amount_minor=part_minor)
            )
            left_minor -= part_minor
    if left_minor == 0:
        if certificate.currency != action.amount.currency:
            return refused(RejectionCode.CURRENCY_MISMATCH)
        return accepted(*events)
    refusal = _not_spendable(certificate, action)
    if refusal is not None:
        return refusal
    remaining_minor = certificate.remaining_minor
    for authorization_id, hold in certificate.holds.items():
        part_minor = min(hold.amount_minor, left_minor)
        if hold.order_id == action.order_id and part_minor > 0:
            events += (
                Captured(authorization_id=authorization_id, amount_minor=part_minor),
                Redeemed(
                    order_id=action.order_id,
                    amount_minor=part_minor,
                    full=part_minor == remaining_minor,
                ),
                CaptureConfirmed(authorization_id=authorization_id, amount_minor=part_minor),
            )
            left_minor -= part_minor
            remaining_minor -= part_minor
    if left_minor > certificate.available_minor:
        return refused(RejectionCode.INSUFFICIENT_BALANCE)
    if left_minor > 0:
        full = left_minor == remaining_minor
        events.append(Redeemed(order_id=action.order_id, amount_minor=left_minor, full=full))
    return accepted(*events)


def _confirm(certificate: Certificate, action: Redeem, authorization_id: str) -> Decision:
    captured = certificate.captures[authorization_id]
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    if action.amount.amount_minor > captured.amount_minor - captured.confirmed_minor:
        return refused(RejectionCode.HOLD_EXCEEDED, "more than was captured under it")
    return accepted(
        CaptureConfirmed(authorization_id=authorization_id, amount_minor=action.amount.amount_minor)
    )


def _names_another_order(certificate: Certificate, action: Redeem) -> bool:
    """Whether the authorization it names was given to another order."""
    if action.authorization_id is None:
        return False
    hold = certificate.holds.get(action.authorization_id)
    captured = certificate.captures.get(action.authorization_id)
    named = hold or captured
    return named is not None and named.order_id != action.order_id
