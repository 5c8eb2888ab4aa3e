"""Stores and ledger are compared at one sequence, however both move meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from pipelines.audit.breaches import BreachKind
from pipelines.audit.comparison import Comparison, settle
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveRecord
from tests.pipelines.audit.stream_story import NUMBER, OTHER, Story, sold

PARTITION = 3


def record_of(story: Story, **changes: Any) -> LiveRecord:
    """What a faithful store keeps after the story."""
    record = LiveRecord(
        certificate_id=story.key,
        sequence=len(story.events),
        pool=story.pool,
        status=story.status,
        lifecycle=story.lifecycle,
        currency=story.currency,
        nominal_minor=story.nominal,
        remaining_minor=story.remaining,
        held_minor=story.held,
        redeemed_minor=story.nominal - story.remaining,
        refunded_minor=0,
        annulled_minor=0,
        holds={"hold-1": story.held} if story.held else {},
    )
    return replace(record, **changes)


class FakeStores:
    """Listings of one partition: one after another, and then the last one again and again."""

    def __init__(self, *listings: list[LiveRecord]) -> None:
        self._listings = list(listings)
        self.asked = 0

    def listing(self, partition: int) -> Iterable[LiveRecord]:
        assert partition == PARTITION
        self.asked += 1
        return self._listings.pop(0) if len(self._listings) > 1 else self._listings[0]


class FakeStream:
    """What comes after the ledger was first fed, a part each time it is read further."""

    def __init__(self, ledger: Ledger, *parts: Story | int) -> None:
        self._ledger = ledger
        self._parts = list(parts)

    def read_further(self, comparison: Comparison) -> None:
        part = self._parts.pop(0) if self._parts else None
        if isinstance(part, Story):
            for event in part.events:
                account = self._ledger.accounts.get(event.key)
                if account is None or event.sequence > account.sequence:
                    self._ledger.feed(event)
                    comparison.watch(event.key)


def rounds(count: int) -> Callable[[], bool]:
    left: Iterator[bool] = iter([True] * count)
    return lambda: next(left, False)


def fed(*stories: Story) -> Ledger:
    ledger = Ledger()
    for story in stories:
        for event in story.events:
            ledger.feed(event)
    return ledger


def compare(ledger: Ledger, stores: FakeStores, *parts: Story, more_rounds: int = 3) -> Comparison:
    stream = FakeStream(ledger, *parts)
    return settle(
        ledger,
        [PARTITION],
        listing=stores.listing,
        read_further=stream.read_further,
        go_on=rounds(more_rounds),
    )


def kinds(ledger: Ledger) -> list[BreachKind]:
    return [breach.kind for breach in ledger.breaches.kept]


def test_settle_with_equal_records_compares_each_once_and_asks_once() -> None:
    story, other = sold().redeem(100).authorize(50), Story(key=OTHER).load()
    ledger = fed(story, other)
    stores = FakeStores([record_of(story), record_of(other)])
    assert compare(ledger, stores).compared == 2
    assert (kinds(ledger), stores.asked) == ([], 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pool": "PHYSICAL"}, "pool PHYSICAL, by the stream ELECTRONIC"),
        ({"status": "LOCKED"}, "status LOCKED"),
        ({"lifecycle": "ACTIVE"}, "lifecycle ACTIVE, by the stream PARTIALLY_REDEEMED"),
        ({"currency": "JPY"}, "currency JPY"),
        ({"nominal_minor": 1}, "nominal_minor 1, by the stream 500000"),
        ({"remaining_minor": 500_000}, "remaining_minor 500000, by the stream 499900"),
        ({"held_minor": 0}, "held_minor 0, by the stream 50"),
        ({"redeemed_minor": 0}, "redeemed_minor 0, by the stream 100"),
        ({"refunded_minor": 1}, "refunded_minor 1, by the stream 0"),
        ({"annulled_minor": 1}, "annulled_minor 1, by the stream 0"),
        ({"holds": {"a": 25, "b": 25}}, "holds [25, 25], by the stream [50]"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settle_with_a_record_that_differs_in_one_field_names_it(
    changes: dict[str, Any], said: str
) -> None:
    story = sold().redeem(100).authorize(50)
    ledger = fed(story)
    compare(ledger, FakeStores([record_of(story, **changes)]))
    (breach,) = ledger.breaches.kept
    assert (breach.kind, breach.last4) == (BreachKind.STORE_DISAGREES, NUMBER[-4:])
    assert breach.offset == story.events[-1].offset
    assert said in breach.text


def test_settle_with_a_store_ahead_compares_it_where_the_ledger_passes_it() -> None:
    ledger = fed(sold())
    ahead = record_of(sold().redeem(100))
    comparison = compare(ledger, FakeStores([ahead]), sold().redeem(100).redeem(200))
    assert (kinds(ledger), comparison.compared) == ([], 1)


def test_settle_with_a_store_ahead_and_wrong_still_finds_it_after_the_ledger_went_on() -> None:
    ledger = fed(sold())
    ahead = record_of(sold().redeem(100), remaining_minor=5_000_00)
    compare(ledger, FakeStores([ahead]), sold().redeem(100).redeem(200))
    assert kinds(ledger) == [BreachKind.STORE_DISAGREES]


def test_settle_with_a_number_loaded_meanwhile_compares_it_too() -> None:
    ledger, fresh = fed(sold()), Story(key=OTHER).load()
    stores = FakeStores([record_of(sold()), record_of(fresh)])
    assert compare(ledger, stores, fresh).compared == 2
    assert kinds(ledger) == []


def test_settle_with_a_store_behind_asks_again_until_it_has_caught_up() -> None:
    story = sold().redeem(100)
    ledger = fed(story)
    behind = record_of(sold())
    stores = FakeStores([behind], [behind], [record_of(story)])
    assert compare(ledger, stores).compared == 1
    assert (kinds(ledger), stores.asked) == ([], 3)


def test_settle_with_a_store_first_behind_and_then_ahead_compares_it() -> None:
    ledger = fed(sold().redeem(100))
    stores = FakeStores([record_of(sold())], [record_of(sold().redeem(100).redeem(200))])
    comparison = compare(ledger, stores, sold().redeem(100).redeem(200))
    assert (kinds(ledger), comparison.compared) == ([], 1)


def test_settle_with_a_store_that_stays_behind_names_it() -> None:
    ledger = fed(sold().redeem(100))
    compare(ledger, FakeStores([record_of(sold())]))
    (breach,) = ledger.breaches.kept
    assert breach.kind is BreachKind.STORE_BEHIND
    assert breach.text == "the store stays at sequence 4, the stream is at 5"


def test_settle_with_a_certificate_that_no_store_has_names_it() -> None:
    ledger = fed(sold(), Story(key=OTHER).load())
    compare(ledger, FakeStores([record_of(sold())]))
    (breach,) = ledger.breaches.kept
    assert (breach.kind, breach.last4) == (BreachKind.STORE_LACKS, OTHER[-4:])


def test_settle_with_a_certificate_that_a_store_shows_late_finds_nothing() -> None:
    ledger = fed(sold())
    assert compare(ledger, FakeStores([], [record_of(sold())])).compared == 1
    assert kinds(ledger) == []


def test_settle_with_a_certificate_that_the_stream_does_not_have_names_it() -> None:
    ledger = fed(sold())
    compare(ledger, FakeStores([record_of(sold()), record_of(Story(key=OTHER).load())]))
    (breach,) = ledger.breaches.kept
    assert (breach.kind, breach.last4) == (BreachKind.STORE_INVENTS, OTHER[-4:])
    assert (breach.partition, breach.offset) == (-1, -1)


def test_settle_with_an_event_that_only_a_store_knows_names_it() -> None:
    ledger = fed(sold())
    compare(ledger, FakeStores([record_of(sold().redeem(100))]))
    assert kinds(ledger) == [BreachKind.STORE_INVENTS]


def test_settle_with_a_certificate_in_the_store_of_another_partition_names_it() -> None:
    elsewhere = Story(partition=PARTITION + 1).load()
    ledger = fed(elsewhere)
    compare(ledger, FakeStores([record_of(elsewhere)]), more_rounds=0)
    assert BreachKind.STORE_INVENTS in kinds(ledger)


def test_settle_with_a_number_that_was_only_refused_does_not_ask_for_it() -> None:
    refused = Story(key=OTHER)
    refused.tell("error").forge(snapshot=None)
    ledger = fed(refused)
    assert compare(ledger, FakeStores([])).compared == 0
    assert kinds(ledger) == []
