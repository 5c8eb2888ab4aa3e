"""The laws of the design, attacked by generated histories of several certificates and their pool.

Random commands in random order, with repeats, wrong ids, early and late timers, and messages
between pool and certificates delivered at random; every step is compared with the reference.
"""

from collections import defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    Channel,
    Command,
    ExpireHold,
    ExpireReservation,
    Issue,
    Load,
    Origin,
    Redeem,
    RefundToCertificate,
    Release,
    Reserve,
    RevealCvc,
    Void,
)
from state.certificate.events import EntryKind
from state.certificate.money import Money
from state.certificate.rejections import RejectionCode
from state.pool.commands import PoolCommand
from tests.state.certificate.strategies import (
    NUMBERS,
    POOL,
    channel,
    money,
    money_action,
    mostly,
    number,
    order,
    stock_action,
    support_action,
    timer_action,
    until_ms,
)
from tests.state.certificate.world import World, take_next

HOLD_MS = 50


class Histories(RuleBasedStateMachine):
    """Every rule is one thing that somebody does; every invariant is a law."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.requests = 0
        self.takes: list[PoolCommand] = []
        self.pool_log: list[PoolCommand] = []

    def fresh_id(self) -> str:
        self.requests += 1
        return f"request-{self.requests - 1}"

    def send(
        self, to: str, action: Action, *, origin: Origin = Origin.HTTP, at_ms: int = 0
    ) -> None:
        self.world.perform(
            Command(
                command_id=self.fresh_id(),
                at_ms=at_ms,
                certificate_id=to,
                origin=origin,
                action=action,
            )
        )

    @rule(to=number, action=stock_action | support_action, fact=st.booleans())
    def anything_is_asked(self, to: str, action: Action, fact: bool) -> None:
        self.send(to, action, origin=Origin.FACT if fact else Origin.HTTP)

    @rule(to=number, action=money_action, fact=st.booleans())
    def money_is_asked_for(self, to: str, action: Action, fact: bool) -> None:
        # Only callers bring a code, so only they authorize.
        fact = fact and not isinstance(action, Authorize)
        self.send(to, action, origin=Origin.FACT if fact else Origin.HTTP)

    @rule(to=number, action=timer_action, at_ms=until_ms)
    def a_timer_rings(self, to: str, action: Action, at_ms: int) -> None:
        self.send(to, action, origin=Origin.TIMER, at_ms=at_ms)

    @rule(to=number, late_ms=st.integers(-1, 1))
    def timers_ring_about_their_deadlines(self, to: str, late_ms: int) -> None:
        certificate = self.world.state(to).certificate
        if certificate is None:
            return
        if certificate.reservation is not None:
            reservation = certificate.reservation
            expire = ExpireReservation(reservation_id=reservation.reservation_id)
            self.send(to, expire, origin=Origin.TIMER, at_ms=reservation.until_ms + late_ms)
        for hold_id, hold in certificate.holds.items():
            free = ExpireHold(authorization_id=hold_id)
            self.send(to, free, origin=Origin.TIMER, at_ms=hold.expires_at_ms + late_ms)

    @rule(to=number, sold_to=order, nominal=money)
    def a_certificate_is_sold(
        self, to: str, sold_to: str, nominal: Money, at: Channel = Channel.POS
    ) -> None:
        self.send(to, Load(pool=POOL), origin=Origin.LOADER)
        issue = Issue(
            order_id=sold_to,
            channel=at,
            client_id=None,
            nominal=nominal,
            notification_channel=None,
        )
        self.send(to, issue, origin=Origin.FACT)
        self.send(to, RevealCvc(key_id="key-1"))
        self.send(to, Activate(order_id=sold_to), origin=Origin.FACT)

    @initialize(loaded=st.integers(1, 4), sold=st.sampled_from([2, 2, 1, 0]))
    def the_service_has_been_used_before(self, loaded: int, sold: int) -> None:
        for to in NUMBERS[:loaded]:
            self.send(to, Load(pool=POOL), origin=Origin.LOADER)
        for to in NUMBERS[:sold]:
            self.a_certificate_is_sold(to, "order-1", Money(amount_minor=100, currency="RUB"))

    @rule(to=number, spender=order, share=st.integers(1, 4), until=until_ms)
    def money_is_held(self, to: str, spender: str, share: int, until: int) -> None:
        self.hold(to, spender, share, until)

    def hold(self, to: str, spender: str, share: int, until: int) -> str:
        account = self.world.accounts[to]
        self.send(
            to,
            Authorize(
                order_id=spender,
                amount=self.share_of(to, share),
                cvc_matches=True,
                cvc_version=account.code,
                accept_partial=False,
                expires_at_ms=until,
            ),
        )
        return f"request-{self.requests - 1}"

    def share_of(self, to: str, share: int) -> Money:
        account = self.world.accounts[to]
        amount = max(1, account.balance // share)
        return Money(amount_minor=amount, currency=account.currency or "RUB")

    @rule(
        to=st.sampled_from(NUMBERS[:2]),
        how=st.sampled_from(["capture", "void", "redeem", "redeem", "undo", "annul"]),
        by=order,
        share=st.integers(1, 4),
        data=st.data(),
    )
    def an_open_hold_is_touched(
        self, to: str, how: str, by: str, share: int, data: st.DataObject
    ) -> None:
        """The first of the certificate's open holds, or a new one where it has none."""
        accounts = self.world.accounts
        if not accounts[to].holds:
            self.hold(to, by, share, HOLD_MS)
        if not accounts[to].holds:
            return
        hold_id, hold = next(iter(accounts[to].holds.items()))
        amount = Money(
            amount_minor=max(1, hold.amount + data.draw(st.sampled_from([0, 0, 1, -1]))),
            currency=accounts[to].currency or "RUB",
        )
        actions: dict[str, Action] = {
            "capture": Capture(
                authorization_id=hold_id, amount=data.draw(st.none() | st.just(amount))
            ),
            "void": Void(authorization_id=hold_id),
            "redeem": Redeem(
                order_id=data.draw(st.sampled_from([hold.order, by])),
                payment_id="payment",
                amount=amount,
                authorization_id=data.draw(st.sampled_from([None, hold_id])),
            ),
            "undo": CancelPurchase(order_id=accounts[to].owner or ""),
            "annul": Annul(reason="why"),
        }
        self.send(to, actions[how])

    @rule(to=number, spender=order, share=st.integers(1, 4), named=st.booleans())
    def a_hold_is_spent_and_told_of(self, to: str, spender: str, share: int, named: bool) -> None:
        """Authorized, captured over HTTP, and then told of again by order and payment."""
        account = self.world.accounts[to]
        amount = self.share_of(to, share)
        hold_id = self.hold(to, spender, share, HOLD_MS)
        self.send(to, Capture(authorization_id=hold_id, amount=None))
        before = account.balance
        redeem = Redeem(
            order_id=spender,
            payment_id="payment",
            amount=amount,
            authorization_id=hold_id if named else None,
        )
        captured = hold_id in account.taken
        self.send(to, redeem, origin=Origin.FACT)
        if captured:
            assert account.balance == before, "money captured over HTTP was deducted again"

    @rule(to=st.sampled_from(NUMBERS[:2]), by=order, data=st.data())
    def an_order_pays_without_a_name(self, to: str, by: str, data: st.DataObject) -> None:
        """About what it captured and not told of, that and its holds, or all it can have."""
        account = self.world.accounts[to]
        untold = sum(each.untold for each in account.taken.values() if each.order == by)
        aside = sum(each.amount for each in account.holds.values() if each.order == by)
        most = untold + aside + account.balance - account.held
        about = data.draw(st.sampled_from([untold, untold + aside, most]))
        amount = Money(
            amount_minor=max(1, about + data.draw(st.integers(-2, 2))),
            currency=account.currency or "RUB",
        )
        redeem = Redeem(order_id=by, payment_id="payment", amount=amount, authorization_id=None)
        self.send(to, redeem, origin=Origin.FACT)

    @precondition(lambda self: any(each.spent for each in self.world.accounts.values()))
    @rule(data=st.data())
    def goods_come_back(self, data: st.DataObject) -> None:
        """A refund of up to a little more than the order still has coming."""
        accounts = self.world.accounts
        spent = [(to, by) for to, account in accounts.items() for by in account.spent]
        to, by = data.draw(st.sampled_from(spent))
        left = accounts[to].spent[by]
        amount = Money(
            amount_minor=data.draw(st.just(max(1, left)) | st.integers(1, left + 1)),
            currency=accounts[to].currency or "RUB",
        )
        refund = RefundToCertificate(order_id=by, payment_id="refund", amount=amount)
        self.send(to, refund, origin=Origin.FACT)

    @precondition(lambda self: any(each.booked for each in self.world.accounts.values()))
    @rule(data=st.data(), paid=st.booleans())
    def a_reservation_ends(self, data: st.DataObject, paid: bool) -> None:
        accounts = self.world.accounts
        to = data.draw(st.sampled_from([to for to, each in accounts.items() if each.booked]))
        booked = accounts[to].booked
        assert booked is not None
        buyer = booked.order_id or data.draw(order)
        if paid:
            self.a_certificate_is_sold(to, buyer, data.draw(money), booked.channel)
        else:
            self.send(to, Release(order_id=buyer, channel=booked.channel), origin=Origin.FACT)

    @precondition(lambda self: self.world.commands)
    @rule(data=st.data(), same_body=mostly)
    def a_request_is_repeated(self, data: st.DataObject, same_body: bool) -> None:
        """However much later: the same outcome again, or a refusal of another body."""
        done = [each for each in self.world.commands if each.origin is not Origin.TIMER]
        if not done:
            return
        first = data.draw(st.sampled_from(done))
        key = (first.certificate_id, first.origin, first.command_id)
        known = self.world.outcomes.get(key)
        if known is None:
            return
        again = Command(
            command_id=first.command_id,
            at_ms=first.at_ms + 1,
            certificate_id=first.certificate_id,
            origin=first.origin,
            action=first.action,
            body_digest=known.body_digest if same_body else "another",
        )
        step = self.world.perform(again)
        assert step.repeated
        assert step.outcome is not None
        if same_body:
            assert step.outcome == known
        else:
            assert step.outcome.rejection is not None
            assert step.outcome.rejection.code is RejectionCode.REQUEST_REUSED

    @rule(buyer=st.none() | order, at=channel, until=until_ms)
    def the_next_number_is_asked_for(self, buyer: str | None, at: Channel, until: int) -> None:
        reserve = Reserve(pool=POOL, channel=at, order_id=buyer, until_ms=until)
        take = take_next(self.fresh_id(), reserve)
        self.takes.append(PoolCommand(pool=POOL, at_ms=until, action=take))
        self.world.pool_inbox.append(self.takes[-1])

    @precondition(lambda self: self.takes)
    @rule(data=st.data())
    def the_next_number_is_asked_for_again(self, data: st.DataObject) -> None:
        """A client repeats whenever it likes, also while its first try is still on its way."""
        self.world.pool_inbox.append(data.draw(st.sampled_from(self.takes)))

    @precondition(lambda self: self.world.pool_inbox)
    @rule(times=st.integers(1, 5))
    def the_pool_works(self, times: int) -> None:
        for _ in range(min(times, len(self.world.pool_inbox))):
            self.pool_log.append(self.world.pool_inbox[0])
            self.world.deliver_to_pool()

    @rule(to=number)
    def a_certificate_hears_from_the_pool(self, to: str) -> None:
        if self.world.inboxes[to]:
            self.world.deliver_to(to)

    @invariant()
    def no_number_breaks_a_law(self) -> None:
        self.world.check_numbers()

    @invariant()
    def no_money_is_made_or_lost(self) -> None:
        """By currency: what the stream's entries say is what the records hold."""
        flows: dict[str, int] = defaultdict(int)
        issued: dict[str, int] = defaultdict(int)
        for in_currency, kind, amount in self.world.entries():
            flows[in_currency] += amount
            issued[in_currency] += amount if kind is EntryKind.ISSUE else 0
        kept: dict[str, int] = defaultdict(int)
        left: dict[str, int] = defaultdict(int)
        for state in self.world.states.values():
            certificate = state.certificate
            if certificate is None:
                continue
            in_currency = certificate.currency or ""
            kept[in_currency] += certificate.remaining_minor
            left[in_currency] += (
                certificate.nominal_minor
                + certificate.refunded_minor
                - certificate.redeemed_minor
                - certificate.annulled_minor
            )
            assert 0 <= certificate.refunded_minor <= certificate.redeemed_minor
            assert certificate.remaining_minor <= certificate.nominal_minor
        assert {key: value for key, value in flows.items() if value} == {
            key: value for key, value in kept.items() if value
        }
        assert kept == left
        assert all(value >= 0 for value in issued.values())

    @invariant()
    def no_request_for_a_number_has_two_outcomes(self) -> None:
        for take in self.takes:
            request_id = take.action.request_id  # type: ignore[union-attr]  # Only takes are kept.
            given = len(self.world.reserved_by(request_id))
            assert given + self.world.blocked[request_id] <= 1

    @invariant()
    def the_pool_counts_what_it_holds(self) -> None:
        assert self.world.pool.head().level == len(self.world.pool.numbers)

    def teardown(self) -> None:
        """Replaying what was asked gives the same records, outcomes and events."""
        replayed = World()
        for command in self.world.commands:
            replayed.perform(command)
        assert replayed.states == self.world.states
        assert replayed.outcomes == self.world.outcomes
        assert replayed.published == self.world.published
        replayed.pool_inbox.clear()
        for pool_command in self.pool_log:
            replayed.pool_inbox.append(pool_command)
            replayed.deliver_to_pool()
        assert replayed.pool.numbers == self.world.pool.numbers
        assert replayed.pool.head() == self.world.pool.head()
        assert replayed.blocked == self.world.blocked


TestHistories = Histories.TestCase
TestHistories.settings = settings(stateful_step_count=40)
# Only a failure takes long: it is made as short as it can be before it is shown.
TestHistories = pytest.mark.timeout(600)(TestHistories)
