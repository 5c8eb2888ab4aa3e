"""Ingest: what of the other systems' records is handed on, under which key, and what is not."""

from typing import Any

import pytest

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.framing import Fields
from pipelines.contracts.schemas import RecordName
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Outgoing, StatelessStage
from pipelines.topics import COMMANDS, FACTS
from state.certificate.commands import NotificationResult
from state.correlation.facts import OrderSeen, OrdinaryOrderSeen, PaymentSeen, Policy
from tests.contracts.samples import SAMPLES
from tests.contracts.violations import WRONG_IDS, WRONG_INSTANTS
from tests.pipelines.stages.stage_in_memory import AT_MS, FRAMING, TRACE, incoming, opened

POLICY = Policy(missing_after_ms=1_000, forget_after_ms=2_000)
ORDER = SAMPLES[RecordName.SALES_ORDER]
PAYMENT = SAMPLES[RecordName.PAYMENT]
CLIENT = SAMPLES[RecordName.CLIENT]
GOODS_ONLY = {"lines": [ORDER["lines"][1]], "certificateTenders": []}
UNMARKED = {"tender": "CARD", "certificateId": None, "certificateOperation": None}


def rules(*, unmarked: bool = True) -> IngestRules:
    return IngestRules(policy=POLICY, accept_unmarked_payments=unmarked)


def orders(fields: Fields, *, unmarked: bool = True, **changes: Any) -> list[Outgoing]:
    stage = OrdersIngest(FRAMING, rules(unmarked=unmarked))
    value = FRAMING.encode(RecordName.SALES_ORDER, {**ORDER, **fields})
    return stage(incoming(value, b"their key", topic="All_SalesOrder", **changes))


def payments(fields: Fields, *, unmarked: bool = True, **changes: Any) -> list[Outgoing]:
    stage = PaymentsIngest(FRAMING, rules(unmarked=unmarked))
    value = FRAMING.encode(RecordName.PAYMENT, {**PAYMENT, **fields})
    return stage(incoming(value, None, topic="All_Payments", **changes))


def clients(fields: Fields, **changes: Any) -> list[Outgoing]:
    value = FRAMING.encode(RecordName.CLIENT, {**CLIENT, **fields})
    return ClientsIngest(FRAMING)(incoming(value, b"client-7", topic="All_Clients", **changes))


def happening(outputs: list[Outgoing]) -> object:
    (output,) = outputs
    assert output.topic is FACTS
    return fact_from_record(opened(output)).happening


def happened(source: Fields) -> tuple[str, bytes]:
    """The header that says what the source's own clock says."""
    return "eventTime", str(source["eventTime"]).encode()


def test_order_becomes_a_fact_under_its_correlation() -> None:
    (output,) = orders({"correlationId": "correlation-1"})
    assert (output.topic, output.key) == (FACTS, b"correlation-1")
    assert output.headers == [TRACE, happened(ORDER)]
    fact = fact_from_record(opened(output))
    assert (fact.fact_id, fact.correlation_id) == (ORDER["eventId"], "correlation-1")
    assert fact.at_ms == AT_MS, "the log's time, not what the source's clock says"
    assert fact.policy == POLICY
    assert isinstance(fact.happening, OrderSeen)


def test_order_and_payment_without_a_correlation_meet_under_the_order() -> None:
    (order,) = orders({"correlationId": None})
    (payment,) = payments({"correlationId": None, "orderId": ORDER["orderId"]})
    assert order.key == payment.key == ORDER["orderId"].encode()


@pytest.mark.parametrize(
    ("fields", "unmarked", "kind"),
    [
        ({}, True, OrderSeen),
        ({}, False, OrderSeen),
        (GOODS_ONLY, True, OrdinaryOrderSeen),
        (GOODS_ONLY, False, None),
    ],
)
def test_ordinary_order_is_dropped_where_unmarked_payments_are(
    fields: Fields, unmarked: bool, kind: type | None
) -> None:
    outputs = orders(fields, unmarked=unmarked)
    assert (type(happening(outputs)) if outputs else None) is kind


@pytest.mark.parametrize(
    ("fields", "unmarked", "taken"),
    [
        (UNMARKED, True, True),
        (UNMARKED, False, False),
        ({**UNMARKED, "certificateId": "GC-0001"}, False, True),
        ({**UNMARKED, "certificateOperation": "PURCHASE"}, False, True),
        ({**UNMARKED, "tender": "GIFT_CERTIFICATE"}, False, True),
    ],
)
def test_payment_is_dropped_only_when_unmarked_and_unwanted(
    fields: Fields, unmarked: bool, taken: bool
) -> None:
    outputs = payments(fields, unmarked=unmarked)
    assert bool(outputs) is taken
    if taken:
        assert isinstance(happening(outputs), PaymentSeen)


def test_delivery_becomes_a_command_to_its_certificate() -> None:
    (output,) = clients({})
    number = CLIENT["delivery"]["certificateId"]
    assert (output.topic, output.key) == (COMMANDS, number.encode())
    assert output.headers == [TRACE, happened(CLIENT)]
    command = command_from_record(opened(output))
    assert isinstance(command.action, NotificationResult)
    assert command.at_ms == AT_MS


def test_word_of_the_crm_about_something_else_is_dropped() -> None:
    assert clients({"delivery": None}) == []


def test_address_reaches_no_output() -> None:
    notification = {"channel": "SMS", "addressToken": "address-token-5f3c"}
    (output,) = orders({"notification": notification})
    assert b"address-token-5f3c" not in (output.value or b"")


@pytest.mark.parametrize("take", [orders, payments, clients])
@pytest.mark.parametrize("wrong", WRONG_IDS.values(), ids=list(WRONG_IDS))
def test_wrong_event_id_is_broken_here(take: Any, wrong: str) -> None:
    """Not first at the next stage: only here are the source's own bytes at hand for the DLQ."""
    with pytest.raises(BrokenRecord, match="eventId"):
        take({"eventId": wrong})


@pytest.mark.parametrize("take", [orders, payments, clients])
@pytest.mark.parametrize("wrong", WRONG_INSTANTS.values(), ids=list(WRONG_INSTANTS))
def test_time_of_the_source_that_is_none_is_not_handed_on_and_stops_nothing(
    take: Any, wrong: int
) -> None:
    (output,) = take({"eventTime": wrong})
    assert output.headers == [TRACE]


@pytest.mark.parametrize("take", [orders, payments, clients])
@pytest.mark.parametrize("wrong", WRONG_INSTANTS.values(), ids=list(WRONG_INSTANTS))
def test_record_whose_own_time_is_no_time_is_broken_here(take: Any, wrong: int) -> None:
    """A producer that stamps microseconds would set deadlines in the year 57,000."""
    with pytest.raises(BrokenRecord, match="timestamp"):
        take({}, timestamp_ms=wrong)


@pytest.mark.parametrize(
    "stage",
    [OrdersIngest(FRAMING, rules()), PaymentsIngest(FRAMING, rules()), ClientsIngest(FRAMING)],
)
@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xc3\x01\x00"])
def test_undecodable_value_is_broken(stage: StatelessStage, value: bytes | None) -> None:
    with pytest.raises(BrokenRecord):
        stage(incoming(value, b"their key"))
