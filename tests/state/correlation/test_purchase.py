"""Purchases: issue when the money is promised, activate when it is there, release or undo."""

import pytest

from state.certificate.commands import (
    Activate,
    Channel,
    Issue,
    NotificationChannel,
    Origin,
    Release,
)
from state.certificate.money import Money
from state.correlation.facts import (
    CertificateOperation,
    Happening,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from tests.state.correlation.story import (
    AUTHORIZED,
    CANCELLED,
    CAPTURED,
    KEY,
    ORDER,
    PURCHASE,
    REFUNDED,
    RETURNED,
    VOIDED,
    A,
    B,
    Story,
    asked,
    order,
    ordinary,
    payment,
    spent,
    told,
)

ISSUE, ACTIVATE, RELEASE = f"Issue {A}", f"Activate {A}", f"Release {A}"
PENDING, UNDO, DETAILS = f"RefundPending {A}", f"CancelPurchase {A}", f"RefundPendingDetails {A}"
AUTHORIZATION, CAPTURE = PaymentType.AUTHORIZATION, PaymentType.CAPTURE
GOODS_AND_CERTIFICATE = order(total=150, sells={A: 100})


def goods_and_certificate(status: OrderStatus, version: int) -> Happening:
    return order(status, version, total=150, sells={A: 100})


def test_purchase_authorized_in_full_issues_with_amount_currency_and_order() -> None:
    (command,) = told([PURCHASE, AUTHORIZED]).commands
    assert command.action == Issue(
        order_id=ORDER,
        channel=Channel.ONLINE_STORE,
        client_id="client-1",
        nominal=Money(amount_minor=100, currency="RUB"),
        notification_channel=NotificationChannel.SMS,
    )
    assert (command.certificate_id, command.origin) == (A, Origin.FACT)
    assert (command.command_id, command.correlation_id) == (f"{KEY}/issue/L1", KEY)


def test_purchase_captured_in_full_activates() -> None:
    story = told([PURCHASE, AUTHORIZED])
    (command,) = story.tell(CAPTURED)
    assert command.action == Activate(order_id=ORDER)
    assert command.command_id == f"{KEY}/activate/L1"


def test_purchase_captured_without_authorization_issues_and_then_activates() -> None:
    assert asked(told([PURCHASE, CAPTURED]).commands) == [ISSUE, ACTIVATE]


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.COMPLETED])
def test_purchase_of_a_binding_order_issues(status: OrderStatus) -> None:
    assert asked(told([order(status, sells={A: 100}), AUTHORIZED]).commands) == [ISSUE]


def test_purchase_of_an_order_only_created_issues_once_it_is_confirmed() -> None:
    story = told([order(OrderStatus.CREATED, sells={A: 100}), CAPTURED])
    assert story.commands == []
    assert asked(story.tell(order(version=2, sells={A: 100}))) == [ISSUE, ACTIVATE]


def test_purchase_paid_in_part_issues_nothing_until_the_rest_is_promised() -> None:
    story = told([PURCHASE, payment(CAPTURE, 60)])
    assert story.commands == []
    assert asked(story.tell(payment(AUTHORIZATION, 40, "auth-2"))) == [ISSUE]
    assert asked(story.tell(payment(CAPTURE, 40, "pay-2"))) == [ACTIVATE]


def test_purchase_of_two_certificates_issues_and_activates_each_line() -> None:
    story = told([order(sells={A: 60, B: 40}), CAPTURED])
    assert asked(story.commands) == [ISSUE, ACTIVATE, f"Issue {B}", f"Activate {B}"]


@pytest.mark.parametrize(
    "other",
    [
        payment(AUTHORIZATION, status=PaymentStatus.PENDING),
        payment(AUTHORIZATION, status=PaymentStatus.FAILED),
        payment(CAPTURE, currency="USD"),
        payment(CAPTURE, 99),
    ],
    ids=["pending", "failed", "other_currency", "a_minor_unit_short"],
)
def test_purchase_not_really_paid_issues_nothing(other: Happening) -> None:
    assert told([PURCHASE, other]).commands == []


@pytest.mark.parametrize(
    "payments",
    [
        [payment(AUTHORIZATION, 60, "p"), payment(CAPTURE, 60, "p")],
        [payment(AUTHORIZATION, 60, "p"), payment(CAPTURE, 60, "q")],
        [payment(CAPTURE, 60, "q"), payment(AUTHORIZATION, 60, "p")],
        [payment(AUTHORIZATION, 60, "p"), payment(CAPTURE, 60, "q", original="p")],
        [payment(AUTHORIZATION, 60, "p"), payment(CAPTURE, 30, "q"), payment(CAPTURE, 30, "r")],
        [
            payment(AUTHORIZATION, 45, "p"),
            payment(AUTHORIZATION, 40, "q"),
            payment(CAPTURE, 40, "r"),
            payment(CAPTURE, 45, "p"),
        ],
        [
            payment(AUTHORIZATION, 50, "p"),
            payment(AUTHORIZATION, 20, "q"),
            payment(CAPTURE, 20, "r"),
            payment(CAPTURE, 50, "s"),
        ],
        [
            payment(AUTHORIZATION, 40, "p"),
            payment(AUTHORIZATION, 40, "q"),
            payment(CAPTURE, 40, "r"),
            payment(PaymentType.VOID, 40, "v", original="p"),
        ],
        [
            payment(AUTHORIZATION, 90, "p"),
            payment(CAPTURE, 40, "q"),
            payment(PaymentType.VOID, 90, "p"),
        ],
    ],
    ids=[
        "same_id",
        "own_id",
        "capture_first",
        "named",
        "in_two_parts",
        "named_and_unnamed",
        "smaller_first",
        "one_of_two_voided",
        "voided",
    ],
)
def test_capture_is_never_counted_beside_its_own_authorization(payments: list[Happening]) -> None:
    """Version 1 cannot name the authorization; half the money must not look like all of it."""
    assert told([PURCHASE, *payments]).commands == []


def test_capture_by_another_tender_leaves_an_authorization_open() -> None:
    """Cash and an authorized card together cover the order."""
    card = payment(AUTHORIZATION, 60, "p")
    cash = payment(CAPTURE, 40, "q", tender=Tender.CASH)
    assert asked(told([PURCHASE, card, cash]).commands) == [ISSUE]


@pytest.mark.parametrize("undone", [CANCELLED, RETURNED], ids=["cancelled", "returned"])
def test_order_undone_before_issue_releases_the_number(undone: Happening) -> None:
    story = told([PURCHASE])
    (command,) = story.tell(undone)
    assert command.action == Release(order_id=ORDER, channel=Channel.ONLINE_STORE)
    assert asked(story.commands) == [RELEASE]


def test_payment_voided_before_the_order_is_confirmed_releases_the_number() -> None:
    created = order(OrderStatus.CREATED, sells={A: 100})
    assert asked(told([created, AUTHORIZED, VOIDED]).commands) == [RELEASE]


def test_part_of_the_payment_voided_before_issue_releases_nothing_yet() -> None:
    part = payment(CAPTURE, 40, "pay-2", tender=Tender.CASH)
    other = payment(PaymentType.VOID, 60, "v")
    assert told([PURCHASE, part, payment(AUTHORIZATION, 50, "p"), other]).commands == []


def test_order_paid_after_its_release_issues_late() -> None:
    """The certificate itself judges whether the number is still free."""
    story = told([PURCHASE, payment(PaymentType.VOID, 100, "v")])
    assert asked(story.commands) == [RELEASE]
    assert asked(story.tell(CAPTURED)) == [ISSUE, ACTIVATE]


def test_order_undone_after_payment_but_before_it_was_known_never_issues() -> None:
    story = told([RETURNED, AUTHORIZED, CAPTURED, PURCHASE])
    assert asked(story.commands) == [RELEASE]


@pytest.mark.parametrize("undone", [CANCELLED, RETURNED], ids=["cancelled", "returned"])
def test_purchase_undone_order_first_waits_for_the_refund(undone: Happening) -> None:
    story = told([PURCHASE, CAPTURED])
    assert asked(story.tell(undone)) == [PENDING]
    assert asked(story.tell(REFUNDED)) == [UNDO]


@pytest.mark.parametrize("undone", [CANCELLED, RETURNED], ids=["cancelled", "returned"])
def test_purchase_undone_refund_first_waits_for_the_order(undone: Happening) -> None:
    story = told([PURCHASE, CAPTURED])
    assert asked(story.tell(REFUNDED)) == [PENDING]
    assert asked(story.tell(undone)) == [UNDO]


def test_purchase_voided_after_issue_waits_and_then_is_undone() -> None:
    story = told([PURCHASE, AUTHORIZED])
    assert asked(story.tell(VOIDED)) == [PENDING]
    assert asked(story.tell(CANCELLED)) == [UNDO]


def test_purchase_refund_that_is_pending_counts_only_when_it_succeeds() -> None:
    story = told([PURCHASE, CAPTURED])
    pending = payment(PaymentType.REFUND, 100, "refund-1", status=PaymentStatus.PENDING)
    assert asked(story.tell(pending, RETURNED)) == [PENDING]
    assert asked(story.tell(REFUNDED)) == [UNDO]


def test_purchase_refund_that_failed_asks_for_details() -> None:
    story = told([PURCHASE, CAPTURED, RETURNED])
    failed = payment(PaymentType.REFUND, status=PaymentStatus.FAILED, reason="the card is closed")
    (command,) = story.tell(failed)
    assert asked([command]) == [DETAILS]
    assert getattr(command.action, "reason", None) == "the card is closed"
    assert asked(story.tell(payment(PaymentType.REFUND, payment_id="second"))) == [UNDO]


def test_purchase_refund_that_failed_without_a_reason_says_so() -> None:
    story = told([PURCHASE, CAPTURED])
    (command,) = story.tell(payment(PaymentType.REFUND, status=PaymentStatus.FAILED))
    assert getattr(command.action, "reason", None) == "the refund failed"


def test_refund_in_part_of_a_certificate_purchase_never_ends_the_certificate() -> None:
    story = told([PURCHASE, CAPTURED, RETURNED])
    assert story.tell(payment(PaymentType.REFUND, 40, "refund-1")) == []
    assert asked(story.tell(payment(PaymentType.REFUND, 60, "refund-2"))) == [UNDO]


@pytest.mark.parametrize("goods", [10, 50], ids=["some_goods", "all_goods"])
def test_refund_of_goods_leaves_the_certificate_of_the_same_order_alone(goods: int) -> None:
    """What is left still pays for the certificate, so nothing is coming back for it."""
    refund = payment(PaymentType.REFUND, goods, "refund-1")
    story = told([GOODS_AND_CERTIFICATE, payment(CAPTURE, 150), refund])
    assert asked(story.commands) == [ISSUE, ACTIVATE]
    returned = story.tell(goods_and_certificate(OrderStatus.RETURNED, 2))
    assert asked(returned) == [PENDING]
    assert UNDO not in asked(story.commands)


def test_refund_as_large_as_the_certificate_may_be_goods_and_ends_nothing() -> None:
    """Goods of 100 and a certificate of 100: nobody can say which of them came back."""
    bought = order(total=200, sells={A: 100})
    returned = order(OrderStatus.RETURNED, 2, total=200, sells={A: 100})
    story = told([bought, payment(CAPTURE, 200), returned])
    assert UNDO not in asked(story.tell(payment(PaymentType.REFUND, 100, "refund-1")))
    assert asked(story.tell(payment(PaymentType.REFUND, 100, "refund-2"))) == [UNDO]


def test_refund_that_leaves_too_little_for_the_certificate_undoes_the_purchase() -> None:
    story = told([GOODS_AND_CERTIFICATE, payment(CAPTURE, 150)])
    assert asked(story.tell(payment(PaymentType.REFUND, 110, "refund-1"))) == [PENDING]
    assert asked(story.tell(goods_and_certificate(OrderStatus.RETURNED, 2))) == [UNDO]


def test_refund_that_names_the_certificate_undoes_it_whatever_else_was_bought() -> None:
    named = payment(
        PaymentType.REFUND,
        100,
        "refund-1",
        certificate=A,
        operation=CertificateOperation.REFUND,
    )
    story = told([GOODS_AND_CERTIFICATE, payment(CAPTURE, 150)])
    assert asked(story.tell(named)) == [PENDING]
    assert asked(story.tell(goods_and_certificate(OrderStatus.RETURNED, 2))) == [UNDO]


def test_refund_that_names_one_of_two_certificates_undoes_that_one() -> None:
    two = {A: 50, B: 50}
    story = told([order(sells=two), CAPTURED, order(OrderStatus.RETURNED, 2, sells=two)])
    refund = payment(PaymentType.REFUND, 50, "refund-1", certificate=B)
    assert asked(story.tell(refund)) == [f"CancelPurchase {B}"]


def test_money_given_back_before_the_order_was_seen_issues_nothing() -> None:
    """A certificate must not be given for money that the customer has again."""
    assert told([CAPTURED, REFUNDED, PURCHASE]).commands == []


def test_money_given_back_before_its_capture_was_seen_activates_nothing() -> None:
    story = told([PURCHASE, AUTHORIZED, REFUNDED])
    assert asked(story.commands) == [ISSUE, PENDING]
    assert story.tell(CAPTURED) == []
    assert asked(story.tell(RETURNED)) == [UNDO]


def test_goods_given_back_before_the_order_was_seen_still_issue_the_certificate() -> None:
    refund = payment(PaymentType.REFUND, 50, "refund-1")
    story = told([payment(CAPTURE, 150), refund, GOODS_AND_CERTIFICATE])
    assert asked(story.commands) == [ISSUE, ACTIVATE]


@pytest.mark.parametrize(
    "cheaper",
    [order(version=2, total=50, sells={A: 50}), order(version=2, total=50, sells={B: 50})],
    ids=["line_cheaper", "number_changed"],
)
def test_order_made_cheaper_after_issue_never_activates_what_it_no_longer_pays_for(
    cheaper: Happening,
) -> None:
    story = told([PURCHASE, AUTHORIZED, cheaper])
    assert asked(story.tell(payment(CAPTURE, 50, "auth-1"))) == []
    assert asked(story.tell(payment(CAPTURE, 50, "pay-2"))) == [ACTIVATE]


def test_line_dropped_after_issue_activates_only_when_goods_and_certificate_are_paid() -> None:
    story = told([GOODS_AND_CERTIFICATE, payment(AUTHORIZATION, 150, "auth-1")])
    assert asked(story.tell(order(version=2, total=50), payment(CAPTURE, 50, "auth-1"))) == []
    assert asked(story.tell(payment(CAPTURE, 100, "pay-2"))) == [ACTIVATE]


def test_order_that_turns_ordinary_after_issue_still_takes_the_certificate_back() -> None:
    story = told([GOODS_AND_CERTIFICATE, payment(AUTHORIZATION, 150, "auth-1")])
    assert asked(story.tell(ordinary(version=2), payment(CAPTURE, 50, "auth-1"))) == []
    void = payment(PaymentType.VOID, 100, "v", original="auth-1")
    cancelled = ordinary(OrderStatus.CANCELLED, 3)
    assert asked(story.tell(void, payment(PaymentType.REFUND, 50, "r"), cancelled)) == [
        PENDING,
        UNDO,
    ]


@pytest.mark.parametrize("ordinary_at", [0, 2], ids=["ordinary first", "ordinary last"])
@pytest.mark.parametrize(
    ("kind", "called_for"), [(PaymentType.REFUND, []), (PaymentType.VOID, [RELEASE])]
)
def test_money_taken_back_while_the_order_was_ordinary_buys_no_certificate_later(
    kind: PaymentType, called_for: list[str], ordinary_at: int
) -> None:
    """What takes a marked payment back need not be marked itself."""
    captured = payment(CAPTURE, 100, "pay-1", operation=CertificateOperation.PURCHASE)
    happenings: list[Happening] = [captured, payment(kind, 100, "back-1", original="pay-1")]
    happenings.insert(ordinary_at, ordinary())
    story = told([*happenings, order(version=2, sells={A: 100})])
    assert asked(story.commands) == called_for


def test_number_changed_before_issue_issues_the_new_one_only() -> None:
    story = told([PURCHASE, order(version=2, sells={B: 100}), CAPTURED])
    assert asked(story.commands) == [f"Issue {B}", f"Activate {B}"]


def test_number_changed_after_issue_issues_no_second_certificate() -> None:
    story = told([PURCHASE, AUTHORIZED, order(version=2, sells={B: 100}), CAPTURED])
    assert asked(story.commands) == [ISSUE, ACTIVATE]


def test_line_renumbered_after_issue_is_still_the_same_certificate() -> None:
    story = told([PURCHASE, AUTHORIZED, order(version=2, total=130, sells={B: 30, A: 100})])
    assert asked(story.commands) == [ISSUE]
    paid = payment(CAPTURE, 130, "auth-1")
    assert ACTIVATE in asked(story.tell(paid))
    assert asked(story.commands).count(ISSUE) == 1


def test_line_without_a_number_alerts_once_paid_and_issues_when_it_gets_one() -> None:
    story = told([order(sells={"": 100})])
    assert asked(story.tell(CAPTURED)) == [f"Alert:NUMBER_MISSING correlation:{KEY}"]
    assert asked(story.tell(order(version=2, sells={A: 100}))) == [ISSUE, ACTIVATE]


def test_overpaid_order_alerts_once_and_still_issues() -> None:
    story = told([PURCHASE, payment(CAPTURE, 120)])
    assert asked(story.commands) == [ISSUE, ACTIVATE, f"Alert:OVERPAID {A}"]
    assert story.tell(payment(CAPTURE, 5, "pay-2")) == []


def test_refund_of_what_was_paid_too_much_leaves_the_certificate_alone() -> None:
    story = told([PURCHASE, payment(CAPTURE, 120)])
    assert story.tell(payment(PaymentType.REFUND, 20, "refund-1")) == []
    assert asked(story.tell(payment(PaymentType.REFUND, 1, "refund-2"))) == [PENDING]


def test_certificate_payment_that_spends_nothing_pays_for_no_certificate() -> None:
    """It names a certificate the order does not; counting it would make money of nothing."""
    bought = order(sells={A: 100}, spends={B: 100})
    story = told([bought, spent(100, certificate="GC-000C")])
    assert asked(story.commands) == ["Alert:REDEMPTION_MISMATCH GC-000C"]
    assert asked(story.tell(spent(100, "spend-2", certificate=B))) == [
        f"Redeem {B}",
        f"Alert:CERTIFICATE_FOR_CERTIFICATE {A}",
    ]


def test_certificate_is_never_bought_with_a_certificate() -> None:
    """B may refuse to be spent (empty, locked): A would then be money from nothing."""
    bought = order(sells={A: 100}, spends={B: 40})
    story = told([bought, spent(40, certificate=B)])
    told_of = f"Alert:CERTIFICATE_FOR_CERTIFICATE {A}"
    assert asked(story.commands) == [f"Redeem {B}", told_of]
    assert story.tell(payment(CAPTURE, 60)) == [], "60 in money do not pay for 100"
    assert asked(story.tell(payment(CAPTURE, 40, "pay-2"))) == [ISSUE, ACTIVATE]


def test_certificate_that_was_not_bought_with_a_certificate_gives_that_one_back() -> None:
    bought = order(sells={A: 100}, spends={B: 100})
    returned = order(OrderStatus.RETURNED, 2, sells={A: 100}, spends={B: 100})
    back = payment(PaymentType.REFUND, 100, "back-1", tender=Tender.GIFT_CERTIFICATE, certificate=B)
    story = told([bought, spent(100, certificate=B), returned])
    assert asked(story.commands)[-2:] == [RELEASE, f"RefundPending {B}"]
    assert asked(story.tell(back)) == [f"RefundToCertificate {B}"]


def test_order_of_goods_and_a_certificate_may_spend_a_certificate_on_the_goods() -> None:
    story = told([order(total=150, sells={A: 100}, spends={B: 50}), spent(50, certificate=B)])
    assert asked(story.commands) == [f"Redeem {B}"]
    assert asked(story.tell(payment(CAPTURE, 100))) == [ISSUE, ACTIVATE]


@pytest.mark.parametrize("named", ["payment", "original"])
def test_void_of_a_capture_takes_back_what_it_paid(named: str) -> None:
    """The customer has the money again: the certificate waits to be undone, and then is."""
    void = (
        payment(PaymentType.VOID, 100, "pay-1")
        if named == "payment"
        else payment(PaymentType.VOID, 100, "void-1", original="pay-1")
    )
    story = told([order(sells={A: 100}), payment(CAPTURE, 100, "pay-1")])
    assert asked(story.commands) == [ISSUE, ACTIVATE]
    assert asked(story.tell(void)) == [PENDING]
    assert asked(story.tell(order(OrderStatus.CANCELLED, 2, sells={A: 100}))) == [UNDO]


def test_void_of_a_capture_that_comes_before_it_leaves_nothing_paid() -> None:
    story = told([order(sells={A: 100}), payment(PaymentType.VOID, 100, "v", original="pay-1")])
    assert ISSUE not in asked(story.tell(payment(CAPTURE, 100, "pay-1")))


def test_void_of_what_is_left_of_an_authorization_leaves_what_was_captured() -> None:
    story = told([order(sells={A: 100}), payment(PaymentType.AUTHORIZATION, 150, "auth-1")])
    story.tell(payment(CAPTURE, 100, "pay-1", original="auth-1"))
    story.tell(payment(PaymentType.VOID, 50, "void-1", original="auth-1"))
    assert asked(story.commands) == [ISSUE, ACTIVATE]


def test_refund_in_another_currency_gives_no_certificate_line_back() -> None:
    back = payment(PaymentType.REFUND, 100, "back-1", currency="JPY", certificate=A)
    story = told([order(sells={A: 100}), payment(CAPTURE, 100, "pay-1"), back])
    story.tell(order(OrderStatus.RETURNED, 2, sells={A: 100}))
    assert UNDO not in asked(story.commands)


def test_commands_are_sent_in_the_name_of_the_correlator_at_the_time_of_the_fact() -> None:
    story = Story()
    story.tell(PURCHASE, CAPTURED, at_ms=5_000)
    assert {(each.at_ms, each.actor) for each in story.commands} == {(5_000, "correlator")}
