"""What the stream has shown so far: every certificate as it last stood, and every event counted.

Owns the memory of the demo's reader and the waiting on it. Must not read a topic. It believes
nothing it did not see: a number whose events do not count up by one is remembered as astray.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Condition
from time import monotonic
from typing import Any, TypeAlias

from pipelines.contracts.amounts import amount_to_minor

_Message: TypeAlias = tuple[str, str]
"""A certificate's number and the id of one of its messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A certificate as its last event showed it. Cents."""

    sequence: int
    pool: str
    channel: str | None
    status: str
    lifecycle: str
    nominal_minor: int
    remaining_minor: int


class Witness:
    """What was seen, for several threads. `issued_at_ms` is when an ISSUED came into sight."""

    def __init__(self) -> None:
        self._news = Condition()
        self._seen: dict[str, Seen] = {}
        self._events: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()
        self._astray: list[str] = []
        self._issued_at_ms: dict[str, int] = {}
        self._requested_at_ms: dict[_Message, int] = {}
        self._told_at_ms: defaultdict[_Message, list[int]] = defaultdict(list)
        self._dead_letters = 0
        self._changed_at_s = monotonic()

    def see(self, key: str, event: Mapping[str, Any], seen_ms: int) -> None:
        """Take in one decoded event of the stream."""
        with self._news:
            self._changed_at_s = monotonic()
            event_type = event["eventType"]
            self._events[event_type] += 1
            if event_type in ("alert", "error") and event["reason"] is not None:
                self._rejections[event["reason"]["code"]] += 1
            if event_type == "issue":
                self._issued_at_ms[key] = seen_ms
            if event["payload"] is not None:
                self._see_certificate(key, event)
            self._news.notify_all()

    def _see_certificate(self, key: str, event: Mapping[str, Any]) -> None:
        payload = event["payload"]
        before = self._seen.get(key)
        sequence = event["sequence"]
        if sequence != (before.sequence if before else 0) + 1:
            self._astray.append(key)
        currency = payload["currency"]
        self._seen[key] = Seen(
            sequence=sequence,
            pool=payload["pool"],
            channel=payload["channel"],
            status=payload["status"],
            lifecycle=payload["lifecycle"],
            nominal_minor=amount_to_minor(payload["nominal"], currency) if currency else 0,
            remaining_minor=amount_to_minor(payload["remainingBalance"], currency)
            if currency
            else 0,
        )

    def see_request(self, number: str, payload: Mapping[str, Any], at_ms: int) -> None:
        """Take in when, by Kafka, the CRM was asked to tell a buyer."""
        with self._news:
            self._requested_at_ms[number, payload["notification"]["id"]] = at_ms

    def see_outcome(self, delivery: Mapping[str, Any] | None, at_ms: int) -> None:
        """Take in when, by Kafka, the CRM said how a message went; None: it said nothing of one."""
        if delivery is None:
            return
        with self._news:
            message = delivery["certificateId"], delivery["notificationId"]
            self._told_at_ms[message].append(at_ms)
            self._news.notify_all()

    def see_dead_letter(self) -> None:
        """Take in one record of the dead letter queue."""
        with self._news:
            self._dead_letters += 1
            self._news.notify_all()

    def has_sequences(self, wanted: Iterable[tuple[str, int]]) -> bool:
        """Whether each certificate has come at least so far."""
        with self._news:
            return all(
                (seen := self._seen.get(number)) is not None and seen.sequence >= sequence
                for number, sequence in wanted
            )

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `condition` holds, looked at after each event; False when the time is up."""
        with self._news:
            return self._news.wait_for(condition, timeout_s)

    def quiet_for_s(self) -> float:
        """How long no event has come."""
        with self._news:
            return monotonic() - self._changed_at_s

    def certificates(self) -> dict[str, Seen]:
        with self._news:
            return dict(self._seen)

    def events(self) -> Counter[str]:
        """Events by type."""
        with self._news:
            return self._events.copy()

    def reasons(self) -> Counter[str]:
        """Alerts and errors by the code of their reason."""
        with self._news:
            return self._rejections.copy()

    def astray(self) -> list[str]:
        """Numbers whose events left a gap or came twice."""
        with self._news:
            return list(self._astray)

    def issued_at_ms(self, number: str) -> int | None:
        with self._news:
            return self._issued_at_ms.get(number)

    def deliveries_ms(self) -> list[int]:
        """How long each message took, from the request on the stream to its outcome's record."""
        with self._news:
            return [
                told_ms[0] - at_ms
                for message, at_ms in self._requested_at_ms.items()
                if (told_ms := self._told_at_ms.get(message))
            ]

    def told_otherwise(self) -> list[str]:
        """Numbers of which the CRM did not say once, and once only, how their message went."""
        with self._news:
            messages = self._requested_at_ms.keys() | self._told_at_ms.keys()
            return sorted(
                message[0]
                for message in messages
                if message not in self._requested_at_ms
                or len(self._told_at_ms.get(message, ())) != 1
            )

    @property
    def dead_letters(self) -> int:
        with self._news:
            return self._dead_letters
