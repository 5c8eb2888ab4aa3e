"""One full value of every record, every optional field set, in the shape of its current version.

What a golden file of a published version is made from, and what tests encode when the values do not
matter. Amounts are written as the ten-thousandths that are on the wire.
"""

from pipelines.contracts.framing import Fields
from pipelines.contracts.schemas import RecordName, Schema

AT_MS = 1_735_689_600_123  # 2025-01-01T00:00:00.123Z


def wire_amount(ten_thousandths: int) -> bytes:
    """The bytes of a decimal(18,4), with the library's own arithmetic as little as possible."""
    length = 1
    while not -(1 << (8 * length - 1)) <= ten_thousandths < 1 << (8 * length - 1):
        length += 1
    return ten_thousandths.to_bytes(length, "big", signed=True)


_SNAPSHOT = {
    "certificateId": "GC-0000-0042",
    "pool": "ELECTRONIC",
    "status": "LOCKED",
    "lifecycle": "PARTIALLY_REDEEMED",
    "channel": "ONLINE_STORE",
    "orderId": "order-1",
    "clientId": "client-7",
    "nominal": wire_amount(15_000_000),
    "remainingBalance": wire_amount(9_995_000),
    "held": wire_amount(1_000_000),
    "currency": "RUB",
    "reservedUntil": AT_MS + 1,
    "issuedAt": AT_MS + 2,
    "activatedAt": AT_MS + 3,
    "expiresAt": AT_MS + 4,
    "notification": {"id": "notification-1", "channel": "SMS", "status": "SENT"},
    "lock": {"reason": "the card was reported stolen", "by": "support-3", "at": AT_MS + 5},
    "version": 9,
}

SAMPLES: dict[RecordName, Fields] = {
    RecordName.SALES_ORDER: {
        "eventId": "order-event-1",
        "eventTime": AT_MS,
        "orderId": "order-1",
        "correlationId": "correlation-1",
        "version": 3,
        "channel": "ONLINE_STORE",
        "status": "CONFIRMED",
        "clientId": "client-7",
        "storeId": "store-12",
        "currency": "RUB",
        "total": wire_amount(15_990_000),
        "lines": [
            {
                "lineId": "1",
                "kind": "GIFT_CERTIFICATE",
                "sku": "GC-1500",
                "quantity": 1,
                "amount": wire_amount(15_000_000),
                "certificateId": "GC-0000-0042",
            },
            {
                "lineId": "2",
                "kind": "GOODS",
                "sku": "4607001771562",
                "quantity": 2,
                "amount": wire_amount(990_000),
                "certificateId": None,
            },
        ],
        "certificateTenders": [{"certificateId": "GC-0000-0007", "amount": wire_amount(500_000)}],
        "notification": {"channel": "SMS", "addressToken": "token-of-the-crm"},
    },
    RecordName.PAYMENT: {
        "eventId": "payment-event-1",
        "eventTime": AT_MS,
        "paymentId": "payment-1",
        "orderId": "order-1",
        "correlationId": "correlation-1",
        "channel": "POS",
        "type": "REFUND",
        "status": "FAILED",
        "amount": wire_amount(15_000_000),
        "currency": "RUB",
        "tender": "GIFT_CERTIFICATE",
        "certificateId": "GC-0000-0042",
        "certificateOperation": "REFUND",
        "authorizationId": "authorization-1",
        "originalPaymentId": "payment-0",
        "failureReason": "the account is closed",
    },
    RecordName.CLIENT: {
        "eventId": "client-event-1",
        "eventTime": AT_MS,
        "clientId": "client-7",
        "correlationId": "correlation-1",
        "delivery": {
            "certificateId": "GC-0000-0042",
            "notificationId": "notification-1",
            "channel": "EMAIL",
            "outcome": "FAILED",
            "reason": "the mailbox is full",
        },
    },
    RecordName.FACT: {
        "factId": "order-event-1",
        "type": "ORDER",
        "correlationId": "correlation-1",
        "at": AT_MS,
        "missingAfterMs": 86_400_000,
        "forgetAfterMs": 604_800_000,
        "order": {
            "orderId": "order-1",
            "version": 3,
            "channel": "ONLINE_STORE",
            "status": "CONFIRMED",
            "clientId": "client-7",
            "currency": "RUB",
            "total": wire_amount(15_990_000),
            "lines": [
                {
                    "lineId": "1",
                    "amount": wire_amount(15_000_000),
                    "certificateId": "GC-0000-0042",
                }
            ],
            "tenders": [{"certificateId": "GC-0000-0007", "amount": wire_amount(500_000)}],
            "notificationChannel": "SMS",
        },
        "ordinaryOrder": {"orderId": "order-2", "version": 1, "status": "COMPLETED"},
        "payment": {
            "paymentId": "payment-1",
            "orderId": "order-1",
            "type": "CAPTURE",
            "status": "SUCCEEDED",
            "amount": wire_amount(15_000_000),
            "currency": "RUB",
            "tender": "CARD",
            "certificateId": "GC-0000-0042",
            "operation": "PURCHASE",
            "authorizationId": "authorization-1",
            "originalPaymentId": "payment-0",
            "failureReason": "none",
        },
    },
    RecordName.COMMAND: {
        "commandId": "command-1",
        "type": "AUTHORIZE",
        "at": AT_MS,
        "certificateId": "GC-0000-0042",
        "origin": "HTTP",
        "correlationId": "correlation-1",
        "actor": "till-4",
        "replyTo": "edge-0",
        "bodyDigest": "9f86d081",
        "pool": "ELECTRONIC",
        "channel": "POS",
        "orderId": "order-1",
        "clientId": "client-7",
        "paymentId": "payment-1",
        "reservationId": "reservation-1",
        "reservedUntil": AT_MS + 1,
        "authorizationId": "authorization-1",
        "amount": wire_amount(500_000),
        "currency": "RUB",
        "expiresAt": AT_MS + 2,
        "acceptPartial": True,
        "notificationId": "notification-1",
        "notificationChannel": "EMAIL",
        "sent": False,
        "cvcKeyId": "key-1",
        "cvcVersion": 2,
        "cvcMatches": True,
        "alertCode": "OVERPAID",
        "reason": "more was paid than the order costs",
    },
    RecordName.POOL_COMMAND: {
        "type": "TAKE_NEXT",
        "pool": "ELECTRONIC",
        "at": AT_MS,
        "certificateId": "GC-0000-0042",
        "requestId": "request-1",
        "bodyDigest": "9f86d081",
        "channel": "ONLINE_STORE",
        "orderId": "order-1",
        "reservedUntil": AT_MS + 1,
        "lowMark": 100,
        "insteadOf": "GC-0000-0041",
        "replyTo": "edge-0",
        "actor": "store-front",
    },
    RecordName.GIFT_CERTIFICATE_EVENT: {
        "eventId": "event-9",
        "eventType": "redeem.partial",
        "status": "PARTIALLY_REDEEMED",
        "channel": "POS",
        "occurredAt": AT_MS,
        "sequence": 9,
        "correlationId": "correlation-1",
        "causationId": "command-1",
        "actor": "till-4",
        "reason": {"code": "PARTLY_USED", "text": "part of it was spent"},
        "entry": {
            "kind": "REDEEM",
            "amount": wire_amount(-5_005_000),
            "remainingBalance": wire_amount(9_995_000),
            "held": wire_amount(1_000_000),
        },
        "payload": _SNAPSHOT,
    },
    RecordName.INDEX_ENTRY: {
        "entry": "order:order-1",
        "certificateId": "GC-0000-0042",
        "at": AT_MS,
    },
    RecordName.REPLY: {
        "requestId": "request-1",
        "bodyDigest": "fedcba9876543210",
        "replyTo": "edge-0",
        "at": AT_MS,
        "rejection": {
            "code": "INSUFFICIENT_BALANCE",
            "text": "the amount is larger than the available balance: 10.00 short",
            "detail": "10.00 short",
        },
        "certificateId": "GC-0000-0042",
        "sequence": 9,
        "status": "ACTIVE",
        "currency": "RUB",
        "remainingBalance": wire_amount(9_995_000),
        "held": wire_amount(1_000_000),
        "amount": wire_amount(500_000),
        "reservationId": "reservation-1",
        "reservedUntil": AT_MS + 1,
        "authorizationId": "authorization-1",
        "holdExpiresAt": AT_MS + 2,
        "notificationId": "notification-1",
        "cvcKeyId": "key-1",
        "cvcVersion": 2,
        "position": {"topic": "GiftCertificates.Commands", "partition": 3, "offset": 1_234_567},
    },
}


def sample_of(schema: Schema) -> Fields:
    """The sample as a writer of that version would have written it: without later fields."""
    written = {field["name"] for field in schema.declared["fields"]}
    return {name: value for name, value in SAMPLES[schema.record].items() if name in written}
