"""Who waits for whom, how long, and what is said at the end of it."""

from dataclasses import replace
from itertools import islice

import pytest

from pipelines.neighbours.enrich import joining
from pipelines.neighbours.enrich.join import MAX_WAITING, Waits, Why
from pipelines.neighbours.enrich.joining import Joining
from pipelines.neighbours.enrich.reading import shard_of
from pipelines.neighbours.enrich.records import Destination, Taken
from pipelines.neighbours.enrich.told import Tick, encode
from pipelines.neighbours.records.orders import OrderStatus
from pipelines.neighbours.records.payments import Tender
from tests.contracts.framings import SINGLE_OBJECT
from tests.neighbours.enrich.enrichment_in_memory import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    WAITS,
    DictState,
    EnrichmentInMemory,
    taken,
)
from tests.neighbours.enrich.stories import (
    GOODS,
    OTHER,
    PURCHASE,
    SOLD,
    order,
    payment,
)

BOUGHT = ("PURCHASE", SOLD)
PAID = payment(1_500_00)


def shard_mates(count: int) -> list[str]:
    """Orders of the same shard as the first one."""
    mates = (name for name in map(str, range(10_000)) if shard_of(name) == shard_of("order-1"))
    return list(islice(mates, count))


def test_payment_that_comes_first_waits_for_its_order() -> None:
    enrichment = EnrichmentInMemory()
    assert enrichment.take(PAID.record()) == []
    (written,) = enrichment.take(PURCHASE.record())
    assert (written.marks, written.why) == (BOUGHT, Why.MARKED)


def test_every_payment_that_waits_is_told_in_the_order_in_which_they_came() -> None:
    enrichment = EnrichmentInMemory()
    payments = [payment(minor, payment_id=f"p-{minor}") for minor in (3, 1, 2)]
    enrichment.take(*(each.record() for each in payments))
    written = enrichment.take(PURCHASE.record())
    assert [each.fields["paymentId"] for each in written] == ["p-3", "p-1", "p-2"]


def test_order_of_others_ends_no_wait() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    assert enrichment.take(order(order_id="order-2", sold=[(OTHER, 1)]).record()) == []


def test_draft_ends_no_wait_because_it_may_still_change() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    draft = replace(GOODS, version=0, status=OrderStatus.CREATED)
    assert enrichment.take(draft.record()) == []
    (written,) = enrichment.take(PURCHASE.record())
    assert written.marks == BOUGHT


def test_repeated_payment_is_written_again_byte_for_byte_once_it_was_told() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record(), PAID.record(), PURCHASE.record(), PAID.record())
    first, again = enrichment.given
    assert first == again


def test_payment_sent_again_while_it_waits_is_told_once_whatever_its_time_and_trace() -> None:
    enrichment = EnrichmentInMemory()
    again = taken(PAID.record(), headers=[("traceparent", b"00-x")], timestamp_ms=NOW_MS + 1)
    enrichment.take(taken(PAID.record()), again)
    assert len(enrichment.take(PURCHASE.record())) == 1


def test_older_version_that_comes_late_changes_nothing() -> None:
    enrichment = EnrichmentInMemory()
    newer = replace(PURCHASE, version=2)
    enrichment.take(newer.record(), order(sold=[(OTHER, 1_500_00)]).record())
    (written,) = enrichment.take(PAID.record())
    assert written.marks == BOUGHT


def test_order_called_off_without_its_lines_still_says_what_a_refund_is_about() -> None:
    enrichment = EnrichmentInMemory()
    called_off = replace(GOODS, version=2, status=OrderStatus.CANCELLED, total_minor=0)
    enrichment.take(PURCHASE.record(), called_off.record())
    (written,) = enrichment.take(PAID.record())
    assert written.marks == BOUGHT


# The end of the wait


def test_payment_whose_order_does_not_come_is_told_without_it_at_the_end_of_the_wait() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    assert enrichment.pass_time(HOUR_MS - 1) == []
    (written,) = enrichment.pass_time(1)
    assert (written.marks, written.why) == ((None, None), Why.ORDER_MISSING)
    assert enrichment.pass_time(HOUR_MS) == [], "it is told so once"


def test_payment_by_certificate_says_itself_what_it_does_when_its_order_does_not_come() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(payment(1, tender=Tender.GIFT_CERTIFICATE).record())
    (written,) = enrichment.pass_time(HOUR_MS)
    assert (written.marks, written.why) == (("REDEMPTION", None), Why.ORDER_MISSING)


def test_order_that_comes_after_the_wait_has_its_payment_told_again() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    (unmarked,) = enrichment.pass_time(DAY_MS)
    (marked,) = enrichment.take(PURCHASE.record())
    assert (marked.marks, marked.why) == (BOUGHT, Why.MARKED)
    assert marked.fields["eventId"] == unmarked.fields["eventId"], "of one event, the later word"


def test_ordinary_order_that_comes_after_the_wait_adds_nothing() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    enrichment.pass_time(DAY_MS)
    assert enrichment.take(GOODS.record()) == []


def test_each_payment_of_an_order_waits_its_own_time() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(payment(1, payment_id="first").record())
    enrichment.pass_time(HOUR_MS - MINUTE_MS)
    enrichment.take(payment(1, payment_id="second").record())
    (first,) = enrichment.pass_time(MINUTE_MS)
    (second,) = enrichment.pass_time(HOUR_MS)
    assert (first.fields["paymentId"], second.fields["paymentId"]) == ("first", "second")


def test_any_record_of_the_shard_has_what_is_due_told() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    enrichment.now_ms += HOUR_MS
    (mate,) = shard_mates(1)
    (written,) = enrichment.take(payment(1, order_id=mate).record())
    assert written.fields["orderId"] == "order-1"


# Bounds


def test_ordinary_order_is_forgotten_after_its_days_and_one_with_certificates_is_not() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(GOODS.record(), order(order_id="order-2", sold=[(SOLD, 1)]).record())
    assert enrichment.kept == 2
    enrichment.pass_time(WAITS.forget_ms)
    assert enrichment.kept == 1
    enrichment.pass_time(WAITS.keep_ms)
    assert enrichment.kept == 0


def test_order_that_gets_a_certificate_later_is_kept_as_one_with_certificates() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(GOODS.record(), replace(PURCHASE, version=2).record())
    enrichment.pass_time(WAITS.forget_ms)
    assert enrichment.kept == 1


def test_payment_without_an_order_is_forgotten_after_its_days() -> None:
    enrichment = EnrichmentInMemory()
    enrichment.take(PAID.record())
    enrichment.pass_time(WAITS.wait_ms)
    enrichment.pass_time(WAITS.forget_ms)
    assert enrichment.kept == 0
    assert enrichment.take(PURCHASE.record()) == []


def test_more_payments_than_an_order_has_wait_no_longer_for_it() -> None:
    enrichment = EnrichmentInMemory()
    payments = [payment(1, payment_id=f"p-{n}") for n in range(MAX_WAITING + 2)]
    written = enrichment.take(*(each.record() for each in payments))
    assert [(each.fields["paymentId"], each.why) for each in written] == [
        ("p-0", Why.ORDER_MISSING),
        ("p-1", Why.ORDER_MISSING),
    ]
    assert len(enrichment.take(PURCHASE.record())) == MAX_WAITING


def test_backlog_of_deadlines_is_worked_off_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was stopped for a day must not do a day's work in one transaction."""
    monkeypatch.setattr(joining, "_LOOKS", 2)
    enrichment = EnrichmentInMemory()
    enrichment.take(*(payment(1, order_id=mate).record() for mate in shard_mates(5)))
    assert [len(enrichment.pass_time(ms)) for ms in (HOUR_MS, 0, 0, 0)] == [2, 2, 1, 0]


# Foreign records


def test_record_on_the_join_topic_that_is_not_ours_is_a_dead_letter() -> None:
    state = DictState()
    foreign = Taken(
        topic="join",
        partition=1,
        offset=2,
        key=b"somebody",
        value=b"something",
        headers=[],
        timestamp_ms=NOW_MS,
    )
    (letter,) = Joining(SINGLE_OBJECT, WAITS)(foreign, state, NOW_MS)
    assert letter.destination is Destination.DEAD_LETTERS
    assert (letter.key, letter.value) == (b"somebody", b"something")
    assert dict(letter.headers)["errorCode"] == b"UNDECODABLE"
    (empty,) = Joining(SINGLE_OBJECT, WAITS)(replace(foreign, value=None), state, NOW_MS)
    assert empty.destination is Destination.DEAD_LETTERS
    assert state.kept == {}


def test_tick_of_a_quiet_shard_writes_nothing_and_keeps_nothing() -> None:
    state = DictState()
    tick = taken(PAID.record())
    tick = replace(tick, topic="join", key=b"shard-00", value=encode(Tick()))
    assert Joining(SINGLE_OBJECT, WAITS)(tick, state, NOW_MS) == []
    assert state.kept == {}


def test_trace_and_time_of_the_payment_go_with_it_however_long_it_waited() -> None:
    enrichment = EnrichmentInMemory(waits=Waits(wait_ms=DAY_MS, forget_ms=DAY_MS, keep_ms=DAY_MS))
    source = taken(PAID.record(), headers=[("traceparent", b"00-trace"), ("other", b"x")])
    enrichment.take(source)
    enrichment.now_ms += HOUR_MS
    enrichment.take(PURCHASE.record())
    (given,) = enrichment.given
    assert (given.key, given.timestamp_ms) == (b"payment-1", NOW_MS)
    assert given.headers == [("enrichment", b"marked"), ("traceparent", b"00-trace")]
