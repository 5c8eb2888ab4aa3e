"""Explaining a correlation: by the correlator that keeps it, to whichever process is asked."""

import asyncio

from http_edge.api.correlation_models import CorrelationPath
from http_edge.asking.asking import Answer, Ask
from http_edge.asking.correlator_services import CorrelatorServices
from http_edge.asking.services import EdgeServices, ElsewhereError
from http_edge.handlers.correlation_output import correlation_explanation
from pipelines.topics import FACTS
from state.correlation.explanation import explain


async def explain_correlation(services: EdgeServices, ask: Ask) -> Answer:
    """Asked of a processor: it keeps no correlation, so a correlator answers."""
    partition = services.partition_of(_correlation_id(ask).encode())
    raise ElsewhereError(services.correlator_owners.place(FACTS, partition))


async def explain_own_correlation(services: CorrelatorServices, ask: Ask) -> Answer:
    """Asked of a correlator: from its own store, or another correlator answers."""
    correlation_id = _correlation_id(ask)

    def explained() -> Answer:
        explanation = explain(services.correlation(correlation_id))
        return Answer(content=correlation_explanation(explanation))

    # An order may have hundreds of payments; nobody else is to wait while they are looked at.
    return await asyncio.to_thread(explained)


def _correlation_id(ask: Ask) -> str:
    assert isinstance(ask.path, CorrelationPath), "what the call takes"
    return ask.path.correlation_id
