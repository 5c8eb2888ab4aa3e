"""The service asks the same of certificates, whether it is told version 1 or what became of it.

Both times the service's own ingest and correlation perform the records.
"""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.enrich.records import Taken
from pipelines.neighbours.records.orders import SalesOrder
from pipelines.neighbours.records.payments import PaymentVersion1
from pipelines.stages.ingest import IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Incoming
from state.certificate.commands import Command, RaiseAlert
from state.correlation.facts import Policy
from state.correlation.fold import fold
from state.correlation.record import Correlation
from tests.contracts.framings import SINGLE_OBJECT
from tests.neighbours.enrich.enrichment_in_memory import NOW_MS, EnrichmentInMemory, taken
from tests.neighbours.enrich.stories import agreeing_versions, payments

POLICY = Policy(missing_after_ms=1_000, forget_after_ms=2_000)


def incoming(record: Taken) -> Incoming:
    return Incoming(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=(),
        timestamp_ms=record.timestamp_ms,
    )


def asked(records: Iterable[Taken], *, unmarked: bool) -> list[Command]:
    """What the service asks of certificates once it has seen these records in this order."""
    rules = IngestRules(policy=POLICY, accept_unmarked_payments=unmarked)
    orders, paid = OrdersIngest(SINGLE_OBJECT, rules), PaymentsIngest(SINGLE_OBJECT, rules)
    state: Correlation | None = None
    commands: list[Command] = []
    for record in records:
        stage = orders if record.topic == "All_SalesOrder" else paid
        for output in stage(incoming(record)):
            step = fold(
                state, fact_from_record(SINGLE_OBJECT.decode(RecordName.FACT, output.value))
            )
            state = step.state
            commands += step.commands
    return commands


def enriched(versions: Sequence[SalesOrder], paid: Sequence[PaymentVersion1]) -> list[Taken]:
    """The payments as the enrichment writes them, once it knows the order."""
    enrichment = EnrichmentInMemory()
    enrichment.take(*(each.record() for each in versions))
    enrichment.take(*(each.record() for each in paid))
    return [
        Taken(
            topic="All_Payments",
            partition=0,
            offset=0,
            key=given.key,
            value=given.value,
            headers=given.headers,
            timestamp_ms=NOW_MS,
        )
        for given in enrichment.given
    ]


@given(data=st.data())
def test_service_asks_the_same_of_certificates_for_enriched_payments(data: st.DataObject) -> None:
    versions = data.draw(agreeing_versions("order-1"))
    paid = data.draw(payments("order-1"))
    told = [taken(each.record()) for each in versions]
    plain = asked([*told, *(taken(each.record()) for each in paid)], unmarked=True)
    marked = asked([*told, *enriched(versions, paid)], unmarked=True)
    assert marked == plain


@given(data=st.data())
def test_service_that_drops_unmarked_payments_misses_no_money_of_enriched_ones(
    data: st.DataObject,
) -> None:
    """What it drops then concerned no certificate; only alerts about the order's money differ."""
    versions = data.draw(agreeing_versions("order-1"))
    paid = data.draw(payments("order-1"))
    told = [taken(each.record()) for each in versions]
    plain = asked([*told, *(taken(each.record()) for each in paid)], unmarked=True)
    marked = asked([*told, *enriched(versions, paid)], unmarked=False)
    assert without_alerts(marked) == without_alerts(plain)


def without_alerts(commands: Iterable[Command]) -> list[Command]:
    return [each for each in commands if not isinstance(each.action, RaiseAlert)]
