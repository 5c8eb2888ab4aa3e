"""What a certificate does when money on it is to be set aside, with the code right or wrong."""

from dataclasses import replace

from state.certificate.events import EventType
from state.certificate.record import Cvc, Hold, Lifecycle, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    CVC_KEY,
    HELD,
    HOLD_MINOR,
    HOLD_UNTIL_MS,
    ISSUED,
    NOMINAL_MINOR,
    OTHER_CURRENCY,
    PARTIALLY_REDEEMED,
    REDEEMED,
    SPENDER,
    after,
    authorize_action,
    locked,
)
from tests.state.certificate.table import Row

AVAILABLE_MINOR = NOMINAL_MINOR - HOLD_MINOR
TRIED = replace(ACTIVE, cvc=replace(ACTIVE.cvc, wrong_tries=4))
HELD_WHOLE = after(ACTIVE, authorize_action(NOMINAL_MINOR), "hold-all")

AUTHORIZE_ROWS = (
    Row(
        name="authorize_of_an_active_certificate_holds_the_amount",
        given=ACTIVE,
        action=authorize_action(),
        events=(EventType.AUTHORIZE,),
        lifecycle=Lifecycle.ACTIVE,
        then={
            "holds": {
                "request": Hold(
                    order_id=SPENDER, amount_minor=HOLD_MINOR, expires_at_ms=HOLD_UNTIL_MS
                )
            },
            "remaining_minor": NOMINAL_MINOR,
            "held_minor": HOLD_MINOR,
            "available_minor": AVAILABLE_MINOR,
        },
    ),
    Row(
        name="authorize_of_a_partially_redeemed_certificate_up_to_what_is_available_holds_it",
        given=PARTIALLY_REDEEMED,
        action=authorize_action(70_00),
        events=(EventType.AUTHORIZE,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        then={"available_minor": 0},
    ),
    Row(
        name="authorize_of_too_much_where_part_is_accepted_holds_what_is_available",
        given=HELD,
        action=authorize_action(NOMINAL_MINOR, accept_partial=True),
        events=(EventType.AUTHORIZE,),
        then={"held_minor": NOMINAL_MINOR, "available_minor": 0},
    ),
    Row(
        name="authorize_with_the_right_code_forgets_the_wrong_tries",
        given=TRIED,
        action=authorize_action(),
        events=(EventType.AUTHORIZE,),
        then={"cvc": Cvc(key_id=CVC_KEY, version=1, wrong_tries=0)},
    ),
    Row(
        name="authorize_of_an_unknown_number_is_not_found",
        given=None,
        action=authorize_action(),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="authorize_before_activation_is_refused",
        given=ISSUED,
        action=authorize_action(),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="authorize_of_a_spent_certificate_is_refused",
        given=REDEEMED,
        action=authorize_action(),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="authorize_of_a_locked_certificate_is_refused_and_counts_no_wrong_try",
        given=locked(ACTIVE),
        action=authorize_action(cvc_matches=False),
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="authorize_with_a_wrong_code_is_refused_told_and_counted",
        given=ACTIVE,
        action=authorize_action(cvc_matches=False),
        events=(EventType.ERROR,),
        refused=RejectionCode.WRONG_CVC,
        then={"cvc": Cvc(key_id=CVC_KEY, version=1, wrong_tries=1), "lock": None},
    ),
    Row(
        name="authorize_with_a_code_of_an_earlier_version_is_refused_as_wrong",
        given=replace(ACTIVE, cvc=Cvc(key_id=CVC_KEY, version=2)),
        action=authorize_action(cvc_version=1),
        events=(EventType.ERROR,),
        refused=RejectionCode.WRONG_CVC,
    ),
    Row(
        name="authorize_before_any_code_was_revealed_is_refused_as_wrong",
        given=replace(ACTIVE, cvc=Cvc()),
        action=authorize_action(cvc_version=0),
        events=(EventType.ERROR,),
        refused=RejectionCode.WRONG_CVC,
    ),
    Row(
        name="authorize_with_the_fifth_wrong_code_in_a_row_locks_and_alerts",
        given=TRIED,
        action=authorize_action(cvc_matches=False),
        events=(EventType.ERROR, EventType.LOCK, EventType.ALERT),
        refused=RejectionCode.WRONG_CVC,
        lifecycle=Lifecycle.ACTIVE,
        status=Status.LOCKED,
        then={"remaining_minor": NOMINAL_MINOR},
    ),
    Row(
        name="authorize_in_another_currency_is_refused",
        given=ACTIVE,
        action=authorize_action(currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="authorize_of_more_than_is_available_is_refused",
        given=HELD,
        action=authorize_action(AVAILABLE_MINOR + 1),
        refused=RejectionCode.INSUFFICIENT_BALANCE,
    ),
    Row(
        name="authorize_of_a_part_where_nothing_is_available_is_refused",
        given=HELD_WHOLE,
        action=authorize_action(1, accept_partial=True),
        refused=RejectionCode.INSUFFICIENT_BALANCE,
    ),
)
