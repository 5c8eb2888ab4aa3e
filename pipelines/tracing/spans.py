"""One span: what a hop did, from when to when, and what may be said about it.

Owns the closed list of attributes. No span holds a whole certificate number, a code, a key, a
token, an address or a text of anybody's own: what is not in the list cannot be put into one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pipelines.tracing.trace_context import TraceContext

_SHOWN: Final = 4


class SpanKind(StrEnum):
    """How a span stands to what called it; the words of OpenTelemetry."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"
    PRODUCER = "producer"
    INTERNAL = "internal"


class Attribute(StrEnum):
    """Everything that a span may say, beside its name and times. See docs/tracing.md."""

    METHOD = "http.request.method"
    ROUTE = "http.route"
    HTTP_STATUS = "http.response.status_code"
    ERROR_TYPE = "error.type"
    SYSTEM = "messaging.system"
    TOPIC = "messaging.destination.name"
    PARTITION = "messaging.destination.partition.id"
    OFFSET = "messaging.kafka.offset"
    OPERATION = "giftcert.operation"
    REQUEST = "giftcert.request_id"
    CERTIFICATE = "giftcert.certificate"
    CHANNEL = "giftcert.channel"
    FORWARDED = "giftcert.forwarded"
    HOP = "giftcert.hop"
    EVENT_TYPE = "giftcert.event_type"
    STATUS = "giftcert.status"
    REJECTION = "giftcert.rejection"
    DEAD_LETTER = "giftcert.dead_letter"
    OUTPUTS = "giftcert.outputs"
    PERFORMED_US = "giftcert.performed_us"
    OUTCOME = "giftcert.outcome"
    REASON = "giftcert.reason"


ATTRIBUTES: Final[Mapping[Attribute, str]] = {
    Attribute.METHOD: "the method of a call",
    Attribute.ROUTE: "the path of a call as OpenAPI has it, without anybody's number",
    Attribute.HTTP_STATUS: "the status that was answered",
    Attribute.ERROR_TYPE: "what went wrong: the name of a problem (HTTP) or the code of a broken "
    "record",
    Attribute.SYSTEM: "always `kafka`",
    Attribute.TOPIC: "the topic of the record, without the prefix of the installation",
    Attribute.PARTITION: "its partition",
    Attribute.OFFSET: "its offset",
    Attribute.OPERATION: "the operation of a call, as OpenAPI has it",
    Attribute.REQUEST: "the identity that commands carry, as in the log line of the call",
    Attribute.CERTIFICATE: "the last four of the certificate's number",
    Attribute.CHANNEL: "the channel of the caller, the event or the message",
    Attribute.FORWARDED: "true: the call was handed on to the worker that keeps the certificate",
    Attribute.HOP: "true: the call was handed on to this worker by another",
    Attribute.EVENT_TYPE: "the type of the event on the stream",
    Attribute.STATUS: "its status",
    Attribute.REJECTION: "the code of a refusal, as in docs/rejections.md",
    Attribute.DEAD_LETTER: "the code of a broken record that went to the DLQ",
    Attribute.OUTPUTS: "how many records the hop wrote",
    Attribute.PERFORMED_US: "how long the stage itself took, in microseconds; the rest of the "
    "span is the wait for the commit",
    Attribute.OUTCOME: "how the delivery of a code ended: sent, failed or obsolete",
    Attribute.REASON: "why it failed: a word of the closed list in docs/neighbours/crm.md",
}
"""What each attribute says; the table in docs/tracing.md is made of it."""

Value = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. `context` holds its own id; `parent` the id it is under. Times: UTC epoch ns."""

    name: str
    kind: SpanKind
    context: TraceContext
    started_ns: int
    ended_ns: int
    parent: str | None = None
    attributes: Mapping[Attribute, Value] = field(default_factory=dict)
    failed: bool = False


def last_four(number: str) -> str:
    """All of a certificate's number that a span may hold."""
    return f"…{number[-_SHOWN:]}" if len(number) > _SHOWN else "…"
