"""One delivery: each step, its order, and every way in which it ends."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pipelines.neighbours.crm.buyers import OrdersNotRead
from pipelines.neighbours.crm.code_reader import NOT_OPEN, CodeNotGiven, CodeRefused
from pipelines.neighbours.crm.contact import Contact
from pipelines.neighbours.crm.courier import Courier, Habits, NotOurs
from pipelines.neighbours.crm.directory import DirectorySilent
from pipelines.neighbours.crm.gateway import Message, NotTaken, Refused, Unsure
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.outcome import Failed, FailureReason, Obsolete, Outcome, Sent
from pipelines.neighbours.crm.partition_work import Start
from pipelines.neighbours.crm.request import Request
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import AT_MS, request
from tests.neighbours.crm.crm_fakes import (
    CODE,
    SECRETS,
    TOOK_IT,
    Clock,
    FakeBuyers,
    FakeCodes,
    FakeDirectory,
    FakeGateway,
    FakeMarks,
    courier_with,
    shown_figures,
)

pytestmark = pytest.mark.anyio

SMS, EMAIL = NotificationChannel.SMS, NotificationChannel.EMAIL
SENT = Sent(channel=SMS)
SENDS_AGAIN = Habits(language="ru", channel=SMS, when_unsure="send-again")


async def delivered(
    courier: Courier,
    asked: Request | None = None,
    *,
    doubtful: bool = False,
    marks: FakeMarks | None = None,
) -> Outcome:
    start = Start(request=asked or request(), doubtful=doubtful)
    return await courier.deliver(start, marks or FakeMarks())


def reason_of(outcome: Outcome) -> FailureReason | None:
    return outcome.reason if isinstance(outcome, Failed) else None


async def test_code_goes_to_the_buyers_address_in_one_message() -> None:
    gateway, codes, marks = FakeGateway(), FakeCodes(), FakeMarks()
    assert await delivered(courier_with(gateway=gateway, codes=codes), marks=marks) == SENT
    (message,) = gateway.shown
    assert (message.key, message.address) == (request().key, "+79001234567")
    assert CODE in message.text
    assert codes.reads == 1
    assert marks.said == ["begin"]


async def test_gateway_that_fails_is_asked_again_until_it_takes_the_message() -> None:
    """The code is read once, however often the message is sent."""
    gateway = FakeGateway(NotTaken("down"), NotTaken("down"), Unsure("?"), NotTaken("down"), None)
    codes, marks = FakeCodes(), FakeMarks()
    assert await delivered(courier_with(gateway=gateway, codes=codes), marks=marks) == SENT
    assert len(gateway.tries) == 5
    assert len(gateway.shown) == 1
    assert codes.reads == 1
    # What may have been sent once stays so, whatever the gateway says later.
    assert marks.said == ["begin", "not sent", "begin", "not sent", "begin", "begin", "begin"]


async def test_gateway_that_took_it_and_did_not_say_so_shows_it_once() -> None:
    gateway = FakeGateway(Unsure(TOOK_IT), Unsure(TOOK_IT), None)
    assert await delivered(courier_with(gateway=gateway)) == SENT
    assert len(gateway.tries) == 3
    assert len(gateway.shown) == 1


async def test_gateway_that_knows_no_ids_gets_no_second_message_when_unsure() -> None:
    gateway, metrics = FakeGateway(Unsure(TOOK_IT), None, deduplicates=False), CrmMetrics()
    outcome = await delivered(courier_with(gateway=gateway, metrics=metrics))
    assert reason_of(outcome) is FailureReason.UNSURE
    assert len(gateway.shown) == 1
    assert shown_figures(metrics)["doubtful_sends_total/no-answer"] == 1


async def test_gateway_that_knows_no_ids_gets_a_second_message_where_that_is_wanted() -> None:
    gateway = FakeGateway(Unsure("?"), None, deduplicates=False)
    assert await delivered(courier_with(gateway=gateway, habits=SENDS_AGAIN)) == SENT


@pytest.mark.parametrize(("doubtful", "tries"), [(False, 2), (True, 1)])
async def test_gateway_that_never_says_whether_it_took_a_message_gets_it_twice_at_most(
    doubtful: bool, tries: int
) -> None:
    gateway = FakeGateway(Unsure("?"), deduplicates=False)
    courier = courier_with(gateway=gateway, habits=SENDS_AGAIN)
    assert reason_of(await delivered(courier, doubtful=doubtful)) is FailureReason.UNSURE
    assert len(gateway.tries) == tries


async def test_doubtful_message_goes_again_under_its_id_where_ids_are_known() -> None:
    gateway, metrics = FakeGateway(), CrmMetrics()
    gateway.show(replace_text(request()))
    courier = courier_with(gateway=gateway, metrics=metrics)
    assert await delivered(courier, doubtful=True) == SENT
    assert len(gateway.shown) == 1
    assert shown_figures(metrics)["doubtful_sends_total/restart"] == 1


def replace_text(asked: Request) -> Message:
    return Message(key=asked.key, address="+79001234567", subject="", text="from before the crash")


async def test_doubtful_message_is_given_up_before_a_code_is_read_where_ids_are_not_known() -> None:
    gateway, codes = FakeGateway(deduplicates=False), FakeCodes()
    outcome = await delivered(courier_with(gateway=gateway, codes=codes), doubtful=True)
    assert reason_of(outcome) is FailureReason.UNSURE
    assert (gateway.tries, codes.reads) == ([], 0)


async def test_doubtful_message_that_is_not_taken_stays_doubtful() -> None:
    marks = FakeMarks()
    gateway = FakeGateway(NotTaken("down"), None)
    assert await delivered(courier_with(gateway=gateway), doubtful=True, marks=marks) == SENT
    assert marks.said == ["begin", "begin"]


@pytest.mark.parametrize(
    ("courier", "why"),
    [
        (courier_with(gateway=FakeGateway(Refused("the gateway answers 422"))), "answers 422"),
        (courier_with(codes=FakeCodes(CodeRefused("annulled"))), "annulled"),
        (courier_with(directory=FakeDirectory({})), "no address is known"),
        (courier_with(now_ms=Clock(AT_MS + 300_000)), "not delivered within"),
    ],
)
async def test_doubtful_message_that_fails_may_have_come_whatever_it_failed_of(
    courier: Courier, why: str
) -> None:
    """Some gateways refuse a message that comes again under the id of one that they took."""
    outcome = await delivered(courier, doubtful=True)
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.UNSURE
    assert "not known whether the message was sent" in outcome.why
    assert why in outcome.why


async def test_message_that_the_gateway_refuses_has_failed_at_once() -> None:
    gateway = FakeGateway(Refused("the gateway answers 422"))
    outcome = await delivered(courier_with(gateway=gateway))
    expected = Failed(channel=SMS, reason=FailureReason.REFUSED, why="the gateway answers 422")
    assert outcome == expected
    assert len(gateway.tries) == 1


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ("cvc-already-revealed", FailureReason.NO_CODE),
        ("annulled", FailureReason.NO_CODE),
        ("request-reused", FailureReason.NO_CODE),
    ],
)
async def test_code_that_the_service_refuses_is_the_end(
    problem: str, reason: FailureReason
) -> None:
    gateway = FakeGateway()
    outcome = await delivered(courier_with(gateway=gateway, codes=FakeCodes(CodeRefused(problem))))
    assert reason_of(outcome) is reason
    assert gateway.tries == []


async def test_message_that_somebody_else_has_closed_is_nobodys_failure() -> None:
    courier = courier_with(codes=FakeCodes(CodeRefused(NOT_OPEN)))
    assert await delivered(courier) == Obsolete()


async def test_service_and_directory_that_fail_for_a_while_are_asked_again() -> None:
    courier = courier_with(
        codes=FakeCodes(CodeNotGiven("503 moving", come_again_s=0.001), CodeNotGiven("?"), CODE),
        directory=FakeDirectory(faults=[DirectorySilent("down"), DirectorySilent("down")]),
    )
    assert await delivered(courier) == SENT


async def test_order_without_a_token_is_for_the_client_itself() -> None:
    directory = FakeDirectory({"client:client-7": Contact(address="+79007654321")})
    gateway = FakeGateway()
    courier = courier_with(
        directory=directory, gateway=gateway, buyers=FakeBuyers({"42": "gone", "43": None})
    )
    assert await delivered(courier) == SENT
    assert directory.asked == ["gone", "client:client-7"]
    assert await delivered(courier, request(order="43")) == SENT
    assert {message.address for message in gateway.shown} == {"+79007654321"}


@pytest.mark.parametrize(
    ("asked", "contacts", "reason"),
    [
        (request(), {}, FailureReason.NO_ADDRESS),
        (request(order=None, client=None), {}, FailureReason.NO_ADDRESS),
        (request(), {"token-1": Contact(address="none")}, FailureReason.BAD_ADDRESS),
        (request(), {"token-1": Contact(address="anna@shop.example")}, FailureReason.BAD_ADDRESS),
        (
            request(channel=EMAIL),
            {"token-1": Contact(address="anna@shop.example")},
            FailureReason.NO_GATEWAY,
        ),
    ],
)
async def test_message_for_nobody_reads_no_code(
    asked: Request, contacts: dict[str, Contact], reason: FailureReason
) -> None:
    codes = FakeCodes()
    courier = courier_with(directory=FakeDirectory(contacts), codes=codes)
    assert reason_of(await delivered(courier, asked)) is reason
    assert codes.reads == 0


async def test_request_without_a_channel_goes_the_usual_way() -> None:
    assert await delivered(courier_with(), request(channel=None)) == SENT


async def test_language_is_the_addresses_own_or_the_usual_one() -> None:
    gateway = FakeGateway()
    contacts = {"token-1": Contact(address="+79001234567", language="en")}
    await delivered(courier_with(gateway=gateway, directory=FakeDirectory(contacts)))
    await delivered(courier_with(gateway=gateway), request(number="GC-00000043"))
    english, russian = gateway.shown
    assert "your code is" in english.text
    assert "код" in russian.text


async def test_promise_that_is_over_fails_without_a_code_being_read() -> None:
    """The CRM was down for an hour: the customer was told already that no message comes."""
    codes, gateway = FakeCodes(), FakeGateway()
    courier = courier_with(codes=codes, gateway=gateway, now_ms=Clock(AT_MS + 300_000))
    outcome = await delivered(courier)
    assert reason_of(outcome) is FailureReason.OUT_OF_TIME
    assert (codes.reads, gateway.tries) == (0, [])


async def test_promise_that_ends_while_the_gateway_is_down_has_failed() -> None:
    clock = Clock()
    gateway = FakeGateway(NotTaken("the gateway answers 503"))
    courier = courier_with(gateway=gateway, now_ms=clock, promise_s=5.0)
    under_way = asyncio.create_task(delivered(courier))
    while len(gateway.tries) < 3:
        await asyncio.sleep(0)
    clock.now_ms += 5_000
    outcome = await under_way
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.OUT_OF_TIME
    assert outcome.why == "not delivered within 5 s: the gateway answers 503"


async def test_promise_that_ends_in_doubt_says_that_it_may_have_come() -> None:
    clock = Clock()
    gateway = FakeGateway(Unsure("the gateway did not answer"))
    under_way = asyncio.create_task(delivered(courier_with(gateway=gateway, now_ms=clock)))
    while not gateway.tries:
        await asyncio.sleep(0)
    clock.now_ms += 300_000
    assert reason_of(await under_way) is FailureReason.UNSURE


async def test_clock_of_another_machine_that_is_ahead_does_not_stretch_the_promise() -> None:
    courier = courier_with(gateway=FakeGateway(NotTaken("down")), promise_s=0.05)
    outcome = await delivered(courier, request(asked_at_ms=AT_MS + 3_600_000))
    assert reason_of(outcome) is FailureReason.OUT_OF_TIME


async def test_send_does_not_begin_where_the_message_is_not_ours_any_more() -> None:
    gateway = FakeGateway()
    with pytest.raises(NotOurs):
        await delivered(courier_with(gateway=gateway), marks=FakeMarks(ours=False))
    assert gateway.tries == []


async def test_no_more_sends_at_a_time_than_the_lane_has_places_for() -> None:
    gateway = FakeGateway()
    gateway.hold = asyncio.Event()
    courier = courier_with(gateway=gateway, parallel=2)
    asked = [request(at, number=f"GC-0000010{at}") for at in range(6)]
    under_way = [asyncio.create_task(delivered(courier, each)) for each in asked]
    while gateway.at_once < 2:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(gateway.tries) == 2
    gateway.hold.set()
    assert set(await asyncio.gather(*under_way)) == {SENT}
    assert gateway.most_at_once == 2
    assert len(gateway.shown) == 6


async def test_orders_that_are_not_read_yet_are_waited_for() -> None:
    buyers = FakeBuyers({"42": OrdersNotRead("the orders are not read to their end yet")})
    courier = courier_with(buyers=buyers)
    under_way = asyncio.create_task(delivered(courier))
    await asyncio.sleep(0.01)
    assert not under_way.done()
    buyers.tokens = {"42": "token-1"}
    assert await under_way == SENT


async def test_delivery_tells_nobody_a_secret() -> None:
    """Neither log nor figures nor outcome have a code, an address, a token or a whole number."""
    metrics = CrmMetrics()
    with capture_logs() as logs:
        told = [
            await delivered(courier_with(gateway=FakeGateway(), metrics=metrics)),
            await delivered(courier_with(gateway=FakeGateway(NotTaken("down"), Refused("no")))),
            await delivered(courier_with(codes=FakeCodes(CodeRefused("annulled")))),
        ]
    said = f"{logs} {told} {shown_figures(metrics)}"
    assert "…0042" in said
    assert not any(secret in said for secret in SECRETS)


async def test_gateway_that_is_down_is_told_once_and_its_return_too() -> None:
    gateway = FakeGateway(NotTaken("the gateway answers 503"), NotTaken("?"), NotTaken("?"), None)
    with capture_logs() as logs:
        await delivered(courier_with(gateway=gateway))
    # The command itself has the retry library say nothing.
    told = [line["event"] for line in logs if not line["event"].startswith("stamina.")]
    assert told == [
        "a gateway takes no message",
        "a gateway takes messages again",
        "a code was sent",
    ]


async def test_gateway_that_fails_now_and_then_is_not_told_to_be_down() -> None:
    gateway = FakeGateway(NotTaken("?"), NotTaken("?"), None, NotTaken("?"), Refused("no"))
    with capture_logs() as logs:
        courier = courier_with(gateway=gateway)
        await delivered(courier)
        await delivered(courier)
    assert not any("a gateway takes" in line["event"] for line in logs)


async def test_figures_count_each_end_and_each_attempt() -> None:
    metrics, clock = CrmMetrics(), Clock(AT_MS + 2_500)
    gateway = FakeGateway(NotTaken("down"), None)
    await delivered(courier_with(gateway=gateway, metrics=metrics, now_ms=clock))
    refusing = FakeGateway(Refused("no"))
    await delivered(courier_with(gateway=refusing, metrics=metrics, now_ms=clock))
    figures = shown_figures(metrics)
    assert figures["sent_total/SMS"] == 1
    assert figures["failed_total/SMS/REFUSED"] == 1
    assert figures["failed_total/EMAIL/OUT_OF_TIME"] == 0
    assert figures["attempts_total/SMS/taken"] == 1
    assert figures["attempts_total/SMS/not-taken"] == 1
    assert figures["attempts_total/SMS/refused"] == 1
    assert figures["code_reads_total/given"] == 2
    assert figures["delivery_seconds_sum/SMS"] == 2.5
    assert figures["delivery_seconds_bucket/SMS/2.0"] == 0
    assert figures["delivery_seconds_bucket/SMS/3.0"] == 1
