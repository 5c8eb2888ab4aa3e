"""Index: which certificates an order, correlation, client, request or last four digits lead to.

State: for each entry a count, each certificate by its position (so that a page is a few reads) and
the position by certificate (so that a repeat adds nothing).
"""

from pipelines.contracts.fields import MAX_ENTRY_LENGTH, certificate_number, identifier
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.stages.record import DeadlineRecords, Incoming, Outgoing, checked_key
from state.stores.codec import decode_number, encode_number, encode_text
from state.stores.layout import MAIN, KeyedRecords, member_key, position_key


class IndexStage:
    """GiftCertificates.Index folded into lists of certificates."""

    def __init__(self, framing: Framing, partitions: int) -> None:
        self._framing = framing
        self._partitions = partitions

    def __call__(
        self, incoming: Incoming, records: KeyedRecords, _deadlines: DeadlineRecords, /
    ) -> list[Outgoing]:
        fields = self._framing.decode(RecordName.INDEX_ENTRY, incoming.value)
        entry = identifier(fields, "entry", MAX_ENTRY_LENGTH)
        checked_key(incoming, entry, self._partitions)
        certificate_id = certificate_number(fields, "certificateId")
        if records.get_bytes(member_key(certificate_id)) is not None:
            return []
        stored = records.get_bytes(MAIN)
        count = 0 if stored is None else decode_number(stored)
        records.set_bytes(position_key(count), encode_text(certificate_id))
        records.set_bytes(member_key(certificate_id), encode_number(count))
        records.set_bytes(MAIN, encode_number(count + 1))
        return []
