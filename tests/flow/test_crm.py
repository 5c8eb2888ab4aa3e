"""`giftcert crm` beside a service on real Kafka: one message with a good code for each customer."""

import secrets
from collections.abc import Iterator, Sequence

import pytest

from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.topics import ALL_CLIENTS
from tests.flow.crm_process import GATEWAY_SECRET, CrmBench, crm_bench
from tests.flow.crm_sales import buy, sell
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service, now_ms, running_service
from tests.flow.written_down import found_in, in_logs, on_topics
from tests.neighbours.crm.mail_server import Mailbox, mail_server


@pytest.fixture(scope="module")
def service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for these tests alone: a CRM delivers whatever is asked for on its stream."""
    prefix = f"crm-{secrets.token_hex(3)}-"
    with running_service(broker.bootstrap, tmp_path_factory.mktemp("crm"), prefix) as running:
        yield running


@pytest.fixture
def own(service: Service) -> Scenario:
    """Each test has a group of CRMs and numbers of its own, and leaves none of them waiting."""
    return Scenario(service)


@pytest.fixture
def bench(own: Scenario) -> Iterator[CrmBench]:
    with crm_bench(own.service) as made:
        yield made


def sell_one(own: Scenario, bench: CrmBench) -> tuple[str, str]:
    """Sell one certificate; its number and the buyer's phone."""
    ((number, phone),) = sell(own, bench).items()
    return number, phone


def await_sent(own: Scenario, *numbers: str) -> None:
    """Wait until the stream says of each that its message was sent."""
    own.service.log.until(
        lambda: all("notification.sent" in own.story(number) for number in numbers),
        lambda: str({number: own.story(number) for number in numbers}),
    )


def outcomes(own: Scenario, *numbers: str) -> Sequence[str]:
    """What All_Clients says of these, in order."""
    framing, found = own.service.framing, []
    for record in own.service.log.of(ALL_CLIENTS.name):
        delivery = framing.decode(RecordName.CLIENT, record.value)["delivery"]
        if delivery is not None and delivery["certificateId"] in numbers:
            found.append(delivery["outcome"])
    return found


def code_opens(own: Scenario, number: str, code: str) -> bool:
    """Whether the till takes the code that the customer got."""
    answer = own.post(
        f"/certificates/{number}/authorizations",
        {"amount": "1.00", "currency": "RUB", "orderId": f"{number}-{code}", "cvc": code},
        client="till",
        key=f"{number}-{code}",
    )
    return answer.status_code == 201


def test_customer_gets_one_message_with_a_code_that_opens_the_certificate(
    own: Scenario, bench: CrmBench
) -> None:
    crm = bench.start()
    assert crm.answers("/healthz")
    assert crm.answers("/readyz")
    number, phone = sell_one(own, bench)
    await_sent(own, number)
    own.settle()
    assert own.story(number).count("cvc.revealed") == 1
    assert own.certificate(number)["notification"]["status"] == "SENT"
    (message,) = bench.customers.messages.values()
    assert (message["to"], number in message["text"]) == (phone, False)
    assert code_opens(own, number, bench.customers.code_for(phone))
    figures = crm.until({"sent_total/SMS": 1.0, "waiting": 0.0})
    assert figures["delivery_seconds_bucket/SMS/5.0"] == 1
    assert crm.end() == 0
    assert outcomes(own, number) == ["SENT"]


STEPS = ["address", "code asked", "code told", "message lost", "message taken"]


@pytest.mark.parametrize("step", STEPS)
def test_crm_killed_at_any_step_sends_one_message_with_a_good_code_after_its_restart(
    own: Scenario, bench: CrmBench, step: str
) -> None:
    first = bench.start()
    bench.customers.steps[step] = first.kill
    number, phone = sell_one(own, bench)
    assert first.ended(20.0), "it was not killed"
    second = bench.start()
    await_sent(own, number)
    own.settle()
    assert own.story(number).count("cvc.revealed") == 1
    assert own.story(number).count("notification.sent") == 1
    assert len(bench.customers.messages) == 1
    assert code_opens(own, number, bench.customers.code_for(phone))
    figures = second.until({"waiting": 0.0})
    assert figures["doubtful_sends_total/restart"] == step.startswith("message")
    assert outcomes(own, number) == ["SENT"]


def test_crm_killed_after_the_record_does_nothing_again(own: Scenario, bench: CrmBench) -> None:
    first = bench.start()
    number, _ = sell_one(own, bench)
    await_sent(own, number)
    first.kill()
    second = bench.start()
    other, _ = sell_one(own, bench)
    await_sent(own, other)
    second.until({"requests_total": 1.0, "waiting": 0.0})
    assert len(bench.customers.calls) == 2
    assert outcomes(own, number, other) == ["SENT", "SENT"]


def test_gateway_without_ids_gets_nothing_twice_after_a_kill(
    own: Scenario, bench: CrmBench
) -> None:
    no_ids = {"GIFTCERT_CRM_SMS_DEDUPLICATES": "false"}
    first = bench.start(environment=no_ids)
    bench.customers.steps["message taken"] = first.kill
    number, phone = sell_one(own, bench)
    assert first.ended(20.0), "it was not killed"
    bench.start(environment=no_ids)
    failed = own.await_story(number, "notification.failed")
    assert "UNSURE" in failed.fields["reason"]["text"]
    assert len(bench.customers.calls) == 1
    # Support asks for another message: it has a code of its own, and the old one is dead.
    old = bench.customers.code_for(phone)
    bench.customers.messages.clear()
    key = f"{number}-notify"
    body = {"reason": "lost"}
    answer = own.post(f"/certificates/{number}/actions/notify", body, client="support", key=key)
    assert answer.status_code == 200
    await_sent(own, number)
    own.settle()
    assert not code_opens(own, number, old)
    assert code_opens(own, number, bench.customers.code_for(phone))


def test_gateway_that_is_down_for_a_while_delivers_all_once_it_is_back(
    own: Scenario, bench: CrmBench
) -> None:
    crm = bench.start()
    bench.customers.go_down()
    phones = sell(own, bench, 30)
    bench.customers.await_calls(60)
    crm.until({"gateway_down/SMS": 1.0, "waiting": 30.0})
    assert bench.customers.messages == {}
    bench.customers.come_back()
    await_sent(own, *phones)
    assert sorted(each["to"] for each in bench.customers.messages.values()) == sorted(
        phones.values()
    )
    assert crm.until({"waiting": 0.0, "gateway_down/SMS": 0.0})["sent_total/SMS"] == 30
    own.settle()
    assert outcomes(own, *phones) == ["SENT"] * 30


def test_two_crms_share_the_work_and_one_that_dies_leaves_nothing_undone(
    own: Scenario, bench: CrmBench
) -> None:
    first = bench.start("crm-0")
    second = bench.start("crm-1")
    first.until({"caught_up": 1.0})
    bench.customers.go_down()
    # So many that each of the three partitions has some.
    phones = sell(own, bench, 24)
    bench.customers.await_calls(48)
    shares = [crm.figures()["waiting"] for crm in (first, second)]
    assert min(shares) > 0
    assert sum(shares) == len(phones)
    first.kill()
    bench.customers.come_back()
    # Its place in the group is kept for a while; under its name it gets its own share back.
    bench.start("crm-0")
    await_sent(own, *phones)
    own.settle()
    assert len(bench.customers.messages) == len(phones)
    assert all(own.story(number).count("cvc.revealed") == 1 for number in phones)
    assert outcomes(own, *phones) == ["SENT"] * len(phones)


def test_crm_that_slept_through_a_rebalance_sends_nothing_and_tells_nothing(
    own: Scenario, bench: CrmBench, broker: Broker
) -> None:
    """It wakes with a code in its hand, for a message that another CRM has delivered."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker never takes a silent member's partitions from it")
    sleeper = bench.start("crm-0")
    bench.customers.steps["code told"] = sleeper.sleep
    number, phone = sell_one(own, bench)
    bench.start("crm-1")
    await_sent(own, number)
    sleeper.wake()
    sleeper.until({"waiting": 0.0, "caught_up": 1.0})
    others = sell(own, bench, 6)
    await_sent(own, *others)
    own.settle()
    assert sleeper.figures()["sent_total/SMS"] == sleeper.figures()["requests_total"] - 1
    assert [each["to"] for each in bench.customers.calls].count(phone) == 1
    assert len(bench.customers.calls) == 7
    assert own.story(number).count("cvc.revealed") == 1
    assert outcomes(own, number, *others) == ["SENT"] * 7


def test_crm_that_comes_too_late_fails_what_was_asked_for_and_reads_no_code(
    own: Scenario, bench: CrmBench
) -> None:
    """Everything on the stream is new to its group; the promise counts from the request."""
    number, _ = sell_one(own, bench)
    own.await_story(number, "issue", "notification.requested", "activate")
    over_ms = now_ms() + 1_000
    own.service.log.until(lambda: now_ms() > over_ms, lambda: "the promise is not over")
    bench.start(environment={"GIFTCERT_CRM_PROMISE_S": "1"})
    failed = own.await_story(number, "notification.failed")
    assert "OUT_OF_TIME" in failed.fields["reason"]["text"]
    assert own.story(number).count("cvc.revealed") == 0
    assert bench.customers.calls == []


def test_code_goes_by_mail_where_the_order_says_so(own: Scenario, bench: CrmBench) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        mail = {
            "GIFTCERT_CRM_SMTP_HOST": "127.0.0.1",
            "GIFTCERT_CRM_SMTP_PORT": str(port),
            "GIFTCERT_CRM_SMTP_TLS": "none",
            "GIFTCERT_CRM_SMTP_FROM": "Gift certificates <gifts@shop.example>",
            "GIFTCERT_CRM_LANGUAGE": "en",
        }
        bench.start(environment=mail)
        # No token: the CRM knows the client itself.
        bench.customers.addresses["client%3Aanna"] = "anna@shop.example"
        own.load()
        number = own.reserve()
        buy(own, number, token=None, channel=NotificationChannel.EMAIL, client_id="anna")
        await_sent(own, number)
    (letter,) = box.mails
    assert letter["To"] == "anna@shop.example"
    code = next(word for word in letter.get_content().split() if word.isdecimal())
    own.service.revealed.add(code)
    assert code_opens(own, number, code)


def test_what_a_crm_does_is_told_nowhere_that_it_must_not_be(
    own: Scenario, bench: CrmBench
) -> None:
    crm = bench.start()
    phones = sell(own, bench, 3)
    await_sent(own, *phones)
    own.settle()
    codes = [bench.customers.code_for(phone) for phone in phones.values()]
    figures = str(crm.figures())
    assert crm.end() == 0
    hidden = [*codes, *phones.values(), GATEWAY_SECRET, _own_secret(bench)]
    sought = [each.encode() for each in hidden]
    assert found_in(on_topics(own.service), sought) == []
    assert found_in(in_logs(own.service), sought) == []
    assert found_in(_files_of(bench), sought) == []
    assert not any(each in figures for each in hidden)
    assert not any(number in crm.log() + figures for number in phones)
    # The token of an address stays in the order that it came with.
    tokens = [token.encode() for token in bench.customers.addresses]
    assert found_in(_files_of(bench), tokens) == []
    assert not any(token.decode() in crm.log() + figures for token in tokens)


def _own_secret(bench: CrmBench) -> str:
    return (bench.folder / "client-secret").read_text(encoding="ascii")


def _files_of(bench: CrmBench) -> Iterator[tuple[str, bytes]]:
    """Every byte of the CRM's own state."""
    for path in sorted((bench.folder / "crm-0").rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
