"""The service's own ingest, so that a test sees what becomes of the shop's records."""

from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.record import SourceRecord
from pipelines.stages.ingest import IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Incoming
from state.correlation.facts import Fact, Policy

_FRAMING = SingleObjectFraming()


def facts_of(record: SourceRecord, policy: Policy) -> list[Fact]:
    """The facts that ingest makes of a record, as the correlator reads them."""
    rules = IngestRules(policy=policy, accept_unmarked_payments=True)
    ingest = OrdersIngest if record.name is RecordName.SALES_ORDER else PaymentsIngest
    incoming = Incoming(
        topic=record.topic.name,
        partition=0,
        offset=0,
        key=record.key,
        value=record.encode(_FRAMING),
        headers=(),
        timestamp_ms=1_000,
    )
    return [
        fact_from_record(_FRAMING.decode(RecordName.FACT, each.value))
        for each in ingest(_FRAMING, rules)(incoming)
    ]
