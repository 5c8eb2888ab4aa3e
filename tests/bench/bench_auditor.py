"""What an auditor takes to read the past: events a second, and bytes a certificate.

The stream is in memory: what Kafka adds is another process's work and the network's.
"""

import resource
import time
from collections.abc import Iterator

from pipelines.audit.breaches import Breach
from pipelines.audit.stream_event import EventReader
from pipelines.audit.watch import Watch
from pipelines.contracts.event_record import event_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from state.certificate import commands
from state.certificate.commands import Channel, Command, Origin
from state.certificate.money import Money
from state.certificate.record import CertificateState
from state.certificate.transition import transition

CERTIFICATES = 200_000
LIVED = 20_000
"""Of them so many have a whole life of ten events; the others are loaded and wait in the pool."""
PARTITIONS = 6
EVENT = RecordName.GIFT_CERTIFICATE_EVENT
FRAMING = SingleObjectFraming()
ORDER = "order-1"


def actions() -> list[commands.Action]:
    money = Money(amount_minor=100_000, currency="RUB")
    return [
        commands.Load(pool="ELECTRONIC"),
        commands.Reserve(pool="ELECTRONIC", channel=Channel.POS, order_id=ORDER, until_ms=2**41),
        commands.Issue(
            order_id=ORDER,
            channel=Channel.POS,
            client_id=None,
            nominal=money,
            notification_channel=None,
        ),
        commands.Activate(order_id=ORDER),
        commands.RevealCvc(key_id="key-1"),
        commands.Authorize(
            order_id="order-2",
            amount=Money(amount_minor=30_000, currency="RUB"),
            cvc_matches=True,
            cvc_version=1,
            accept_partial=False,
            expires_at_ms=2**41,
        ),
        commands.Capture(authorization_id="5", amount=None),
        commands.Redeem(
            order_id="order-3",
            payment_id="payment",
            amount=Money(amount_minor=70_000, currency="RUB"),
            authorization_id=None,
        ),
    ]


def life(number: str, length: int) -> Iterator[bytes]:
    """The bytes of a certificate's events."""
    state = CertificateState()
    made = 0
    for index, action in enumerate(actions()[:length]):
        command = Command(
            command_id=str(index),
            at_ms=1_700_000_300_000 + index,
            certificate_id=number,
            origin=Origin.FACT,
            action=action,
        )
        step = transition(state, None, command)
        state = step.state
        for published in step.published:
            made += 1
            record = event_to_record(published, command, f"00000000-0000-5000-{number}-{made}")
            yield FRAMING.encode(EVENT, record)


def untold(breach: Breach) -> None:
    raise AssertionError(breach)


def test_auditor_reads_the_past_of_many_certificates() -> None:
    watch = Watch(lambda key: partition_of(key.encode(), PARTITIONS), untold)
    reader = EventReader()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reading_s = 0.0
    for index in range(CERTIFICATES):
        number = f"GC-{index:09d}"
        key, partition = number.encode(), partition_of(number.encode(), PARTITIONS)
        told = list(life(number, 8 if index < LIVED else 1))
        started_s = time.process_time()
        for offset, value in enumerate(told):
            fields = FRAMING.decode(EVENT, value)
            watch.feed(reader.event_of(fields, partition, 100 * index + offset, key))
        reading_s += time.process_time() - started_s
    events = watch.findings().events
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) * 1024
    print(
        f"\n{CERTIFICATES:,} certificates, {events:,} events: {reading_s:.0f} s, "
        f"{events / reading_s:,.0f} events a second; {grown / 2**20:,.0f} MiB, "
        f"{grown / CERTIFICATES:,.0f} bytes a certificate"
    )
    assert watch.findings().breaches == {}
