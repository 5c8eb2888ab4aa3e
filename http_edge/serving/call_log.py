"""The audit line: who called what, about which certificate, and what came of it.

Owns the fields of the line. A line never holds a token, a key, a code or a body; `pipelines.logs`
cuts the certificate to its last four. Every call has its line at INFO, a plain read too: who looked
at a balance is what an audit asks for.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from pipelines.tracing.trace_context import TraceContext

REFUSED_CALLERS: Final = frozenset({401, 403, 429})
"""Statuses of a caller that was turned away. Only these lines say where it called from: an address
may be a person's, and who calls is known otherwise."""
_FIRST_FAULT: Final = 500
_FIRST_REFUSAL: Final = 400

_log = structlog.get_logger(__name__)


class CallOutcome(StrEnum):
    """What a caller may conclude from an answer."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call and its answer. What is None is not in the line.

    `request_id` is the identity that commands carry, not the key that the caller chose: that may be
    anything. `hop` tells a call that claims to be passed on by another worker; `forwarded_to` is
    the worker this one passed it on to.
    """

    operation: str
    method: str
    status: int
    duration_ms: float
    client: str | None = None
    subject: str | None = None
    channel: str | None = None
    certificate: str | None = None
    request_id: str | None = None
    problem: str | None = None
    forwarded_to: str | None = None
    hop: bool = False
    peer: str | None = None
    traceparent: str | None = None

    @property
    def outcome(self) -> CallOutcome:
        """Done, refused, or not known to the caller: after a fault it may still have happened."""
        if self.status < _FIRST_REFUSAL:
            return CallOutcome.DONE
        return CallOutcome.REFUSED if self.status < _FIRST_FAULT else CallOutcome.UNKNOWN


def write(record: CallRecord) -> None:
    """Write the line of one call."""
    refused = record.status in REFUSED_CALLERS
    fields: dict[str, object] = {
        "operation": record.operation,
        "method": record.method,
        "client": record.client,
        "subject": record.subject,
        "channel": record.channel,
        "certificate": record.certificate,
        "request_id": record.request_id,
        "status": record.status,
        "problem": record.problem,
        "outcome": record.outcome.value,
        "duration_ms": round(record.duration_ms, 1),
        "forwarded_to": record.forwarded_to,
        "hop": record.hop or None,
        "peer": record.peer if refused else None,
        "trace_id": trace_id_of(record.traceparent),
    }
    told = {name: value for name, value in fields.items() if value is not None}
    _log.info("call", **told)


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id of a W3C `traceparent`; None for anything that is not one."""
    context = TraceContext.parsed(traceparent)
    return None if context is None else context.trace_id
