"""Certificates that live through many days, by actions of any kind at any time.

Owns the strategy: what is asked of a few certificates, in which order, and by whose clock. What
comes of it the service's own rules say, so most of it is money that moves.
"""

from hypothesis import strategies as st

from state.certificate import commands
from state.certificate.commands import Channel
from state.certificate.money import Money
from tests.neighbours.bi.told_topics import DAY_MS, NOON_MS, ToldTopics

NUMBERS = ("GC-0000-0001", "GC-0000-0002", "GC-0000-0003")
CURRENCIES = {"GC-0000-0001": "RUB", "GC-0000-0002": "RUB", "GC-0000-0003": "KWD"}
CHANNELS = {
    "GC-0000-0001": Channel.POS,
    "GC-0000-0002": Channel.ONLINE_STORE,
    "GC-0000-0003": Channel.POS,
}
CODE = commands.RevealCvc(key_id="key-1")

_orders = st.sampled_from(["basket-1", "basket-2"])
_units = st.integers(1, 4)


def _selling(number: str) -> list[commands.Action]:
    return [
        commands.Load(pool="ELECTRONIC"),
        commands.Reserve(
            pool="ELECTRONIC", channel=CHANNELS[number], order_id=None, until_ms=NOON_MS + DAY_MS
        ),
        commands.Issue(
            order_id="sale-1",
            channel=CHANNELS[number],
            client_id="client-7",
            nominal=Money(amount_minor=1_000, currency=CURRENCIES[number]),
            notification_channel=None,
        ),
        commands.Activate(order_id="sale-1"),
        CODE,
    ]


def _spending(number: str) -> st.SearchStrategy[commands.Action]:
    money = _units.map(lambda each: Money(amount_minor=each * 100, currency=CURRENCIES[number]))
    return st.one_of(
        st.builds(
            commands.Redeem,
            order_id=_orders,
            payment_id=st.just("payment"),
            amount=money,
            authorization_id=st.none(),
        ),
        st.builds(
            commands.RefundToCertificate,
            order_id=_orders,
            payment_id=st.just("payment"),
            amount=money,
        ),
        st.builds(
            commands.Authorize,
            order_id=_orders,
            amount=money,
            cvc_matches=st.just(True),
            cvc_version=st.just(1),
            accept_partial=st.booleans(),
            expires_at_ms=st.just(NOON_MS + 90 * DAY_MS),
        ),
        st.sampled_from(
            [
                commands.CancelPurchase(order_id="sale-1"),
                commands.Lock(reason="test"),
                commands.Unlock(reason="test"),
                commands.Annul(reason="test"),
            ]
        ),
    )


_steps = st.sampled_from(NUMBERS).flatmap(
    lambda number: st.tuples(
        st.just(number),
        _spending(number),
        st.integers(0, 30 * 60 * 60 * 1000),
        st.sampled_from([0, 0, 0, -40 * DAY_MS, -DAY_MS, 2 * DAY_MS]),
    )
)


@st.composite
def lived_topics(draw: st.DrawFn) -> ToldTopics:
    """Topics of some certificates that are sold first, and then spent, refunded, ended."""
    told = ToldTopics()
    for number in NUMBERS:
        for action in _selling(number)[: draw(st.integers(3, 5))]:
            told.perform(number, action, correlation_id="sale-1")
            told.pass_time(draw(st.sampled_from([0, 1_000, DAY_MS])))
    for number, action, later_ms, skew_ms in draw(st.lists(_steps, max_size=25)):
        told.pass_time(later_ms)
        told.perform(number, action, at_ms=told.now_ms + skew_ms, correlation_id=f"{number}/basket")
    return told
