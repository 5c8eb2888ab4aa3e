"""Random commands: few numbers, orders, ids and amounts, so that they meet each other often."""

from hypothesis import strategies as st

from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    Channel,
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
    ReserveNumber,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.money import Money

POOL = "ELECTRONIC"
NUMBERS = ("GC-0001", "GC-0002", "GC-0003", "GC-0004")

number = st.sampled_from(NUMBERS)
order = st.sampled_from(["order-1", "order-2", "order-3"])
channel = st.sampled_from(list(Channel))
amount_minor = st.sampled_from([1, 30, 50, 70, 100]) | st.integers(1, 120)
currency = st.sampled_from(["RUB", "RUB", "RUB", "USD"])
money = st.builds(Money, amount_minor=amount_minor, currency=currency)
mostly = st.sampled_from([True, True, True, False])
until_ms = st.integers(0, 400)
# Ids of requests made so far and yet to be made: holds, reservations and messages take them over.
made_id = st.integers(0, 60).map("request-{}".format)
maybe_id = st.none() | made_id

stock_action: st.SearchStrategy[Action] = st.one_of(
    st.builds(Load, pool=st.just(POOL)),
    st.builds(ReserveNumber, channel=channel, order_id=st.none() | order, until_ms=until_ms),
    st.builds(Release, order_id=order, channel=channel),
    st.builds(
        Issue,
        order_id=order,
        channel=channel,
        client_id=st.none(),
        nominal=money,
        notification_channel=st.none(),
    ),
    st.builds(Activate, order_id=order),
    st.builds(NotificationResult, notification_id=made_id, sent=st.booleans(), reason=st.just("")),
    st.builds(RequestNotification, notification_channel=st.none()),
    st.builds(RevealCvc, key_id=st.just("key-1")),
)
money_action: st.SearchStrategy[Action] = st.one_of(
    st.builds(
        Authorize,
        order_id=order,
        amount=money,
        cvc_matches=mostly,
        cvc_version=st.sampled_from([1, 1, 1, 2, 0]),
        accept_partial=st.booleans(),
        expires_at_ms=until_ms,
    ),
    st.builds(Capture, authorization_id=made_id, amount=st.none() | money),
    st.builds(Void, authorization_id=made_id),
    st.builds(
        Redeem,
        order_id=order,
        payment_id=st.just("payment"),
        amount=money,
        authorization_id=maybe_id,
    ),
    st.builds(RefundToCertificate, order_id=order, payment_id=st.just("refund"), amount=money),
)
support_action: st.SearchStrategy[Action] = st.one_of(
    st.builds(RefundPending, order_id=order),
    st.builds(RefundPendingDetails, order_id=order, reason=st.just("why")),
    st.builds(CancelPurchase, order_id=order),
    st.builds(Lock, reason=st.just("why")),
    st.builds(Unlock, reason=st.just("why")),
    st.builds(Annul, reason=st.just("why")),
    st.builds(RaiseAlert, code=st.just("ALERT"), text=st.just("why")),
)
timer_action: st.SearchStrategy[Action] = st.one_of(
    st.builds(ExpireReservation, reservation_id=made_id),
    st.builds(ExpireHold, authorization_id=made_id),
)
