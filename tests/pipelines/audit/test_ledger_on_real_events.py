"""The audit's second opinion against the service's own rules, over generated histories.

Whatever the rules of a certificate publish, by way of the contract's bytes, breaks no law; and
whatever is then changed of one event is found.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.audit.breaches import Breach
from pipelines.audit.comparison import differences
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveRecord
from pipelines.audit.stream_event import EventReader
from pipelines.contracts.event_record import event_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from state.certificate import commands
from state.certificate.commands import Channel, Command, NotificationChannel, Origin
from state.certificate.money import Money
from state.certificate.record import CertificateState
from state.certificate.transition import transition

NUMBER = "GC-0000-1234"
FRAMING = SingleObjectFraming()
EVENT = RecordName.GIFT_CERTIFICATE_EVENT

Fields = dict[str, Any]

amounts = st.integers(1, 5).map(lambda units: Money(amount_minor=units * 100, currency="RUB"))
holds = st.integers(0, 40).map(lambda number: f"command-{number}")
orders = st.sampled_from(["order-1", "order-2"])

SELLING: tuple[commands.Action, ...] = (
    commands.Load(pool="ELECTRONIC"),
    commands.Reserve(
        pool="ELECTRONIC", channel=Channel.POS, order_id="order-1", until_ms=1_700_000_100_000
    ),
    commands.Issue(
        order_id="order-1",
        channel=Channel.POS,
        client_id=None,
        nominal=Money(amount_minor=1_000, currency="RUB"),
        notification_channel=NotificationChannel.SMS,
    ),
    commands.Activate(order_id="order-1"),
    commands.RevealCvc(key_id="key-1"),
)

actions: st.SearchStrategy[commands.Action] = st.one_of(
    st.sampled_from(SELLING),
    st.builds(
        commands.Authorize,
        order_id=orders,
        amount=amounts,
        cvc_matches=st.sampled_from([True, True, True, False]),
        cvc_version=st.just(1),
        accept_partial=st.booleans(),
        expires_at_ms=st.just(1_700_000_200_000),
    ),
    st.builds(commands.Capture, authorization_id=holds, amount=st.none() | amounts),
    st.builds(commands.Void, authorization_id=holds),
    st.builds(commands.ExpireHold, authorization_id=holds),
    st.builds(
        commands.Redeem,
        order_id=orders,
        payment_id=st.just("payment"),
        amount=amounts,
        authorization_id=st.none() | holds,
    ),
    st.builds(
        commands.RefundToCertificate,
        order_id=orders,
        payment_id=st.just("payment"),
        amount=amounts,
    ),
    st.builds(commands.RefundPending, order_id=orders),
    st.builds(commands.CancelPurchase, order_id=orders),
    st.builds(commands.Release, order_id=orders, channel=st.just(Channel.POS)),
    st.just(commands.Lock(reason="asked")),
    st.just(commands.Unlock(reason="asked")),
    st.just(commands.Annul(reason="asked")),
    st.just(commands.RequestNotification(notification_channel=None)),
    st.just(commands.RaiseAlert(code="OVERPAID", text="more than asked")),
)

# Half of the histories begin with a sale, since most commands need one.
histories = st.tuples(
    st.sampled_from([(), SELLING[:2], SELLING, SELLING]), st.lists(actions, max_size=30)
).map(lambda parts: [*parts[0], *parts[1]])


def played(history: Sequence[commands.Action]) -> tuple[list[Fields], CertificateState]:
    """What the service publishes when asked all that, one after another, and what it keeps."""
    state = CertificateState()
    records: list[Fields] = []
    for number, action in enumerate(history):
        command = Command(
            command_id=f"command-{number}",
            at_ms=1_700_000_300_000 + number,
            certificate_id=NUMBER,
            origin=Origin.FACT,
            action=action,
        )
        step = transition(state, None, command)
        state = step.state
        for published in step.published:
            record = event_to_record(published, command, f"event-{len(records)}")
            records.append(FRAMING.decode(EVENT, FRAMING.encode(EVENT, record)))
    return records, state


def audited(records: Sequence[Fields]) -> tuple[Ledger, list[Breach]]:
    ledger, reader = Ledger(), EventReader()
    for offset, record in enumerate(records):
        ledger.feed(reader.event_of(record, 0, offset, NUMBER.encode()))
    ledger.finish()
    return ledger, ledger.breaches.kept


def stored(state: CertificateState) -> LiveRecord | None:
    certificate = state.certificate
    if certificate is None:
        return None
    return LiveRecord(
        certificate_id=NUMBER,
        sequence=state.sequence,
        pool=certificate.pool,
        status=certificate.status.value,
        lifecycle=certificate.lifecycle.value,
        currency=certificate.currency,
        nominal_minor=certificate.nominal_minor,
        remaining_minor=certificate.remaining_minor,
        held_minor=certificate.held_minor,
        redeemed_minor=certificate.redeemed_minor,
        refunded_minor=certificate.refunded_minor,
        annulled_minor=certificate.annulled_minor,
        holds={key: hold.amount_minor for key, hold in certificate.holds.items()},
    )


@given(histories)
def test_feed_of_what_the_rules_publish_finds_nothing_and_equals_what_they_keep(
    history: list[commands.Action],
) -> None:
    records, state = played(history)
    ledger, breaches = audited(records)
    assert breaches == []
    live = stored(state)
    if live is not None:
        assert ledger.accounts[NUMBER].sequence == live.sequence
        assert differences(ledger.accounts[NUMBER], live) == []


MONEY_FIELDS = [
    ("entry", "amount"),
    ("entry", "remainingBalance"),
    ("entry", "held"),
    ("payload", "nominal"),
    ("payload", "remainingBalance"),
    ("payload", "held"),
]


@pytest.mark.parametrize(("part", "name"), MONEY_FIELDS)
@given(history=histories, place=st.integers(0, 60))
def test_feed_after_one_amount_was_changed_finds_it(
    part: str, name: str, history: list[commands.Action], place: int
) -> None:
    records, _ = played(history)
    touched = [record for record in records if record[part] and record["payload"]["currency"]]
    assume(touched)
    one = touched[place % len(touched)][part]
    unscaled = int.from_bytes(one[name], "big", signed=True) + 100
    one[name] = unscaled.to_bytes(9, "big", signed=True)
    _, breaches = audited(records)
    assert breaches


@given(history=histories, place=st.integers(0, 60), again=st.booleans())
def test_feed_after_one_event_was_lost_or_doubled_finds_it(
    history: list[commands.Action], place: int, again: bool
) -> None:
    records, _ = played(history)
    assume(len(records) > 1)
    # The loss of the very last event shows in the stores only.
    chosen = place % (len(records) - 1)
    changed = [*records[:chosen], *([records[chosen]] * 2 if again else []), *records[chosen + 1 :]]
    _, breaches = audited(changed)
    assert breaches
