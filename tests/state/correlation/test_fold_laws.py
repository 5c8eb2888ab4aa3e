"""Laws of the fold, attacked with permuted, repeated and random histories.

Where the end must not depend on the order of facts, every order gives the same commands; in every
history a command is sent once, money back never exceeds money taken, and folding is repeatable.
"""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from state.certificate.commands import (
    Activate,
    CancelPurchase,
    Command,
    Issue,
    Redeem,
    RefundToCertificate,
)
from state.correlation.facts import (
    DeadlineReached,
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
    POLICY,
    PURCHASE,
    REDEMPTION,
    RETURNED,
    VOIDED,
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

TWO_LINES = order(total=130, sells={A: 100, B: 30})
RETURNED_SPEND = order(OrderStatus.RETURNED, 2, spends={A: 50})


def in_any_order(*facts: Happening) -> st.SearchStrategy[list[Happening]]:
    """Each fact at least once and some of them again, in any order."""
    again = st.lists(st.sampled_from(facts), max_size=len(facts))
    return again.flatmap(lambda more: st.permutations([*facts, *more]))


def position(commands: list[Command], wanted: str) -> int:
    return asked(commands).index(wanted)


@given(
    in_any_order(
        TWO_LINES,
        order(OrderStatus.CREATED, 0, sells={A: 100}),
        payment(PaymentType.AUTHORIZATION, 130, "p"),
        payment(PaymentType.CAPTURE, 130, "p"),
    )
)
def test_purchase_in_any_order_and_repetition_issues_and_activates_each_line_once(
    facts: list[Happening],
) -> None:
    commands = told(facts).commands
    wanted = {f"{verb} {number}": 1 for verb in ("Issue", "Activate") for number in (A, B)}
    assert Counter(asked(commands)) == wanted
    for number in (A, B):
        assert position(commands, f"Issue {number}") < position(commands, f"Activate {number}")


@given(in_any_order(PURCHASE, AUTHORIZED, payment(PaymentType.CAPTURE, 60, "q")))
def test_purchase_captured_in_part_in_any_order_is_issued_once_and_never_activated(
    facts: list[Happening],
) -> None:
    assert asked(told(facts).commands) == [f"Issue {A}"]


@given(in_any_order(PURCHASE, CAPTURED, RETURNED, payment(PaymentType.REFUND)))
def test_purchase_undone_in_any_order_never_leaves_a_certificate_that_was_paid_back(
    facts: list[Happening],
) -> None:
    """Either it was never issued, or its purchase is undone after; never both Issue and Release."""
    sent = Counter(asked(told(facts).commands))
    assert sent[f"CancelPurchase {A}"] == sent[f"Issue {A}"]
    assert sent[f"Release {A}"] <= 1
    assert sent[f"Activate {A}"] <= sent[f"Issue {A}"]


@given(in_any_order(PURCHASE, AUTHORIZED, VOIDED, CANCELLED))
def test_purchase_voided_and_cancelled_in_any_order_is_released_or_undone(
    facts: list[Happening],
) -> None:
    sent = Counter(asked(told(facts).commands))
    assert sent[f"Activate {A}"] == 0
    assert sent[f"CancelPurchase {A}"] == sent[f"Issue {A}"]
    if not sent[f"Issue {A}"]:
        assert sent[f"Release {A}"] == 1


@given(
    in_any_order(
        REDEMPTION,
        order(OrderStatus.CREATED, 0, spends={A: 50}),
        spent(certificate=None),
        spent(),
        payment(PaymentType.CAPTURE, 50, "card"),
    )
)
def test_redemption_in_any_order_and_repetition_redeems_once(facts: list[Happening]) -> None:
    assert asked(told(facts).commands) == [f"Redeem {A}"]


@given(in_any_order(REDEMPTION, spent(), RETURNED_SPEND, given_back()))
def test_refund_in_any_order_and_repetition_redeems_once_and_refunds_once_after(
    facts: list[Happening],
) -> None:
    commands = told(facts).commands
    sent = Counter(asked(commands))
    assert sent[f"Redeem {A}"] == sent[f"RefundToCertificate {A}"] == 1
    assert position(commands, f"Redeem {A}") < position(commands, f"RefundToCertificate {A}")
    assert set(sent) <= {
        f"{each} {A}" for each in ("Redeem", "RefundToCertificate", "RefundPending")
    }


@given(in_any_order(ordinary(), ordinary(version=2), payment(PaymentType.CAPTURE), AUTHORIZED))
def test_ordinary_traffic_in_any_order_sends_nothing_and_ends_with_no_state(
    facts: list[Happening],
) -> None:
    story = told(facts)
    assert story.kept.payments == {}
    story.ring()
    assert story.is_forgotten
    assert story.commands == []


# Anything that other systems may say, sense or nonsense, about few certificates and amounts.
numbers = st.sampled_from([A, B])
some_numbers = st.dictionaries(numbers | st.just(""), st.sampled_from([30, 50, 100]), max_size=2)
orders = st.builds(
    order,
    st.sampled_from(OrderStatus),
    st.integers(0, 6),
    total=st.sampled_from([0, 50, 80, 100, 150]),
    sells=some_numbers,
    spends=st.dictionaries(numbers, st.sampled_from([30, 50, 100]), max_size=2),
)
payments = st.builds(
    payment,
    st.sampled_from(PaymentType),
    st.sampled_from([0, 20, 30, 50, 80, 100, 150]),
    st.sampled_from(["pay-1", "pay-2", "pay-3"]),
    status=st.sampled_from(PaymentStatus),
    tender=st.sampled_from([Tender.CARD, Tender.CASH, Tender.GIFT_CERTIFICATE]),
    currency=st.sampled_from(["RUB", "RUB", "RUB", "USD"]),
    certificate=st.none() | numbers,
    authorization=st.none() | st.just("hold-1"),
    original=st.none() | st.sampled_from(["pay-1", "pay-2"]),
)
happenings: st.SearchStrategy[Happening] = st.one_of(
    orders,
    orders,
    payments,
    payments,
    payments,
    st.builds(ordinary, st.sampled_from(OrderStatus), st.integers(0, 6)),
    st.builds(DeadlineReached),
)
histories = st.lists(happenings, max_size=14)


@given(histories, st.integers(0, 14))
def test_any_history_sends_each_command_once_and_each_money_command_once_an_occasion(
    facts: list[Happening], day: int
) -> None:
    """Also when all of it is told again, and when time jumps ahead at some point."""
    story = Story()
    for place, happening in enumerate([*facts, *facts]):
        jump_ms = POLICY.forget_after_ms if place == day else 1
        before = len(story.commands)
        story.tell(happening, at_ms=story.at_ms + jump_ms)
        if story.is_forgotten:
            assert len(story.commands) == before
    ids = Counter(each.command_id for each in story.commands)
    assert all(count == 1 for count in ids.values())
    check_money(story.commands)


def check_money(commands: list[Command]) -> None:
    """A line is issued before anything else happens to it; each occasion moves money once."""
    issued: set[str] = set()
    redeemed: Counter[str] = Counter()
    for each in commands:
        line = each.command_id.rpartition("/")[2]
        match each.action:
            case Issue():
                issued.add(line)
            case Activate() | CancelPurchase():
                assert line in issued
            case Redeem(payment_id=payment_id, amount=amount):
                assert amount.amount_minor > 0
                redeemed[payment_id] += 1
            case RefundToCertificate(amount=amount):
                assert amount.amount_minor > 0
                assert redeemed, "nothing was taken that could come back"
            case _:
                pass
    assert all(count == 1 for count in redeemed.values())


@given(histories)
def test_any_history_folds_to_the_same_state_and_commands_again(facts: list[Happening]) -> None:
    first, second = told(facts), told(facts)
    assert first.state == second.state
    assert first.commands == second.commands


@given(histories)
def test_any_history_of_an_unpaid_order_activates_nothing(facts: list[Happening]) -> None:
    """Without a single capture in the order's currency no certificate becomes spendable."""
    unpaid = [
        each
        for each in facts
        if getattr(each, "type", None) is not PaymentType.CAPTURE
        and getattr(each, "total_minor", 1) > 0
    ]
    assert not any(isinstance(each.action, Activate | Redeem) for each in told(unpaid).commands)


@given(histories)
def test_any_history_releases_only_what_it_has_not_issued(facts: list[Happening]) -> None:
    issued: set[str] = set()
    for each in told(facts).commands:
        verb, _, line = each.command_id.partition("/")[2].partition("/")
        if verb == "issue":
            issued.add(line)
        assert verb != "release" or line not in issued
