"""The enrichment on real Kafka: whichever comes first, killed at any time, and ended politely."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipelines.local.running_broker import Broker
from pipelines.neighbours.records.payments import PaymentVersion1, Tender
from pipelines.topics import ALL_PAYMENTS, topic_name
from tests.flow.enrichment_process import (
    FRAMING,
    OUTPUT,
    EnrichmentUnderTest,
    enrichment_on,
)
from tests.neighbours.enrich.stories import GOODS, PURCHASE, SOLD, SPENT, order, payment
from tests.neighbours.records.specimens import PURCHASE as VERSION_2

BROKER_FAULT = 3
TOPIC_FAULT = 4
END_S = 30.0
AT_ONCE_S = 10.0


@pytest.fixture
def enrichment(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[EnrichmentUnderTest]:
    """Its topics; no process yet."""
    with enrichment_on(broker.bootstrap, topic_prefix, tmp_path) as under_test:
        yield under_test


def paid(order_id: str, amount_minor: int = 1_500_00) -> PaymentVersion1:
    return payment(amount_minor, order_id=order_id, payment_id=f"{order_id}/1")


def test_payments_come_out_marked_whichever_comes_first(enrichment: EnrichmentUnderTest) -> None:
    """The first half was written before there was an enrichment at all."""
    spent = payment(50_00, order_id="spent", payment_id="spent/1", tender=Tender.GIFT_CERTIFICATE)
    enrichment.write(
        paid("payment-first").record(),
        replace(PURCHASE, order_id="order-first").record(),
        replace(GOODS, order_id="ordinary").record(),
    )
    enrichment.start()
    enrichment.write(
        replace(PURCHASE, order_id="payment-first").record(),
        paid("order-first").record(),
        paid("ordinary", 99_00).record(),
        spent.record(),
        order(order_id="spent", goods_minor=99_00, tenders=[(SPENT, 50_00)]).record(),
    )
    told = {each.fields["orderId"]: each for each in enrichment.await_told(4)}
    assert {order_id: each.marks for order_id, each in told.items()} == {
        "payment-first": ("PURCHASE", SOLD, "marked"),
        "order-first": ("PURCHASE", SOLD, "marked"),
        "ordinary": (None, None, "ordinary"),
        "spent": ("REDEMPTION", SPENT, "marked"),
    }
    assert told["spent"].record.key == b"spent/1", "the key stays the payment system's own"


def test_version_2_passes_byte_for_byte_and_what_is_broken_is_a_dead_letter(
    enrichment: EnrichmentUnderTest,
) -> None:
    """With headers of its own, one of them twice, and a record without key or value."""
    enrichment.start()
    value = VERSION_2.record().encode(FRAMING)
    headers = [("a", b"1"), ("a", b"2"), ("none", None)]
    topic = topic_name(ALL_PAYMENTS, enrichment.settings)
    producer = Producer({"bootstrap.servers": enrichment.settings.bootstrap})
    producer.produce(topic, key=b"k", value=value, headers=headers, timestamp=1_700_000_000_000)
    producer.produce(topic, key=b"broken", value=b"{}", headers=[("traceparent", b"00-x")])
    producer.produce(topic, key=None, value=None)
    assert producer.flush(10) == 0
    (passed,) = enrichment.await_told(1)
    assert (passed.record.key, passed.record.value) == (b"k", value)
    assert list(passed.record.headers) == headers
    letters = {letter.key: letter for letter in enrichment.dead_letters(2)}
    broken = letters[b"broken"]
    assert (broken.value, broken.header("errorCode")) == (b"{}", "UNKNOWN_FRAMING")
    assert (broken.header("sourceTopic"), broken.header("traceparent")) == (topic, "00-x")
    assert (letters[None].value, letters[None].header("errorCode")) == (None, "EMPTY")


def test_payment_without_its_order_is_told_in_time_and_again_when_the_order_comes(
    enrichment: EnrichmentUnderTest,
) -> None:
    """Nothing else comes: the ticks alone end the wait."""
    enrichment.start(GIFTCERT_ENRICH_WAIT_MINUTES="0", GIFTCERT_ENRICH_TICK_S="1")
    enrichment.write(paid("late").record())
    (alone,) = enrichment.await_told(1)
    assert alone.marks == (None, None, "order-missing")
    enrichment.write(replace(PURCHASE, order_id="late").record())
    _, again = enrichment.await_told(2)
    assert again.marks == ("PURCHASE", SOLD, "marked")
    assert again.fields["eventId"] == alone.fields["eventId"]


def test_worker_killed_again_and_again_writes_every_payment_once(
    enrichment: EnrichmentUnderTest, broker: Broker
) -> None:
    """Amid payments that wait for orders, and amid the reverse; its disk is kept, then lost."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker proves nothing about exactly-once: no real transactions")
    orders = [replace(PURCHASE, order_id=f"o-{n}").record() for n in range(400)]
    payments = [paid(f"o-{n}").record() for n in range(400)]
    halves = [
        ((payments[:200], orders[:200]), {40: "disk kept", 100: "disk lost"}),
        ((orders[200:], payments[200:]), {260: "disk lost"}),
    ]
    # So that a reader sees it at work, and there is something left to do when it is killed.
    small = {"GIFTCERT_COMMIT_MAX_RECORDS": "5"}
    enrichment.start(**small)
    for end, ((first, second), kills) in zip((200, 400), halves, strict=True):
        enrichment.write(*first, *second)
        for count, disk in kills.items():
            seen = len(enrichment.await_told(count))
            enrichment.kill()
            assert seen < end, "it was killed when it had nothing to do"
            if disk == "disk lost":
                shutil.rmtree(enrichment.state_dir)
            enrichment.start(**small)
    enrichment.await_told(400)
    assert enrichment.end()[0] == 0, enrichment.said()
    assert Counter(each.fields["eventId"] for each in enrichment.all_told()) == {
        each.event_id: 1 for each in payments
    }
    assert {each.marks for each in enrichment.told()} == {("PURCHASE", SOLD, "marked")}


def test_worker_asked_to_end_does_so_at_once_and_goes_on_where_it_was(
    enrichment: EnrichmentUnderTest,
) -> None:
    enrichment.start()
    enrichment.write(paid("waits").record())
    enrichment.write(paid("told").record(), replace(PURCHASE, order_id="told").record())
    enrichment.await_told(1)
    code, took_s = enrichment.end()
    assert code == 0, enrichment.said()
    assert took_s < AT_ONCE_S
    enrichment.start()
    enrichment.write(replace(PURCHASE, order_id="waits").record())
    told = enrichment.await_told(2)
    assert [each.fields["orderId"] for each in told] == ["told", "waits"]


def test_second_worker_takes_over_and_the_first_one_ends(
    enrichment: EnrichmentUnderTest, tmp_path: Path
) -> None:
    """As when a machine was given up too early; the second one has a disk of its own."""
    enrichment.start()
    enrichment.write(paid("waits").record(), paid("before").record())
    enrichment.write(replace(PURCHASE, order_id="before").record())
    enrichment.await_told(1)
    first = enrichment.process
    enrichment.state_dir = tmp_path / "elsewhere"
    enrichment.start()
    assert first is not None
    assert first.wait(END_S) == BROKER_FAULT
    enrichment.write(replace(PURCHASE, order_id="waits").record())
    enrichment.write(paid("after").record(), replace(PURCHASE, order_id="after").record())
    told = Counter(each.fields["orderId"] for each in enrichment.await_told(3))
    assert told == {"before": 1, "waits": 1, "after": 1}
    assert enrichment.end()[0] == 0


def test_worker_asked_to_end_while_it_begins_ends(enrichment: EnrichmentUnderTest) -> None:
    """The library forgets what it is told before its loop has begun."""
    enrichment.start()
    code, _ = enrichment.end()
    assert code == 0, enrichment.said()


def test_dry_run_says_what_would_be_told_and_writes_nothing(
    enrichment: EnrichmentUnderTest,
) -> None:
    enrichment.write(
        PURCHASE.record(),
        payment(1_500_00).record(),
        payment(1, order_id="nowhere").record(),
    )
    process = enrichment.command("--dry-run")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, enrichment.said()
    assert "1  PURCHASE, and names the certificate" in out
    assert "1  nothing yet: its order is not there" in out
    admin = AdminClient({"bootstrap.servers": enrichment.settings.bootstrap, "log_level": 0})
    ours = [name for name in admin.list_topics(timeout=10).topics if OUTPUT in name]
    assert not [name for name in ours if enrichment.prefix in name]


def test_start_without_the_sources_is_refused_in_a_line(
    enrichment: EnrichmentUnderTest,
) -> None:
    """At work and in a dry run: with no word of how topics of ours are made."""
    for arguments in ([], ["--dry-run"]):
        process = enrichment.command(*arguments, GIFTCERT_ENRICH_PAYMENTS_TOPIC="no-such-topic")
        process.communicate(timeout=60)
        assert process.returncode == TOPIC_FAULT
    told = "giftcert: topics are missing: no-such-topic; they belong to others"
    assert [line.startswith(told) for line in enrichment.said().splitlines()] == [True, True]


def test_start_after_records_were_deleted_unread_is_refused_in_a_line(
    enrichment: EnrichmentUnderTest,
) -> None:
    """Going on at what is left would leave payments out without a word."""
    enrichment.start()
    enrichment.write(paid("a").record(), replace(PURCHASE, order_id="a").record())
    (told,) = enrichment.await_told(1)
    assert enrichment.end()[0] == 0
    enrichment.write(*(paid(f"unread-{n}").record() for n in range(60)))
    topic = topic_name(ALL_PAYMENTS, enrichment.settings)
    admin = AdminClient({"bootstrap.servers": enrichment.settings.bootstrap, "log_level": 0})
    places = [TopicPartition(topic, n, -1) for n in range(enrichment.settings.partitions)]
    for answered in admin.delete_records(places).values():
        answered.result()
    process = enrichment.command()
    assert process.wait(60) == TOPIC_FAULT
    assert "were deleted before they were read" in enrichment.said()
    assert told.record.value is not None
