"""What the running stages and rules show of themselves, gathered for the documentation.

Events are found by performing every row of the rules' tables, headers by performing a stage, calls
by reading the description that the edge gives of itself. Owns the one sentence that says what each
of them means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from http_edge.api.openapi import description
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import (
    BY,
    LETTER_OFFSET,
    LETTER_PARTITION,
    REASON,
    RESOLUTION,
    WRITTEN,
    Letter,
    Place,
    Resolved,
    resolution_record,
)
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import (
    CUT_FROM,
    DeadlineRecords,
    Incoming,
    Outgoing,
    StatefulStage,
    dead_letter,
)
from pipelines.topics import LARGEST_RECORD_BYTES, STREAM
from pipelines.tracing.trace_context import TRACEPARENT
from state.certificate.commands import Action, Channel, Command, Load, Origin, RaiseAlert, Reserve
from state.certificate.events import ErrorRaised, Event, EventType
from state.certificate.evolution import evolve
from state.certificate.headline import event_type, headline, ledger_entry, reason_of
from state.certificate.record import Certificate, Status
from state.pool.commands import PoolCommand, TakeNext
from state.stores.layout import DeadlineEntry
from tests.state.certificate.table import Row

_MEANINGS: Final = {
    EventType.LOAD: "a number entered the service and its pool",
    EventType.RESERVE: "taken out of the pool for one checkout, until `payload.reservedUntil`",
    EventType.RELEASE: "a reservation ended without a sale: the number is free again",
    EventType.ISSUE: "order and payment cover it: the number is a certificate with a balance",
    EventType.ACTIVATE: "captured in full: it can be spent",
    EventType.NOTIFICATION_REQUESTED: "the CRM is asked to send the customer the code",
    EventType.NOTIFICATION_SENT: "the CRM says the message was delivered",
    EventType.NOTIFICATION_FAILED: "the CRM says it was not; the reason says why",
    EventType.CVC_REVEALED: "the one-time code was read. The event does not hold it",
    EventType.AUTHORIZE: "money was set aside for an order; `held` grew",
    EventType.CAPTURE: "a hold was spent and is closed; `redeem.*` follows and takes the money. "
    "Without an entry and with `CAPTURE_CONFIRMED`: order and payment agree with a capture",
    EventType.VOID: "a hold was given up",
    EventType.HOLD_EXPIRED: "a hold's time was over",
    EventType.REDEEM_PARTIAL: "a part of the balance was spent",
    EventType.REDEEM_FULL: "the rest of the balance was spent",
    EventType.REFUND_PENDING: "one half of a refund was seen, order or payment; the other is "
    "awaited",
    EventType.REFUND_PENDING_DETAILS: "a refund could not be done by a rule: people have to act",
    EventType.REFUND: "money came back onto the certificate; or, with `PURCHASE_UNDONE`, the "
    "certificate itself was returned and has ended",
    EventType.LOCK: "stopped: no value leaves it until it is unlocked",
    EventType.UNLOCK: "works again",
    EventType.ANNUL: "ended for good; what was on it left",
    EventType.ISSUE_BLOCKED: "a checkout wanted a number and the pool is empty. Key: the pool",
    EventType.ALERT: "a person should look: see the list of alerts",
    EventType.ERROR: "something asked by orders and payments was refused, or a code was wrong",
}
_FACT_ONLY: Final = "any command that came from a fact"
_STREAM_HEADERS: Final = {
    "eventType": "as in the record",
    "status": "as in the record",
    "channel": "as in the record, where there is one",
    "certificateId": "the key; absent on events of a pool",
    TRACEPARENT: "the W3C trace of the request or source record behind it, where there was one",
}
_DLQ_HEADERS: Final = {
    "sourceTopic": "full name of the topic it was on",
    "sourcePartition": "number, as text",
    "sourceOffset": "number, as text",
    "sourceTimestamp": "its time, in milliseconds, as text",
    "errorCode": "one of the list below",
    "errorText": "what is wrong, for people; holds nothing of the record itself",
    TRACEPARENT: "the record's own, where it had one",
    CUT_FROM: "only where key and value together have more than 8 MiB: the bytes they had, "
    "`key+value`; of each the first 64 KiB are kept",
}
_RESOLUTION_HEADERS: Final = {
    RESOLUTION: "how the letter ended",
    LETTER_PARTITION: "where the letter lies on this topic: number, as text; it is this one's, too",
    LETTER_OFFSET: "the same: its offset",
    BY: "who decided",
    REASON: "why nothing is to come of it; only where it was discarded",
    WRITTEN: "what was written, and to which topics; only where it was retried",
}
_PROBE: Final = Status.ISSUE_BLOCKED
"""A headline that no certificate has: where it is still there, the event left it alone."""
_PARTITIONS: Final = 1
_TRACE: Final = ((TRACEPARENT, b"00-1-2-01"),)


@dataclass(slots=True, kw_only=True)
class EventRow:
    """One event type. `reasons` None: too many to list. Where nothing is known: an empty text."""

    event: EventType
    meaning: str
    status: str = ""
    entries: list[str] = field(default_factory=list)
    reasons: set[str] | None = field(default_factory=set)
    actions: set[type[Action]] = field(default_factory=set)
    caused_by: str = ""


def event_rows(rows: Sequence[Row]) -> list[EventRow]:
    """Every event type, as the rows of the rules' tables show it."""
    found = {each: EventRow(event=each, meaning=_MEANINGS[each]) for each in EventType}
    for row in rows:
        certificate = row.given
        for event in row.decision().events:
            _note(found[event_type(event)], row, event, certificate)
            certificate = evolve(certificate, "GC-0001", event)
    blocked = _blocked_event()
    of_pool = found[EventType(blocked["eventType"])]
    of_pool.status, of_pool.reasons = f"`{blocked['status']}`", {blocked["reason"]["code"]}
    of_pool.caused_by = "`TAKE_NEXT` of a pool"
    error = found[EventType.ERROR]
    error.reasons, error.actions, error.caused_by = None, set(), _FACT_ONLY
    found[EventType.ALERT].status = f"`{Status.ALERT}`"
    return list(found.values())


def _note(row: EventRow, seen: Row, event: Event, before: Certificate | None) -> None:
    row.status = _status_word(event, before)
    certificate = evolve(before, "GC-0001", event)
    entry = ledger_entry(event, certificate)
    if entry is not None:
        sign = "0" if entry.amount_minor == 0 else "+" if entry.amount_minor > 0 else "-"
        word = f"`{entry.kind}`: {sign}"
        # Nothing may be left on what is annulled; the sign is that of what leaves.
        word = word.replace(": 0", ": -") if entry.kind == "ANNUL" else word
        if word not in row.entries:
            row.entries.append(word)
    reason = reason_of(event)
    if isinstance(seen.action, RaiseAlert):
        row.actions.add(RaiseAlert)
        return
    row.actions.add(type(seen.action))
    if reason is not None and row.reasons is not None:
        row.reasons.add(reason.code)


def _status_word(event: Event, before: Certificate | None) -> str:
    if before is None or isinstance(event, ErrorRaised):
        return f"`{headline(event, evolve(before, 'GC-0001', event))}`"
    after = evolve(replace(before, status=_PROBE), "GC-0001", event)
    status = headline(event, after)
    if status is _PROBE:
        return "unchanged"
    assert after is not None, "only a number that exists has a status"
    if event_type(event) is EventType.UNLOCK:
        assert status.value == after.lifecycle.value, "an unlock shows the lifecycle"
        return "its lifecycle"
    return f"`{status}`"


class Records(dict[bytes, bytes]):
    """The records of one key, in memory."""

    def get_bytes(self, key: bytes) -> bytes | None:
        return self.get(key)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self[key] = value

    def delete(self, key: bytes) -> None:
        self.pop(key, None)


class _Unwatched:
    """Deadlines that nobody watches."""

    def add(self, entry: DeadlineEntry) -> None: ...

    def remove(self, entry: DeadlineEntry) -> None: ...


def no_deadlines() -> DeadlineRecords:
    """Deadlines of a test in which time does not pass."""
    return _Unwatched()


def perform(
    stage: StatefulStage, key: str, values: Sequence[bytes], *, topic: str = "topic"
) -> list[Outgoing]:
    """What a stage gives for records of one key, one after the other."""
    records = Records()
    outputs: list[Outgoing] = []
    for offset, value in enumerate(values):
        incoming = Incoming(
            topic=topic,
            partition=partition_of(key.encode(), _PARTITIONS),
            offset=offset,
            key=key.encode(),
            value=value,
            headers=_TRACE,
            timestamp_ms=0,
        )
        outputs += stage(incoming, records, no_deadlines())
    return outputs


def stream_headers() -> Iterator[tuple[str, str]]:
    """The headers of a certificate's event, as the stage writes them."""
    framing = SingleObjectFraming()
    actions: list[Action] = [
        Load(pool="ELECTRONIC"),
        Reserve(pool="ELECTRONIC", channel=Channel.POS, order_id=None, until_ms=1),
    ]
    commands = [
        Command(
            command_id=f"{position}",
            at_ms=0,
            certificate_id="GC-0001",
            origin=Origin.LOADER,
            action=action,
        )
        for position, action in enumerate(actions)
    ]
    values = [framing.encode(RecordName.COMMAND, command_to_record(each)) for each in commands]
    outputs = perform(CertificatesStage(framing, _PARTITIONS), "GC-0001", values)
    event = [output for output in outputs if output.topic is STREAM][-1]
    for name, _ in event.headers:
        yield name, _STREAM_HEADERS[name]


def _blocked_event() -> dict[str, Any]:
    """What the pool's stage publishes when it has no number."""
    framing = SingleObjectFraming()
    take = TakeNext(
        request_id="request",
        body_digest=None,
        channel=Channel.POS,
        order_id=None,
        reserved_until_ms=1,
        low_mark=0,
        reply_to=None,
        actor=None,
    )
    record = pool_command_to_record(PoolCommand(pool="ELECTRONIC", at_ms=0, action=take))
    value = framing.encode(RecordName.POOL_COMMAND, record)
    (output,) = perform(PoolStage(framing, _PARTITIONS), "ELECTRONIC", [value])
    return framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, output.value)


def dlq_headers() -> Iterator[tuple[str, str]]:
    """The headers of a dead letter, as the runtime writes them."""
    incoming = Incoming(
        topic="topic",
        partition=0,
        offset=0,
        key=None,
        value=None,
        headers=_TRACE,
        timestamp_ms=0,
    )
    huge = replace(incoming, value=b"v" * LARGEST_RECORD_BYTES)
    letter = dead_letter(huge, BrokenRecord(BrokenCode.EMPTY, "no value"))
    for name, _ in letter.headers:
        yield name, _DLQ_HEADERS[name]


def resolution_headers() -> Iterator[tuple[str, str]]:
    """The headers of a resolution, as the command writes them."""
    letter = Letter(
        place=Place(partition=0, offset=0),
        at_ms=0,
        key=None,
        value=None,
        source=None,
        code="",
        text="",
    )
    written = resolution_record(letter, Resolved.RETRIED, by="by", reason="reason", written="to")
    for name, _ in written.headers:
        yield name, _RESOLUTION_HEADERS[name]


def http_rows() -> Iterator[list[str]]:
    """Every call of the edge as its description tells it: what, by whom, and what it does."""
    document = description(Settings(_env_prefix="NO_SUCH_PREFIX_"))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scopes = [scope for way in operation["security"] for scope in way["token"]]
            call = f"`{method.upper()} {path}`"
            scope = f"`{scopes[0]}`" if scopes else "no token"
            yield [call, f"`{operation['operationId']}`", scope, operation["summary"]]
