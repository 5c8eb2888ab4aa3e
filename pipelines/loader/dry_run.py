"""What a load would come to, without sending anything.

Asks GiftCertificates.Stream, not the processors: a number was loaded if and only if the stream has
its `load` event, and that event's cause also says by which load. Reading on keys alone takes a
second for some hundred thousand events, where one question a number would take half a minute.
"""

from typing import Final

from confluent_kafka import Message

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.loader.outcomes import ALREADY_LOADED, WOULD_LOAD, Outcome, RowResult
from pipelines.loader.rows import LoadFile
from pipelines.progress import Advance
from pipelines.settings import Settings
from pipelines.topics import STREAM
from state.certificate.rejections import RejectionCode, reject

_DUPLICATE: Final = RowResult(
    outcome=Outcome.REFUSED,
    code=RejectionCode.DUPLICATE_NUMBER.value,
    text=reject(RejectionCode.DUPLICATE_NUMBER).text,
)
_LOAD_EVENT: Final = "load"


def dry_run(file: LoadFile, settings: Settings, advance: Advance) -> dict[str, RowResult]:
    """What the service would answer to each row of the file as things stand."""
    results = dict.fromkeys(file.rows, WOULD_LOAD)
    framing = framing_for(settings)
    with CommittedReader(settings, STREAM) as reader:
        ends = reader.ends()
        total = sum(ends.values())
        for batch in reader.batches_to(ends):
            for message in batch:
                key = message.key()
                number = key.decode(errors="replace") if isinstance(key, bytes) else key
                if number in results:
                    judged = _judged(message, framing, f"load:{file.load_id}:{number}")
                    results[number] = judged or results[number]
            advance(min(reader.read, total), total)
    return results


def _judged(message: Message, framing: Framing, command_id: str) -> RowResult | None:
    """What the event means for its row; None: nothing."""
    payload = message.value()
    assert not isinstance(payload, str), "values are read as bytes"
    try:
        fields = framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, payload)
    except BrokenRecord:
        return None  # The audit names it; the service itself would never have written it.
    if fields["eventType"] != _LOAD_EVENT:
        return None
    return ALREADY_LOADED if fields["causationId"] == command_id else _DUPLICATE
