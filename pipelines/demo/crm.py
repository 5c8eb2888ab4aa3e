"""The CRM of the demo: told that a buyer wants a code, it fetches it and says it was delivered.

Owns the queue between the stream and the CRM's one worker thread. The code goes nowhere.
"""

from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event
from time import time_ns
from typing import Any, Final, Protocol

from pipelines.demo.actors import RecordSink
from pipelines.demo.records import RecordWriter

_LOOK_UP_S: Final = 0.1


class Codes(Protocol):
    """Where codes are had; see `Storefront`."""

    def fetch_cvc(self, certificate_id: str, *, request_id: str) -> None: ...


class Crm:
    """Answers every `notification.requested` once."""

    def __init__(
        self, *, run_id: str, service: Codes, writer: RecordWriter, records: RecordSink
    ) -> None:
        self._run_id = run_id
        self._service = service
        self._writer = writer
        self._records = records
        self._asked: SimpleQueue[tuple[str, Mapping[str, Any]]] = SimpleQueue()

    def take(self, certificate_id: str, event: Mapping[str, Any]) -> None:
        """Note the wish; from any thread."""
        self._asked.put((certificate_id, event["payload"]))

    def work(self, stop: Event) -> None:
        """Answer wishes until told to stop."""
        while not stop.is_set():
            self.answer_next(_LOOK_UP_S)

    def answer_next(self, timeout_s: float) -> bool:
        """Answer one wish; False when none came within the time."""
        try:
            certificate_id, payload = self._asked.get(timeout=timeout_s)
        except Empty:
            return False
        self._answer(certificate_id, payload, time_ns() // 1_000_000)
        return True

    def _answer(self, certificate_id: str, payload: Mapping[str, Any], at_ms: int) -> None:
        notification_id = payload["notification"]["id"]
        # The same wish is the same request, should it be asked twice.
        self._service.fetch_cvc(certificate_id, request_id=f"{self._run_id}/{notification_id}")
        self._records.send(
            self._writer.delivery(
                certificate_id=certificate_id,
                notification_id=notification_id,
                client_id=payload["clientId"],
                at_ms=at_ms,
            )
        )
