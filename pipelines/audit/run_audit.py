"""Runs an audit: reads the stream, asks the live stores, and puts the report together.

Owns the thin input and output around the pure parts. Changes nothing anywhere.
"""

import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Message

from pipelines.audit.comparison import Comparison, settle
from pipelines.audit.figures import money_figures, stock_figures
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveStores, member_urls
from pipelines.audit.report import AuditReport, LiveFigures
from pipelines.audit.stream_event import StreamEvent
from pipelines.audit.stream_records import StreamRecords, Unreadable
from pipelines.committed_reader import CommittedReader
from pipelines.contracts.framing import Framing, framing_for
from pipelines.edge_client import TokenSource
from pipelines.live_workers import ProcessorUnreachable
from pipelines.progress import Advance, untold
from pipelines.settings import Settings
from pipelines.topics import STREAM

PATIENCE_S: Final = 15.0
"""How long a store may be behind, or a partition be with nobody, before that is said."""

_PAUSE_S: Final = 0.1


def run_audit(
    settings: Settings,
    http_urls: Sequence[str] | None = None,
    *,
    token: TokenSource | None = None,
    stream_only: bool = False,
    advance: Advance = untold,
    patience_s: float = PATIENCE_S,
) -> AuditReport:
    """Judge the whole stream and, unless `stream_only`, every live store against it.

    The processors are those at `http_urls`; with None, those in the consumer group. They are shown
    what `token` gives. An OperatorError when Kafka, the topic or a processor cannot be reached, or
    does not take the token; breaches are no error.
    `patience_s` is how long a store may stay behind, or a partition be with nobody.
    """
    started_s = time.monotonic()
    ledger = Ledger()
    live = None
    with CommittedReader(settings, STREAM) as reader:
        feed = _Feed(reader, framing_for(settings), ledger)
        if stream_only:
            feed.read(advance)
        else:
            with LiveStores(
                _urls(settings, http_urls),
                token=token,
                authorities=settings.tls_ca_location,
                timeout_s=patience_s,
            ) as stores:
                # Asked before anything is read: who forgot to start them should not wait for that.
                stores.owners()
                feed.read(advance)
                live = _compare(ledger, feed, stores, patience_s)
    ledger.finish()
    accounts = ledger.accounts
    return AuditReport(
        events=ledger.events,
        certificates=sum(account.loaded for account in accounts.values()),
        money=money_figures(accounts.values()),
        stock=stock_figures(accounts.values()),
        breaches=tuple(ledger.breaches.kept),
        breach_counts=dict(ledger.breaches.counts),
        live=live,
        seconds=time.monotonic() - started_s,
    )


def _urls(settings: Settings, given: Sequence[str] | None) -> list[str]:
    if given:
        return [url.rstrip("/") for url in given]
    urls = member_urls(settings)
    if not urls:
        raise ProcessorUnreachable(
            f"no live processor in the consumer group {settings.processor_group}: start one, "
            "name them with --http, or use --stream-only"
        )
    return urls


def _compare(ledger: Ledger, feed: "_Feed", stores: LiveStores, patience_s: float) -> LiveFigures:
    owners = stores.owners()
    deadline = time.monotonic() + patience_s

    def go_on() -> bool:
        time.sleep(_PAUSE_S)
        return time.monotonic() < deadline

    comparison = settle(
        ledger,
        sorted(owners),
        listing=stores.records,
        read_further=feed.read_further,
        go_on=go_on,
    )
    return LiveFigures(
        processors=stores.processors,
        partitions=len(owners),
        certificates=comparison.compared,
    )


class _Feed:
    """The stream, decoded into the ledger."""

    def __init__(self, reader: CommittedReader, framing: Framing, ledger: Ledger) -> None:
        self._reader = reader
        self._records = StreamRecords(framing)
        self._ledger = ledger

    def read(self, advance: Advance) -> None:
        """Feed everything up to the end as it is now."""
        ends = self._reader.ends()
        total = sum(ends.values())
        for batch in self._reader.batches_to(ends):
            for message in batch:
                self._feed(message)
            # Markers of transactions are offsets without a record: the end itself is never passed.
            advance(min(self._reader.read, total), total)

    def read_further(self, comparison: Comparison) -> None:
        """Feed what has come since, and tell the comparison each key."""
        for batch in self._reader.batches_to(self._reader.ends()):
            for message in batch:
                comparison.watch(self._feed(message))

    def _feed(self, message: Message) -> str:
        found = self._records.read(message)
        match found:
            case Unreadable():
                self._ledger.feed_unreadable(found.key, found.partition, found.offset, found.text)
            case StreamEvent():
                self._ledger.feed(found)
        return found.key
