"""Payments of the kit in both versions: what each gives, and each impossible one refused."""

from dataclasses import replace

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.payments import (
    CertificateOperation,
    Payment,
    PaymentStatus,
    PaymentType,
    PaymentVersion1,
    Tender,
)
from pipelines.neighbours.records.record import ImpossibleRecord
from pipelines.topics import ALL_PAYMENTS
from tests.neighbours.records.specimens import AT_MS, PURCHASE, REDEMPTION, SOLD, SPENT, VERSION_1

FIELDS_OF_VERSION_1 = {
    "eventId": "payment-1/CAPTURE/SUCCEEDED",
    "eventTime": AT_MS,
    "paymentId": "payment-1",
    "orderId": "order-1",
    "correlationId": None,
    "channel": "ONLINE_STORE",
    "type": "CAPTURE",
    "status": "SUCCEEDED",
    "amount": minor_to_amount(1_549_00, "RUB"),
    "currency": "RUB",
    "tender": "CARD",
}


def test_payment_of_version_1_gives_the_fields_of_version_1() -> None:
    record = VERSION_1.record()
    assert (record.topic, record.name, record.key, record.version) == (
        ALL_PAYMENTS,
        RecordName.PAYMENT,
        b"payment-1",
        1,
    )
    assert record.value == FIELDS_OF_VERSION_1


def test_payment_gives_every_field_of_the_current_version() -> None:
    record = PURCHASE.record()
    assert (record.topic, record.key, record.version) == (ALL_PAYMENTS, b"payment-1", None)
    assert record.value == {
        **FIELDS_OF_VERSION_1,
        "certificateId": SOLD,
        "certificateOperation": "PURCHASE",
        "authorizationId": None,
        "originalPaymentId": "payment-0",
        "failureReason": None,
    }


def test_event_id_follows_from_the_operation_and_how_it_ended() -> None:
    pending = replace(PURCHASE, status=PaymentStatus.PENDING)
    assert pending.record().event_id == "payment-1/CAPTURE/PENDING"
    assert PURCHASE.record().event_id == VERSION_1.record().event_id
    assert replace(PURCHASE, event_id="theirs").record().event_id == "theirs"


ORDINARY = replace(PURCHASE, certificate_id=None, operation=None)
REFUND = replace(
    REDEMPTION,
    type=PaymentType.REFUND,
    operation=CertificateOperation.REFUND,
    authorization_id=None,
    original_payment_id="payment-2",
)
FAILED = replace(REFUND, status=PaymentStatus.FAILED, failure_reason="the bank said no")

POSSIBLE = [
    ("ordinary", ORDINARY),
    ("of nothing", replace(ORDINARY, amount_minor=0)),
    ("redemption", REDEMPTION),
    ("refund onto a certificate", REFUND),
    ("refund that leaves open with which", replace(REFUND, certificate_id=None)),
    ("failed refund", FAILED),
    ("failed for no reason", replace(FAILED, failure_reason=None)),
    ("several certificates bought", replace(PURCHASE, certificate_id=None)),
    ("money back for a certificate", replace(REFUND, tender=Tender.CARD, certificate_id=SOLD)),
    ("promise of a purchase", replace(PURCHASE, type=PaymentType.AUTHORIZATION,
                                      original_payment_id=None)),
    ("promise given up", replace(PURCHASE, type=PaymentType.VOID)),
    ("in yen", replace(ORDINARY, currency="JPY", amount_minor=1)),
]  # fmt: skip


@pytest.mark.parametrize("payment", [pytest.param(each, id=name) for name, each in POSSIBLE])
def test_possible_payment_is_given(payment: Payment) -> None:
    assert payment.record().value["paymentId"] == payment.payment_id


IMPOSSIBLE = [
    ("no payment id", replace(VERSION_1, payment_id=""), "paymentId is empty"),
    ("no order id", replace(VERSION_1, order_id=""), "orderId is empty"),
    ("empty correlation", replace(VERSION_1, correlation_id=""), "correlationId is empty"),
    ("empty event id", replace(VERSION_1, event_id=""), "eventId is empty"),
    ("no time", replace(VERSION_1, at_ms=-1), "eventTime is not between"),
    ("negative", replace(VERSION_1, amount_minor=-1), "amount: the amount is negative"),
    ("currency", replace(VERSION_1, currency=""), "give whole minor units"),
    (
        "certificate for nothing, version 1",
        replace(VERSION_1, tender=Tender.GIFT_CERTIFICATE, amount_minor=0),
        "amount is zero",
    ),
    ("redemption of nothing", replace(REDEMPTION, amount_minor=0), "amount is zero"),
    (
        "certificate without what for",
        replace(PURCHASE, operation=None),
        "certificateOperation is missing",
    ),
    (
        "certificate tender without what for",
        replace(REDEMPTION, operation=None, certificate_id=None),
        "certificateOperation is missing",
    ),
    (
        "purchase by certificate",
        replace(PURCHASE, tender=Tender.GIFT_CERTIFICATE),
        "a certificate is bought with other money",
    ),
    ("redemption by card", replace(REDEMPTION, tender=Tender.CARD), "a REDEMPTION needs"),
    ("redemption of whatever", replace(REDEMPTION, certificate_id=None), "a REDEMPTION needs"),
    (
        "refund that buys",
        replace(PURCHASE, type=PaymentType.REFUND),
        "type is REFUND on a payment whose certificateOperation is PURCHASE",
    ),
    (
        "refund that redeems",
        replace(REDEMPTION, type=PaymentType.REFUND),
        "type is REFUND on a payment whose certificateOperation is REDEMPTION",
    ),
    (
        "capture that gives back",
        replace(REFUND, type=PaymentType.CAPTURE),
        "type is CAPTURE on a payment whose certificateOperation is REFUND",
    ),
    (
        "hold of a card",
        replace(PURCHASE, authorization_id="hold-1"),
        "authorizationId is set on what captures no hold",
    ),
    (
        "hold of a void",
        replace(REDEMPTION, type=PaymentType.VOID),
        "authorizationId is set on what captures no hold",
    ),
    (
        "promise about a payment",
        replace(PURCHASE, type=PaymentType.AUTHORIZATION),
        "originalPaymentId is set on an AUTHORIZATION",
    ),
    (
        "reason without failure",
        replace(REFUND, failure_reason="no"),
        "failureReason is set on a payment that is SUCCEEDED",
    ),
    (
        "address in the reason",
        replace(FAILED, failure_reason="someone@example.com has no account"),
        "failureReason holds an address: write it through",
    ),
    (
        "endless reason",
        replace(FAILED, failure_reason="no " * 400),
        "failureReason has more than 1000 characters",
    ),
    (
        "no number",
        replace(PURCHASE, certificate_id="1"),
        "certificateId has 1 characters",
    ),
    ("empty hold", replace(REDEMPTION, authorization_id=""), "authorizationId is empty"),
    ("empty original", replace(PURCHASE, original_payment_id=""), "originalPaymentId is empty"),
]


@pytest.mark.parametrize(
    ("payment", "told"), [pytest.param(each, told, id=name) for name, each, told in IMPOSSIBLE]
)
def test_impossible_payment_is_refused_with_what_to_do(payment: PaymentVersion1, told: str) -> None:
    with pytest.raises(ImpossibleRecord) as refused:
        payment.record()
    assert told in str(refused.value)
    for value in ("example.com", SOLD, SPENT):
        assert value not in str(refused.value), "a refusal names fields and shows no value"


def test_payment_by_version_1_says_all_that_version_1_can_say() -> None:
    assert PURCHASE.by_version_1().record().value == FIELDS_OF_VERSION_1


def test_payment_that_captures_a_hold_has_no_version_1() -> None:
    """Everything else that is lost follows from the order; this does not."""
    with pytest.raises(ImpossibleRecord, match="authorizationId has no place in version 1"):
        REDEMPTION.by_version_1()
