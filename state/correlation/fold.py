"""The fold over facts: one fact and the state of its key give commands and the next state.

Pure and total: the same facts in the same order give the same state and the same commands. A fact
told again, an older version of an order, and a payment that goes backwards change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from state.certificate.commands import Command, Origin
from state.correlation.facts import (
    BINDING,
    UNDONE,
    CertificateLine,
    DeadlineReached,
    Fact,
    OrderSeen,
    OrderStatus,
    OrdinaryOrderSeen,
    PaymentSeen,
    PaymentStatus,
)
from state.correlation.intentions import Intention, alert_for, intentions
from state.correlation.matching import certificate_refunds, match_redemptions, match_refunds
from state.correlation.record import MAX_PAYMENTS, Correlation, payment_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one fact gives: the state to keep (absent: nothing is kept) and commands to send."""

    state: Correlation | None
    commands: tuple[Command, ...] = ()


MAX_INTENTIONS = 10_000
"""Commands that one correlation may ask for in all. Every failed refund asks about every line, so
hundreds of each would be a quarter of a million at once."""


class OutgrownError(Exception):
    """A correlation larger than any purchase is: the source is broken, not the business."""


class TooManyPaymentsError(OutgrownError):
    """An order has more payments than any order has."""


class TooManyIntentionsError(OutgrownError):
    """An order asks for more commands than any order does."""


def fold(state: Correlation | None, fact: Fact) -> Step:
    """Perform one fact.

    Raises OutgrownError when a bound of the record would be broken; nothing is changed then.
    """
    if isinstance(fact.happening, DeadlineReached):
        return _on_deadline(state, fact)
    before = state or Correlation(correlation_id=fact.correlation_id, since_ms=fact.waiting_from_ms)
    after = _absorb(before, fact.happening)
    if after == before and state is not None:
        return Step(state=state)
    return _settle(after, fact, awaited(before))


def _settle(state: Correlation, fact: Fact, awaited_before: str | None) -> Step:
    """Send what is newly called for, then say what is awaited and until when."""
    new: dict[str, Intention] = {}
    for count, intention in enumerate(intentions(state)):
        if count >= MAX_INTENTIONS:
            raise TooManyIntentionsError(f"more than {MAX_INTENTIONS:,} commands for one order")
        if intention.identity not in state.done:
            new[intention.identity] = intention
    state = _remember(state, tuple(new.values()), fact.at_ms)
    commands = tuple(_command(intention, fact) for intention in new.values())
    return Step(state=_await(state, fact, awaited_before), commands=commands)


def _remember(state: Correlation, sent: tuple[Intention, ...], at_ms: int) -> Correlation:
    # Ordinary traffic, which is nearly all of it, sends nothing and has no order to match.
    if state.order is None and not sent:
        return state
    done = {**state.done, **{intention.identity: at_ms for intention in sent}}
    redeemed = state.redeemed if state.order is None else match_redemptions(state)
    return replace(state, done=done, redeemed=redeemed)


def _command(intention: Intention, fact: Fact) -> Command:
    return Command(
        command_id=f"{fact.correlation_id}/{intention.identity}",
        at_ms=fact.at_ms,
        certificate_id=intention.certificate_id,
        origin=Origin.FACT,
        action=intention.action,
        correlation_id=fact.correlation_id,
        actor="correlator",
    )


def _absorb(
    state: Correlation, happening: OrderSeen | OrdinaryOrderSeen | PaymentSeen
) -> Correlation:
    match happening:
        case OrderSeen():
            return _absorb_order(state, happening)
        case OrdinaryOrderSeen():
            return _absorb_ordinary_order(state, happening)
        case PaymentSeen():
            return _absorb_payment(state, happening)


def _known_version(state: Correlation, order_id: str) -> int:
    """The newest version seen of that order; -1 for none."""
    same_ordinary = state.ordinary_order_id in (None, order_id)
    ordinary = state.ordinary_version if same_ordinary else None
    known = state.order.version if state.order and state.order.order_id == order_id else None
    return max(-1 if ordinary is None else ordinary, -1 if known is None else known)


def _absorb_order(state: Correlation, order: OrderSeen) -> Correlation:
    if order.version <= _known_version(state, order.order_id):
        return state
    if state.order is not None and state.order.order_id != order.order_id:
        # Their money cannot be told apart: the first one goes on, and people hear of the second.
        return replace(state, other_order_id=state.other_order_id or order.order_id)
    return replace(
        state,
        order=_keeping_issued_lines(state, order),
        ordinary_version=None,
        ordinary_order_id=None,
    )


def _keeping_issued_lines(state: Correlation, order: OrderSeen) -> OrderSeen:
    """A line whose certificate was issued stays as it was issued, whatever later versions say.

    Otherwise one payment could issue a second certificate under the same line, or an undone order
    would forget the certificate it has to take back. The total keeps the price of what is kept:
    an order made cheaper must not activate a certificate that its money no longer pays for.
    """
    if state.order is None:
        return order
    issued = {
        line.line_id: line for line in state.order.lines if f"issue/{line.line_id}" in state.done
    }
    by_number = {line.certificate_id: line for line in issued.values()}
    kept: dict[str, CertificateLine] = {}
    for line in order.lines:
        # A certificate that comes back under another line id is still the one that was issued.
        same = by_number.get(line.certificate_id) or issued.get(line.line_id) or line
        kept[same.line_id] = same
    lines = tuple({**kept, **issued}.values())
    added_minor = _sum_minor(lines) - _sum_minor(order.lines)
    return replace(order, lines=lines, total_minor=max(order.total_minor + added_minor, 0))


def _sum_minor(lines: tuple[CertificateLine, ...]) -> int:
    return sum(line.amount_minor for line in lines)


def _absorb_ordinary_order(state: Correlation, order: OrdinaryOrderSeen) -> Correlation:
    """An order without certificates: its unmarked payments are forgotten at once."""
    if order.version <= _known_version(state, order.order_id):
        return state
    known = state.order.order_id if state.order is not None else state.ordinary_order_id
    if known not in (None, order.order_id):
        return state
    if state.order is not None:
        return replace(
            state, order=_keeping_issued_lines(state, _without_lines(state.order, order))
        )
    draft = order.status is OrderStatus.CREATED
    payments = state.payments
    if not draft:
        payments = {key: payment for key, payment in payments.items() if _told(payment, payments)}
    return replace(
        state,
        ordinary_version=order.version,
        ordinary_order_id=order.order_id,
        ordinary_draft=draft,
        payments=payments,
    )


def _without_lines(known: OrderSeen, order: OrdinaryOrderSeen) -> OrderSeen:
    goods_minor = max(known.total_minor - _sum_minor(known.lines), 0)
    return replace(
        known,
        version=order.version,
        status=order.status,
        total_minor=goods_minor,
        lines=(),
        tenders=(),
    )


_RANK = {PaymentStatus.PENDING: 0, PaymentStatus.FAILED: 1, PaymentStatus.SUCCEEDED: 2}


def _told(payment: PaymentSeen, payments: Mapping[str, PaymentSeen]) -> bool:
    """Whether a payment concerns a certificate by its own word, or by that of the one it is about.

    A refund that says nothing itself takes back what a capture said to be for a certificate: were
    it forgotten, a later version of the order would sell the certificate for money that is gone.
    """
    about = (payment.original_payment_id, payment.payment_id)
    return payment.marked or any(
        each.marked and each.payment_id in about for each in payments.values()
    )


def _absorb_payment(state: Correlation, payment: PaymentSeen) -> Correlation:
    ordinary = state.ordinary_version is not None and not state.ordinary_draft
    if ordinary and state.order is None and not _told(payment, state.payments):
        return state
    key = payment_key(payment)
    known = state.payments.get(key)
    if known is None:
        if len(state.payments) >= MAX_PAYMENTS:
            raise TooManyPaymentsError(f"more than {MAX_PAYMENTS} payments for one order")
        return replace(state, payments={**state.payments, key: payment})
    newer = _RANK[payment.status] > _RANK[known.status]
    latest, other = (payment, known) if newer else (known, payment)
    merged = replace(
        latest,
        certificate_id=latest.certificate_id or other.certificate_id,
        operation=latest.operation or other.operation,
        authorization_id=latest.authorization_id or other.authorization_id,
        original_payment_id=latest.original_payment_id or other.original_payment_id,
        failure_reason=latest.failure_reason or other.failure_reason,
    )
    return replace(state, payments={**state.payments, key: merged})


def awaited(state: Correlation) -> str | None:
    """Which half is missing: "ORDER", "PAYMENT", or none."""
    order = state.order
    if order is None:
        return "ORDER" if state.concerns_certificates else None
    if order.status in BINDING:
        unissued = any(f"issue/{line.line_id}" not in state.done for line in order.lines)
        unpaid = len(state.redeemed) < len(order.tenders)
        return "PAYMENT" if unissued or unpaid else None
    if order.status in UNDONE:
        return "PAYMENT" if _refund_is_missing(state, order) else None
    return None


def _refund_is_missing(state: Correlation, order: OrderSeen) -> bool:
    """An undone order of which a sale or a redemption has not seen its refund, or the other way.

    A refund onto a certificate that gives back nothing seen yet waits for what it gives back.
    """
    sold = any(
        f"issue/{line.line_id}" in state.done and f"undo/{line.line_id}" not in state.done
        for line in order.lines
    )
    targets = match_refunds(state, state.redeemed)
    landed = {
        target for payment_id, target in targets.items() if f"refund/{payment_id}" in state.done
    }
    early = any(
        refund.status is PaymentStatus.SUCCEEDED and refund.payment_id not in targets
        for refund in certificate_refunds(state)
    )
    return sold or early or not landed.issuperset(state.redeemed.values())


def _await(state: Correlation, fact: Fact, awaited_before: str | None) -> Correlation:
    """Set the one deadline of the key: an alert for a missing half, or being forgotten."""
    since_ms, deadline_ms = _wait(state, fact, awaited_before)
    if (since_ms, deadline_ms) == (state.waiting_since_ms, state.deadline_ms):
        return state
    return replace(state, waiting_since_ms=since_ms, deadline_ms=deadline_ms)


def _wait(
    state: Correlation, fact: Fact, awaited_before: str | None
) -> tuple[int | None, int | None]:
    """Since when a half is missing, and when somebody must look.

    When the other half begins to be missing, its time begins now.
    """
    half = awaited(state)
    if half is None:
        if state.concerns_certificates:
            return None, None
        return None, state.since_ms + fact.policy.forget_after_ms
    if f"alert/{half}_MISSING" in state.done:
        return state.waiting_since_ms, None
    since_ms = state.waiting_since_ms if half == awaited_before else None
    since_ms = fact.waiting_from_ms if since_ms is None else since_ms
    return since_ms, since_ms + fact.policy.missing_after_ms


def _on_deadline(state: Correlation | None, fact: Fact) -> Step:
    """A deadline that moved or was met meanwhile changes nothing."""
    if state is None or state.deadline_ms is None or fact.at_ms < state.deadline_ms:
        return Step(state=state)
    half = awaited(state)
    if half is None:
        # Only ordinary traffic waits for nothing and still has a deadline: its time is over.
        return Step(state=None)
    text = {
        "ORDER": "a payment concerns a certificate, but no order does",
        "PAYMENT": "an order concerns a certificate, but its payment is missing",
    }[half]
    intention = alert_for(state, f"{half}_MISSING", text)
    state = _remember(state, (intention,), fact.at_ms)
    return Step(state=replace(state, deadline_ms=None), commands=(_command(intention, fact),))
