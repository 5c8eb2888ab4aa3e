"""What a record costs on its way through the processor and the correlator, piece by piece."""

import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

from fastavro import schemaless_writer

from pipelines.contracts.command_record import command_from_record, command_to_record
from pipelines.contracts.event_record import event_to_record
from pipelines.contracts.fact_record import fact_from_record, fact_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName, current
from pipelines.partitioning import murmur2, partition_of
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, StatefulStage
from pipelines.stages.replies import reply_output
from state.certificate.commands import Activate, Command, Load, Lock, RevealCvc
from state.certificate.record import CertificateState
from state.certificate.transition import Outcome, transition
from state.correlation.facts import Fact, OrderStatus, OrdinaryOrderSeen
from state.pool.commands import Add, PoolCommand
from tests.bench.measuring import measure, title
from tests.contracts.actions import ORDER, PAYMENT, fact
from tests.pipelines.stages.stage_in_memory import (
    FRAMING,
    PARTITIONS,
    DictRecords,
    SetDeadlines,
    incoming,
)
from tests.state.certificate import specimens as certificates
from tests.state.certificate.specimens import command, issue_action, redeem_action, reserve_number

STEPS: tuple[Command, ...] = (
    command(Load(pool="ELECTRONIC"), "load"),
    command(reserve_number(), "reservation"),
    command(issue_action(), "notification-1", correlation_id="order-1"),
    command(RevealCvc(key_id="key-1"), "reveal"),
    command(Activate(order_id="order-1"), "activate"),
    command(redeem_action(100), "redeem-1"),
    command(redeem_action(100), "redeem-2"),
    replace(command(Lock(reason="lost"), "lock"), reply_to="0123456789abcdef"),
)


def test_commands_and_events() -> None:
    redeem = STEPS[5]
    record = command_to_record(redeem)
    framed = FRAMING.encode(RecordName.COMMAND, record)
    fields = FRAMING.decode(RecordName.COMMAND, framed)
    before = CertificateState(sequence=5, certificate=certificates.ACTIVE)
    (published,) = transition(before, None, redeem).published
    event = event_to_record(published, redeem, "event-1")
    title("A command, its decision and its event")
    measure(
        {
            "command: to a record": lambda: command_to_record(redeem),
            "command: encode": lambda: FRAMING.encode(RecordName.COMMAND, record),
            "command: decode": lambda: FRAMING.decode(RecordName.COMMAND, framed),
            "command: from a record": lambda: command_from_record(fields),
            "decide and evolve": lambda: transition(before, None, redeem),
            "event: to a record": lambda: event_to_record(published, redeem, "event-1"),
            "event: encode": lambda: FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, event),
            "event: encode, branches not named": lambda: _without_names(event),
        }
    )


def _without_names(event: dict[str, object]) -> bytes:
    """As the codec writes it when it has to find out by itself which branch a record is."""
    buffer = BytesIO()
    schema = current(RecordName.GIFT_CERTIFICATE_EVENT).parsed
    schemaless_writer(buffer, schema, event, strict_allow_default=True)
    return buffer.getvalue()


def test_facts() -> None:
    order, payment = fact(ORDER), fact(PAYMENT)
    framed = FRAMING.encode(RecordName.FACT, fact_to_record(order))
    fields = FRAMING.decode(RecordName.FACT, framed)
    title("Facts")
    measure(
        {
            "order: to a record and encode": lambda: FRAMING.encode(
                RecordName.FACT, fact_to_record(order)
            ),
            "payment: to a record and encode": lambda: FRAMING.encode(
                RecordName.FACT, fact_to_record(payment)
            ),
            "order: decode": lambda: FRAMING.decode(RecordName.FACT, framed),
            "order: from a record": lambda: fact_from_record(fields),
        }
    )


def _run(stage: StatefulStage, records: list[Incoming]) -> Callable[[], None]:
    """One certificate's, pool's or order's life from nothing, each time anew."""

    def run() -> None:
        kept, deadlines = DictRecords(), SetDeadlines()
        for record in records:
            stage(record, kept, deadlines)

    return run


def _commands() -> list[Incoming]:
    return [
        incoming(
            FRAMING.encode(RecordName.COMMAND, command_to_record(step)),
            step.certificate_id.encode(),
            offset=offset,
        )
        for offset, step in enumerate(STEPS)
    ]


def _facts(*facts: Fact) -> list[Incoming]:
    return [
        incoming(
            FRAMING.encode(RecordName.FACT, fact_to_record(each)), each.correlation_id.encode()
        )
        for each in facts
    ]


def _adds(count: int) -> list[Incoming]:
    return [
        incoming(
            FRAMING.encode(
                RecordName.POOL_COMMAND,
                pool_command_to_record(
                    PoolCommand(
                        pool="ELECTRONIC", at_ms=1, action=Add(certificate_id=f"GC-{n:04d}")
                    )
                ),
            ),
            b"ELECTRONIC",
        )
        for n in range(count)
    ]


def _entries(count: int) -> list[Incoming]:
    return [
        incoming(
            FRAMING.encode(
                RecordName.INDEX_ENTRY,
                {"entry": "order:42", "certificateId": f"GC-{n:04d}", "at": 1},
            ),
            b"order:42",
        )
        for n in range(count)
    ]


def test_stages() -> None:
    """The whole of a stage with its records in memory: decode, decide, encode, keep."""
    ordinary = OrdinaryOrderSeen(order_id="order-1", version=1, status=OrderStatus.COMPLETED)
    unmarked = replace(PAYMENT, certificate_id=None, operation=None, tender=PAYMENT.tender.CARD)
    runs: dict[str, tuple[StatefulStage, list[Incoming]]] = {
        "certificates: a life of eight commands": (
            CertificatesStage(FRAMING, PARTITIONS),
            _commands(),
        ),
        "pool: eight numbers": (PoolStage(FRAMING, PARTITIONS), _adds(8)),
        "index: eight certificates": (IndexStage(FRAMING, PARTITIONS), _entries(8)),
        "correlate: an order with certificates and a payment": (
            CorrelateStage(FRAMING, PARTITIONS),
            _facts(fact(ORDER), fact(PAYMENT)),
        ),
        "correlate: an ordinary order and its payment": (
            CorrelateStage(FRAMING, PARTITIONS),
            _facts(fact(unmarked), fact(ordinary)),
        ),
    }
    title("Stages in memory")
    found = measure({name: _run(stage, records) for name, (stage, records) in runs.items()})
    for name, (_, records) in runs.items():
        print(f"  {name}: {found[name].median_us / len(records):.1f} µs a record")


def test_small_pieces() -> None:
    """Suspects for hot spots."""
    key = b"GC-0000-0042"
    record = _commands()[0]
    outcome = Outcome(command_id="r", certificate_id="GC-0001", body_digest=None, decided_at_ms=1)
    title("Small pieces")
    measure(
        {
            "murmur2 of a 12-byte key": lambda: murmur2(key),
            "murmur2 of a 32-byte key": lambda: murmur2(key * 3),
            "partition of a 12-byte key": lambda: partition_of(key, 6),
            "struct.unpack of its words": lambda: struct.unpack("<3I", key),
            "event id (UUIDv5)": lambda: record.event_id(0),
            "a reply": lambda: reply_output(FRAMING, record, "edge", outcome, PARTITIONS),
        }
    )
