"""What the shop writes the service understands, and the shop reads back as its own orders."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop import order_records
from pipelines.neighbours.shop.order_records import read_order
from pipelines.neighbours.shop.orders import Hold, Line, Order, Place, State, Telling
from state.correlation.facts import Fact, Policy
from state.correlation.fold import fold
from state.correlation.record import Correlation
from tests.neighbours.shop.correlator import facts_of

FRAMING = SingleObjectFraming()
POLICY = Policy(missing_after_ms=86_400_000, forget_after_ms=604_800_000)


def order_of(place: Place, **changes: object) -> Order:
    order = Order(
        order_id=f"{place.value}-0000000001",
        place=place,
        owner="web-1" if place is Place.STORE else None,
        currency="RUB",
        lines=(Line(sku="cups", amount_minor=190_000),),
        created_at_ms=1_000,
        changed_at_ms=1_000,
    )
    return replace(order, **changes)  # type: ignore[arg-type] # a test names fields as it needs


def selling(place: Place, **changes: object) -> Order:
    line = Line(
        sku="GIFT-CERTIFICATE",
        amount_minor=300_000,
        sells_certificate=True,
        certificate_id="GC-00000042",
    )
    return order_of(place, lines=(line,), address_token="to-abc", **changes)


HELD = (
    Hold(certificate_id="GC-00000042", amount_minor=100_000, authorization_id="hold-1"),
    Hold(certificate_id="GC-00000043", amount_minor=50_000, authorization_id="hold-2"),
)


def asked(*tellings: Telling) -> list[str]:
    """What the service asks of certificates once it has seen all these records."""
    state: Correlation | None = None
    identities: list[str] = []
    for telling in tellings:
        for record in telling.records:
            for fact in facts_of(record, POLICY):
                step = fold(state, fact)
                state = step.state
                identities += [each.command_id.partition("/")[2] for each in step.commands]
    return identities


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("tender", [Tender.CARD, Tender.CASH])
def test_paid_sale_of_a_certificate_issues_and_activates_it(place: Place, tender: Tender) -> None:
    order = selling(place, rest_tender=tender)
    draft = order_records.draft(order, "shop-1")
    paid = order_records.purchase(replace(order, version=1), "shop-1", 2_000)
    assert asked(draft) == []
    assert asked(draft, paid) == ["issue/1", "activate/1"]


def test_declined_card_issues_nothing_and_a_good_one_after_it_does() -> None:
    order = selling(Place.STORE)
    draft, failed = order_records.draft(order, "shop-1"), order_records.declined(order, 1_500)
    paid = order_records.purchase(replace(order, version=1, attempt=2), "shop-1", 2_000)
    assert asked(draft, failed) == []
    assert asked(draft, failed, paid) == ["issue/1", "activate/1"]


@pytest.mark.parametrize("told", [True, False], ids=["draft told", "draft lost"])
def test_cancelled_sale_frees_its_number(told: bool) -> None:
    order = selling(Place.TILL)
    drafts = [order_records.draft(order, "shop-1")] if told else []
    cancelled = order_records.cancellation(replace(order, version=1), "shop-1", 2_000)
    assert asked(*drafts, cancelled) == ["release/1"]


@pytest.mark.parametrize("place", Place)
def test_returned_certificate_is_taken_back(place: Place) -> None:
    order = selling(place)
    paid = order_records.purchase(replace(order, version=1), "shop-1", 2_000)
    back = order_records.giving_back(replace(order, version=2), "shop-1", 3_000)
    assert "undo/1" in asked(paid, back)


def test_goods_are_paid_by_each_certificate_under_its_hold_and_by_card() -> None:
    order = order_of(Place.TILL, holds=HELD)
    paid = order_records.purchase(order, "shop-1", 2_000)
    assert asked(paid) == [
        "redeem/T-0000000001-certificate-1",
        "redeem/T-0000000001-certificate-2",
    ]
    values = [record.value for record in paid.records]
    assert [each.get("authorizationId") for each in values] == [None, "hold-1", "hold-2", None]


def test_returned_goods_give_each_certificate_its_part_back() -> None:
    order = order_of(Place.STORE, holds=HELD)
    paid = order_records.purchase(order, "shop-1", 2_000)
    back = order_records.giving_back(replace(order, version=1), "shop-1", 3_000)
    identities = asked(paid, back)
    assert "refund/W-0000000001-certificate-1-back" in identities
    assert "refund/W-0000000001-certificate-2-back" in identities
    assert not [identity for identity in identities if identity.startswith("alert")]


def test_order_paid_by_card_alone_asks_nothing_of_certificates() -> None:
    order = order_of(Place.STORE)
    back = order_records.giving_back(replace(order, version=1), "shop-1", 3_000)
    assert asked(order_records.purchase(order, "shop-1", 2_000), back) == []


def test_records_told_twice_ask_for_nothing_twice() -> None:
    paid = order_records.purchase(order_of(Place.TILL, holds=HELD), "shop-1", 2_000)
    assert asked(paid, paid) == asked(paid)


def decoded(record: SourceRecord) -> Order | None:
    return read_order(FRAMING.decode(RecordName.SALES_ORDER, record.encode(FRAMING)))


@given(
    place=st.sampled_from(Place),
    amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=4),
    currency=st.sampled_from(["RUB", "JPY", "KWD"]),
)
def test_order_read_from_its_topic_is_the_order_that_was_written(
    place: Place, amounts: list[int], currency: str
) -> None:
    """All but what only the shop's own memory has: holds' ids, and how the till was paid."""
    lines = tuple(
        Line(sku=f"a-{position}", amount_minor=amount, quantity=position)
        for position, amount in enumerate(amounts, start=1)
    )
    hold = Hold(certificate_id="GC-00000042", amount_minor=amounts[0])
    order = order_of(place, lines=lines, currency=currency, holds=(hold,))
    telling = order_records.purchase(order, "shop-1", 2_000)
    read = decoded(telling.records[0])
    told = order.deciding(telling, 2_000).told()
    rest_tender = Tender.CARD if place is Place.STORE else None
    assert read == replace(told, created_at_ms=2_000, attempt=1, rest_tender=rest_tender)


def test_draft_read_from_its_topic_keeps_its_number_and_its_token() -> None:
    read = decoded(order_records.draft(selling(Place.STORE), "shop-1").records[0])
    assert read is not None
    assert (read.state, read.sold_number, read.address_token) == (
        State.OPEN,
        "GC-00000042",
        "to-abc",
    )


def test_order_of_a_channel_or_state_that_is_not_ours_is_not_read() -> None:
    (record, *_) = order_records.purchase(order_of(Place.STORE), "shop-1", 2_000).records
    assert read_order({**record.value, "channel": "UNKNOWN"}) is None
    assert read_order({**record.value, "status": "UNKNOWN"}) is None


def test_ids_of_payments_never_meet_within_an_order() -> None:
    order = order_of(Place.TILL, holds=HELD)
    records = [
        *order_records.purchase(order, "shop-1", 1).records,
        *order_records.giving_back(replace(order, version=1), "shop-1", 2).records,
    ]
    ids = [str(each.value["paymentId"]) for each in records if each.name is RecordName.PAYMENT]
    assert len(set(ids)) == len(ids)
    assert isinstance(facts_of(records[0], POLICY)[0], Fact)
