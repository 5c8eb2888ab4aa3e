"""Folding a history: the certificate after each event, and as of a time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.certificate.commands import (
    Action,
    Activate,
    Channel,
    Command,
    Load,
    Origin,
    Redeem,
    RevealCvc,
)
from state.certificate.events import EntryKind, EventType, Reason
from state.certificate.headline import LedgerEntry
from state.certificate.history import (
    HistoryEntry,
    HistoryLine,
    IncompleteHistory,
    as_of,
    entry_of,
    line_of,
    replayed,
)
from state.certificate.record import CertificateState, Lifecycle, Status
from state.certificate.transition import transition
from tests.state.certificate.specimens import (
    NUMBER,
    ORDER,
    POOL,
    SPENDER,
    command,
    issue_action,
    redeem_action,
    reserve_number,
)

UNKNOWN = CertificateState()


def lived(*commands: Command) -> tuple[list[HistoryEntry], list[CertificateState]]:
    """The history that these commands make, and the state after each of its events."""
    state = UNKNOWN
    entries, states = [], []
    for each in commands:
        step = transition(state, None, each)
        for published in step.published:
            entries.append(entry_of(published, each))
            states.append(
                CertificateState(sequence=published.sequence, certificate=published.certificate)
            )
        state = step.state
    return entries, states


STEPS: tuple[tuple[str, Action], ...] = (
    ("early", redeem_action(100)),  # an error: nobody has loaded the number yet
    ("load", Load(pool=POOL)),
    ("reserve", reserve_number()),
    ("issue", issue_action()),  # two events: issued, and a notification requested
    ("reveal", RevealCvc(key_id="key-1")),
    ("activate", Activate(order_id=ORDER)),
    ("redeem", redeem_action(100)),
)


def told_at(*times: int) -> tuple[list[HistoryEntry], list[CertificateState]]:
    """The life above, each step at its time."""
    return lived(
        *(
            command(action, name, origin=Origin.FACT, at_ms=at_ms)
            for (name, action), at_ms in zip(STEPS, times, strict=True)
        )
    )


IN_ORDER = told_at(10, 20, 30, 40, 50, 60, 70)


def test_replayed_gives_the_certificate_after_each_event() -> None:
    entries, states = IN_ORDER
    assert list(replayed(NUMBER, entries)) == [
        (entry, state.certificate) for entry, state in zip(entries, states, strict=True)
    ]
    assert states[0].certificate is None, "an error about a number that nobody had loaded"


def test_replayed_goes_on_from_where_a_page_before_ended() -> None:
    entries, states = IN_ORDER
    whole = list(replayed(NUMBER, entries))
    for read in range(1, len(entries) + 1):
        assert list(replayed(NUMBER, entries[read:], states[read - 1])) == whole[read:]


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param([1, 2, 3], id="begins-late"),
        pytest.param([0, 2, 3], id="gap"),
        pytest.param([0, 1, 1], id="twice"),
        pytest.param([1, 0, 2], id="out-of-order"),
        pytest.param([], id="nothing"),
    ],
)
def test_fold_of_an_incomplete_history_is_refused(kept: list[int]) -> None:
    """A store from before histories were kept must not pass for a certificate without a past."""
    entries = [IN_ORDER[0][place] for place in kept]
    with pytest.raises(IncompleteHistory):
        list(replayed(NUMBER, entries))
    with pytest.raises(IncompleteHistory):
        as_of(NUMBER, entries, 1_000)


def test_history_that_begins_late_is_refused_also_for_a_time_before_it() -> None:
    """Nothing is known of then, and nothing is no answer."""
    with pytest.raises(IncompleteHistory):
        as_of(NUMBER, IN_ORDER[0][3:], 1)


@pytest.mark.parametrize(
    ("at_ms", "sequence", "lifecycle"),
    [
        (9, 0, None),
        (10, 1, None),
        (19, 1, None),
        (20, 2, Lifecycle.AVAILABLE),
        (39, 3, Lifecycle.RESERVED),
        (40, 5, Lifecycle.ISSUED),  # both events of the command
        (69, 7, Lifecycle.ACTIVE),
        (70, 8, Lifecycle.PARTIALLY_REDEEMED),
        (10**15, 8, Lifecycle.PARTIALLY_REDEEMED),
    ],
)
def test_as_of_a_time_is_the_state_that_the_certificate_had(
    at_ms: int, sequence: int, lifecycle: Lifecycle | None
) -> None:
    state = as_of(NUMBER, IN_ORDER[0], at_ms)
    assert state.sequence == sequence
    assert (state.certificate and state.certificate.lifecycle) == lifecycle


@pytest.mark.parametrize(("at_ms", "sequence"), [(59, 6), (60, 6), (79, 6), (80, 8)])
def test_as_of_a_time_ends_before_the_first_later_event(at_ms: int, sequence: int) -> None:
    """The payment was made at 70 and heard of after what happened at 80: until 80, neither shows.

    To show the payment alone would show a certificate that never was.
    """
    entries, _ = told_at(10, 20, 30, 40, 50, 80, 70)
    assert as_of(NUMBER, entries, at_ms).sequence == sequence


TIMES = st.lists(st.integers(0, 20), min_size=len(STEPS), max_size=len(STEPS))


@given(TIMES)
def test_as_of_is_one_of_the_states_and_never_goes_back(times: list[int]) -> None:
    """Whatever clocks said: a real state, nothing later in it, and all of it in the end."""
    entries, states = told_at(*times)
    before = UNKNOWN
    for at_ms in range(-1, max(times) + 1):
        state = as_of(NUMBER, entries, at_ms)
        assert state in [UNKNOWN, *states]
        assert state.sequence >= before.sequence
        assert all(entry.at_ms <= at_ms for entry in entries[: state.sequence])
        assert state.sequence == len(entries) or entries[state.sequence].at_ms > at_ms
        before = state
    assert before == states[-1]


def test_line_of_a_redemption_shows_money_order_and_cause() -> None:
    redeem = Redeem(
        order_id=SPENDER,
        payment_id="payment-1",
        amount=redeem_action(100).amount,
        authorization_id=None,
    )
    told = replace(
        command(redeem, "pay", origin=Origin.FACT, correlation_id="c-2", at_ms=90), actor="shop/7"
    )
    life = [command(action, name, at_ms=1) for name, action in STEPS[1:-1]]
    (*_, (entry, certificate)) = replayed(NUMBER, lived(*life, told)[0])
    assert line_of(entry, certificate) == HistoryLine(
        sequence=7,
        event_type=EventType.REDEEM_PARTIAL,
        status=Status.PARTIALLY_REDEEMED,
        channel=Channel.ONLINE_STORE,
        occurred_at_ms=90,
        origin=Origin.FACT,
        causation_id="pay",
        correlation_id="c-2",
        actor="shop/7",
        reason=None,
        entry=LedgerEntry(
            kind=EntryKind.REDEEM, amount_minor=-100, remaining_minor=9_900, held_minor=0
        ),
        currency="RUB",
    )


def test_line_of_an_unknown_number_shows_the_refusal_alone() -> None:
    (early, *_), _ = IN_ORDER
    assert line_of(early, None) == HistoryLine(
        sequence=1,
        event_type=EventType.ERROR,
        status=Status.ERROR,
        channel=None,
        occurred_at_ms=10,
        origin=Origin.FACT,
        causation_id="early",
        correlation_id=None,
        actor=None,
        reason=Reason(code="NOT_FOUND", text="no certificate has this number"),
        entry=None,
        currency=None,
    )
