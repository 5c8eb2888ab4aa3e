"""What a number that nobody owns yet does when it is asked: load, reserve, expire, release."""

from state.certificate.commands import (
    ExpireReservation,
    Load,
    Release,
    Reserve,
)
from state.certificate.decision import AskPoolAgain, ForgetInPool, ReturnToPool
from state.certificate.events import EventType
from state.certificate.record import Lifecycle, Reservation, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    ANNULLED_UNSOLD,
    AVAILABLE,
    CHANNEL,
    ISSUED,
    ORDER,
    OTHER_CHANNEL,
    OTHER_ORDER,
    POOL,
    RESERVED,
    RESERVED_FOR_ANYONE,
    RESERVED_UNTIL_MS,
    locked,
    reserve_number,
)
from tests.state.certificate.table import Row

RESERVE = Reserve(pool=POOL, channel=CHANNEL, order_id=ORDER, until_ms=RESERVED_UNTIL_MS)
BOOKED = Reservation(
    reservation_id="request", channel=CHANNEL, order_id=ORDER, until_ms=RESERVED_UNTIL_MS
)
AGAIN = AskPoolAgain(pool=POOL)
BACK = ReturnToPool(pool=POOL)

STOCK_ROWS = (
    Row(
        name="load_of_a_number_never_seen_makes_it_available_and_adds_it_to_its_pool",
        given=None,
        action=Load(pool=POOL),
        events=(EventType.LOAD,),
        pool=BACK,
        lifecycle=Lifecycle.AVAILABLE,
        status=Status.AVAILABLE,
        then={"pool": POOL, "certificate_id": "GC-0001", "remaining_minor": 0},
    ),
    Row(
        name="load_of_a_number_seen_before_is_refused_as_duplicate",
        given=AVAILABLE,
        action=Load(pool=POOL),
        refused=RejectionCode.DUPLICATE_NUMBER,
    ),
    Row(
        name="load_of_an_annulled_number_into_another_pool_is_refused_as_duplicate",
        given=ANNULLED_UNSOLD,
        action=Load(pool="PHYSICAL"),
        refused=RejectionCode.DUPLICATE_NUMBER,
    ),
    Row(
        name="reserve_of_an_available_number_reserves_it_until_its_deadline",
        given=AVAILABLE,
        action=RESERVE,
        events=(EventType.RESERVE,),
        lifecycle=Lifecycle.RESERVED,
        status=Status.RESERVED,
        then={"reservation": BOOKED, "channel": CHANNEL},
    ),
    Row(
        name="reserve_of_an_unknown_number_asks_the_pool_again",
        given=None,
        action=RESERVE,
        pool=AGAIN,
    ),
    Row(
        name="reserve_of_a_reserved_number_asks_the_pool_again",
        given=RESERVED,
        action=RESERVE,
        pool=AGAIN,
    ),
    Row(
        name="reserve_of_a_sold_number_asks_the_pool_again",
        given=ACTIVE,
        action=RESERVE,
        pool=AGAIN,
    ),
    Row(
        name="reserve_of_a_locked_number_asks_the_pool_again",
        given=locked(AVAILABLE),
        action=RESERVE,
        pool=AGAIN,
    ),
    Row(
        name="reserve_number_of_an_available_card_reserves_it_and_the_pool_forgets_it",
        given=AVAILABLE,
        action=reserve_number(),
        events=(EventType.RESERVE,),
        pool=ForgetInPool(pool=POOL),
        lifecycle=Lifecycle.RESERVED,
        status=Status.RESERVED,
        then={"reservation": BOOKED, "channel": CHANNEL},
    ),
    Row(
        name="reserve_number_of_an_unknown_card_is_not_found",
        given=None,
        action=reserve_number(),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="reserve_number_of_a_reserved_card_is_refused",
        given=RESERVED,
        action=reserve_number(),
        refused=RejectionCode.NOT_AVAILABLE,
    ),
    Row(
        name="reserve_number_of_an_annulled_card_is_refused",
        given=ANNULLED_UNSOLD,
        action=reserve_number(),
        refused=RejectionCode.NOT_AVAILABLE,
    ),
    Row(
        name="reserve_number_of_a_locked_card_is_refused",
        given=locked(AVAILABLE),
        action=reserve_number(),
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="expire_reservation_at_the_deadline_releases_and_returns_the_number_to_its_pool",
        given=RESERVED,
        action=ExpireReservation(reservation_id="reservation"),
        at_ms=RESERVED_UNTIL_MS,
        events=(EventType.RELEASE,),
        pool=BACK,
        lifecycle=Lifecycle.AVAILABLE,
        status=Status.AVAILABLE,
        then={"reservation": None, "channel": None},
    ),
    Row(
        name="expire_reservation_of_an_unknown_number_is_not_found",
        given=None,
        action=ExpireReservation(reservation_id="reservation"),
        at_ms=RESERVED_UNTIL_MS,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="expire_reservation_of_another_reservation_is_refused",
        given=RESERVED,
        action=ExpireReservation(reservation_id="an-earlier-one"),
        at_ms=RESERVED_UNTIL_MS,
        refused=RejectionCode.NOT_RESERVED,
    ),
    Row(
        name="expire_reservation_after_issue_is_refused",
        given=ISSUED,
        action=ExpireReservation(reservation_id="reservation"),
        at_ms=RESERVED_UNTIL_MS,
        refused=RejectionCode.NOT_RESERVED,
    ),
    Row(
        name="expire_reservation_a_millisecond_early_is_refused",
        given=RESERVED,
        action=ExpireReservation(reservation_id="reservation"),
        at_ms=RESERVED_UNTIL_MS - 1,
        refused=RejectionCode.NOT_DUE,
    ),
    Row(
        name="release_by_the_reserving_order_returns_the_number_to_its_pool",
        given=RESERVED,
        action=Release(order_id=ORDER, channel=CHANNEL),
        events=(EventType.RELEASE,),
        pool=BACK,
        lifecycle=Lifecycle.AVAILABLE,
        status=Status.AVAILABLE,
        then={"reservation": None, "channel": None},
    ),
    Row(
        name="expire_reservation_without_an_order_returns_the_number_to_its_pool",
        given=RESERVED_FOR_ANYONE,
        action=ExpireReservation(reservation_id="reservation"),
        at_ms=RESERVED_UNTIL_MS,
        events=(EventType.RELEASE,),
        pool=BACK,
        lifecycle=Lifecycle.AVAILABLE,
    ),
    Row(
        name="release_of_an_unknown_number_is_not_found",
        given=None,
        action=Release(order_id=ORDER, channel=CHANNEL),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="release_of_a_number_that_is_not_reserved_is_refused",
        given=AVAILABLE,
        action=Release(order_id=ORDER, channel=CHANNEL),
        refused=RejectionCode.NOT_RESERVED,
    ),
    Row(
        name="release_by_another_channel_leaves_the_reservation_alone",
        given=RESERVED,
        action=Release(order_id=ORDER, channel=OTHER_CHANNEL),
        refused=RejectionCode.NOT_RESERVED,
    ),
    Row(
        name="release_by_another_order_leaves_the_reservation_alone",
        given=RESERVED,
        action=Release(order_id=OTHER_ORDER, channel=CHANNEL),
        refused=RejectionCode.NOT_RESERVED,
    ),
    Row(
        name="release_of_a_reservation_without_an_order_leaves_it_alone",
        given=RESERVED_FOR_ANYONE,
        action=Release(order_id=ORDER, channel=CHANNEL),
        refused=RejectionCode.NOT_RESERVED,
    ),
)
