"""Rules of a number that nobody owns yet: load, reserve, expire, release.

Each rule is a pure function from a certificate and an action to a decision; checks stand in the
order of precedence of the rejection codes.
"""

from state.certificate.commands import (
    Channel,
    Command,
    ExpireReservation,
    Load,
    Release,
    Reserve,
    ReserveNumber,
)
from state.certificate.decision import (
    AskPoolAgain,
    Decision,
    ForgetInPool,
    ReturnToPool,
    accepted,
    refused,
)
from state.certificate.events import Loaded, Reason, Released, Reserved
from state.certificate.record import Certificate, Lifecycle, Reservation
from state.certificate.rejections import RejectionCode


def load(certificate: Certificate | None, action: Load) -> Decision:
    """A number never seen enters its pool; a number seen before is a duplicate for ever."""
    if certificate is not None:
        return refused(RejectionCode.DUPLICATE_NUMBER)
    return accepted(Loaded(pool=action.pool), pool=ReturnToPool(pool=action.pool))


def _reservation(
    command: Command, channel: Channel, order_id: str | None, until_ms: int
) -> Reserved:
    return Reserved(
        reservation=Reservation(
            reservation_id=command.command_id,
            channel=channel,
            order_id=order_id,
            until_ms=until_ms,
        )
    )


def reserve(certificate: Certificate | None, command: Command, action: Reserve) -> Decision:
    """Take the number the pool offers; when it is not free, the pool is asked for another."""
    if certificate is None or certificate.lock is not None:
        return Decision(pool=AskPoolAgain(pool=action.pool))
    if certificate.lifecycle is not Lifecycle.AVAILABLE:
        return Decision(pool=AskPoolAgain(pool=action.pool))
    return accepted(_reservation(command, action.channel, action.order_id, action.until_ms))


def reserve_number(certificate: Certificate, command: Command, action: ReserveNumber) -> Decision:
    """Take this very number; the pool forgets it."""
    if certificate.lifecycle is not Lifecycle.AVAILABLE:
        return refused(RejectionCode.NOT_AVAILABLE)
    if certificate.lock is not None:
        return refused(RejectionCode.LOCKED)
    return accepted(
        _reservation(command, action.channel, action.order_id, action.until_ms),
        pool=ForgetInPool(pool=certificate.pool),
    )


def expire_reservation(
    certificate: Certificate, command: Command, action: ExpireReservation
) -> Decision:
    """Give the number back once its deadline is reached, if it is still the same reservation."""
    reservation = certificate.reservation
    if reservation is None or reservation.reservation_id != action.reservation_id:
        return refused(RejectionCode.NOT_RESERVED)
    if command.at_ms < reservation.until_ms:
        return refused(RejectionCode.NOT_DUE)
    reason = Reason(code="RESERVATION_EXPIRED", text="the reservation was not used in time")
    return accepted(Released(reason=reason), pool=ReturnToPool(pool=certificate.pool))


def release(certificate: Certificate, action: Release) -> Decision:
    """Give the number back because its order will not be paid.

    A reservation that names another order, or none, may be somebody else's by now: the number could
    have lapsed and been reserved again. The timer gives such a number back in its time.
    """
    reservation = certificate.reservation
    if reservation is None:
        return refused(RejectionCode.NOT_RESERVED)
    if reservation.channel is not action.channel:
        return refused(RejectionCode.NOT_RESERVED, "reserved by another channel")
    if reservation.order_id != action.order_id:
        return refused(RejectionCode.NOT_RESERVED, "not reserved for this order")
    reason = Reason(code="ORDER_CANCELLED", text="the order was cancelled before issue")
    return accepted(Released(reason=reason), pool=ReturnToPool(pool=certificate.pool))
