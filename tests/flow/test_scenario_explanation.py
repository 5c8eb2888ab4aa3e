"""Support asks why a certificate is not there yet, and is told by the correlator that knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from pipelines.local.child import stop_all
from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import Broker
from pipelines.local.stack_options import StackOptions
from pipelines.local.worker import Worker, WorkerPlan
from pipelines.partitioning import partition_of
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import Service, running_service
from tests.flow.source_messages import Payment

STOP_S = 30.0
MOVED_S = 80.0
HISTORY = ("_ASKED", "_RAISED")


def ask(service: Service, url: str, correlation_id: str) -> httpx.Response:
    """One question, put to the process at that address by support."""
    return httpx.get(
        f"{url}/correlations/{correlation_id}",
        headers={"Authorization": f"Bearer {service.token('support')}"},
        timeout=20.0,
        trust_env=False,
    )


def await_codes(scenario: Scenario, correlation_id: str, *codes: str) -> dict[str, Any]:
    """Ask a processor until the explanation says just this; the explanation."""
    last: httpx.Response | None = None

    def explained() -> dict[str, Any] | None:
        nonlocal last
        last = scenario.http.get(f"/correlations/{correlation_id}")
        if last.status_code != 200:
            return None
        told: dict[str, Any] = last.json()
        return told if said(told) == list(codes) else None

    return scenario.service.log.until(
        explained,
        lambda: f"{correlation_id} should be {codes}, and is {last.text if last else None}",
    )


def said(explanation: dict[str, Any]) -> list[str]:
    """The sentences that are not about the past."""
    codes = [str(sentence["code"]) for sentence in explanation["sentences"]]
    return [code for code in codes if not code.endswith(HISTORY)]


def text_of(explanation: dict[str, Any], code: str) -> str:
    (text,) = (each["text"] for each in explanation["sentences"] if each["code"] == code)
    return str(text)


def test_purchase_explained_says_what_is_short_until_it_is_paid(scenario: Scenario) -> None:
    """Nothing paid, half of it paid, all of it paid: asked of a processor each time."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(purchase(number, order_id))
    unpaid = await_codes(scenario, order_id, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    assert unpaid["amounts"]["shortToIssue"] == "5000.00"
    assert unpaid["waiting"]["half"] == "PAYMENT"
    assert unpaid["waiting"]["since"] < unpaid["waiting"]["alertAt"]
    line = {"lineId": "1", "certificateId": number, "amount": "5000.00"}
    assert unpaid["order"]["lines"] == [line]

    half_minor = NOMINAL_MINOR // 2
    scenario.tell(Payment(payment_id="first", order_id=order_id, amount_minor=half_minor))
    scenario.settle()
    half = await_codes(scenario, order_id, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    assert half["amounts"]["shortToIssue"] == half["amounts"]["shortToActivate"] == "2500.00"
    assert text_of(half, "SHORT_TO_ISSUE").startswith("2500.00 RUB more must be authorized")
    assert half["asked"] == []

    scenario.tell(Payment(payment_id="second", order_id=order_id, amount_minor=half_minor))
    paid = await_codes(scenario, order_id, "SETTLED")
    assert (paid["settled"], paid["waiting"]) == (True, None)
    assert [(each["step"], each["lineId"]) for each in paid["asked"]] == [
        ("ISSUE", "1"),
        ("ACTIVATE", "1"),
    ]
    scenario.await_story(number, "issue", "notification.requested", "activate")


def test_redemption_explained_says_how_much_the_amounts_differ(scenario: Scenario) -> None:
    """Nothing is spent until a new version of the order agrees; then nothing is open."""
    number = scenario.sell()
    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 1_000_00), redemption(number, order_id, 900_00))
    wrong = await_codes(
        scenario,
        order_id,
        "REDEMPTION_OF_OTHER_AMOUNT",
        "TENDER_NOT_PAID",
        "PAYMENT_AWAITED",
    )
    assert "they differ by 100.00 RUB" in text_of(wrong, "REDEMPTION_OF_OTHER_AMOUNT")
    assert [each["alert"] for each in wrong["asked"]] == ["REDEMPTION_MISMATCH"]
    assert scenario.balance(number)["remainingBalance"] == "5000.00"

    scenario.tell(goods(number, order_id, 900_00, version=2))
    agreed = await_codes(scenario, order_id, "SETTLED")
    assert agreed["order"]["tenders"] == [
        {"certificateId": number, "amount": "900.00", "paymentId": f"{order_id}-redeem"}
    ]
    scenario.await_story(number, "redeem.partial")


def test_payment_before_its_order_is_explained_as_waiting_for_the_order(
    scenario: Scenario,
) -> None:
    number, order_id = f"{scenario.tag}-9999", scenario.new_order_id()
    scenario.tell(redemption(number, order_id, 100_00))
    waiting = await_codes(scenario, order_id, "ORDER_NOT_SEEN", "ORDER_AWAITED")
    assert (waiting["order"], waiting["amounts"]) == (None, None)
    assert [each["certificateId"] for each in waiting["payments"]] == [number]


def test_correlation_nobody_told_of_is_not_found_wherever_it_is_asked(scenario: Scenario) -> None:
    scenario.tell(purchase(f"{scenario.tag}-9998", known := scenario.new_order_id()))
    await_codes(scenario, known, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    service = scenario.service
    for url in (service.stack.http_urls[0], service.stack.correlator_url):
        answer = ask(service, url, f"{scenario.tag}-unknown")
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (404, "not-found")


def test_correlator_asked_itself_answers_as_through_a_processor(scenario: Scenario) -> None:
    """Its own listener is as strict: nobody is believed because of where a call comes from."""
    scenario.tell(purchase(f"{scenario.tag}-9997", order_id := scenario.new_order_id()))
    through = await_codes(scenario, order_id, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    service, url = scenario.service, scenario.service.stack.correlator_url
    assert ask(service, url, order_id).json() == through
    path = f"{url}/correlations/{order_id}"
    assert httpx.get(path, trust_env=False).status_code == 401
    store = {"Authorization": f"Bearer {service.token('store')}", "x-giftcert-hop": "1"}
    assert httpx.get(path, headers=store, trust_env=False).status_code == 403
    assert scenario.http.get(f"/correlations/{order_id}", headers=store).status_code == 403


def test_correlator_tells_its_health_and_figures_without_a_token(scenario: Scenario) -> None:
    scenario.tell(purchase(f"{scenario.tag}-9996", order_id := scenario.new_order_id()))
    await_codes(scenario, order_id, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    url = scenario.service.stack.correlator_url
    assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"alive": True}
    assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"ready": True}
    figures = httpx.get(f"{url}/metrics", trust_env=False).text
    assert 'giftcert_http_requests_total{operation="explainCorrelation",status="200"}' in figures
    assert scenario.tag not in figures


@contextmanager
def another_correlator(service: Service) -> Iterator[Worker]:
    """A second correlator beside the stack's own, until the end or until it is killed."""
    port = HeldPort()
    plan = WorkerPlan(
        role="correlator",
        worker_id="correlator-1",
        command=StackOptions(data_dir=service.data_dir).worker_command,
        state_dir=service.data_dir / "state" / "correlator-1",
        log_path=service.data_dir / "logs" / "correlator-1.log",
    )
    worker = Worker(plan, port=port, environment=service.stack.environment)
    worker.start()
    try:
        yield worker
    finally:
        if worker.child is not None:
            assert stop_all([worker.child], STOP_S) == [], worker.child.log_tail()
        port.release()


@pytest.mark.timeout(300)
def test_correlation_of_any_of_two_correlators_is_explained_by_each_process(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    """And when its correlator is killed it is not explained, never wrongly, until it has moved."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker never takes a dead worker's partitions from it")
    with running_service(broker.bootstrap, tmp_path, topic_prefix) as service:
        scenario = Scenario(service)
        orders = _orders_of_every_partition(scenario)
        with another_correlator(service) as other:
            urls = [service.stack.correlator_url, other.url, service.stack.http_urls[0]]
            service.log.until(lambda: not other.readiness(), other.readiness)
            service.log.until(lambda: _all_answer(service, urls, orders), lambda: "not shared")
            for order_id in orders:
                answers = [ask(service, url, order_id) for url in urls]
                assert [answer.status_code for answer in answers] == [200, 200, 200]
                assert len({answer.text for answer in answers}) == 1
                assert answers[0].json()["correlationId"] == order_id
            assert all(_handed_on(url) for url in urls), "each has to ask another one sometimes"
            other.kill()
            _await_all(service, urls[2], orders)


def _orders_of_every_partition(scenario: Scenario) -> list[str]:
    """Unpaid orders, one in each partition of the facts."""
    partitions = scenario.service.settings.partitions
    found: dict[int, str] = {}
    while len(found) < partitions:
        order_id = scenario.new_order_id()
        found.setdefault(partition_of(order_id.encode(), partitions), order_id)
    for place, order_id in enumerate(found.values()):
        scenario.tell(purchase(f"{scenario.tag}-77{place:02d}", order_id))
        await_codes(scenario, order_id, "SHORT_TO_ISSUE", "PAYMENT_AWAITED")
    return list(found.values())


def _all_answer(service: Service, urls: list[str], orders: list[str]) -> bool:
    """Whether what each correlator keeps has settled, and every process knows it."""
    return all(ask(service, url, order_id).is_success for url in urls for order_id in orders)


def _handed_on(url: str) -> bool:
    """Whether the process there has passed a question on."""
    figures = httpx.get(f"{url}/metrics", trust_env=False).text
    return 'giftcert_http_forwarded_total{operation="explainCorrelation"}' in figures


def _await_all(service: Service, url: str, orders: list[str]) -> None:
    """Ask for all of them until all are explained; till then 503 and nothing else."""
    deadline = monotonic() + MOVED_S
    left = list(orders)
    while left:
        assert monotonic() < deadline, f"{left} did not move"
        answer = ask(service, url, left[0])
        assert answer.status_code in (200, 503), answer.text
        if answer.status_code == 200:
            assert answer.json()["amounts"]["shortToIssue"] == "5000.00"
            left.pop(0)
        else:
            assert answer.headers["retry-after"]
            service.log.read()
