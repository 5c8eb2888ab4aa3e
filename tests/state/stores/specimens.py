"""One full value of every record in the stores: what the golden files hold.

Every field is set, so that a renamed or retyped one shows. Owns no expectation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from state.certificate.commands import Channel, NotificationChannel
from state.certificate.record import (
    CapturedHold,
    Certificate,
    CertificateState,
    Cvc,
    Hold,
    Lifecycle,
    LockInfo,
    Notification,
    NotificationStatus,
    OrderLedger,
    Reservation,
    Status,
)
from state.certificate.rejections import Rejection, RejectionCode
from state.certificate.transition import Outcome
from state.correlation.facts import (
    CertificateLine,
    CertificateOperation,
    CertificateTender,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.record import Correlation
from state.pool.queue import PoolHead, Take
from state.stores import codec
from tests.state.stores.history_specimens import AT_MS, ENTRIES

# No rule makes a certificate with all of this at once: a record's bytes do not ask the rules.
CERTIFICATE = Certificate(
    certificate_id="GC-0000-0042",
    pool="ELECTRONIC",
    lifecycle=Lifecycle.PARTIALLY_REDEEMED,
    status=Status.LOCKED,
    channel=Channel.ONLINE_STORE,
    order_id="order-1",
    client_id="client-7",
    correlation_id="correlation-1",
    currency="RUB",
    nominal_minor=150_000,
    remaining_minor=99_950,
    redeemed_minor=60_050,
    refunded_minor=10_000,
    annulled_minor=0,
    reservation=Reservation(
        reservation_id="request-1",
        channel=Channel.POS,
        order_id="order-1",
        until_ms=AT_MS + 1,
    ),
    issued_at_ms=AT_MS + 2,
    activated_at_ms=AT_MS + 3,
    expires_at_ms=AT_MS + 4,
    notification=Notification(
        notification_id="correlation-1/issue/1",
        channel=NotificationChannel.SMS,
        status=NotificationStatus.SENT,
        revealed=True,
    ),
    cvc=Cvc(key_id="2025-01", version=2, wrong_tries=1),
    lock=LockInfo(reason="reported stolen", by="support-3", at_ms=AT_MS + 5),
    holds={
        "hold-1": Hold(
            order_id="order-2",
            amount_minor=10_000,
            expires_at_ms=AT_MS + 6,
            channel=Channel.POS,
        )
    },
    captures={
        "hold-0": CapturedHold(order_id="order-3", amount_minor=50_050, confirmed_minor=50_050)
    },
    orders={"order-3": OrderLedger(redeemed_minor=60_050, refunded_minor=10_000)},
)

CERTIFICATE_STATE = CertificateState(sequence=17, certificate=CERTIFICATE)

# Holds did not say whose they are.
_FIRST_STATE = replace(
    CERTIFICATE_STATE,
    certificate=replace(
        CERTIFICATE, holds={"hold-1": replace(CERTIFICATE.holds["hold-1"], channel=None)}
    ),
)

OUTCOME = Outcome(
    command_id="request-1",
    certificate_id="GC-0000-0042",
    body_digest="0123456789abcdef",
    decided_at_ms=AT_MS,
    rejection=Rejection(code=RejectionCode.LOCKED, detail="since yesterday"),
    sequence=17,
    status=Status.LOCKED,
    currency="RUB",
    remaining_minor=99_950,
    held_minor=10_000,
    amount_minor=5_000,
    reservation_id="request-1",
    reserved_until_ms=AT_MS + 1,
    authorization_id="hold-1",
    hold_expires_at_ms=AT_MS + 6,
    notification_id="correlation-1/issue/1",
    cvc_key_id="2025-01",
    cvc_version=2,
    passed_on=True,
)

CORRELATION = Correlation(
    correlation_id="correlation-1",
    since_ms=AT_MS,
    order=OrderSeen(
        order_id="order-1",
        version=3,
        channel=Channel.ONLINE_STORE,
        status=OrderStatus.CONFIRMED,
        client_id="client-7",
        currency="RUB",
        total_minor=159_900,
        lines=(
            CertificateLine(line_id="1", amount_minor=150_000, certificate_id="GC-0000-0042"),
            CertificateLine(line_id="2", amount_minor=9_900, certificate_id=None),
        ),
        tenders=(CertificateTender(certificate_id="GC-0000-0007", amount_minor=50_000),),
        notification_channel=NotificationChannel.EMAIL,
    ),
    ordinary_version=2,
    ordinary_order_id="order-2",
    other_order_id="order-3",
    payments={
        "CAPTURE/payment-1": PaymentSeen(
            payment_id="payment-1",
            order_id="order-1",
            type=PaymentType.CAPTURE,
            status=PaymentStatus.SUCCEEDED,
            amount_minor=109_900,
            currency="RUB",
            tender=Tender.GIFT_CERTIFICATE,
            certificate_id="GC-0000-0007",
            operation=CertificateOperation.REDEMPTION,
            authorization_id="hold-1",
            original_payment_id="payment-0",
            failure_reason="none",
        )
    },
    done={"issue/1": AT_MS + 1, "redeem/payment-1": AT_MS + 2},
    redeemed={"payment-1": "GC-0000-0007"},
    waiting_since_ms=AT_MS + 3,
    deadline_ms=AT_MS + 4,
    ordinary_draft=True,
)

POOL_HEAD = PoolHead(
    first=7,
    next_position=1_000_007,
    level=999_990,
    sequence=4,
    window_started_ms=AT_MS,
    taken=10,
    low_mark=100,
    alerted=True,
)

POOL_TAKE = Take(body_digest="0123456789abcdef", certificate_id="GC-0000-0042")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """One kind of value in the stores: its name in the golden files, a specimen, and its codec.

    `earlier` is what a golden file of an edition before gives, where it knew less.
    """

    specimen: object
    encode: Callable[..., bytes]
    decode: Callable[[bytes], object]
    earlier: Mapping[int, object] = field(default_factory=dict)


RECORDS: Mapping[str, StoredRecord] = {
    "certificate-state": StoredRecord(
        specimen=CERTIFICATE_STATE,
        encode=codec.CERTIFICATE_STATE.encode,
        decode=codec.CERTIFICATE_STATE.decode,
        earlier={1: _FIRST_STATE},
    ),
    "outcome": StoredRecord(
        specimen=OUTCOME,
        encode=codec.OUTCOME.encode,
        decode=codec.OUTCOME.decode,
        # A request that was passed on was not told from others.
        earlier={1: replace(OUTCOME, passed_on=False)},
    ),
    "correlation": StoredRecord(
        specimen=CORRELATION,
        encode=codec.CORRELATION.encode,
        decode=codec.CORRELATION.decode,
        # Neither an ordinary order nor a second order under the key was named.
        earlier={1: replace(CORRELATION, ordinary_order_id=None, other_order_id=None)},
    ),
    "pool-head": StoredRecord(
        specimen=POOL_HEAD, encode=codec.POOL_HEAD.encode, decode=codec.POOL_HEAD.decode
    ),
    "pool-take": StoredRecord(
        specimen=POOL_TAKE, encode=codec.POOL_TAKE.encode, decode=codec.POOL_TAKE.decode
    ),
    "text": StoredRecord(
        specimen="GC-0000-0042", encode=codec.encode_text, decode=codec.decode_text
    ),
    "number": StoredRecord(
        specimen=1_000_007, encode=codec.encode_number, decode=codec.decode_number
    ),
    **{
        name: StoredRecord(
            specimen=entry, encode=codec.HISTORY_ENTRY.encode, decode=codec.HISTORY_ENTRY.decode
        )
        for name, entry in ENTRIES.items()
    },
}
