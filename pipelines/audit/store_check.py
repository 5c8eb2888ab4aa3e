"""When an auditor compares the live stores with the stream, and the asking of the processors.

Owns the interval and the patience. What counts as different is the comparison's.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from pipelines.audit.comparison import Comparison, settle
from pipelines.audit.ledger import Ledger
from pipelines.audit.live_stores import LiveRecord, LiveStores, member_urls
from pipelines.edge_client import TokenSource
from pipelines.live_workers import ProcessorUnreachable
from pipelines.settings import Settings

_LOOKS_MAX: Final = 10
_PAUSE_S: Final = 1.0


class StoreCheck:
    """Compares every so often, with what an auditor knows by then."""

    def __init__(
        self,
        settings: Settings,
        token: TokenSource,
        *,
        open_stores: Callable[[], LiveStores] | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._settings = settings
        self._token = token
        self._open_stores = self._of_the_group if open_stores is None else open_stores
        self._pause = pause
        self._next_s = float("-inf")

    def due(self, now_s: float) -> bool:
        """Whether it is time; asked once for each time."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._settings.audit_compare_s
        return True

    def run(
        self,
        ledger: Ledger,
        comparison: Comparison,
        *,
        read_on: Callable[[], object],
        read_to_the_end: Callable[[], None],
    ) -> None:
        """Compare all; differences are noted in the ledger. ProcessorUnreachable.

        `read_on` is called between two pages, so that the stream is not left alone for as long as
        a million records take; it feeds the ledger and tells the comparison each key.
        """
        for account in ledger.accounts.values():
            account.listed = False
        with self._open_stores() as stores:
            looks = iter(range(_LOOKS_MAX))

            def listing(partition: int) -> Iterator[LiveRecord]:
                for page in stores.pages(partition):
                    yield from page
                    # Only after the page was taken: a page must not be older than the ledger.
                    read_on()

            def go_on() -> bool:
                self._pause(_PAUSE_S)
                return next(looks, None) is not None

            settle(
                ledger,
                sorted(stores.owners()),
                listing=listing,
                read_further=lambda _comparison: read_to_the_end(),
                go_on=go_on,
                comparison=comparison,
                # At any one moment some store is about to take what the stream has: that is no
                # breach, and would be an alert.
                looks_min=2,
            )

    def _of_the_group(self) -> LiveStores:
        urls = member_urls(self._settings)
        if not urls:
            raise ProcessorUnreachable(
                f"no live processor in the consumer group {self._settings.processor_group}"
            )
        return LiveStores(urls, token=self._token, authorities=self._settings.tls_ca_location)
