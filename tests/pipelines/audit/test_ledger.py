"""The ledger finds nothing in faithful streams, and names the one breach of each forged one."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from pipelines.audit.breaches import Breach, BreachKind, BreachList, law_of
from pipelines.audit.figures import MoneyFigures, StockFigures, money_figures, stock_figures
from pipelines.audit.ledger import Ledger
from pipelines.audit.stream_event import StreamEvent
from tests.pipelines.audit.stream_story import NUMBER, OTHER, Story, on_sale, pool_event, sold


def breaches_of(stream: Sequence[StreamEvent]) -> list[Breach]:
    ledger = Ledger()
    for event in stream:
        ledger.feed(event)
    ledger.finish()
    return ledger.breaches.kept


def kinds_of(stream: Sequence[StreamEvent]) -> list[BreachKind]:
    return [breach.kind for breach in breaches_of(stream)]


FAITHFUL = [
    ("a number nobody took", Story().load()),
    ("a reservation that lapsed twice", on_sale().release().reserve("request-2").release()),
    ("a free number that support ended", Story().load().annul()),
    ("a reserved number that support ended", on_sale().annul()),
    ("spent in full at once", sold().redeem(5_000_00)),
    (
        "spent, refunded and spent again",
        sold().redeem(2_000_00).redeem(3_000_00).refund(500_00).refund(4_500_00).redeem(1),
    ),
    (
        "holds opened together, one captured in part, one voided, one expired",
        sold()
        .authorize(1_000_00)
        .authorize(1_000_00)
        .authorize(500_00)
        .capture(1_000_00, 300_00)
        .void(500_00)
        .hold_expired(1_000_00)
        .redeem(4_700_00),
    ),
    ("a capture confirmed later", sold().authorize(100).capture(100, 100).tell("capture")),
    ("a purchase undone", sold().undo_purchase()),
    ("ended with a balance", sold().redeem(1_00).annul()),
    ("ended when nothing was left", sold().redeem(5_000_00).annul()),
    (
        "words that move no money",
        sold().tell("notification.requested").tell("cvc.revealed").tell("lock").tell("error"),
    ),
]


@pytest.mark.parametrize("story", [pytest.param(story, id=name) for name, story in FAITHFUL])
def test_feed_of_a_faithful_stream_finds_nothing(story: Story) -> None:
    assert breaches_of(story.stream) == []


def test_feed_of_events_without_a_certificate_finds_nothing() -> None:
    refused = replace(pool_event(1, "error"), key=OTHER, event_id="refused", partition=2)
    later = Story(key=OTHER, partition=2)
    later.events.append(refused)
    later.load().reserve()
    assert breaches_of([pool_event(1), pool_event(2, "alert"), *later.stream]) == []


FORGED = [
    # Law 1
    ("loaded again", BreachKind.LOADED_TWICE, Story().load().load()),
    ("never loaded", BreachKind.NOT_LOADED, Story().reserve().issue().redeem(1_00)),
    (
        "reserved by a second request while the first has it",
        BreachKind.RESERVED_TWICE,
        on_sale().reserve("request-2").issue(),
    ),
    (
        "reserved after it was sold",
        BreachKind.RESERVED_AFTER_SALE,
        sold().reserve("request-2"),
    ),
    (
        "reserved after it was ended",
        BreachKind.RESERVED_AFTER_SALE,
        Story().load().annul().reserve(),
    ),
    ("released when free", BreachKind.RELEASED_UNRESERVED, Story().load().release().reserve()),
    ("issued a second time", BreachKind.ISSUED_TWICE, sold().issue(700_00).activate()),
    ("issued from the shelf", BreachKind.ISSUED_UNRESERVED, Story().load().issue().activate()),
    (
        "sold, and shown as free",
        BreachKind.STOCK_DISAGREES,
        sold().redeem(1_00).forge_snapshot(lifecycle="AVAILABLE"),
    ),
    (
        "free, and shown as reserved",
        BreachKind.STOCK_DISAGREES,
        Story().load().forge_snapshot(lifecycle="RESERVED"),
    ),
    (
        "reserved, and shown as sold",
        BreachKind.STOCK_DISAGREES,
        on_sale().forge_snapshot(lifecycle="ISSUED"),
    ),
    # Law 2
    (
        "one kopeck created in a redemption",
        BreachKind.LEDGER_DISAGREES,
        sold().redeem(1_000_00).forge_entry(amount_minor=-999_99).redeem(1_00),
    ),
    (
        "one kopeck lost in a refund",
        BreachKind.LEDGER_DISAGREES,
        sold().redeem(1_000_00).refund(500_00).forge_entry(amount_minor=500_01).redeem(1_00),
    ),
    ("spent below zero", BreachKind.NEGATIVE_BALANCE, sold().redeem(5_000_01)),
    (
        "held more than there is",
        BreachKind.HELD_ABOVE_BALANCE,
        sold().authorize(5_000_01),
    ),
    (
        "spent what was held for another order",
        BreachKind.HELD_ABOVE_BALANCE,
        sold().authorize(3_000_00).redeem(3_000_00),
    ),
    ("a void that frees half a hold", BreachKind.HOLDS_DISAGREE, sold().authorize(200).void(100)),
    (
        "a hold that expired twice",
        BreachKind.HOLDS_DISAGREE,
        sold().authorize(200).hold_expired(200).hold_expired(0),
    ),
    ("an authorization that holds nothing", BreachKind.HOLDS_DISAGREE, sold().authorize(0)),
    (
        "a capture that spends more than its hold",
        BreachKind.CAPTURE_UNSPENT,
        sold().authorize(200).capture(200, 201),
    ),
    (
        "a capture that spends nothing, and the stream ends",
        BreachKind.CAPTURE_UNSPENT,
        sold().authorize(200).capture(200, 200).cut(),
    ),
    (
        "refunded more than was redeemed",
        BreachKind.REFUNDED_TOO_MUCH,
        sold().redeem(100).refund(101),
    ),
    (
        "ended with money left on it",
        BreachKind.ENDED_WITH_MONEY,
        sold().tell("annul", lifecycle="ANNULLED", entry=("ANNUL", 0)),
    ),
    # Law 3
    ("an event lost", BreachKind.SEQUENCE_GAP, sold().redeem(100).drop().redeem(100).redeem(1)),
    (
        "two events of one number",
        BreachKind.SEQUENCE_REPEATED,
        sold().tell("alert").forge(sequence=4),
    ),
    (
        "an id used again",
        BreachKind.EVENT_ID_REPEATED,
        sold().redeem(100).forge(event_id=f"{NUMBER}/1").redeem(100),
    ),
    ("half its life elsewhere", BreachKind.TWO_PARTITIONS, sold().redeem(1).forge(partition=4)),
    (
        "another certificate under its key",
        BreachKind.WRONG_KEY,
        sold().redeem(1).forge_snapshot(certificate_id=OTHER).redeem(1),
    ),
    ("no snapshot", BreachKind.SNAPSHOT_MISSING, sold().tell("lock").forge(snapshot=None)),
    (
        "an entry on a reservation",
        BreachKind.ENTRY_MISFIT,
        Story().load().tell("reserve", lifecycle="RESERVED", entry=("REDEEM", -1)),
    ),
    (
        "a redemption without an entry",
        BreachKind.ENTRY_MISFIT,
        sold().redeem(100).forge(entry=None).redeem(100),
    ),
    (
        "a refund booked as an issue",
        BreachKind.ENTRY_MISFIT,
        sold().redeem(100).refund(100).forge_entry(kind="ISSUE").redeem(100),
    ),
    (
        "a redemption that adds money",
        BreachKind.ENTRY_MISFIT,
        sold().redeem(100).forge_entry(amount_minor=100),
    ),
    (
        "a hold that moves the balance",
        BreachKind.ENTRY_MISFIT,
        sold().authorize(100).forge_entry(amount_minor=-100),
    ),
    (
        "entry and snapshot of two minds about the balance",
        BreachKind.ENTRY_DISAGREES,
        sold().redeem(100).forge_snapshot(remaining_minor=5_000_00).redeem(100),
    ),
    (
        "entry and snapshot of two minds about holds",
        BreachKind.ENTRY_DISAGREES,
        sold().authorize(100).forge_snapshot(held_minor=0).void(100),
    ),
    (
        "money that moves with a lock",
        BreachKind.BALANCE_WITHOUT_ENTRY,
        sold().tell("lock").forge_snapshot(remaining_minor=5_000_01),
    ),
    (
        "a nominal that grew",
        BreachKind.NOMINAL_CHANGED,
        sold().redeem(1).forge_snapshot(nominal_minor=6_000_00),
    ),
    (
        "rubles that became yen",
        BreachKind.CURRENCY_CHANGED,
        sold().redeem(1).forge_snapshot(currency="JPY"),
    ),
    (
        "a currency before the sale",
        BreachKind.CURRENCY_CHANGED,
        on_sale().forge_snapshot(currency="RUB"),
    ),
    (
        "a number that changed pools",
        BreachKind.POOL_CHANGED,
        on_sale().forge_snapshot(pool="PHYSICAL"),
    ),
    (
        "a snapshot of another version",
        BreachKind.VERSION_DISAGREES,
        sold().forge_snapshot(version=3),
    ),
]


@pytest.mark.parametrize(
    ("kind", "story"), [pytest.param(kind, story, id=name) for name, kind, story in FORGED]
)
def test_feed_of_a_stream_with_one_forgery_names_that_breach_alone(
    kind: BreachKind, story: Story
) -> None:
    innocent = Story(key=OTHER, partition=2).load().reserve().issue().activate().redeem(1_00)
    (breach,) = breaches_of([*story.stream, *innocent.stream])
    assert (breach.kind, breach.law) == (kind, law_of(kind))
    assert (breach.last4, breach.partition) in {(NUMBER[-4:], 3), (NUMBER[-4:], 4), ("", 3)}
    assert breach.offset in {event.offset for event in story.stream}
    assert NUMBER not in str(breach)


def test_every_kind_of_breach_of_the_stream_has_a_forgery() -> None:
    elsewhere = {BreachKind.UNREADABLE} | {
        kind for kind in BreachKind if kind.name.startswith("STORE_")
    }
    assert {kind for _, kind, _ in FORGED} == set(BreachKind) - elsewhere


def test_feed_of_the_same_number_sold_twice_at_one_sequence_names_the_second_sale() -> None:
    story = on_sale().issue().activate()
    twin = replace(story.events[2], event_id="twin", offset=999)
    assert kinds_of([*story.stream, twin]) == [
        BreachKind.SEQUENCE_REPEATED,
        BreachKind.ISSUED_TWICE,
    ]


def test_feed_of_a_capture_followed_by_something_else_names_it_there() -> None:
    story = sold().authorize(200).capture(200, 200).cut().tell("lock")
    (breach,) = breaches_of(story.forge_snapshot(remaining_minor=5_000_00).stream)
    assert (breach.kind, breach.offset) == (BreachKind.CAPTURE_UNSPENT, story.events[-1].offset)


def test_feed_unreadable_names_the_record_and_takes_the_next_event_as_it_is() -> None:
    story = sold().redeem(100)
    ledger = Ledger()
    for event in story.stream:
        ledger.feed(event)
    ledger.feed_unreadable(NUMBER, 3, 500, "UNDECODABLE: the bytes are no event")
    for event in story.redeem(200).redeem(300).stream[-1:]:
        ledger.feed(event)
    for event in story.redeem(400).stream[-1:]:
        ledger.feed(event)
    ledger.finish()
    (breach,) = ledger.breaches.kept
    assert (breach.kind, breach.offset) == (BreachKind.UNREADABLE, 500)
    assert "UNDECODABLE" in breach.text


def test_breach_list_over_its_cap_keeps_counting() -> None:
    breaches = BreachList(kept_max=2)
    ledger = Ledger(breaches)
    for event in Story().load().load().load().load().stream:
        ledger.feed(event)
    assert len(breaches.kept) == 2
    assert breaches.total == 3
    assert breaches.counts == {BreachKind.LOADED_TWICE: 3}


def test_figures_of_several_pools_add_up_by_pool_and_over_all() -> None:
    ledger = Ledger()
    stories = [
        sold().redeem(1_000_00).refund(200_00).authorize(50_00),
        Story(key=OTHER, pool="PHYSICAL", partition=2).load().reserve().issue(100_00).annul(),
        Story(key="GC-0000-0003", pool="PHYSICAL", partition=1).load(),
        Story(key="GC-0000-0004", pool="PHYSICAL", partition=1).load().reserve(),
    ]
    for story in stories:
        for event in story.stream:
            ledger.feed(event)
    assert money_figures(ledger.accounts.values()) == (
        MoneyFigures(
            currency="RUB",
            pool="ELECTRONIC",
            certificates=1,
            nominal_minor=5_000_00,
            refunded_minor=200_00,
            redeemed_minor=1_000_00,
            remaining_minor=4_200_00,
            held_minor=50_00,
        ),
        MoneyFigures(
            currency="RUB",
            pool="PHYSICAL",
            certificates=1,
            nominal_minor=100_00,
            annulled_minor=100_00,
        ),
        MoneyFigures(
            currency="RUB",
            pool=None,
            certificates=2,
            nominal_minor=5_100_00,
            refunded_minor=200_00,
            redeemed_minor=1_000_00,
            annulled_minor=100_00,
            remaining_minor=4_200_00,
            held_minor=50_00,
        ),
    )
    assert stock_figures(ledger.accounts.values()) == (
        StockFigures(pool="ELECTRONIC", loaded=1, sold=1),
        StockFigures(pool="PHYSICAL", loaded=3, available=1, reserved=1, ended=1),
    )


def test_figures_after_money_was_created_show_how_much() -> None:
    ledger = Ledger()
    for event in sold().redeem(1_000_00).forge_entry(amount_minor=-900_00).stream:
        ledger.feed(event)
    _, total = money_figures(ledger.accounts.values())
    assert total.unexplained_minor == -100_00
