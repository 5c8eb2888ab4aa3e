"""Events as records of the stream: headline, entry and reason of every type, and no secret."""

from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.contracts.event_record import (
    NO_AMOUNT,
    event_to_record,
    pool_event_record,
    stream_headers,
)
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    CancelPurchase,
    Capture,
    ExpireHold,
    Load,
    Lock,
    NotificationResult,
    Origin,
    RaiseAlert,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.events import EventType
from state.certificate.record import Certificate, CertificateState, Status
from state.certificate.transition import transition
from tests.contracts.samples import wire_amount
from tests.state.certificate import specimens
from tests.state.certificate.specimens import (
    CHANNEL,
    NOMINAL_MINOR,
    ORDER,
    POOL,
    SPENDER,
    after,
    authorize_action,
    issue_action,
    money,
    redeem_action,
    reserve_number,
)

FRAMING = SingleObjectFraming()
FULL = wire_amount(NOMINAL_MINOR * 100)
EVENT_ID = "5f3c2f0e-0000-5000-8000-000000000001"
LOCKED = after(specimens.ACTIVE, Lock(reason="reported stolen"), "lock")
PENDING = after(specimens.PARTIALLY_REDEEMED, RefundPending(order_id=SPENDER), "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the stream says of one action: a row for each event, in order.

    An entry is its kind, signed amount, balance and held after it, in ten-thousandths.
    """

    before: Certificate | None
    action: Action
    events: tuple[tuple[str, str, tuple[str, int, int, int] | None, str | None], ...]
    origin: Origin = Origin.HTTP


UNIT = 100  # ten-thousandths of a minor unit of roubles
NOMINAL = NOMINAL_MINOR * UNIT
HOLD = specimens.HOLD_MINOR * UNIT
REST = NOMINAL - HOLD

STORIES = {
    "load": Told(before=None, action=Load(pool=POOL), events=(("load", "AVAILABLE", None, None),)),
    "reserve": Told(
        before=specimens.AVAILABLE,
        action=reserve_number(),
        events=(("reserve", "RESERVED", None, None),),
    ),
    "release": Told(
        before=specimens.RESERVED,
        action=Release(order_id=ORDER, channel=CHANNEL),
        events=(("release", "AVAILABLE", None, "ORDER_CANCELLED"),),
    ),
    "issue": Told(
        before=specimens.RESERVED,
        action=issue_action(),
        events=(
            ("issue", "ISSUED", ("ISSUE", NOMINAL, NOMINAL, 0), None),
            ("notification.requested", "NOTIFICATION_REQUESTED", None, None),
        ),
    ),
    "activate": Told(
        before=specimens.ISSUED,
        action=Activate(order_id=ORDER),
        events=(("activate", "ACTIVE", None, None),),
    ),
    "sent": Told(
        before=specimens.ISSUED,
        action=NotificationResult(notification_id="notification-1", sent=True, reason=""),
        events=(("notification.sent", "NOTIFICATION_SENT", None, None),),
    ),
    "failed": Told(
        before=specimens.ISSUED,
        action=NotificationResult(notification_id="notification-1", sent=False, reason="no phone"),
        events=(("notification.failed", "NOTIFICATION_FAILED", None, "DELIVERY_FAILED"),),
    ),
    "reveal": Told(
        before=specimens.ISSUED,
        action=RevealCvc(key_id=specimens.CVC_KEY),
        events=(("cvc.revealed", "NOTIFICATION_REQUESTED", None, None),),
    ),
    "authorize": Told(
        before=specimens.ACTIVE,
        action=authorize_action(),
        events=(("authorize", "ACTIVE", ("AUTHORIZE", 0, NOMINAL, HOLD), None),),
    ),
    "capture": Told(
        before=specimens.HELD,
        action=Capture(authorization_id="hold-1", amount=None),
        events=(
            ("capture", "ACTIVE", ("CAPTURE", 0, NOMINAL, 0), None),
            ("redeem.partial", "PARTIALLY_REDEEMED", ("REDEEM", -HOLD, REST, 0), None),
        ),
    ),
    "capture confirmed": Told(
        before=specimens.CAPTURED,
        action=redeem_action(specimens.HOLD_MINOR, authorization_id="hold-1"),
        events=(("capture", "PARTIALLY_REDEEMED", None, "CAPTURE_CONFIRMED"),),
    ),
    "void": Told(
        before=specimens.HELD,
        action=Void(authorization_id="hold-1"),
        events=(("void", "ACTIVE", ("VOID", 0, NOMINAL, 0), None),),
    ),
    "redeem": Told(
        before=specimens.ACTIVE,
        action=redeem_action(NOMINAL_MINOR),
        events=(("redeem.full", "REDEEMED", ("REDEEM", -NOMINAL, 0, 0), None),),
    ),
    "pending": Told(
        before=specimens.PARTIALLY_REDEEMED,
        action=RefundPending(order_id=SPENDER),
        events=(("refund.pending", "REFUND_PENDING", None, None),),
    ),
    "details": Told(
        before=PENDING,
        action=RefundPendingDetails(order_id=SPENDER, reason="the card is closed"),
        events=(("refund.pendingDetails", "REFUND_PENDING_DETAILS", None, "REFUND_FAILED"),),
    ),
    "refund": Told(
        before=specimens.REDEEMED,
        action=RefundToCertificate(order_id=SPENDER, payment_id="p", amount=money(NOMINAL_MINOR)),
        events=(("refund", "REFUNDED", ("REFUND", NOMINAL, NOMINAL, 0), None),),
    ),
    "purchase undone": Told(
        before=specimens.ACTIVE,
        action=CancelPurchase(order_id=ORDER),
        events=(("refund", "REFUNDED", ("PURCHASE_UNDONE", -NOMINAL, 0, 0), "PURCHASE_UNDONE"),),
    ),
    "lock": Told(
        before=specimens.ACTIVE,
        action=Lock(reason="reported stolen"),
        events=(("lock", "LOCKED", None, "SUPPORT"),),
    ),
    "unlock": Told(
        before=LOCKED,
        action=Unlock(reason="found again"),
        events=(("unlock", "ACTIVE", None, "SUPPORT"),),
    ),
    "annul": Told(
        before=specimens.ACTIVE,
        action=Annul(reason="misprint"),
        events=(("annul", "ANNULLED", ("ANNUL", -NOMINAL, 0, 0), "SUPPORT"),),
    ),
    "annul before issue": Told(
        before=specimens.AVAILABLE,
        action=Annul(reason="misprint"),
        events=(("annul", "ANNULLED", ("ANNUL", 0, 0, 0), "SUPPORT"),),
    ),
    "alert": Told(
        before=None,
        action=RaiseAlert(code="ORDER_MISSING", text="no order"),
        events=(("alert", "ALERT", None, "ORDER_MISSING"),),
        origin=Origin.FACT,
    ),
    "error": Told(
        before=None,
        action=Activate(order_id=ORDER),
        events=(("error", "ERROR", None, "NOT_FOUND"),),
        origin=Origin.FACT,
    ),
    "wrong code": Told(
        before=specimens.ACTIVE,
        action=authorize_action(cvc_matches=False),
        events=(("error", "ERROR", None, "WRONG_CVC"),),
    ),
}


def records_of(story: Told, at_ms: int = specimens.NOW_MS) -> list[dict[str, Any]]:
    """The records of all events of one action, each after the whole way through Avro's bytes."""
    command = specimens.command(
        story.action, origin=story.origin, at_ms=at_ms, correlation_id="c-1", actor="somebody"
    )
    state = CertificateState(sequence=6, certificate=story.before)
    records = []
    for published in transition(state, None, command).published:
        framed = FRAMING.encode(
            RecordName.GIFT_CERTIFICATE_EVENT, event_to_record(published, command, EVENT_ID)
        )
        records.append(FRAMING.decode(RecordName.GIFT_CERTIFICATE_EVENT, framed))
    return records


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


def _entry(record: dict[str, Any]) -> tuple[str, int, int, int] | None:
    entry = record["entry"]
    if entry is None:
        return None
    amounts = (_signed(entry[name]) for name in ("amount", "remainingBalance", "held"))
    return (entry["kind"], *amounts)


@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_event_tells_headline_entry_and_reason(story: Told) -> None:
    told = tuple(
        (
            record["eventType"],
            record["status"],
            _entry(record),
            record["reason"] and record["reason"]["code"],
        )
        for record in records_of(story)
    )
    assert told == story.events


@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_event_is_numbered_and_names_its_cause(story: Told) -> None:
    for position, record in enumerate(records_of(story)):
        assert record["sequence"] == 7 + position
        assert record["eventId"] == EVENT_ID
        assert (record["causationId"], record["actor"]) == ("request", "somebody")
        assert (record["correlationId"], record["occurredAt"]) == ("c-1", specimens.NOW_MS)
        payload = record["payload"]
        if payload is None:
            assert record["eventType"] in ("alert", "error")
        else:
            assert payload["version"] == record["sequence"]


def test_every_event_type_of_a_certificate_has_a_story() -> None:
    told = {event[0] for story in STORIES.values() for event in story.events}
    of_pools = {EventType.ISSUE_BLOCKED}
    of_timers = {EventType.HOLD_EXPIRED}
    assert told == {kind.value for kind in set(EventType) - of_pools - of_timers}


def test_hold_expired_by_a_timer_frees_what_was_held() -> None:
    story = Told(
        before=specimens.HELD,
        action=ExpireHold(authorization_id="hold-1"),
        events=(),
        origin=Origin.TIMER,
    )
    (record,) = records_of(story, at_ms=specimens.HOLD_UNTIL_MS)
    assert (record["eventType"], _entry(record)) == (
        "hold.expired",
        ("HOLD_EXPIRED", 0, NOMINAL, 0),
    )


def test_snapshot_shows_the_whole_certificate_and_no_code() -> None:
    held = after(LOCKED, Unlock(reason="found"), "unlock")
    (record,) = records_of(Told(before=held, action=authorize_action(), events=()))
    payload = record["payload"]
    assert payload == {
        "certificateId": specimens.NUMBER,
        "pool": POOL,
        "status": "ACTIVE",
        "lifecycle": "ACTIVE",
        "channel": "ONLINE_STORE",
        "orderId": ORDER,
        "clientId": "client-1",
        "nominal": FULL,
        "remainingBalance": FULL,
        "held": wire_amount(HOLD),
        "currency": "RUB",
        "reservedUntil": None,
        "issuedAt": specimens.NOW_MS,
        "activatedAt": specimens.NOW_MS,
        "expiresAt": None,
        "notification": {"id": "notification-1", "channel": "SMS", "status": "REQUESTED"},
        "lock": None,
        "version": 7,
    }


def test_snapshot_of_a_reservation_shows_its_order_and_end() -> None:
    (record,) = records_of(STORIES["reserve"])
    payload = record["payload"]
    assert payload["orderId"] == ORDER
    assert payload["reservedUntil"] == specimens.RESERVED_UNTIL_MS
    assert payload["nominal"] == NO_AMOUNT
    assert payload["currency"] is None


def test_snapshot_of_a_locked_certificate_shows_who_why_and_when() -> None:
    (record,) = records_of(STORIES["lock"])
    assert record["payload"]["lock"] == {
        "reason": "reported stolen",
        "by": "somebody",
        "at": specimens.NOW_MS,
    }


def test_headers_let_consumers_filter_without_decoding() -> None:
    (record,) = records_of(STORIES["reserve"])
    assert stream_headers(record) == [
        ("eventType", b"reserve"),
        ("status", b"RESERVED"),
        ("channel", b"ONLINE_STORE"),
    ]


def test_headers_of_an_event_without_a_channel_have_none() -> None:
    (record,) = records_of(STORIES["load"])
    assert [name for name, _ in stream_headers(record)] == ["eventType", "status"]


def test_event_of_a_pool_concerns_no_certificate() -> None:
    record = pool_event_record(
        event_id=EVENT_ID,
        event_type=EventType.ISSUE_BLOCKED,
        status=Status.ISSUE_BLOCKED,
        channel="POS",
        at_ms=1,
        sequence=4,
        causation_id="request-1",
        actor=None,
        code="POOL_EMPTY",
        text="the pool has no free number",
    )
    framed = FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, record)
    assert FRAMING.decode(RecordName.GIFT_CERTIFICATE_EVENT, framed) == record
    assert (record["payload"], record["entry"], record["sequence"]) == (None, None, 4)
