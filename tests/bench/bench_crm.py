"""The CRM on a real stack: how soon a code is with its customer, and two minutes without a gateway.

That gateway says no, hangs, or hangs up, in turn. One correlator, one processor and one CRM on this
machine, with everything else. What must hold is asserted; how fast it was is only printed.
`GIFTCERT_TEST_BROKER` chooses the broker.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from threading import Event
from time import monotonic
from typing import Final

import pytest

from pipelines.local.broker import AUTO, start_broker
from pipelines.local.running_broker import Broker
from tests.bench.measuring import title
from tests.flow.crm_process import CrmBench, crm_bench
from tests.flow.crm_sales import buy_at
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import running_service

MESSAGES: Final = 200
A_SECOND: Final = 10
OUTAGE_S: Final = 120.0
DURING: Final = 240
DEADLINE_S: Final = 120.0
AS_DELIVERED: Final = {
    "GIFTCERT_CRM_SEND_TIMEOUT_S": "10",
    "GIFTCERT_CRM_RETRY_FIRST_S": "0.5",
    "GIFTCERT_CRM_RETRY_LONGEST_S": "15",
}
"""The patience that the CRM has where nobody sets another: other tests have less."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as running:
        title(f"codes to customers on {running.kind}")
        yield running


def reserved(own: Scenario, count: int) -> list[str]:
    """So many numbers, each of them reserved."""
    own.load_many(count)
    return [own.reserve() for _ in range(count)]


def await_messages(bench: CrmBench, count: int) -> None:
    """Wait until so many customers have their message."""
    deadline_s = monotonic() + DEADLINE_S
    while len(bench.customers.messages) < count:
        assert monotonic() < deadline_s, len(bench.customers.messages)
        Event().wait(0.05)


def pay_paced(own: Scenario, bench: CrmBench, numbers: list[str], a_second: float) -> None:
    """Have them bought one after the other, so many a second."""
    pause = Event()
    began_s = monotonic()
    for position, number in enumerate(numbers):
        pause.wait(max(0.0, began_s + position / a_second - monotonic()))
        buy_at(own, bench, number)


def took_each(own: Scenario, bench: CrmBench, numbers: list[str]) -> Iterator[int]:
    """From when Kafka had the payment to when the gateway had the message, in milliseconds."""
    for number in numbers:
        asked = next(each for each in own.events(number) if each.type == "notification.requested")
        phone = bench.customers.addresses[f"token-of-{number}"]
        yield bench.customers.taken_ms[phone] - int(asked.fields["occurredAt"])


def test_code_is_with_the_customer_within_seconds(broker: Broker, tmp_path: Path) -> None:
    with running_service(broker.bootstrap, tmp_path, "latency-") as service:
        own = Scenario(service)
        with crm_bench(service) as bench:
            crm = bench.start()
            numbers = reserved(own, MESSAGES)
            pay_paced(own, bench, numbers, A_SECOND)
            await_messages(bench, MESSAGES)
            figures = crm.until({"waiting": 0.0})
            own.settle()
            took_ms = sorted(took_each(own, bench, numbers))
            cuts = quantiles(took_ms, n=100)
            print(
                f"  {MESSAGES} messages, {A_SECOND} a second, from the payment to the gateway: "
                f"p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, longest {took_ms[-1]} ms"
            )
            assert cuts[98] < 5_000
            assert figures["sent_total/SMS"] == MESSAGES
            assert len(bench.customers.calls) == MESSAGES


def test_two_minutes_without_a_gateway_delay_and_lose_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    with running_service(broker.bootstrap, tmp_path, "outage-") as service:
        own = Scenario(service)
        with crm_bench(service) as bench:
            crm = bench.start(environment=AS_DELIVERED)
            numbers = reserved(own, DURING)
            bench.customers.go_down()
            began_s = monotonic()
            pay_paced(own, bench, numbers, DURING / OUTAGE_S)
            Event().wait(max(0.0, began_s + OUTAGE_S - monotonic()))
            assert bench.customers.messages == {}
            attempts = bench.customers.come_back()
            back_s = monotonic()
            await_messages(bench, DURING)
            took_s = monotonic() - back_s
            figures = crm.until({"waiting": 0.0})
            own.settle()
            print(
                f"  {DURING} messages in {OUTAGE_S:g} s without a gateway ({attempts} attempts): "
                f"all delivered {took_s:.1f} s after it was back, none twice"
            )
            assert figures["sent_total/SMS"] == DURING
            assert len(bench.customers.calls) - attempts == DURING
            assert all("notification.sent" in own.story(number) for number in numbers)
