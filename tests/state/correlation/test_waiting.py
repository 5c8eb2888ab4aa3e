"""What is awaited, what is told once, what changes nothing, and what is forgotten."""

from dataclasses import replace

import pytest

from state.correlation.facts import (
    CertificateOperation,
    Fact,
    Happening,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.fold import TooManyPaymentsError, awaited, fold
from state.correlation.record import MAX_PAYMENTS
from tests.state.correlation.story import (
    AUTHORIZED,
    CAPTURED,
    HOUR_MS,
    KEY,
    POLICY,
    PURCHASE,
    REDEMPTION,
    RETURNED,
    START_MS,
    A,
    B,
    Story,
    asked,
    given_back,
    order,
    ordinary,
    payment,
    spent,
    told,
)

MISSING_MS, FORGET_MS = POLICY.missing_after_ms, POLICY.forget_after_ms
PAYMENT_MISSING, ORDER_MISSING = f"Alert:PAYMENT_MISSING {A}", f"Alert:ORDER_MISSING {A}"
MARKED = payment(PaymentType.CAPTURE, certificate=A, operation=CertificateOperation.PURCHASE)
UNMARKED = payment(PaymentType.CAPTURE)


@pytest.mark.parametrize(
    ("facts", "half"),
    [
        ([MARKED], "ORDER"),
        ([spent()], "ORDER"),
        ([UNMARKED], None),
        ([PURCHASE], "PAYMENT"),
        ([PURCHASE, payment(PaymentType.CAPTURE, 60)], "PAYMENT"),
        ([PURCHASE, AUTHORIZED], None),
        ([REDEMPTION], "PAYMENT"),
        ([REDEMPTION, spent()], None),
        ([order(OrderStatus.CREATED, sells={A: 100})], None),
        ([PURCHASE, CAPTURED, RETURNED], "PAYMENT"),
        ([RETURNED], None),
        ([REDEMPTION, spent(), order(OrderStatus.RETURNED, 2, spends={A: 50})], "PAYMENT"),
        (
            [REDEMPTION, spent(), order(OrderStatus.RETURNED, 2, spends={A: 50}), given_back()],
            None,
        ),
    ],
)
def test_half_that_is_missing_is_known(facts: list[Happening], half: str | None) -> None:
    assert awaited(told(facts).kept) == half


def test_payment_missing_alerts_once_at_the_deadline_and_the_purchase_still_happens() -> None:
    story = Story()
    story.tell(PURCHASE, at_ms=START_MS)
    assert story.due_ms() == START_MS + MISSING_MS
    assert story.ring(START_MS + MISSING_MS - 1) == []
    assert asked(story.ring()) == [PAYMENT_MISSING]
    assert story.due_ms() is None
    assert story.ring(START_MS + 9 * MISSING_MS) == []
    late = story.tell(CAPTURED, at_ms=START_MS + 10 * MISSING_MS)
    assert asked(late) == [f"Issue {A}", f"Activate {A}"]


def test_order_missing_alerts_once_at_the_deadline_and_the_purchase_still_happens() -> None:
    story = Story()
    story.tell(MARKED, at_ms=START_MS)
    assert asked(story.ring()) == [ORDER_MISSING]
    assert story.tell(payment(PaymentType.AUTHORIZATION, certificate=A)) == []
    assert story.due_ms() is None
    assert asked(story.tell(PURCHASE)) == [f"Issue {A}", f"Activate {A}"]


def test_alert_about_payments_that_name_no_certificate_is_filed_under_the_correlation() -> None:
    story = Story()
    story.tell(spent(certificate=None))
    assert asked(story.ring()) == [f"Alert:ORDER_MISSING correlation:{KEY}"]


def test_alert_about_a_redeeming_order_is_filed_under_its_certificate() -> None:
    assert asked(told([REDEMPTION]).ring()) == [PAYMENT_MISSING]


def test_half_that_arrived_in_time_makes_its_timer_ring_in_vain() -> None:
    story = Story()
    story.tell(PURCHASE, CAPTURED, at_ms=START_MS)
    assert story.due_ms() is None
    before = story.kept
    assert story.ring(START_MS + MISSING_MS) == []
    assert story.kept == before


def test_deadline_stays_while_the_same_half_is_missing() -> None:
    story = Story()
    story.tell(PURCHASE, at_ms=START_MS)
    story.tell(payment(PaymentType.CAPTURE, 60), at_ms=START_MS + HOUR_MS)
    assert story.due_ms() == START_MS + MISSING_MS


def test_deadline_begins_anew_when_the_other_half_is_missing() -> None:
    """The order came late; its payment has not been missing since then."""
    story = Story()
    story.tell(payment(PaymentType.CAPTURE, 60, certificate=A), at_ms=START_MS)
    story.tell(PURCHASE, at_ms=START_MS + HOUR_MS)
    assert story.due_ms() == START_MS + HOUR_MS + MISSING_MS


def test_timer_for_a_correlation_that_was_forgotten_changes_nothing() -> None:
    story = Story()
    assert story.ring(START_MS) == []
    assert story.is_forgotten


def test_ordinary_order_forgets_its_unmarked_payments_at_once() -> None:
    story = told([UNMARKED, ordinary()])
    assert (story.commands, story.kept.payments) == ([], {})
    assert story.tell(payment(PaymentType.REFUND)) == []
    assert story.kept.payments == {}


@pytest.mark.parametrize(
    "facts",
    [[UNMARKED], [ordinary()], [UNMARKED, ordinary()], [ordinary(), UNMARKED], [ordinary()] * 3],
)
def test_ordinary_traffic_leaves_nothing_after_the_forget_time(facts: list[Happening]) -> None:
    story = Story()
    story.tell(*facts, at_ms=START_MS)
    assert story.due_ms() == START_MS + FORGET_MS
    assert story.ring(START_MS + FORGET_MS - 1) == []
    assert not story.is_forgotten
    assert story.ring() == []
    assert story.is_forgotten


def test_ordinary_order_with_a_marked_payment_waits_for_the_right_order() -> None:
    story = told([ordinary(), MARKED])
    assert awaited(story.kept) == "ORDER"
    assert asked(story.ring()) == [ORDER_MISSING]
    assert asked(story.tell(order(version=2, sells={A: 100}))) == [f"Issue {A}", f"Activate {A}"]


def test_order_that_was_only_created_without_certificates_keeps_its_payments() -> None:
    """It may still get a certificate; until it is confirmed nothing is forgotten."""
    story = told([UNMARKED, ordinary(OrderStatus.CREATED), payment(PaymentType.REFUND, 1)])
    assert len(story.kept.payments) == 2
    assert asked(story.tell(order(version=2, total=99, sells={A: 99}))) == [
        f"Issue {A}",
        f"Activate {A}",
        f"Alert:OVERPAID {A}",
    ]


def test_order_created_and_then_confirmed_without_certificates_forgets() -> None:
    story = told([ordinary(OrderStatus.CREATED), UNMARKED, ordinary(version=2), UNMARKED])
    assert story.kept.payments == {}


@pytest.mark.parametrize(
    "older",
    [
        PURCHASE,
        order(OrderStatus.CANCELLED, 1, sells={A: 100}),
        order(OrderStatus.CANCELLED, 2, sells={A: 100}),
        ordinary(version=1),
        ordinary(OrderStatus.CANCELLED, 2),
    ],
    ids=["older", "older_cancelled", "same_version", "older_ordinary", "same_ordinary"],
)
def test_order_version_not_newer_changes_nothing(older: Happening) -> None:
    story = told([order(version=2, sells={A: 100}), AUTHORIZED])
    before = story.kept
    assert story.tell(older) == []
    assert story.kept == before


def test_order_version_not_newer_than_an_ordinary_one_changes_nothing() -> None:
    story = told([ordinary(version=2)])
    before = story.kept
    assert story.tell(PURCHASE, ordinary(OrderStatus.CANCELLED, 1)) == []
    assert story.kept == before


@pytest.mark.parametrize("again", [PURCHASE, AUTHORIZED, CAPTURED])
def test_fact_told_twice_changes_nothing(again: Happening) -> None:
    story = told([PURCHASE, AUTHORIZED, CAPTURED])
    before = story.kept
    assert story.tell(again) == []
    assert story.kept == before


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.FAILED),
        (PaymentStatus.PENDING, PaymentStatus.SUCCEEDED, PaymentStatus.SUCCEEDED),
        (PaymentStatus.FAILED, PaymentStatus.SUCCEEDED, PaymentStatus.SUCCEEDED),
        (PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.SUCCEEDED),
        (PaymentStatus.SUCCEEDED, PaymentStatus.PENDING, PaymentStatus.SUCCEEDED),
        (PaymentStatus.FAILED, PaymentStatus.PENDING, PaymentStatus.FAILED),
    ],
)
def test_payment_status_never_goes_backwards(
    first: PaymentStatus, then: PaymentStatus, kept: PaymentStatus
) -> None:
    story = told([replace(AUTHORIZED, status=first), replace(AUTHORIZED, status=then)])
    (known,) = story.kept.payments.values()
    assert known.status is kept


FULL = payment(
    PaymentType.REFUND,
    50,
    "back-1",
    tender=Tender.GIFT_CERTIFICATE,
    certificate=A,
    operation=CertificateOperation.REFUND,
    authorization="hold-1",
    original="spend-1",
    reason="why",
)
BARE = payment(PaymentType.REFUND, 50, "back-1", tender=Tender.GIFT_CERTIFICATE)


@pytest.mark.parametrize("copies", [[BARE, FULL], [FULL, BARE], [BARE, FULL, BARE]])
def test_payment_told_in_both_versions_is_one_payment_with_all_that_is_known(
    copies: list[PaymentSeen],
) -> None:
    (known,) = told(copies).kept.payments.values()
    assert known == FULL


def test_payment_told_in_both_versions_redeems_once() -> None:
    story = told([REDEMPTION, spent(certificate=None), spent(), spent(certificate=None)])
    assert asked(story.commands) == [f"Redeem {A}"]


def test_payments_of_one_order_are_bounded_and_those_known_are_still_told() -> None:
    story = told([PURCHASE])
    many = [payment(PaymentType.CAPTURE, 1, f"pay-{n}") for n in range(MAX_PAYMENTS)]
    story.tell(*many, at_ms=START_MS)
    before = story.kept
    with pytest.raises(TooManyPaymentsError):
        story.tell(payment(PaymentType.CAPTURE, 1, "one-more"))
    assert story.kept == before
    assert story.tell(many[0]) == []


def test_order_only_created_may_still_grow_so_it_is_not_overpaid_yet() -> None:
    story = told([order(OrderStatus.CREATED, 0, sells={A: 100}), payment(PaymentType.CAPTURE, 130)])
    assert story.commands == []
    assert f"Alert:OVERPAID {A}" not in asked(story.tell(order(total=130, sells={A: 130})))
    assert asked(story.tell(payment(PaymentType.CAPTURE, 1, "pay-2"))) == [f"Alert:OVERPAID {A}"]


def test_waiting_counts_from_when_the_fact_was_written_and_not_from_its_source() -> None:
    """A year of history that is replayed must not look like a year of waiting."""
    old = Fact(
        fact_id="old",
        correlation_id=KEY,
        at_ms=5,
        policy=POLICY,
        happening=UNMARKED,
        received_ms=1_000_000,
    )
    kept = fold(None, old).state
    assert kept is not None
    assert kept.deadline_ms == 1_000_000 + POLICY.forget_after_ms


def test_second_order_under_one_key_is_told_of_and_changes_nothing_of_the_first() -> None:
    """Versions count within one order: the other's must not hide behind them, nor replace it."""
    story = told([order(sells={A: 100}), CAPTURED])
    before = len(story.commands)
    second = replace(order(OrderStatus.CANCELLED, 9, sells={B: 100}), order_id="order-2")
    told_of = f"Alert:TWO_ORDERS {A}"
    assert asked(story.tell(second)) == [told_of]
    assert story.tell(replace(second, version=10)) == []
    assert len(story.commands) == before + 1
    assert story.kept.order == order(sells={A: 100})


def test_ordinary_order_under_the_key_of_another_takes_nothing_from_it() -> None:
    story = told([order(sells={A: 100})])
    story.tell(replace(ordinary(version=9), order_id="order-2"))
    assert asked(story.tell(CAPTURED)) == [f"Issue {A}", f"Activate {A}"]


def test_certificate_order_after_an_ordinary_one_of_another_id_is_taken() -> None:
    story = told([replace(ordinary(version=9), order_id="order-2"), order(sells={A: 100})])
    assert asked(story.tell(CAPTURED)) == [f"Issue {A}", f"Activate {A}"]
