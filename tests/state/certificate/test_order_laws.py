"""What one order pays in all, however captures over HTTP and payments that name none interleave.

Version 1 payments cannot name an authorization, and nothing orders a caller's capture before or
after the payment that tells of it. Commands are drawn so that the rules refuse none of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.certificate.commands import Action, Capture
from state.certificate.record import Certificate
from tests.state.certificate.specimens import (
    ACTIVE,
    NOMINAL_MINOR,
    OTHER_ORDER,
    after,
    authorize_action,
    money,
    redeem_action,
)

OTHERS_MINOR = 20_00
"""Held by another order all the time: nothing that is done here may touch it."""
OTHERS_HOLD = "another-order"


@dataclass(slots=True)
class Till:
    """One certificate, the order that spends it, and the sums of what that order was told."""

    certificate: Certificate = field(
        default_factory=lambda: after(
            ACTIVE, authorize_action(OTHERS_MINOR, order_id=OTHER_ORDER), OTHERS_HOLD
        )
    )
    captured_minor: int = 0
    paid_minor: int = 0
    done: int = 0

    def perform(self, action: Action, command_id: str | None = None) -> None:
        """Fails where the rules refuse."""
        self.done += 1
        self.certificate = after(self.certificate, action, command_id or f"request-{self.done}")
        assert self.certificate.holds[OTHERS_HOLD].amount_minor == OTHERS_MINOR

    @property
    def deducted_minor(self) -> int:
        return NOMINAL_MINOR - self.certificate.remaining_minor

    @property
    def untold_minor(self) -> int:
        """What was captured and no payment told of."""
        return sum(
            each.amount_minor - each.confirmed_minor for each in self.certificate.captures.values()
        )

    @property
    def holds(self) -> dict[str, int]:
        found = self.certificate.holds.items()
        return {key: each.amount_minor for key, each in found if key != OTHERS_HOLD}

    @property
    def payable_minor(self) -> int:
        return self.untold_minor + sum(self.holds.values()) + self.certificate.available_minor

    def hold(self, amount_minor: int) -> None:
        self.perform(authorize_action(amount_minor), f"hold-{self.done}")

    def capture(self, hold_id: str, amount_minor: int) -> None:
        self.perform(Capture(authorization_id=hold_id, amount=money(amount_minor)))
        self.captured_minor += amount_minor

    def pay(self, amount_minor: int) -> None:
        self.perform(redeem_action(amount_minor))
        self.paid_minor += amount_minor


def amount_up_to(limit_minor: int) -> st.SearchStrategy[int]:
    """All of it often, as that is where sums meet."""
    return st.just(limit_minor) | st.integers(1, limit_minor)


def drawn_hold(till: Till, data: st.DataObject) -> None:
    if till.certificate.available_minor:
        till.hold(data.draw(amount_up_to(till.certificate.available_minor), label="hold"))


def drawn_capture(till: Till, data: st.DataObject) -> None:
    if till.holds:
        hold_id = data.draw(st.sampled_from(sorted(till.holds)), label="captured hold")
        till.capture(hold_id, data.draw(amount_up_to(till.holds[hold_id]), label="captured"))


def drawn_payment(till: Till, data: st.DataObject, limit_minor: int) -> None:
    if limit_minor:
        till.pay(data.draw(amount_up_to(limit_minor), label="paid"))


def steps(data: st.DataObject, *kinds: str) -> Iterator[str]:
    yield from data.draw(st.lists(st.sampled_from(kinds), max_size=12), label="steps")


@given(data=st.data())
def test_order_whose_payments_tell_of_its_captures_pays_the_larger_of_the_two_sums(
    data: st.DataObject,
) -> None:
    """Payments go beyond what is captured only once no hold is open that could be captured yet."""
    till = Till()
    for step in steps(data, "hold", "capture", "pay"):
        if till.paid_minor > till.captured_minor:
            drawn_payment(till, data, till.payable_minor)
        elif step == "hold":
            drawn_hold(till, data)
        elif step == "capture":
            drawn_capture(till, data)
        else:
            limit_minor = till.untold_minor if till.holds else till.payable_minor
            drawn_payment(till, data, limit_minor)
        assert till.deducted_minor == max(till.captured_minor, till.paid_minor)


@given(data=st.data())
def test_order_whose_holds_are_opened_before_it_pays_pays_the_larger_of_the_two_sums(
    data: st.DataObject,
) -> None:
    """However the rest interleaves: a hold that a payment spends counts as captured then."""
    till = Till()
    for _ in range(data.draw(st.integers(0, 4), label="holds")):
        drawn_hold(till, data)
    for step in steps(data, "capture", "pay"):
        if step == "capture":
            drawn_capture(till, data)
        else:
            drawn_payment(till, data, till.payable_minor)
        captured_minor = sum(each.amount_minor for each in till.certificate.captures.values())
        assert till.captured_minor <= captured_minor
        assert till.deducted_minor == max(captured_minor, till.paid_minor)


@given(data=st.data())
def test_order_pays_what_payments_say_once_they_have_told_of_every_capture(
    data: st.DataObject,
) -> None:
    """In any order at all: before that, it has paid what they say and what they have yet to say."""
    till = Till()
    for step in steps(data, "hold", "capture", "pay"):
        before_minor, untold_minor, paid_minor = (
            till.deducted_minor,
            till.untold_minor,
            till.paid_minor,
        )
        if step == "hold":
            drawn_hold(till, data)
            assert till.deducted_minor == before_minor
        elif step == "capture":
            drawn_capture(till, data)
        else:
            drawn_payment(till, data, till.payable_minor)
            told_minor = till.paid_minor - paid_minor
            assert till.deducted_minor == before_minor + max(0, told_minor - untold_minor)
        assert till.deducted_minor == till.paid_minor + till.untold_minor
    if till.untold_minor:
        before_minor = till.deducted_minor
        till.pay(till.untold_minor)
        assert till.deducted_minor == before_minor
    assert till.deducted_minor == till.paid_minor


@pytest.mark.parametrize("parts", [[100], [60, 40], [40, 60], [1, 98, 1], [25] * 4])
@pytest.mark.parametrize("captures", [[100], [50, 50], [30, 70], [10, 20, 70]])
def test_captures_of_a_sum_told_of_in_any_parts_are_deducted_once(
    captures: list[int], parts: list[int]
) -> None:
    certificate = ACTIVE
    for place, amount in enumerate(captures):
        certificate = after(certificate, authorize_action(amount * 100), f"hold-{place}")
        capture = Capture(authorization_id=f"hold-{place}", amount=None)
        certificate = after(certificate, capture, f"capture-{place}")
    spent = certificate
    for place, amount in enumerate(parts):
        certificate = after(certificate, redeem_action(amount * 100), f"payment-{place}")
    assert certificate.remaining_minor == spent.remaining_minor == 0
    assert certificate.redeemed_minor == NOMINAL_MINOR
    assert all(each.confirmed_minor == each.amount_minor for each in certificate.captures.values())


def test_payment_before_a_hold_is_opened_is_money_of_its_own() -> None:
    """Nothing tells that it is about a capture yet to come: that one is deducted as well."""
    till = Till()
    till.pay(30_00)
    till.hold(30_00)
    till.capture("hold-1", 30_00)
    assert till.deducted_minor == 60_00
    till.pay(30_00)
    assert till.deducted_minor == till.paid_minor == 60_00
