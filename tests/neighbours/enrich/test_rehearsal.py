"""The dry run: what would be said about each payment, counted; what is broken, with its place."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from pipelines.neighbours.enrich.rehearsal import Rehearsed, rehearsed, show
from pipelines.neighbours.records.payments import Tender
from tests.contracts.framings import SINGLE_OBJECT
from tests.neighbours.enrich.enrichment_in_memory import taken
from tests.neighbours.enrich.stories import GOODS, OTHER, PURCHASE, SOLD, order, payment
from tests.neighbours.records.specimens import REDEMPTION

TWO_SOLD = order(order_id="order-2", sold=[(SOLD, 1), (OTHER, 1)])
ORDERS = [PURCHASE, TWO_SOLD, replace(GOODS, order_id="order-3")]
PAYMENTS = [
    payment(1_500_00),
    payment(1_500_00),
    payment(2, order_id="order-2"),
    payment(99_00, order_id="order-3"),
    payment(1, order_id="order-4", tender=Tender.GIFT_CERTIFICATE),
    REDEMPTION,
]


def test_each_payment_is_counted_under_what_would_be_said_about_it() -> None:
    broken = [replace(taken(payment(1).record()), value=b"?", offset=n) for n in range(7)]
    result = rehearsed(
        SINGLE_OBJECT,
        [taken(each.record()) for each in ORDERS],
        [*(taken(each.record()) for each in PAYMENTS), *broken],
    )
    assert result.marked == {("PURCHASE", True): 2, ("PURCHASE", False): 1}
    assert (result.ordinary, result.order_missing, result.version_2) == (1, 1, 1)
    assert result.broken == 7
    assert len(result.broken_places) == 5
    assert result.broken_places[0].startswith("All_Payments partition 3 offset 0: UNKNOWN_FRAMING")


def shown(result: Rehearsed) -> str:
    output = StringIO()
    show(result, Console(file=output, width=100))
    return output.getvalue()


def test_figures_are_shown_in_words() -> None:
    result = rehearsed(
        SINGLE_OBJECT,
        [taken(each.record()) for each in ORDERS],
        [taken(each.record()) for each in PAYMENTS],
    )
    text = shown(result)
    assert "2  PURCHASE, and names the certificate" in text
    assert "1  PURCHASE, its order leaves open with which one" in text
    assert "0  dead letters, orders too" in text


def test_broken_records_beyond_the_first_few_are_counted() -> None:
    text = shown(Rehearsed(broken=1_002, broken_places=["All_Payments partition 0 offset 1: x"]))
    assert "All_Payments partition 0 offset 1: x" in text
    assert "and 1,001 more" in text


def test_empty_topics_give_noughts() -> None:
    assert rehearsed(SINGLE_OBJECT, [], []) == Rehearsed()
    assert "0  nothing: its order concerns no certificate" in shown(Rehearsed())
