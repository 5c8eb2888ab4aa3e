"""What a number does on its way to the customer: issue, activate, notifications, the code."""

from dataclasses import replace

from state.certificate.commands import (
    Activate,
    NotificationChannel,
    NotificationResult,
    RequestNotification,
    RevealCvc,
)
from state.certificate.decision import ForgetInPool
from state.certificate.events import EventType
from state.certificate.record import (
    Cvc,
    Lifecycle,
    Notification,
    NotificationStatus,
    Status,
)
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    ANNULLED,
    ANNULLED_UNSOLD,
    AVAILABLE,
    CHANNEL,
    CURRENCY,
    CVC_KEY,
    ISSUED,
    ISSUED_AND_REVEALED,
    NOMINAL_MINOR,
    NOW_MS,
    ORDER,
    OTHER_CHANNEL,
    OTHER_ORDER,
    POOL,
    REDEEMED,
    RESERVED,
    RESERVED_FOR_ANYONE,
    after,
    issue_action,
    locked,
)
from tests.state.certificate.table import Row

OPEN = Notification(
    notification_id="request",
    channel=NotificationChannel.SMS,
    status=NotificationStatus.REQUESTED,
)
SOLD_HERE = {
    "order_id": ORDER,
    "client_id": "client-1",
    "correlation_id": "correlation-1",
    "channel": CHANNEL,
    "currency": CURRENCY,
    "nominal_minor": NOMINAL_MINOR,
    "remaining_minor": NOMINAL_MINOR,
    "issued_at_ms": NOW_MS,
    "reservation": None,
    "notification": OPEN,
}
SENT = NotificationResult(notification_id="notification-1", sent=True, reason="")
FAILED = NotificationResult(notification_id="notification-1", sent=False, reason="no such phone")
NOTIFIED = after(ISSUED, SENT, "sent")
REVEALED_AND_NOTIFIED = after(ISSUED_AND_REVEALED, SENT, "sent")
RESEND = RequestNotification(notification_channel=None)
RESENT = after(REVEALED_AND_NOTIFIED, RESEND, "notification-2")
REVEAL = RevealCvc(key_id=CVC_KEY)

ISSUE_ROWS = (
    Row(
        name="issue_of_a_reserved_number_makes_a_certificate_and_asks_for_a_notification",
        given=RESERVED,
        action=issue_action(),
        events=(EventType.ISSUE, EventType.NOTIFICATION_REQUESTED),
        lifecycle=Lifecycle.ISSUED,
        status=Status.NOTIFICATION_REQUESTED,
        then=SOLD_HERE,
    ),
    Row(
        name="issue_of_a_reservation_without_an_order_makes_a_certificate",
        given=RESERVED_FOR_ANYONE,
        action=issue_action(),
        events=(EventType.ISSUE, EventType.NOTIFICATION_REQUESTED),
        lifecycle=Lifecycle.ISSUED,
        then=SOLD_HERE,
    ),
    Row(
        name="issue_after_the_reservation_lapsed_reserves_and_issues_the_number_still_free",
        given=AVAILABLE,
        action=issue_action(),
        events=(EventType.RESERVE, EventType.ISSUE, EventType.NOTIFICATION_REQUESTED),
        pool=ForgetInPool(pool=POOL),
        lifecycle=Lifecycle.ISSUED,
        then=SOLD_HERE,
    ),
    Row(
        name="issue_of_an_unknown_number_is_not_found_and_alerts",
        given=None,
        action=issue_action(),
        events=(EventType.ALERT,),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="issue_of_an_annulled_number_is_refused_and_alerts",
        given=ANNULLED_UNSOLD,
        action=issue_action(),
        events=(EventType.ALERT,),
        refused=RejectionCode.ANNULLED,
        then={"remaining_minor": 0},
    ),
    Row(
        name="issue_again_to_the_same_order_is_refused_without_an_alert",
        given=ACTIVE,
        action=issue_action(),
        refused=RejectionCode.ALREADY_ISSUED,
    ),
    Row(
        name="issue_of_a_number_that_went_to_another_order_alerts_and_touches_no_money",
        given=ACTIVE,
        action=issue_action(OTHER_ORDER),
        events=(EventType.ALERT,),
        refused=RejectionCode.NUMBER_GONE,
        then={"order_id": ORDER, "remaining_minor": NOMINAL_MINOR},
    ),
    Row(
        name="issue_by_another_channel_than_the_reserving_one_is_refused",
        given=RESERVED,
        action=issue_action(channel=OTHER_CHANNEL),
        refused=RejectionCode.WRONG_CHANNEL,
    ),
    Row(
        name="issue_of_a_number_reserved_for_another_order_alerts_and_leaves_the_reservation",
        given=RESERVED,
        action=issue_action(OTHER_ORDER),
        events=(EventType.ALERT,),
        refused=RejectionCode.ORDER_MISMATCH,
        lifecycle=Lifecycle.RESERVED,
        then={"reservation": RESERVED.reservation, "order_id": None},
    ),
    Row(
        name="activate_of_an_issued_certificate_makes_it_spendable",
        given=ISSUED,
        action=Activate(order_id=ORDER),
        events=(EventType.ACTIVATE,),
        lifecycle=Lifecycle.ACTIVE,
        status=Status.ACTIVE,
        then={"activated_at_ms": NOW_MS, "remaining_minor": NOMINAL_MINOR},
    ),
    Row(
        name="activate_of_an_unknown_number_is_not_found",
        given=None,
        action=Activate(order_id=ORDER),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="activate_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=Activate(order_id=ORDER),
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="activate_before_issue_is_refused",
        given=RESERVED,
        action=Activate(order_id=ORDER),
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="activate_by_another_order_is_refused",
        given=ISSUED,
        action=Activate(order_id=OTHER_ORDER),
        refused=RejectionCode.ORDER_MISMATCH,
    ),
    Row(
        name="activate_again_is_refused",
        given=REDEEMED,
        action=Activate(order_id=ORDER),
        refused=RejectionCode.ALREADY_ACTIVE,
    ),
    Row(
        name="notification_result_sent_closes_the_open_notification",
        given=ISSUED,
        action=SENT,
        events=(EventType.NOTIFICATION_SENT,),
        lifecycle=Lifecycle.ISSUED,
        status=Status.NOTIFICATION_SENT,
    ),
    Row(
        name="notification_result_failed_closes_the_open_notification",
        given=ISSUED,
        action=FAILED,
        events=(EventType.NOTIFICATION_FAILED,),
        lifecycle=Lifecycle.ISSUED,
        status=Status.NOTIFICATION_FAILED,
    ),
    Row(
        name="notification_result_for_an_unknown_number_is_not_found",
        given=None,
        action=SENT,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="notification_result_without_a_notification_is_refused",
        given=RESERVED,
        action=SENT,
        refused=RejectionCode.NOTIFICATION_NOT_OPEN,
    ),
    Row(
        name="notification_result_for_an_earlier_notification_is_refused",
        given=RESENT,
        action=SENT,
        refused=RejectionCode.NOTIFICATION_NOT_OPEN,
    ),
    Row(
        name="notification_result_told_twice_is_refused",
        given=NOTIFIED,
        action=FAILED,
        refused=RejectionCode.NOTIFICATION_NOT_OPEN,
    ),
    Row(
        name="request_notification_opens_a_new_one_on_the_channel_of_the_last",
        given=REVEALED_AND_NOTIFIED,
        action=RESEND,
        events=(EventType.NOTIFICATION_REQUESTED,),
        lifecycle=Lifecycle.ISSUED,
        status=Status.NOTIFICATION_REQUESTED,
        then={"notification": OPEN},
    ),
    Row(
        name="request_notification_on_another_channel_uses_that_channel",
        given=REDEEMED,
        action=RequestNotification(notification_channel=NotificationChannel.EMAIL),
        events=(EventType.NOTIFICATION_REQUESTED,),
        lifecycle=Lifecycle.REDEEMED,
        then={"notification": replace(OPEN, channel=NotificationChannel.EMAIL)},
    ),
    Row(
        name="request_notification_of_an_unknown_number_is_not_found",
        given=None,
        action=RESEND,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="request_notification_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=RESEND,
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="request_notification_before_issue_is_refused",
        given=AVAILABLE,
        action=RESEND,
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="reveal_cvc_for_the_open_notification_makes_the_first_version",
        given=ISSUED,
        action=REVEAL,
        events=(EventType.CVC_REVEALED,),
        then={
            "cvc": Cvc(key_id=CVC_KEY, version=1),
            "notification": replace(OPEN, notification_id="notification-1", revealed=True),
        },
    ),
    Row(
        name="reveal_cvc_after_a_resend_makes_a_new_version_with_the_key_of_the_day",
        given=RESENT,
        action=RevealCvc(key_id="key-2"),
        events=(EventType.CVC_REVEALED,),
        then={"cvc": Cvc(key_id="key-2", version=2)},
    ),
    Row(
        name="reveal_cvc_of_an_unknown_number_is_not_found",
        given=None,
        action=REVEAL,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="reveal_cvc_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=REVEAL,
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="reveal_cvc_before_issue_is_refused",
        given=RESERVED,
        action=REVEAL,
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="reveal_cvc_twice_for_one_notification_is_refused",
        given=ISSUED_AND_REVEALED,
        action=REVEAL,
        refused=RejectionCode.CVC_ALREADY_REVEALED,
    ),
    Row(
        name="reveal_cvc_again_after_delivery_is_refused_as_already_revealed",
        given=REVEALED_AND_NOTIFIED,
        action=REVEAL,
        refused=RejectionCode.CVC_ALREADY_REVEALED,
    ),
    Row(
        name="reveal_cvc_after_the_notification_was_closed_unrevealed_is_refused",
        given=NOTIFIED,
        action=REVEAL,
        refused=RejectionCode.NOTIFICATION_NOT_OPEN,
    ),
    Row(
        name="reveal_cvc_without_any_notification_is_refused",
        given=replace(ISSUED, notification=None),
        action=REVEAL,
        refused=RejectionCode.NOTIFICATION_NOT_OPEN,
    ),
    Row(
        name="reveal_cvc_of_a_locked_certificate_is_allowed_because_no_value_leaves",
        given=locked(ISSUED),
        action=REVEAL,
        events=(EventType.CVC_REVEALED,),
        status=Status.LOCKED,
    ),
)
