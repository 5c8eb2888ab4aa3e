"""The transition function of a certificate: `decide`, and the dispatch to its rules.

`decide(certificate, command)` answers what happens; `evolve` (in `evolution`) applies it. Both
are pure: the same certificate and command give the same decision, on every machine, for ever.
"""

from typing import assert_never

from state.certificate import issue_rules, return_rules, spend_rules, stock_rules
from state.certificate.commands import (
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    Command,
    ExpireHold,
    ExpireReservation,
    Issue,
    Load,
    Lock,
    NotificationResult,
    RaiseAlert,
    Redeem,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
    RequestNotification,
    Reserve,
    ReserveNumber,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.decision import Decision, accepted, alert, refused
from state.certificate.evolution import evolve
from state.certificate.record import Certificate
from state.certificate.rejections import RejectionCode

__all__ = ["decide", "evolve"]


def decide(certificate: Certificate | None, command: Command) -> Decision:
    """Judge one command against one certificate, which may not exist."""
    match command.action:
        case Load() as action:
            return stock_rules.load(certificate, action)
        case Reserve() as action:
            return stock_rules.reserve(certificate, command, action)
        case Issue() as action:
            return issue_rules.issue(certificate, command, action)
        case RaiseAlert(code=code, text=text):
            return accepted(alert(code, text))
    if certificate is None:
        return refused(RejectionCode.NOT_FOUND)
    return _decide_known(certificate, command)


def _decide_known(certificate: Certificate, command: Command) -> Decision:
    match command.action:
        case ReserveNumber() as action:
            return stock_rules.reserve_number(certificate, command, action)
        case ExpireReservation() as action:
            return stock_rules.expire_reservation(certificate, command, action)
        case Release() as action:
            return stock_rules.release(certificate, action)
        case Activate() as action:
            return issue_rules.activate(certificate, command, action)
        case NotificationResult() as action:
            return issue_rules.notification_result(certificate, action)
        case RequestNotification() as action:
            return issue_rules.request_notification(certificate, command, action)
        case RevealCvc() as action:
            return issue_rules.reveal_cvc(certificate, action)
        case Authorize() as action:
            return spend_rules.authorize(certificate, command, action)
        case Capture() as action:
            return spend_rules.capture(certificate, action)
        case Void() as action:
            return spend_rules.void(certificate, action)
        case ExpireHold() as action:
            return spend_rules.expire_hold(certificate, command, action)
        case Redeem() as action:
            return spend_rules.redeem(certificate, action)
        case RefundToCertificate() as action:
            return return_rules.refund_to_certificate(certificate, action)
        case RefundPending() as action:
            return return_rules.refund_pending(certificate, action)
        case RefundPendingDetails() as action:
            return return_rules.refund_pending_details(certificate, action)
        case CancelPurchase() as action:
            return return_rules.cancel_purchase(certificate, command, action)
        case Lock() as action:
            return return_rules.lock(command, action)
        case Unlock() as action:
            return return_rules.unlock(certificate, action)
        case Annul() as action:
            return return_rules.annul(certificate, action)
        case Load() | Reserve() | Issue() | RaiseAlert():
            raise AssertionError("judged before the certificate had to exist")
        case _:
            assert_never(command.action)
