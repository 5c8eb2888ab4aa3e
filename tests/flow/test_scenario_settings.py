"""Another installation: two processors, and only payments that say what they are about count."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.local.running_broker import Broker
from pipelines.topics import FACTS
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import Service, running_service
from tests.flow.source_messages import Line, Order, Payment


@pytest.fixture(scope="module")
def strict_service(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two processors, and unmarked payments are not taken."""
    with running_service(
        broker.bootstrap,
        tmp_path_factory.mktemp("strict"),
        f"strict-{secrets.token_hex(3)}-",
        processors=2,
        environment={"GIFTCERT_ACCEPT_UNMARKED_PAYMENTS": "false"},
    ) as running:
        yield running


@pytest.fixture
def scenario(strict_service: Service) -> Scenario:
    """A test's own corner of that installation."""
    return Scenario(strict_service)


def test_unmarked_payment_issues_nothing_where_the_setting_is_off(scenario: Scenario) -> None:
    """Version 1 is dropped at the door; the marked payment of the same order counts."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    unmarked = Payment(payment_id="v1", order_id=order_id, amount_minor=NOMINAL_MINOR, contract=1)
    scenario.tell(purchase(number, order_id), unmarked)
    scenario.settle()
    assert scenario.story(number) == ["load", "reserve"]
    marked = Payment(
        payment_id="v2",
        order_id=order_id,
        amount_minor=NOMINAL_MINOR,
        number=number,
        operation="PURCHASE",
    )
    scenario.tell(marked)
    scenario.await_story(number, "reserve", "issue", "notification.requested", "activate")
    spent = scenario.new_order_id()
    scenario.tell(goods(number, spent, 100), redemption(number, spent, 100))
    scenario.await_story(number, "activate", "redeem.partial")


def test_ordinary_orders_leave_no_fact_where_the_setting_is_off(scenario: Scenario) -> None:
    """Nothing waits for their payments, so nothing needs to be told of them."""
    order_id = scenario.new_order_id()
    scenario.tell(
        Order(order_id=order_id, total_minor=100, lines=[Line(amount_minor=100)]),
        Payment(payment_id="p", order_id=order_id, amount_minor=100),
    )
    scenario.settle()
    keys = [record.key for record in scenario.service.log.of(FACTS.name)]
    assert order_id.encode() not in keys


def test_each_processor_keeps_partitions_of_its_own(strict_service: Service) -> None:
    """Together all of them, none twice."""
    held = [edge.get("/internal/assignment").json()["partitions"] for edge in strict_service.edges]
    assert all(held)
    assert sorted(held[0] + held[1]) == list(range(strict_service.settings.partitions))


def test_every_edge_answers_for_every_certificate(scenario: Scenario) -> None:
    """Reads go to the owner, requests through the log: the caller need not know where it asks."""
    numbers = scenario.load(6)
    edges = scenario.service.edges
    for number in numbers:
        answers = [edge.get(f"/certificates/{number}") for edge in edges]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["certificateId"] == number
        balances = [edge.get(f"/certificates/{number}/balance").json() for edge in edges]
        assert balances[0] == balances[1]
    for edge, number in zip(edges * 3, numbers, strict=True):
        locked = edge.post(f"/certificates/{number}/actions/lock", json={"reason": "both"})
        assert locked.json()["status"] == "LOCKED"
    assert [edge.get("/certificates/NONE-0001").status_code for edge in edges] == [404, 404]


def test_next_asked_of_both_edges_at_once_never_gives_a_number_twice(scenario: Scenario) -> None:
    """Two cashiers and an internet store at the same moment; the pool ends exactly empty."""
    numbers = scenario.load(12)

    def ask(position: int) -> tuple[int, str]:
        answer = scenario.service.edges[position % 2].post(
            "/certificates/next", json={"pool": scenario.pool, "channel": "POS"}
        )
        return answer.status_code, str(answer.json().get("certificateId"))

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(ask, range(15)))
    assert sorted(number for status, number in answers if status == 201) == sorted(numbers)
    assert [status for status, _ in answers].count(409) == 3
