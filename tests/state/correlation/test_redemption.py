"""Redemptions and refunds onto certificates: matched, mismatched, in both orders, once each."""

import pytest

from state.certificate.commands import Redeem, RefundToCertificate
from state.certificate.money import Money
from state.correlation.facts import Happening, OrderStatus, PaymentStatus, PaymentType, Tender
from tests.state.correlation.story import (
    KEY,
    ORDER,
    REDEMPTION,
    A,
    B,
    asked,
    given_back,
    order,
    payment,
    spent,
    told,
)

REDEEM, REFUND = f"Redeem {A}", f"RefundToCertificate {A}"
PENDING, DETAILS = f"RefundPending {A}", f"RefundPendingDetails {A}"
MISMATCH = f"Alert:REDEMPTION_MISMATCH {A}"
RETURNED = order(OrderStatus.RETURNED, 2, spends={A: 50})
CANCELLED = order(OrderStatus.CANCELLED, 2, spends={A: 50})
TWO = {A: 50, B: 50}


def test_redemption_of_tender_and_payment_that_agree_redeems() -> None:
    (command,) = told([REDEMPTION, spent(authorization="hold-1")]).commands
    assert command.certificate_id == A
    assert command.command_id == f"{KEY}/redeem/spend-1"
    assert command.action == Redeem(
        order_id=ORDER,
        payment_id="spend-1",
        amount=Money(amount_minor=50, currency="RUB"),
        authorization_id="hold-1",
    )


@pytest.mark.parametrize(
    "facts",
    [
        [REDEMPTION, spent()],
        [spent(), REDEMPTION],
        [spent(certificate=None), REDEMPTION],
        [REDEMPTION, spent(certificate=None)],
    ],
    ids=["order_first", "payment_first", "unmarked_first", "unmarked_last"],
)
def test_redemption_happens_in_either_order_marked_or_not(facts: list[Happening]) -> None:
    assert asked(told(facts).commands) == [REDEEM]


def test_redemption_of_an_order_only_created_waits_for_its_confirmation() -> None:
    story = told([order(OrderStatus.CREATED, spends={A: 50}), spent()])
    assert story.commands == []
    assert asked(story.tell(order(version=2, spends={A: 50}))) == [REDEEM]


@pytest.mark.parametrize(
    "other",
    [
        payment(PaymentType.AUTHORIZATION, 50, tender=Tender.GIFT_CERTIFICATE, certificate=A),
        payment(PaymentType.CAPTURE, 50, tender=Tender.CARD),
        payment(
            PaymentType.CAPTURE,
            50,
            status=PaymentStatus.PENDING,
            tender=Tender.GIFT_CERTIFICATE,
        ),
    ],
    ids=["only_authorized", "other_tender", "pending"],
)
def test_redemption_needs_a_succeeded_capture_on_the_certificate_tender(other: Happening) -> None:
    assert told([REDEMPTION, other]).commands == []


@pytest.mark.parametrize(
    "wrong",
    [spent(49), spent(51), spent(certificate=B), spent(49, certificate=None)],
    ids=["less", "more", "other_certificate", "unmarked_less"],
)
def test_redemption_that_disagrees_alerts_spends_nothing_until_a_new_version_agrees(
    wrong: Happening,
) -> None:
    story = told([REDEMPTION, wrong])
    assert [each.split()[0] for each in asked(story.commands)] == ["Alert:REDEMPTION_MISMATCH"]
    right = spent(
        getattr(wrong, "amount_minor", 0), certificate=getattr(wrong, "certificate_id", None)
    )
    agreed = {right.certificate_id or A: right.amount_minor}
    heard = story.tell(order(version=2, spends=agreed))
    assert asked(heard) == [f"Redeem {right.certificate_id or A}"]


def test_redemption_in_another_currency_alerts_and_spends_nothing() -> None:
    dollars = payment(
        PaymentType.CAPTURE, 50, tender=Tender.GIFT_CERTIFICATE, certificate=A, currency="USD"
    )
    assert asked(told([REDEMPTION, dollars]).commands) == [MISMATCH]


def test_redemption_on_an_order_without_tenders_alerts_and_spends_nothing() -> None:
    story = told([order(sells={B: 50}), spent(certificate=None)])
    assert asked(story.commands) == [f"Alert:REDEMPTION_MISMATCH {B}"]


def test_redemption_by_two_payments_on_one_tender_redeems_once_and_alerts() -> None:
    """The same checkout paid twice: the second payment spends nothing."""
    story = told([REDEMPTION, spent(), spent(payment_id="spend-2")])
    assert asked(story.commands) == [REDEEM, MISMATCH]


def test_redemption_by_two_halves_of_one_tender_alerts_and_spends_nothing() -> None:
    story = told([REDEMPTION, spent(25), spent(25, "spend-2")])
    assert asked(story.commands) == [MISMATCH, MISMATCH]


def test_redemption_of_two_certificates_takes_each_from_its_own_tender() -> None:
    story = told([order(spends={A: 50, B: 30}), spent(), spent(30, "spend-2", certificate=B)])
    assert asked(story.commands) == [REDEEM, f"Redeem {B}"]


def test_redemption_unnamed_leaves_the_tender_that_another_payment_names() -> None:
    """Both payments are there before the order; the one that names its certificate chooses."""
    story = told([spent(certificate=None), spent(payment_id="spend-2"), order(spends=TWO)])
    assert sorted(asked(story.commands)) == [REDEEM, f"Redeem {B}"]
    redeemed = {each.certificate_id: each.command_id for each in story.commands}
    assert redeemed[A] == f"{KEY}/redeem/spend-2"


def test_redemption_done_is_not_taken_from_another_certificate_by_a_later_version() -> None:
    story = told([REDEMPTION, spent(), order(version=2, spends={B: 50})])
    assert asked(story.commands) == [REDEEM]


@pytest.mark.parametrize("undone", [RETURNED, CANCELLED], ids=["returned", "cancelled"])
def test_refund_order_first_is_pending_and_then_lands(undone: Happening) -> None:
    story = told([REDEMPTION, spent()])
    assert asked(story.tell(undone)) == [PENDING]
    (command,) = story.tell(given_back())
    assert command.command_id == f"{KEY}/refund/back-1"
    assert command.action == RefundToCertificate(
        order_id=ORDER, payment_id="back-1", amount=Money(amount_minor=50, currency="RUB")
    )


@pytest.mark.parametrize("undone", [RETURNED, CANCELLED], ids=["returned", "cancelled"])
def test_refund_payment_first_is_pending_and_then_lands(undone: Happening) -> None:
    story = told([REDEMPTION, spent()])
    assert asked(story.tell(given_back())) == [PENDING]
    assert asked(story.tell(undone)) == [REFUND]


@pytest.mark.parametrize("undone", [RETURNED, CANCELLED], ids=["returned", "cancelled"])
def test_refund_of_a_payment_seen_after_the_order_was_undone_redeems_and_refunds(
    undone: Happening,
) -> None:
    """What was captured over HTTP left the certificate; unmatched, it could never come back."""
    story = told([REDEMPTION, undone, spent(authorization="hold-1")])
    assert asked(story.commands) == [REDEEM, PENDING]
    assert asked(story.tell(given_back())) == [REFUND]


def test_refund_before_everything_else_waits_for_all_of_it() -> None:
    story = told([given_back(), RETURNED])
    assert story.commands == []
    assert asked(story.tell(spent())) == [REDEEM, REFUND]


def test_refund_pending_lands_once_it_succeeds() -> None:
    story = told([REDEMPTION, spent(), given_back(status=PaymentStatus.PENDING), RETURNED])
    assert asked(story.commands) == [REDEEM, PENDING]
    assert asked(story.tell(given_back())) == [REFUND]


def test_refund_that_failed_asks_for_details_and_a_second_try_lands() -> None:
    story = told([REDEMPTION, spent(), RETURNED])
    failed = given_back(status=PaymentStatus.FAILED, reason="no route")
    (command,) = story.tell(failed)
    assert asked([command]) == [DETAILS]
    assert getattr(command.action, "reason", None) == "no route"
    assert asked(story.tell(given_back())) == [REFUND]


def test_refund_in_two_parts_lands_in_two_parts() -> None:
    story = told([REDEMPTION, spent(), RETURNED, given_back(20), given_back(30, "back-2")])
    assert asked(story.commands) == [REDEEM, PENDING, REFUND, REFUND]


def test_refund_unmarked_goes_to_the_only_certificate_spent() -> None:
    story = told([REDEMPTION, spent(), RETURNED, given_back(certificate=None)])
    assert asked(story.commands) == [REDEEM, PENDING, REFUND]


def test_refunds_unmarked_and_equal_reach_both_certificates() -> None:
    story = told(
        [
            order(spends=TWO),
            spent(),
            spent(payment_id="spend-2", certificate=B),
            order(OrderStatus.RETURNED, 2, spends=TWO),
            given_back(certificate=None),
            given_back(payment_id="back-2", certificate=None),
        ]
    )
    assert sorted(asked(story.commands)[-2:]) == [REFUND, f"RefundToCertificate {B}"]


def test_refund_unmarked_goes_where_its_original_payment_was_taken() -> None:
    story = told(
        [
            order(spends=TWO),
            spent(),
            spent(payment_id="spend-2", certificate=B),
            order(OrderStatus.RETURNED, 2, spends=TWO),
            given_back(certificate=None, original="spend-2"),
        ]
    )
    assert asked(story.commands)[-1] == f"RefundToCertificate {B}"


def test_refund_of_a_payment_that_spent_nothing_gives_nothing_back() -> None:
    """The mismatched payment took no balance; its refund must not add any."""
    wrong = spent(60, "spend-0")
    back = given_back(60, certificate=None, original="spend-0")
    story = told([REDEMPTION, wrong, spent(), back, RETURNED])
    assert asked(story.commands) == [MISMATCH, REDEEM, PENDING]


def test_refund_onto_a_certificate_that_the_order_did_not_spend_is_not_sent() -> None:
    story = told([REDEMPTION, spent(), RETURNED, given_back(certificate=B)])
    assert asked(story.commands) == [REDEEM, PENDING]


def test_refund_unmarked_and_too_large_is_left_to_the_certificate_to_refuse() -> None:
    """A refusal becomes an error on the stream; silence would become a lost refund."""
    story = told([REDEMPTION, spent(), RETURNED, given_back(51, certificate=None)])
    assert asked(story.commands) == [REDEEM, PENDING, REFUND]


def test_refund_of_nothing_asks_for_nothing() -> None:
    story = told([REDEMPTION, spent(), RETURNED, given_back(0)])
    assert asked(story.commands) == [REDEEM, PENDING]


def test_refund_on_another_tender_of_a_redeeming_order_leaves_the_certificate_waiting() -> None:
    """The card's share came back; the certificate's own share has not."""
    card = payment(PaymentType.REFUND, 50, "refund-1")
    story = told([REDEMPTION, payment(PaymentType.CAPTURE, 50), spent(), RETURNED, card])
    assert asked(story.commands) == [REDEEM, PENDING]
