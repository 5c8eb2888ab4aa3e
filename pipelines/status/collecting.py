"""Puts one status together: Kafka, the processes and the topics, asked side by side.

Owns who is asked when, and that all of it ends in time: whoever does not answer is shown as such.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from pipelines.contracts.framing import Framing, framing_for
from pipelines.kafka_admin import FoundTopic
from pipelines.release import release
from pipelines.settings import Settings
from pipelines.status.beside import beside, in_time
from pipelines.status.kafka_side import ANSWER_S, KafkaSide, Member, group_of
from pipelines.status.letters_and_alerts import AlertCount, LetterCount
from pipelines.status.processes import Processes, Said
from pipelines.status.reading_figures import lags_told, laws_in, pending_in, pools_in, worker_of
from pipelines.status.status import Alerts, Group, Letters, Status
from pipelines.status.tail import Tail
from pipelines.topics import DLQ, STREAM, topic_name

WITHIN_S: Final = 3.0
"""A status is there after so long, whatever does not answer."""

ALERTS_SINCE_MS: Final = 60 * 60 * 1000
ALERTS_AT_MOST: Final = 200_000
"""Events of the stream that are looked at for alerts; of a busier hour only the latest."""

_GROUPS_S: Final = 2.0
"""The group's answer comes through a process that first has to start."""

_NOT_IN_TIME: Final = "not read in time"


class Collector:
    """Asks again and again, by the same connections. Open from entry to exit of its `with`."""

    def __init__(
        self,
        settings: Settings,
        auditor_url: str | None,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._auditor_url = auditor_url
        self._now_ms = now_ms
        self._kafka = KafkaSide(settings)
        self._processes = Processes(settings.tls_ca_location)
        self._letters: tuple[LetterCount, Tail] | None = None
        self._alerts: tuple[AlertCount, Tail] | None = None
        self._opened: Framing | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tails = [tailed[1] for tailed in (self._letters, self._alerts) if tailed is not None]
        for tail in tails:
            tail.stop()
        for tail in tails:
            tail.close()
        self._processes.close()
        self._kafka.close()

    def collect(self) -> Status:
        """How it is now. BrokerUnreachable, BrokerRefused or TopicMissing when Kafka is no use."""
        started_s = time.monotonic()
        found = self._kafka.topics()
        described = self._kafka.ask_groups()
        self._follow(found)
        lags = beside(lambda: self._kafka.lags(found))
        groups: list[Group] = []
        members: list[Member] = []
        for role, asked in described.items():
            told = in_time(asked, started_s + _GROUPS_S)
            group, of_group = group_of(role, told, found, self._settings)
            groups.append(group)
            members.extend(of_group)
        auditor = self._auditor_url
        said = self._ask(members, auditor)
        figures = [said[each.url].figures for each in members if each.url is not None]
        deadline_s = started_s + WITHIN_S
        told_lags = in_time(lags, deadline_s)
        here = release()
        return Status(
            at_ms=self._now_ms(),
            bootstrap=self._settings.bootstrap,
            prefix=self._settings.topic_prefix,
            groups=tuple(groups),
            workers=tuple(worker_of(member, said) for member in members),
            lags=lags_told(told_lags or self._kafka.no_lags(found), figures),
            pools=pools_in(figures),
            pending=pending_in(figures),
            letters=self._open_letters(deadline_s),
            alerts=self._recent_alerts(deadline_s),
            laws=laws_in(None if auditor is None else said[auditor]),
            version=here.version,
            commit=here.commit,
            schemas=here.schemas,
        )

    def _ask(self, members: Iterable[Member], auditor: str | None) -> Mapping[str, Said]:
        urls = [*(member.url for member in members), auditor]
        return self._processes.ask(url for url in urls if url is not None)

    def _follow(self, found: Mapping[str, FoundTopic]) -> None:
        """Begin to read both topics, or begin anew with one that could not be read."""
        if self._letters is None or not self._letters[1].running:
            count = LetterCount()
            self._letters = count, Tail(self._settings, DLQ, count.take, timeout_s=ANSWER_S)
        if self._alerts is None or not self._alerts[1].running:
            partitions = found[topic_name(STREAM, self._settings)].partitions
            alerts = AlertCount(self._framing, ALERTS_SINCE_MS)

            def starts() -> Mapping[int, int]:
                since_ms = self._now_ms() - ALERTS_SINCE_MS
                places, alerts.whole = self._kafka.starts_since(
                    STREAM, partitions, since_ms, ALERTS_AT_MOST
                )
                return places

            tail = Tail(self._settings, STREAM, alerts.take, starts=starts, timeout_s=ANSWER_S)
            self._alerts = alerts, tail

    def _framing(self) -> Framing:
        """Opened with the first alert: with a registry, that has to answer."""
        with self._opening:
            self._opened = self._opened or framing_for(self._settings)
            return self._opened

    def _open_letters(self, deadline_s: float) -> Letters:
        assert self._letters is not None, "it is followed by now"
        count, tail = self._letters
        whole = tail.caught_up(max(0.0, deadline_s - time.monotonic()))
        return count.told(whole=whole and not tail.fault, fault=_fault(tail, whole=whole))

    def _recent_alerts(self, deadline_s: float) -> Alerts:
        assert self._alerts is not None, "it is followed by now"
        count, tail = self._alerts
        whole = tail.caught_up(max(0.0, deadline_s - time.monotonic()))
        fault = _fault(tail, whole=whole)
        return count.told(self._now_ms(), whole=whole and not tail.fault, fault=fault)


def _fault(tail: Tail, *, whole: bool) -> str:
    return tail.fault or ("" if whole else _NOT_IN_TIME)
