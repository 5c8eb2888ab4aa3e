"""Every row of the design's table of rules: what each command gives, and every refusal of it.

The lists of refusals and event types are closed, and nothing on them is out of reach: each is the
outcome of some row here, or of the pool, or of a repeated request.
"""

import typing

import pytest

from state.certificate.commands import Action, Channel, Origin
from state.certificate.events import EventType
from state.certificate.headline import event_type, headline, ledger_entry, reason_of
from state.certificate.record import CertificateState, Status
from state.certificate.rejections import MEANINGS, Rejection, RejectionCode
from state.certificate.transition import Outcome, Published, transition
from state.pool.commands import PoolCommand, TakeNext
from state.pool.queue import Blocked, apply
from tests.state.certificate.authorize_rows import AUTHORIZE_ROWS
from tests.state.certificate.issue_rows import ISSUE_ROWS
from tests.state.certificate.return_rows import RETURN_ROWS
from tests.state.certificate.specimens import NOW_MS, applied, command
from tests.state.certificate.spend_rows import SPEND_ROWS
from tests.state.certificate.stock_rows import STOCK_ROWS
from tests.state.certificate.table import Row, check
from tests.state.pool.dict_store import DictStore

ROWS = STOCK_ROWS + ISSUE_ROWS + AUTHORIZE_ROWS + SPEND_ROWS + RETURN_ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_command_on_certificate_gives_what_its_row_says(row: Row) -> None:
    check(row)


def test_rows_of_all_tables_have_names_of_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_every_action_has_rows_that_accept_and_rows_that_refuse() -> None:
    """Only an alert cannot be refused, and the pool's own offer is passed on instead."""
    accepted = {type(row.action) for row in ROWS if row.events and row.refused is None}
    refused = {type(row.action).__name__ for row in ROWS if row.refused is not None}
    actions = set(typing.get_args(Action))
    assert accepted == actions
    assert refused == {each.__name__ for each in actions} - {"RaiseAlert", "Reserve"}


def test_every_refusal_is_reached_and_has_a_meaning() -> None:
    """The last two come from beside the rules: an empty pool, and a request id used twice."""
    reached = {row.refused for row in ROWS if row.refused is not None}
    reached |= {rejection.code for rejection in (refusal_of_empty_pool(), refusal_of_reuse())}
    assert reached == set(RejectionCode)
    assert set(MEANINGS) == set(RejectionCode)


def test_every_event_type_is_reached() -> None:
    """All but `issue.blocked` are events of rows; that one is what an empty pool publishes."""
    reached = {event_type(event) for row in ROWS for event in row.decision().events}
    assert reached == set(EventType) - {EventType.ISSUE_BLOCKED}
    assert refusal_of_empty_pool().code is RejectionCode.POOL_EMPTY


def test_every_event_of_the_tables_can_be_shown_on_the_stream() -> None:
    """Alerts and errors show themselves, everything else the certificate right after it."""
    for row in ROWS:
        for event in row.decision().events:
            certificate = applied(row.given, row.decision())
            status = headline(event, certificate)
            shows_itself = event_type(event) in (EventType.ALERT, EventType.ERROR)
            assert (status in (Status.ALERT, Status.ERROR)) == shows_itself
            if shows_itself:
                assert ledger_entry(event, certificate) is None
                assert reason_of(event) is not None


def refusal_of_empty_pool() -> Rejection:
    take = TakeNext(
        request_id="request",
        body_digest=None,
        channel=Channel.POS,
        order_id=None,
        reserved_until_ms=NOW_MS,
        low_mark=0,
        reply_to=None,
        actor=None,
    )
    (result,) = apply(DictStore(), PoolCommand(pool="ELECTRONIC", at_ms=NOW_MS, action=take))
    assert isinstance(result, Blocked)
    assert result.sequence == 1, "a refusal for want of numbers is an event of the pool"
    return result.rejection


def refusal_of_reuse() -> Rejection:
    known = Outcome(
        command_id="request", certificate_id="GC-0001", body_digest="one", decided_at_ms=NOW_MS
    )
    asked = command(ROWS[0].action, body_digest="two")
    outcome = transition(CertificateState(), known, asked).outcome
    assert outcome is not None
    assert outcome.rejection is not None
    return outcome.rejection


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_refusal_of_a_fact_becomes_the_last_event_and_of_a_caller_none(row: Row) -> None:
    """What a fact asked in vain the world sees; what a caller asked in vain only the caller."""
    from_fact = published(row, Origin.FACT)
    from_caller = published(row, Origin.HTTP)
    assert [event_type(each.event) for each in from_caller] == list(row.events)
    errors = [EventType.ERROR] if row.refused is not None else []
    assert [event_type(each.event) for each in from_fact] == [*row.events, *errors]
    if row.refused is not None:
        reason = reason_of(from_fact[-1].event)
        assert reason is not None
        assert reason.code == row.refused.value


def published(row: Row, origin: Origin) -> tuple[Published, ...]:
    asked = command(row.action, at_ms=row.at_ms, origin=origin)
    return transition(CertificateState(certificate=row.given), None, asked).published
