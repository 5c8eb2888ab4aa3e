"""Where several refusals apply at once, the earliest of the closed list is the answer.

For every action: a subject that the rule accepts, and each way to make it wrong, alone worth one
refusal. Ways that exclude each other share an aspect; every combination over aspects is generated.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest

from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    ExpireHold,
    ExpireReservation,
    Load,
    Lock,
    NotificationResult,
    Redeem,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
    RequestNotification,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.machine import decide
from state.certificate.money import Money
from state.certificate.record import Certificate, Lifecycle, NotificationStatus
from state.certificate.rejections import RejectionCode as Code
from tests.state.certificate.return_rows import refund_action
from tests.state.certificate.specimens import (
    ACTIVE,
    AVAILABLE,
    CAPTURED,
    CHANNEL,
    CVC_KEY,
    HELD,
    HOLD_MINOR,
    HOLD_UNTIL_MS,
    ISSUED,
    NOMINAL_MINOR,
    OTHER_CHANNEL,
    OTHER_CURRENCY,
    OTHER_ORDER,
    PARTIALLY_REDEEMED,
    RESERVED,
    RESERVED_UNTIL_MS,
    SPENDER,
    authorize_action,
    command,
    in_lifecycle,
    issue_action,
    locked,
    money,
    redeem_action,
    reserve_number,
)
from tests.state.certificate.test_rules import ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A certificate, what is asked of it, and when."""

    certificate: Certificate
    action: Action
    at_ms: int = 0


Wrong = Callable[[Subject], Subject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A subject that is accepted, and by aspect the ways to spoil it with the refusal of each."""

    name: str
    subject: Subject
    aspects: tuple[dict[Code, Wrong], ...] = ()


def put(**changes: Any) -> Wrong:
    """Spoil the certificate's own fields."""
    return lambda s: replace(s, certificate=replace(s.certificate, **changes))


def ask(**changes: Any) -> Wrong:
    """Spoil what is asked."""
    return lambda s: replace(s, action=replace(s.action, **changes))


def ask_for(amount_minor: int) -> Wrong:
    """Ask for another amount, in whatever currency is asked for."""
    return lambda s: ask(amount=money(amount_minor, _amount(s).currency))(s)


def ask_in_other_currency(subject: Subject) -> Subject:
    """Ask for as much as was asked for, but of another currency."""
    return ask(amount=money(_amount(subject).amount_minor, OTHER_CURRENCY))(subject)


def _amount(subject: Subject) -> Money:
    assert isinstance(subject.action, Authorize | Capture | Redeem | RefundToCertificate)
    assert subject.action.amount is not None
    return subject.action.amount


def into(lifecycle: Lifecycle) -> Wrong:
    """Put the certificate into another lifecycle."""
    return lambda s: replace(s, certificate=in_lifecycle(s.certificate, lifecycle))


def lock_it(subject: Subject) -> Subject:
    return replace(subject, certificate=locked(subject.certificate))


def early(subject: Subject) -> Subject:
    return replace(subject, at_ms=0)


def reserved_for_another_order(subject: Subject) -> Subject:
    reservation = subject.certificate.reservation
    if reservation is None:
        return subject
    taken = replace(reservation, order_id=OTHER_ORDER)
    return replace(subject, certificate=replace(subject.certificate, reservation=taken))


def notification_sent(subject: Subject) -> Subject:
    notification = subject.certificate.notification
    assert notification is not None
    sent = replace(notification, status=NotificationStatus.SENT)
    return replace(subject, certificate=replace(subject.certificate, notification=sent))


def revealed(subject: Subject) -> Subject:
    notification = subject.certificate.notification
    assert notification is not None
    told = replace(notification, revealed=True)
    return replace(subject, certificate=replace(subject.certificate, notification=told))


ENDED_OR_UNSOLD: dict[Code, Wrong] = {
    Code.ANNULLED: into(Lifecycle.ANNULLED),
    Code.NOT_ISSUED: into(Lifecycle.RESERVED),
}
NOT_SPENDABLE: dict[Code, Wrong] = {Code.NOT_ACTIVE: into(Lifecycle.ISSUED)}
LOCKED: dict[Code, Wrong] = {Code.LOCKED: lock_it}
CURRENCY: dict[Code, Wrong] = {Code.CURRENCY_MISMATCH: ask_in_other_currency}
FOREIGN: dict[Code, Wrong] = {Code.ORDER_MISMATCH: ask(order_id=OTHER_ORDER)}
HOLDS: dict[Code, Wrong] = {Code.OPEN_HOLDS: put(holds=HELD.holds)}


def case(
    name: str, certificate: Certificate, action: Action, *aspects: dict[Code, Wrong], at_ms: int = 0
) -> Case:
    subject = Subject(certificate=certificate, action=action, at_ms=at_ms)
    return Case(name=name, subject=subject, aspects=aspects)


CASES = (
    case(
        "reserve_number",
        AVAILABLE,
        reserve_number(),
        {Code.NOT_AVAILABLE: into(Lifecycle.RESERVED)},
        LOCKED,
    ),
    case(
        "expire_reservation",
        RESERVED,
        ExpireReservation(reservation_id="reservation"),
        {Code.NOT_RESERVED: ask(reservation_id="another")},
        {Code.NOT_DUE: early},
        at_ms=RESERVED_UNTIL_MS,
    ),
    case(
        "release",
        RESERVED,
        Release(order_id="order-1", channel=CHANNEL),
        {Code.NOT_RESERVED: into(Lifecycle.AVAILABLE)},
    ),
    case(
        "issue",
        RESERVED,
        issue_action(),
        {
            Code.ANNULLED: into(Lifecycle.ANNULLED),
            Code.ALREADY_ISSUED: lambda s: put(order_id="order-1")(into(Lifecycle.ISSUED)(s)),
            Code.NUMBER_GONE: into(Lifecycle.ACTIVE),
        },
        {Code.WRONG_CHANNEL: ask(channel=OTHER_CHANNEL)},
        {Code.ORDER_MISMATCH: reserved_for_another_order},
    ),
    case(
        "activate",
        ISSUED,
        Activate(order_id="order-1"),
        {**ENDED_OR_UNSOLD, Code.ALREADY_ACTIVE: into(Lifecycle.REDEEMED)},
        FOREIGN,
    ),
    case(
        "notification_result",
        ISSUED,
        NotificationResult(notification_id="notification-1", sent=True, reason=""),
        {Code.NOTIFICATION_NOT_OPEN: notification_sent},
    ),
    case(
        "request_notification",
        ISSUED,
        RequestNotification(notification_channel=None),
        ENDED_OR_UNSOLD,
    ),
    case(
        "reveal_cvc",
        ISSUED,
        RevealCvc(key_id=CVC_KEY),
        ENDED_OR_UNSOLD,
        {Code.CVC_ALREADY_REVEALED: revealed},
        {Code.NOTIFICATION_NOT_OPEN: notification_sent},
    ),
    case(
        "authorize",
        ACTIVE,
        authorize_action(),
        NOT_SPENDABLE,
        LOCKED,
        {Code.WRONG_CVC: ask(cvc_matches=False)},
        CURRENCY,
        {Code.INSUFFICIENT_BALANCE: ask_for(NOMINAL_MINOR + 1)},
    ),
    case(
        "capture",
        HELD,
        Capture(authorization_id="hold-1", amount=money(1)),
        LOCKED,
        CURRENCY,
        {Code.AUTHORIZATION_NOT_OPEN: ask(authorization_id="another")},
        {Code.HOLD_EXCEEDED: ask_for(HOLD_MINOR + 1)},
    ),
    case(
        "void",
        HELD,
        Void(authorization_id="hold-1"),
        {Code.AUTHORIZATION_NOT_OPEN: ask(authorization_id="another")},
    ),
    case(
        "expire_hold",
        HELD,
        ExpireHold(authorization_id="hold-1"),
        # A hold that is not open has no deadline, so these two exclude each other.
        {Code.NOT_DUE: early, Code.AUTHORIZATION_NOT_OPEN: ask(authorization_id="another")},
        at_ms=HOLD_UNTIL_MS,
    ),
    case(
        "redeem",
        ACTIVE,
        redeem_action(1),
        NOT_SPENDABLE,
        LOCKED,
        CURRENCY,
        {Code.INSUFFICIENT_BALANCE: ask_for(NOMINAL_MINOR + 1)},
    ),
    case(
        "redeem_of_a_named_hold",
        HELD,
        redeem_action(HOLD_MINOR, authorization_id="hold-1"),
        FOREIGN,
        NOT_SPENDABLE,
        LOCKED,
        CURRENCY,
        {Code.HOLD_EXCEEDED: ask_for(NOMINAL_MINOR + 1)},
    ),
    case(
        "redeem_of_a_named_capture",
        CAPTURED,
        redeem_action(HOLD_MINOR, authorization_id="hold-1"),
        FOREIGN,
        CURRENCY,
        {Code.HOLD_EXCEEDED: ask_for(HOLD_MINOR + 1)},
    ),
    case(
        "refund_to_certificate",
        PARTIALLY_REDEEMED,
        refund_action(1),
        ENDED_OR_UNSOLD,
        CURRENCY,
        {Code.REFUND_EXCEEDS_REDEMPTION: ask_for(NOMINAL_MINOR)},
    ),
    case("refund_pending", ACTIVE, RefundPending(order_id=SPENDER), ENDED_OR_UNSOLD),
    case(
        "refund_pending_details",
        ACTIVE,
        RefundPendingDetails(order_id=SPENDER, reason="why"),
        ENDED_OR_UNSOLD,
    ),
    case(
        "cancel_purchase",
        ACTIVE,
        CancelPurchase(order_id="order-1"),
        ENDED_OR_UNSOLD,
        FOREIGN,
        HOLDS,
    ),
    case("lock", ACTIVE, Lock(reason="why")),
    case("unlock", locked(ACTIVE), Unlock(reason="why"), {Code.NOT_LOCKED: put(lock=None)}),
    case("annul", ACTIVE, Annul(reason="why"), {Code.ANNULLED: into(Lifecycle.ANNULLED)}, HOLDS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One subject spoiled in several ways, and the refusals it deserves."""

    name: str
    subject: Subject
    codes: frozenset[Code]


def unknown(subject: Subject) -> Subject:
    return subject


def combinations() -> Iterator[Combination]:
    """Every choice of at most one way to be wrong out of each aspect, for every action."""
    for each in CASES:
        aspects: tuple[dict[Code, Wrong], ...] = ({Code.NOT_FOUND: unknown}, *each.aspects)
        for chosen in product(*([None, *aspect.items()] for aspect in aspects)):
            wrongs = [wrong for wrong in chosen if wrong is not None]
            subject = each.subject
            for _, spoil in wrongs:
                subject = spoil(subject)
            codes = frozenset(code for code, _ in wrongs)
            name = "-".join([each.name, *sorted(codes)])
            yield Combination(name=name, subject=subject, codes=codes)


COMBINATIONS = tuple(combinations())


def refusal_of(combination: Combination) -> Code | None:
    subject = combination.subject
    known = Code.NOT_FOUND not in combination.codes
    certificate = subject.certificate if known else None
    decision = decide(certificate, command(subject.action, at_ms=subject.at_ms))
    return decision.rejection.code if decision.rejection else None


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda each: each.name)
def test_command_wrong_in_several_ways_is_refused_with_the_earliest_code(
    combination: Combination,
) -> None:
    order = list(Code)
    expected = min(combination.codes, key=order.index) if combination.codes else None
    assert refusal_of(combination) is expected


def test_cases_reach_every_refusal_that_the_tables_of_rules_name() -> None:
    """A refusal that a row specifies cannot be left out of the proof of precedence."""
    in_rows = {(type(row.action), row.refused) for row in ROWS if row.refused is not None}
    in_cases = {
        (type(each.subject.action), code)
        for each in COMBINATIONS
        for code in each.codes
        if type(each.subject.action) is not Load
    }
    # Whether a number was seen before is all that can be asked of a load.
    assert in_rows - in_cases == {(Load, Code.DUPLICATE_NUMBER)}
    assert in_cases <= in_rows
