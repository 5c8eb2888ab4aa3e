"""The whole CRM but Kafka, over real gateways: they fail, hang, answer late and answer twice."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from typing import Final

from pydantic import SecretStr

from pipelines.neighbours.crm.contact import Contact
from pipelines.neighbours.crm.http_gateway import HttpContract, HttpGateway
from pipelines.neighbours.crm.lane import Lane
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.crm.smtp_gateway import MailServer, SmtpGateway
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import Life, stream_of
from tests.neighbours.crm.crm_fakes import (
    FakeBuyers,
    FakeDirectory,
    courier_with,
    shown_figures,
)
from tests.neighbours.crm.crm_in_memory import Crm, running
from tests.neighbours.crm.group_in_memory import Kafka
from tests.neighbours.crm.local_http import Answer, Got, local_http
from tests.neighbours.crm.mail_server import Mailbox, mail_server

SMS, EMAIL = NotificationChannel.SMS, NotificationChannel.EMAIL
TIMEOUT_S: Final = 0.3


class SmsGateway:
    """A gateway as its contract has it: one message an id, the same answer again.

    `troubles` come first, one for each call: a status, or `takes and hangs`, or `hangs up`.
    """

    def __init__(self, troubles: Sequence[int | str] = (), *, knows_ids: bool = True) -> None:
        self._troubles = list(troubles)
        self._knows_ids = knows_ids
        self._lock = Lock()
        self.shown: list[str] = []
        self.never = Event()

    def answer(self, got: Got) -> Answer:
        """What is said to one call."""
        message = json.loads(got.body)
        with self._lock:
            trouble = self._troubles.pop(0) if self._troubles else None
            if isinstance(trouble, int):
                return Answer(status=trouble)
            if trouble == "hangs":
                return Answer(after=self.never)
            known = self._knows_ids and message["id"] in self.shown
            if not known:
                self.shown.append(message["id"])
        if trouble == "takes and hangs":
            return Answer(status=202, after=self.never)
        if trouble == "takes and hangs up":
            return Answer(hangs_up=True)
        return Answer(status=200 if known else 202, body=b'{"messageId": "1"}')


def sms_lane(
    url: str, *, knows_ids: bool = True, timeout_s: float = TIMEOUT_S, parallel: int = 8
) -> Lane:
    """The way to that gateway."""
    settings = CrmSettings(sms_url=SecretStr(f"{url}/messages"), sms_deduplicates=knows_ids)
    gateway = HttpGateway(
        HttpContract.of(settings), lambda: "secret", timeout_s=timeout_s, parallel=parallel
    )
    return Lane(SMS, gateway, parallel=parallel)


@contextmanager
def crm_on(
    kafka: Kafka, metrics: CrmMetrics, *lanes: Lane, contacts: Mapping[str, Contact] | None = None
) -> Iterator[Crm]:
    """A CRM with these ways; the order of a buyer has his contact's name as its token."""
    courier = courier_with(
        lanes={lane.channel: lane for lane in lanes},
        buyers=FakeBuyers({"42": "phone", "43": "mail"}),
        directory=FakeDirectory(contacts or {"phone": Contact(address="+79001234567")}),
        metrics=metrics,
    )
    gateways = [lane.gateway for lane in lanes]
    with running(kafka, courier, metrics, connections=gateways) as crm:
        yield crm


def asked_for(count: int, kafka: Kafka) -> list[str]:
    names = [f"GC-{position:08}" for position in range(count)]
    kafka.write(*stream_of(*(Life(name) for name in names)))
    return names


def test_gateway_that_fails_hangs_and_hangs_up_shows_each_message_once() -> None:
    kafka, metrics = Kafka(), CrmMetrics()
    names = asked_for(12, kafka)
    troubles: list[int | str] = [503, "takes and hangs", 500, "hangs", 429, "takes and hangs up"]
    gateway = SmsGateway(troubles * 3)
    with local_http(gateway.answer) as server, crm_on(kafka, metrics, sms_lane(server.url)) as crm:
        crm.until(lambda: len(kafka.told) == len(names))
    assert sorted(kafka.outcomes()) == [(name, "SENT", None) for name in names]
    assert len(gateway.shown) == len(set(gateway.shown)) == len(names)
    figures = shown_figures(metrics)
    assert figures["attempts_total/SMS/taken"] == len(names)
    # A busy machine may make it a few more.
    assert figures["attempts_total/SMS/unsure"] >= 12
    assert figures["attempts_total/SMS/not-taken"] >= 6
    assert figures["doubtful_sends_total/no-answer"] == figures["attempts_total/SMS/unsure"]


def test_gateway_that_took_the_message_and_answered_too_late_is_asked_again_and_says_200() -> None:
    kafka, metrics = Kafka(), CrmMetrics()
    (name,) = asked_for(1, kafka)
    gateway = SmsGateway(["takes and hangs"])
    with local_http(gateway.answer) as server, crm_on(kafka, metrics, sms_lane(server.url)) as crm:
        crm.until(lambda: bool(kafka.told))
        first, second = server.got
    assert kafka.outcomes() == [(name, "SENT", None)]
    assert len(gateway.shown) == 1
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_gateway_without_ids_that_did_not_answer_gets_nothing_twice() -> None:
    kafka, metrics = Kafka(), CrmMetrics()
    (name,) = asked_for(1, kafka)
    gateway = SmsGateway(["takes and hangs"], knows_ids=False)
    with local_http(gateway.answer) as server:
        lane = sms_lane(server.url, knows_ids=False)
        with crm_on(kafka, metrics, lane) as crm:
            crm.until(lambda: bool(kafka.told))
    assert kafka.outcomes() == [(name, "FAILED", "UNSURE")]
    assert len(gateway.shown) == 1


def test_gateway_that_is_down_for_long_gets_all_that_waited_once_it_is_back() -> None:
    kafka, metrics = Kafka(), CrmMetrics()
    names = asked_for(60, kafka)
    gateway, down = SmsGateway(), Event()
    down.set()

    def answer(got: Got) -> Answer:
        return Answer(status=503) if down.is_set() else gateway.answer(got)

    with local_http(answer) as server, crm_on(kafka, metrics, sms_lane(server.url)) as crm:
        crm.until(lambda: len(server.got) > 150)
        assert kafka.told == []
        down.clear()
        crm.until(lambda: len(kafka.told) == len(names))
    assert {outcome for _, outcome, _ in kafka.outcomes()} == {"SENT"}
    assert len(gateway.shown) == len(set(gateway.shown)) == len(names)


def test_hanging_sms_gateway_does_not_keep_mail_from_going_out() -> None:
    """Each way has its own places; a message that hangs holds one of them at most."""
    kafka, metrics, box = Kafka(), CrmMetrics(), Mailbox()
    by_mail = [Life(f"GC-0000010{position}", channel=EMAIL, order_id="43") for position in range(3)]
    by_sms = [Life(f"GC-0000000{position}", channel=SMS) for position in range(9)]
    kafka.write(*stream_of(*by_sms, *by_mail))
    with local_http(lambda _: Answer(after=Event())) as server, mail_server(box) as port:
        mail_way = SmtpGateway(
            MailServer(
                host="127.0.0.1",
                port=port,
                tls="none",
                user=None,
                sender="gifts@shop.example",
                deduplicates=False,
            ),
            lambda: None,
            timeout_s=5.0,
            parallel=2,
        )
        sms = sms_lane(server.url, timeout_s=20.0, parallel=2)
        mail = Lane(EMAIL, mail_way, parallel=2)
        contacts = {
            "phone": Contact(address="+79001234567"),
            "mail": Contact(address="anna@shop.example"),
        }
        with crm_on(kafka, metrics, sms, mail, contacts=contacts) as crm:
            crm.until(lambda: len(kafka.told) == len(by_mail))
            assert len(server.got) <= 2
    assert {number for number, *_ in kafka.outcomes()} == {life.number for life in by_mail}
    assert len(box.mails) == 3
