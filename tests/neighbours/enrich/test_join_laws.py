"""The law of the join: any interleaving and repetition gives the same payments."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.enrich.join import Waits
from pipelines.neighbours.records.orders import SalesOrder
from pipelines.neighbours.records.payments import PaymentVersion1
from tests.contracts.framings import SINGLE_OBJECT
from tests.neighbours.enrich.enrichment_in_memory import (
    DAY_MS,
    HOUR_MS,
    NOW_MS,
    WAITS,
    EnrichmentInMemory,
    Payment,
    taken,
)
from tests.neighbours.enrich.stories import any_versions, interleavings, payments, stories

Story = Sequence[SalesOrder | PaymentVersion1]
LONG_AGO_MS = 4_000 * DAY_MS


def written(enrichment: EnrichmentInMemory) -> set[tuple[bytes | None, bytes | None, object]]:
    """All that was written: key, bytes and headers."""
    return {(each.key, each.value, tuple(each.headers)) for each in enrichment.given}


def last_words(enrichment: EnrichmentInMemory) -> dict[str, tuple[str | None, str | None]]:
    """What was said last about each payment."""
    said = {}
    for each in enrichment.given:
        fields = SINGLE_OBJECT.decode(RecordName.PAYMENT, each.value)
        said[fields["eventId"]] = Payment(fields=fields, why=None).marks
    return said


def performed(story: Story) -> EnrichmentInMemory:
    """Each record is a little younger than the one before, as one that is sent again is."""
    enrichment = EnrichmentInMemory()
    for age_ms, each in enumerate(story):
        enrichment.take(taken(each.record(), timestamp_ms=NOW_MS + age_ms))
    return enrichment


def told_once(story: Story) -> EnrichmentInMemory:
    """The story in its plainest order: every order first, its newest version last."""
    return performed(sorted(story, key=lambda each: isinstance(each, PaymentVersion1)))


@given(data=st.data())
def test_any_interleaving_and_repetition_gives_the_same_set_of_payments(
    data: st.DataObject,
) -> None:
    story = data.draw(stories())
    shuffled = performed(data.draw(interleavings(story)))
    plain = told_once(story)
    assert written(shuffled) == written(plain)
    assert not shuffled.dead_letters
    paid = {each.record().event_id for each in story if isinstance(each, PaymentVersion1)}
    assert set(last_words(plain)) == paid, "every payment is told, ordinary ones too"


@given(data=st.data())
def test_time_that_passes_in_between_changes_no_last_word(data: st.DataObject) -> None:
    """Some payments are then told without their order first, and again once it is there."""
    story = data.draw(stories())
    enrichment = EnrichmentInMemory()
    for each in data.draw(interleavings(story)):
        enrichment.take(each.record())
        enrichment.pass_time(data.draw(st.sampled_from([0, HOUR_MS // 2, HOUR_MS])))
    assert last_words(enrichment) == last_words(told_once(story))


@given(data=st.data())
def test_what_is_known_of_an_order_does_not_depend_on_the_order_of_its_versions(
    data: st.DataObject,
) -> None:
    """Even where versions contradict each other: a payment that comes last is told the same."""
    versions = data.draw(any_versions("order-1"))
    paid = data.draw(payments("order-1"))
    shuffled = EnrichmentInMemory()
    shuffled.take(*(each.record() for each in data.draw(interleavings(versions))))
    plain = EnrichmentInMemory()
    plain.take(*(each.record() for each in versions))
    for each in paid:
        assert shuffled.take(each.record()) == plain.take(each.record())


@given(data=st.data())
def test_nothing_is_kept_for_ever(data: st.DataObject) -> None:
    """Every record in the state has a deadline that takes it out again, queues included."""
    story = data.draw(interleavings(data.draw(stories())))
    enrichment = EnrichmentInMemory()
    for each in story:
        enrichment.take(each.record())
        enrichment.pass_time(data.draw(st.sampled_from([0, HOUR_MS, DAY_MS])))
    for _ in range(3):
        enrichment.pass_time(LONG_AGO_MS)
    left = [key for state in enrichment.states.values() for key in state.kept]
    assert [key for key in left if not key.startswith(b"q")] == []


@given(data=st.data())
def test_waits_of_no_time_still_tell_every_payment(data: st.DataObject) -> None:
    story = data.draw(stories())
    enrichment = EnrichmentInMemory(waits=Waits(wait_ms=0, forget_ms=DAY_MS, keep_ms=DAY_MS))
    enrichment.take(*(each.record() for each in data.draw(interleavings(story))))
    enrichment.pass_time(0)
    assert last_words(enrichment) == last_words(told_once(story))
    assert (NOW_MS, WAITS.wait_ms) == (enrichment.now_ms, HOUR_MS)
