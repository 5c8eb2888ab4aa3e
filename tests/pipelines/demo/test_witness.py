"""What the stream showed: remembered, counted, waited for, and compared with the book."""

import threading
from typing import Any

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.demo.book import Book
from pipelines.demo.latency import Latency, latency_of
from pipelines.demo.steps import Spending
from pipelines.demo.verdict import disagreements
from pipelines.demo.witness import Witness

NUMBER = "GC-1111-2222"
_SOLD = (
    ("load", "AVAILABLE"),
    ("reserve", "RESERVED"),
    ("issue", "ISSUED"),
    ("notification.requested", "ISSUED"),
    ("activate", "ACTIVE"),
    ("cvc.revealed", "ACTIVE"),
    ("notification.sent", "ACTIVE"),
)


def event(
    event_type: str,
    sequence: int,
    *,
    lifecycle: str = "ACTIVE",
    remaining_minor: int = 500,
    code: str | None = None,
) -> dict[str, Any]:
    """As much of an event as the witness looks at."""
    return {
        "eventType": event_type,
        "sequence": sequence,
        "reason": None if code is None else {"code": code, "text": ""},
        "payload": {
            "pool": "ELECTRONIC",
            "channel": "POS",
            "status": lifecycle,
            "lifecycle": lifecycle,
            "currency": "USD",
            "nominal": minor_to_amount(500, "USD"),
            "remainingBalance": minor_to_amount(remaining_minor, "USD"),
        },
    }


@pytest.fixture
def witness() -> Witness:
    """It has seen one certificate sold."""
    seeing = Witness()
    for position, (event_type, lifecycle) in enumerate(_SOLD, start=1):
        seeing.see(NUMBER, event(event_type, position, lifecycle=lifecycle), 1_000 + position)
    return seeing


def request(notification_id: str = "n-1") -> dict[str, Any]:
    """As much of the certificate of a `notification.requested` as the witness looks at."""
    return {"notification": {"id": notification_id}}


def outcome(notification_id: str = "n-1") -> dict[str, Any]:
    """As much of the CRM's record."""
    return {"certificateId": NUMBER, "notificationId": notification_id}


@pytest.fixture
def book() -> Book:
    """It has the same certificate sold."""
    kept = Book()
    kept.sell("ELECTRONIC", 500)
    return kept


def found(book: Book, witness: Witness, *, loaded: int = 1, refills: int = 0) -> list[str]:
    return disagreements(book, {0: NUMBER}, witness, loaded=loaded, refills=refills)


def test_witness_knows_how_far_each_certificate_has_come(witness: Witness) -> None:
    """So far, and no farther; a number never seen has come nowhere."""
    assert witness.has_sequences([(NUMBER, 7)])
    assert not witness.has_sequences([(NUMBER, 8)])
    assert not witness.has_sequences([(NUMBER, 7), ("GC-OTHER", 1)])
    assert witness.issued_at_ms(NUMBER) == 1_003


def test_delivery_takes_from_the_request_to_its_outcome(witness: Witness) -> None:
    """By Kafka's times of both records, whichever is seen first; a pending one is not counted."""
    witness.see_request(NUMBER, request("n-1"), 5_000)
    witness.see_outcome(outcome("n-2"), 6_900)
    witness.see_outcome(None, 7_000)
    assert witness.deliveries_ms() == []
    witness.see_outcome(outcome("n-1"), 5_150)
    witness.see_request(NUMBER, request("n-2"), 6_000)
    assert witness.deliveries_ms() == [150, 900]
    assert witness.told_otherwise() == []


def test_waiting_ends_with_the_event_that_was_waited_for(witness: Witness) -> None:
    """The event comes from another thread."""
    come = threading.Thread(
        target=witness.see, args=(NUMBER, event("redeem.partial", 8, remaining_minor=100), 1)
    )
    come.start()

    assert witness.wait_for(lambda: witness.has_sequences([(NUMBER, 8)]), 10.0)
    come.join()


def test_waiting_for_what_does_not_come_ends_with_its_time(witness: Witness) -> None:
    """And says that it did not come."""
    assert not witness.wait_for(lambda: witness.has_sequences([(NUMBER, 8)]), 0.01)


def test_a_stream_as_the_book_says_has_no_disagreement(book: Book, witness: Witness) -> None:
    """Nothing to report is an empty list."""
    assert found(book, witness) == []


def see_event_too_many(witness: Witness) -> None:
    witness.see(NUMBER, event("redeem.partial", 8, remaining_minor=400), 1)


def see_gap(witness: Witness) -> None:
    witness.see(NUMBER, event("notification.sent", 9), 1)


def see_dead_letter(witness: Witness) -> None:
    witness.see_dead_letter()


def see_outcome_twice(witness: Witness) -> None:
    witness.see_request(NUMBER, request(), 1)
    witness.see_outcome(outcome(), 2)
    witness.see_outcome(outcome(), 3)


def see_no_outcome(witness: Witness) -> None:
    witness.see_request(NUMBER, request(), 1)


def see_outcome_of_another_message(witness: Witness) -> None:
    witness.see_outcome(outcome("n-2"), 2)


def see_unwanted_alert(witness: Witness) -> None:
    witness.see(NUMBER, event("alert", 8, code="OVERPAID"), 1)


def see_wrong_balance(witness: Witness) -> None:
    witness.see(NUMBER, event("notification.sent", 8, remaining_minor=499), 1)


def see_end(witness: Witness) -> None:
    witness.see(NUMBER, event("annul", 8, lifecycle="ANNULLED"), 1)


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (see_event_too_many, "redeem.partial: 1 events came, 0 had to"),
        (see_gap, "…2222: its events do not count up by one"),
        (see_dead_letter, "1 records are in the dead letter queue"),
        (see_outcome_twice, "…2222: the CRM did not say just once how its message went"),
        (see_no_outcome, "…2222: the CRM did not say just once how its message went"),
        (
            see_outcome_of_another_message,
            "…2222: the CRM did not say just once how its message went",
        ),
        (see_unwanted_alert, "1 events say OVERPAID, which nothing here should cause"),
        (see_wrong_balance, "…2222: nominal, balance, events and pool are (500, 499, 8"),
        (see_end, "…2222: it is ANNULLED"),
    ],
)
def test_each_thing_that_must_not_come_is_named(
    book: Book, witness: Witness, happens: Any, said: str
) -> None:
    """One breach, and the sentence that names it."""
    happens(witness)

    assert any(sentence.startswith(said) for sentence in found(book, witness))


def test_each_thing_that_does_not_come_is_named(book: Book, witness: Witness) -> None:
    """A redemption, a load and an empty pool that the book has and the stream has not."""
    book.spend([Spending(slot=0, amount_minor=200)])

    assert found(book, witness, loaded=2, refills=1) == [
        "alert: 0 events came, 1 had to",
        "issue.blocked: 0 events came, 1 had to",
        "load: 1 events came, 2 had to",
        "redeem.partial: 0 events came, 1 had to",
        (
            "…2222: nominal, balance, events and pool are (500, 500, 7, 'ELECTRONIC'), "
            "and have to be (500, 300, 8, 'ELECTRONIC')"
        ),
    ]


def test_a_number_sold_twice_is_named(book: Book, witness: Witness) -> None:
    """Two sales under one number are the worst that can happen."""
    book.sell("ELECTRONIC", 500)
    said = disagreements(book, {0: NUMBER, 1: NUMBER}, witness, loaded=2, refills=0)

    assert "a number was reserved for two sales" in said


def test_a_sale_that_never_showed_is_named(book: Book) -> None:
    """No event at all of what was sold."""
    assert "sale 0 has no certificate on the stream" in found(book, Witness())


def test_many_disagreements_of_a_kind_are_counted_not_listed(witness: Witness) -> None:
    """The first ten, and how many there are beyond."""
    book = Book()
    for _ in range(13):
        book.sell("ELECTRONIC", 500)
    said = disagreements(book, {}, witness, loaded=13, refills=0)

    assert sum("no certificate on the stream" in sentence for sentence in said) == 10
    assert "and 3 more of this kind" in said


@pytest.mark.parametrize(
    ("times_ms", "latency"),
    [
        ([], Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None)),
        ([7.26], Latency(count=1, p50_ms=7.3, p99_ms=7.3, max_ms=7.3)),
        ([30, 10, 20], Latency(count=3, p50_ms=20, p99_ms=30, max_ms=30)),
        (range(1, 201), Latency(count=200, p50_ms=100, p99_ms=198, max_ms=200)),
    ],
)
def test_percentiles_are_times_that_were_measured(times_ms: Any, latency: Latency) -> None:
    """Nearest rank, rounded to a tenth of a millisecond."""
    assert latency_of(times_ms) == latency
