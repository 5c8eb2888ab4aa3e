"""What a hop told the world: the events on the stream and the replies among what it wrote.

Owns reading them back for their span: the type of an event and the code of a refusal, nothing of
anybody's own. Only for records of a kept trace: a reply is decoded for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.faults import OperatorError
from pipelines.stages.record import Outgoing
from pipelines.topics import REPLIES, STREAM
from pipelines.tracing.spans import Attribute, Value, last_four

_REFUSED: Final = frozenset({"error", "issue.blocked"})
_FROM_HEADERS: Final = {
    "eventType": Attribute.EVENT_TYPE,
    "status": Attribute.STATUS,
    "channel": Attribute.CHANNEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One record that somebody outside reads."""

    name: str
    attributes: Mapping[Attribute, Value]


def told_of(outputs: Sequence[Outgoing], framing: Framing) -> list[Told]:
    """The events and replies among a hop's outputs, in their order."""
    return [told for output in outputs for told in _told(output, framing)]


def _told(output: Outgoing, framing: Framing) -> Iterator[Told]:
    if output.topic is STREAM:
        yield _event(output, framing)
    elif output.topic is REPLIES:
        yield _reply(output, framing)


def _event(output: Outgoing, framing: Framing) -> Told:
    headers = {name: (value or b"").decode() for name, value in output.headers}
    attributes: dict[Attribute, Value] = {Attribute.TOPIC: STREAM.name}
    for name, attribute in _FROM_HEADERS.items():
        if name in headers:
            attributes[attribute] = headers[name]
    if "certificateId" in headers:
        attributes[Attribute.CERTIFICATE] = last_four(headers["certificateId"])
    event_type = headers["eventType"]
    if event_type in _REFUSED:
        attributes |= _rejection(RecordName.GIFT_CERTIFICATE_EVENT, "reason", output, framing)
    return Told(name=f"stream {event_type}", attributes=attributes)


def _reply(output: Outgoing, framing: Framing) -> Told:
    attributes: dict[Attribute, Value] = {Attribute.TOPIC: REPLIES.name}
    attributes |= _rejection(RecordName.REPLY, "rejection", output, framing)
    return Told(name="reply", attributes=attributes)


def _rejection(
    record: RecordName, field: str, output: Outgoing, framing: Framing
) -> dict[Attribute, Value]:
    try:
        refused = framing.decode(record, output.value)[field]
    except (BrokenRecord, OperatorError):
        # We wrote it a moment ago, so it can be read; and no span is worth a worker.
        return {}
    return {} if refused is None else {Attribute.REJECTION: refused["code"]}
