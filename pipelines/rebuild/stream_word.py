"""What the stream said of the certificates, held against what the log folds into.

Owns the reading of the stream for it, with the audit's own reader, which shares no code with the
rules, and the comparison of each certificate at one and the same sequence number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.audit.account import Account
from pipelines.audit.comparison import differences
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveRecord
from pipelines.audit.stream_event import EventReader
from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.schemas import RecordName
from pipelines.rebuild.differences import masked
from pipelines.rebuild.folding import Workshop
from pipelines.replay import read_to
from pipelines.topics import STREAM
from state.certificate.record import Certificate, CertificateState
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import DEADLINES, MAIN, SEPARATOR

_MAIN_SUFFIX: Final = SEPARATOR + MAIN


@dataclass(slots=True)
class StreamWord:
    """What one partition of the stream says: of each certificate, and where nobody can read it."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    unreadable: list[int] = field(default_factory=list)


def states_of(records: Mapping[bytes, bytes]) -> dict[str, CertificateState]:
    """Every number's state in a folded store of certificates."""
    return {
        key.removesuffix(_MAIN_SUFFIX).decode(): CERTIFICATE_STATE.decode(value)
        for key, value in records.items()
        if key.endswith(_MAIN_SUFFIX) and not key.startswith(DEADLINES)
    }


def told_by_the_stream(
    shop: Workshop,
    ends: Mapping[int, int],
    states: Mapping[int, Mapping[str, CertificateState]],
    *,
    whole: bool = False,
) -> dict[int, StreamWord]:
    """The stream's word on each certificate, by partition: `whole`, or up to its sequence here.

    A certificate's events are in the partition of its number, as its commands are.
    """
    ledgers, reader = {partition: Ledger() for partition in ends}, EventReader()
    unreadable: dict[int, list[int]] = {partition: [] for partition in ends}
    with CommittedReader(shop.settings, STREAM, partitions=ends.keys()) as stream:
        for record in read_to(stream, ends):
            try:
                fields = shop.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
                event = reader.event_of(fields, record.partition, record.offset, record.key)
            except BrokenRecord:
                # Only the workers write there: who cannot read them knows nothing of what they did.
                unreadable[record.partition].append(record.offset)
                continue
            state = states[record.partition].get(event.key)
            if whole or (state is not None and event.sequence <= state.sequence):
                ledgers[record.partition].feed(event)
    return {
        partition: StreamWord(ledger.accounts, unreadable[partition])
        for partition, ledger in ledgers.items()
    }


def disagreements(states: Mapping[str, CertificateState], word: StreamWord) -> Iterator[str]:
    """In what folded certificates are not what the stream said of them, masked."""
    accounts = word.accounts
    if word.unreadable:
        yield (
            f"{len(word.unreadable):,} events of the stream cannot be read, the first at offset "
            f"{word.unreadable[0]:,}: GIFTCERT_SCHEMA_REGISTRY_URL and the version must be those "
            "of the workers"
        )
    for number, told in accounts.items():
        # Under a pool's name it tells of the pool.
        if told.loaded and number not in states:
            yield f"{masked(number)}: the stream tells of it, the log does not lead to it"
    for number, state in states.items():
        account = accounts.get(number)
        reached = 0 if account is None else account.sequence
        if account is None or reached != state.sequence:
            yield (
                f"{masked(number)}: the log gives {state.sequence} events, "
                f"the stream tells {reached} of them"
            )
        elif state.certificate is not None:
            found = differences(account, _record_of(number, state.sequence, state.certificate))
            if found:
                yield f"{masked(number)} at sequence {state.sequence}: {'; '.join(found)}"


def _record_of(number: str, sequence: int, certificate: Certificate) -> LiveRecord:
    return LiveRecord(
        certificate_id=number,
        sequence=sequence,
        pool=certificate.pool,
        status=certificate.status,
        lifecycle=certificate.lifecycle,
        currency=certificate.currency,
        nominal_minor=certificate.nominal_minor,
        remaining_minor=certificate.remaining_minor,
        held_minor=certificate.held_minor,
        redeemed_minor=certificate.redeemed_minor,
        refunded_minor=certificate.refunded_minor,
        annulled_minor=certificate.annulled_minor,
        holds={key: hold.amount_minor for key, hold in certificate.holds.items()},
    )
