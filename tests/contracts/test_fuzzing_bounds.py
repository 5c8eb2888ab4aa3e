"""A source that goes on for ever fills no store and stops no worker: each key has its bounds."""

from dataclasses import replace
from time import process_time

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import MAX_ORDER_ROWS, fact_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import LARGEST_KEPT_BYTES, Outgoing
from state.certificate.commands import Action, Lock, Redeem
from state.certificate.money import Money
from state.certificate.record import (
    Certificate,
    CertificateState,
    Lifecycle,
    OrderLedger,
    Status,
)
from state.correlation.facts import (
    CertificateLine,
    CertificateOperation,
    Happening,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.record import MAX_PAYMENTS
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import MAIN
from tests.contracts.actions import NUMBER, ORDER, PAYMENT, command, fact
from tests.pipelines.stages.stage_in_memory import FRAMING, PARTITIONS, StageInMemory

KEY = b"correlation-1"
WIDE = "\U0001f381" * 190
"""As long, in bytes, as an id may be with a number behind it."""
HUGE_MINOR = 10**18 - 1
MANY_PAYMENTS = 20
CPU_S = 10.0
"""What goes wrong here takes half a minute, and more memory than a worker has."""


def correlation() -> StageInMemory:
    return StageInMemory(CorrelateStage(FRAMING, PARTITIONS))


def told(stage: StageInMemory, happening: Happening) -> list[Outgoing]:
    return stage.give(FRAMING.encode(RecordName.FACT, fact_to_record(fact(happening))), KEY)


def kept_bytes(stage: StageInMemory) -> int:
    return len(stage.of(KEY).records.get(MAIN, b""))


def widest_order(rows: int = MAX_ORDER_ROWS, *, version: int = 1) -> OrderSeen:
    lines = tuple(
        CertificateLine(
            line_id=f"{WIDE}{version}/{row}", amount_minor=1, certificate_id=f"N{version:015}-{row}"
        )
        for row in range(rows)
    )
    return replace(ORDER, version=version, lines=lines, tenders=(), total_minor=rows)


def payment(position: int, type_: PaymentType, status: PaymentStatus) -> PaymentSeen:
    return replace(
        PAYMENT,
        payment_id=f"{WIDE}{position}",
        type=type_,
        status=status,
        amount_minor=1_000_000,
        tender=Tender.CARD,
        certificate_id=None,
        operation=CertificateOperation.PURCHASE,
        original_payment_id=None,
    )


def test_hundreds_of_failed_refunds_of_hundreds_of_lines_do_not_become_a_quarter_of_a_million() -> (
    None
):
    """Each refund asks for details of each line: one record more and the worker would be dead."""
    stage = correlation()
    told(stage, payment(0, PaymentType.CAPTURE, PaymentStatus.SUCCEEDED))
    for position in range(1, MAX_PAYMENTS):
        told(stage, payment(position, PaymentType.REFUND, PaymentStatus.FAILED))
    began_s = process_time()
    with pytest.raises(BrokenRecord, match="more than 10,000 commands") as caught:
        told(stage, widest_order())
    assert caught.value.code is BrokenCode.CONTRACT
    assert process_time() - began_s < CPU_S
    assert stage.of(KEY).written == []


def test_order_that_comes_with_other_lines_for_ever_is_refused_in_the_end() -> None:
    """What was issued is kept, and every version of it is paid."""
    stage = correlation()
    told(stage, payment(0, PaymentType.CAPTURE, PaymentStatus.SUCCEEDED))
    for version in range(1, 20):
        before = kept_bytes(stage)
        try:
            told(stage, replace(widest_order(version=version), total_minor=0))
        except BrokenRecord as refusal:
            broken = refusal
            break
    assert broken.code is BrokenCode.CONTRACT
    assert "what is kept of its key would have more than 4 MiB" in broken.text
    assert kept_bytes(stage) == before <= LARGEST_KEPT_BYTES


def test_amounts_that_no_store_takes_together_are_refused() -> None:
    """Each may be right by itself, in a currency of four decimals."""
    stage = correlation()
    told(
        stage,
        replace(
            payment(0, PaymentType.CAPTURE, PaymentStatus.SUCCEEDED),
            currency="CLF",
            amount_minor=HUGE_MINOR,
        ),
    )
    for version in range(1, 30):
        line = CertificateLine(
            line_id=f"line {version}", amount_minor=HUGE_MINOR, certificate_id=f"NUMBER-{version}"
        )
        order = replace(
            ORDER, version=version, lines=(line,), tenders=(), currency="CLF", total_minor=0
        )
        try:
            told(stage, order)
        except BrokenRecord as refusal:
            broken = refusal
            break
        told(
            stage,
            replace(
                payment(version, PaymentType.CAPTURE, PaymentStatus.SUCCEEDED),
                currency="CLF",
                amount_minor=HUGE_MINOR,
            ),
        )
    assert broken.text == "the amounts of its key sum to too much"


def test_largest_order_with_dozens_of_payments_is_performed() -> None:
    """The bounds are far from what an order is: one as wide as the contract lets it be is taken."""
    stage = correlation()
    assert len(told(stage, replace(widest_order(), total_minor=0))) == 2 * MAX_ORDER_ROWS
    for position in range(MANY_PAYMENTS):
        told(stage, payment(position, PaymentType.CAPTURE, PaymentStatus.SUCCEEDED))
    returned = replace(widest_order(), version=2, total_minor=0, status=OrderStatus.RETURNED)
    assert len(told(stage, returned)) == MAX_ORDER_ROWS
    assert kept_bytes(stage) <= LARGEST_KEPT_BYTES


# Certificates


def spent_often(orders: int) -> StageInMemory:
    """A certificate that so many orders have spent a little of."""
    stage = StageInMemory(CertificatesStage(FRAMING, PARTITIONS))
    ledgers = {f"{WIDE}{position}": OrderLedger(redeemed_minor=1) for position in range(orders)}
    certificate = Certificate(
        certificate_id=NUMBER,
        pool="ELECTRONIC",
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.PARTIALLY_REDEEMED,
        currency="RUB",
        nominal_minor=1_000_000,
        remaining_minor=1_000_000 - orders,
        redeemed_minor=orders,
        orders=ledgers,
    )
    state = CertificateState(sequence=orders + 4, certificate=certificate)
    stage.of(NUMBER.encode()).records[MAIN] = CERTIFICATE_STATE.encode(state)
    return stage


def asked(stage: StageInMemory, action: Action) -> list[Outgoing]:
    value = FRAMING.encode(RecordName.COMMAND, command_to_record(command(action)))
    return stage.give(value, NUMBER.encode())


SPEND = Redeem(
    order_id="one more",
    payment_id="payment",
    amount=Money(amount_minor=1, currency="RUB"),
    authorization_id=None,
)


def test_certificate_spent_for_ever_is_refused_before_it_stops_the_worker() -> None:
    stage = spent_often(3_000)
    with pytest.raises(BrokenRecord, match="more than 2 MiB"):
        asked(stage, SPEND)
    assert stage.of(NUMBER.encode()).written == []


def test_certificate_that_is_spent_no_more_can_still_be_locked() -> None:
    """Support has the last word on it; what it asks for needs next to no place."""
    assert asked(spent_often(3_000), Lock(reason="spent thousands of times"))


def test_certificate_spent_a_thousand_times_is_spent_again() -> None:
    assert asked(spent_often(1_000), SPEND)
