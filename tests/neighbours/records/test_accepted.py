"""The law of the kit: what it gives is accepted by the service, what it refuses is never written.

Records are made of anything at all, sensible and not.
"""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.contracts.framing import Framing
from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.contracts.schemas import RecordName, current
from pipelines.neighbours.records.clients import Client, Delivery, DeliveryOutcome
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    Channel,
    GoodsLine,
    Notification,
    NotificationChannel,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import (
    CertificateOperation,
    Payment,
    PaymentStatus,
    PaymentType,
    PaymentVersion1,
    Tender,
)
from pipelines.neighbours.records.record import ImpossibleRecord, SourceRecord
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Incoming, StatelessStage
from state.correlation.facts import Policy
from tests.contracts.framings import SINGLE_OBJECT, confluent
from tests.neighbours.records.specimens import CLIENT, ORDER, PURCHASE, REDEMPTION, VERSION_1

RULES = IngestRules(
    policy=Policy(missing_after_ms=1_000, forget_after_ms=2_000), accept_unmarked_payments=True
)
AT_MS = 1_767_225_600_000

ids = st.sampled_from(["a", "b", "order-1", "x" * 200]) | st.text(max_size=6)
maybe_ids = st.none() | ids
numbers = st.sampled_from(["GC-0001", "GC-0002", "GC-0003"]) | st.text("AG1-?", max_size=8)
amounts = st.integers(0, 500) | st.sampled_from([-1, 10**14 - 1, 10**14, 10**16])
times = st.sampled_from([0, AT_MS, -1, AT_MS * 1_000])
currencies = st.sampled_from(["RUB", "JPY", "BHD", "XAU", ""])
texts = st.none() | st.sampled_from(["no", "a@b", "+79000000000", "x" * 1_001]) | st.text()
counts = st.integers(0, 3) | st.sampled_from([-1, 2**63 - 1, 2**63])

lines = st.one_of(
    st.builds(GoodsLine, line_id=ids, sku=ids, amount_minor=amounts, quantity=counts),
    st.builds(
        CertificateLine,
        line_id=ids,
        sku=ids,
        amount_minor=amounts,
        certificate_id=st.none() | numbers,
    ),
)
orders = st.builds(
    SalesOrder,
    order_id=ids,
    version=counts,
    at_ms=times,
    channel=st.sampled_from(Channel),
    status=st.sampled_from(OrderStatus),
    currency=currencies,
    lines=st.lists(lines, max_size=4),
    total_minor=st.none() | amounts,
    tenders=st.lists(
        st.builds(CertificateTender, certificate_id=numbers, amount_minor=amounts), max_size=3
    ),
    client_id=maybe_ids,
    store_id=maybe_ids,
    correlation_id=maybe_ids,
    notification=st.none()
    | st.builds(
        Notification, channel=st.sampled_from(NotificationChannel), address_token=maybe_ids
    ),
    event_id=maybe_ids,
)
what_version_1_says = {
    "payment_id": ids,
    "order_id": ids,
    "at_ms": times,
    "channel": st.sampled_from(Channel),
    "type": st.sampled_from(PaymentType),
    "status": st.sampled_from(PaymentStatus),
    "amount_minor": amounts,
    "currency": currencies,
    "tender": st.sampled_from(Tender),
    "correlation_id": maybe_ids,
    "event_id": maybe_ids,
}
payments = st.one_of(
    st.builds(PaymentVersion1, **what_version_1_says),
    st.builds(
        Payment,
        **what_version_1_says,
        certificate_id=st.none() | numbers,
        operation=st.none() | st.sampled_from(CertificateOperation),
        authorization_id=maybe_ids,
        original_payment_id=maybe_ids,
        failure_reason=texts,
    ),
)
clients = st.builds(
    Client,
    client_id=ids,
    at_ms=times,
    delivery=st.none()
    | st.builds(
        Delivery,
        certificate_id=numbers,
        notification_id=ids,
        channel=st.sampled_from(NotificationChannel),
        outcome=st.sampled_from(DeliveryOutcome),
        reason=texts,
    ),
    correlation_id=maybe_ids,
    event_id=maybe_ids,
)

FRAMINGS = [
    pytest.param(SINGLE_OBJECT, id="single-object"),
    pytest.param(confluent(), id="confluent"),
]


def stage_for(name: RecordName, framing: Framing) -> StatelessStage:
    stages: dict[RecordName, Callable[[], StatelessStage]] = {
        RecordName.SALES_ORDER: lambda: OrdersIngest(framing, RULES),
        RecordName.PAYMENT: lambda: PaymentsIngest(framing, RULES),
        RecordName.CLIENT: lambda: ClientsIngest(framing),
    }
    return stages[name]()


def assert_accepted(record: SourceRecord, framing: Framing) -> None:
    """The service takes it in, and reads what was said: BrokenRecord would fail the test."""
    incoming = Incoming(
        topic=record.topic.name,
        partition=0,
        offset=0,
        key=record.key,
        value=record.encode(framing),
        headers=(),
        timestamp_ms=AT_MS,
    )
    outputs = stage_for(record.name, framing)(incoming)
    silent = record.name is RecordName.CLIENT and record.value["delivery"] is None
    assert len(outputs) == (0 if silent else 1)
    absent = dict.fromkeys(field["name"] for field in current(record.name).declared["fields"])
    assert framing.decode(record.name, incoming.value) == {**absent, **record.value}


@pytest.mark.parametrize("framing", FRAMINGS)
@given(source=st.one_of(orders, payments, clients))
@example(source=ORDER)
@example(source=VERSION_1)
@example(source=PURCHASE)
@example(source=REDEMPTION)
@example(source=CLIENT)
def test_record_of_anything_is_accepted_by_the_service_or_refused_by_the_kit(
    framing: Framing, source: SalesOrder | PaymentVersion1 | Client
) -> None:
    try:
        record = source.record()
    except ImpossibleRecord:
        return
    assert_accepted(record, framing)


@pytest.mark.parametrize(
    "source", [ORDER, VERSION_1, PURCHASE, REDEMPTION, CLIENT], ids=lambda each: type(each).__name__
)
def test_specimen_is_given(source: SalesOrder | PaymentVersion1 | Client) -> None:
    """The law above would hold for a kit that refuses everything."""
    assert source.record().encode(SINGLE_OBJECT)


def test_order_larger_than_the_service_looks_into_is_refused_before_it_is_written() -> None:
    long_line = {"sku": "s" * 200, "amount_minor": 1}
    goods = [GoodsLine(line_id=f"{n:0200}", **long_line) for n in range(5_200)]  # type: ignore[arg-type]  # of both kinds
    order = SalesOrder(
        order_id="order-1",
        version=1,
        at_ms=AT_MS,
        channel=Channel.POS,
        status=OrderStatus.COMPLETED,
        currency="RUB",
        lines=goods,
    )
    with pytest.raises(ImpossibleRecord, match="SalesOrder has more than 2 MiB"):
        order.record().encode(SINGLE_OBJECT)
    assert LARGEST_DECODED_BYTES == 2 * 1024 * 1024
