"""Ingest: from the other systems' topics to facts, without any state.

Owns filtering and re-keying. Everything that may concern a certificate is handed on under its
correlation key; ordinary orders as one line, so that the correlation can forget their payments.
"""

from dataclasses import dataclass

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.fields import LAST_INSTANT_MS, Fields, checked_instant, identifier
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.contracts.source_records import (
    correlation_key,
    read_delivery,
    read_order,
    read_payment,
)
from pipelines.stages.record import Headers, Incoming, Outgoing, event_time_header
from pipelines.topics import COMMANDS, FACTS
from state.correlation.facts import Fact, Happening, OrdinaryOrderSeen, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRules:
    """The settings ingest goes by; the policy travels with each fact."""

    policy: Policy
    accept_unmarked_payments: bool


class OrdersIngest:
    """All_SalesOrder to facts."""

    def __init__(self, framing: Framing, rules: IngestRules) -> None:
        self._framing = framing
        self._rules = rules

    def __call__(self, incoming: Incoming) -> list[Outgoing]:
        fields = self._framing.decode(RecordName.SALES_ORDER, incoming.value)
        order = read_order(fields)
        if isinstance(order, OrdinaryOrderSeen) and not self._rules.accept_unmarked_payments:
            return []
        fact = _fact(incoming, fields, order, self._rules)
        return [fact_output(self._framing, _headers(incoming, fields), fact)]


class PaymentsIngest:
    """All_Payments to facts."""

    def __init__(self, framing: Framing, rules: IngestRules) -> None:
        self._framing = framing
        self._rules = rules

    def __call__(self, incoming: Incoming) -> list[Outgoing]:
        fields = self._framing.decode(RecordName.PAYMENT, incoming.value)
        payment = read_payment(fields)
        if not payment.marked and not self._rules.accept_unmarked_payments:
            return []
        fact = _fact(incoming, fields, payment, self._rules)
        return [fact_output(self._framing, _headers(incoming, fields), fact)]


class ClientsIngest:
    """All_Clients to notification results; everything else the CRM says is not ours."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def __call__(self, incoming: Incoming) -> list[Outgoing]:
        fields = self._framing.decode(RecordName.CLIENT, incoming.value)
        identifier(fields, "eventId")
        command = read_delivery(fields, _taken_at(incoming))
        if command is None:
            return []
        value = self._framing.encode(RecordName.COMMAND, command_to_record(command))
        key = command.certificate_id.encode()
        headers = _headers(incoming, fields)
        return [Outgoing(topic=COMMANDS, key=key, value=value, headers=headers)]


def _fact(incoming: Incoming, fields: Fields, happening: Happening, rules: IngestRules) -> Fact:
    return Fact(
        fact_id=identifier(fields, "eventId"),
        correlation_id=correlation_key(fields),
        at_ms=_taken_at(incoming),
        policy=rules.policy,
        happening=happening,
    )


def _taken_at(incoming: Incoming) -> int:
    """The log's time of the record; its producer may have set it, and may have set it wrong."""
    return checked_instant(incoming.timestamp_ms, "the record's timestamp")


def _headers(incoming: Incoming, fields: Fields) -> Headers:
    """The trace, and when it happened: a time that cannot be is nothing that stops an order."""
    happened_ms = fields.get("eventTime")
    if isinstance(happened_ms, int) and 0 <= happened_ms <= LAST_INSTANT_MS:
        return [*incoming.trace, event_time_header(happened_ms)]
    return incoming.trace


def fact_output(framing: Framing, headers: Headers, fact: Fact) -> Outgoing:
    """A fact under its correlation key."""
    return Outgoing(
        topic=FACTS,
        key=fact.correlation_id.encode(),
        value=framing.encode(RecordName.FACT, fact_to_record(fact)),
        headers=headers,
    )
