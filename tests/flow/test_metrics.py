"""A running service shows what happens in it: real sales, refusals, broken records and refunds.

Owns a service of its own, so that every figure is this test's. What each figure means is
`tests/pipelines/metrics`'; here they are those of the truth, and the documented ones are all there.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import pytest

from http_edge.serving.metrics import METRICS as EDGE_METRICS
from pipelines.edge_client import trusted
from pipelines.local.running_broker import Broker
from pipelines.metrics.process import METRICS as PROCESS_METRICS
from pipelines.metrics.worker_metrics import INPUTS, METRICS
from pipelines.topics import (
    ALL_PAYMENTS,
    COMMANDS,
    DLQ,
    STREAM,
    Role,
)
from state.certificate.events import EventType
from tests.flow.scenario import Scenario, goods, redemption
from tests.flow.service_under_test import Message, Service, now_ms, running_service
from tests.flow.source_messages import Order, Payment
from tests.pipelines.metrics.shown_metrics import Samples, differences, samples

EARLIER_MS: Final = 40_000
PRICE_MINOR: Final = 1_000_00


@dataclass(frozen=True, slots=True)
class Told:
    """What was done to the service, and what it shows when all of that is over."""

    service: Service
    scenario: Scenario
    sold: str
    processor: Samples
    correlator: Samples


def scrape(service: Service, role: Role) -> str:
    url = service.stack.correlator_url if role is Role.CORRELATOR else service.stack.http_urls[0]
    authority = trusted(service.settings.tls_ca_location)
    answer = httpx.get(f"{url}/metrics", verify=authority, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text


def await_figures(service: Service, role: Role, wanted: Mapping[str, float]) -> Samples:
    """All figures once these are as wanted: what is in stores is looked at every few seconds."""
    seen: dict[str, float | None] = {}
    shown: Samples = {}

    def there() -> bool:
        shown.clear()
        shown.update(samples(scrape(service, role)))
        seen.update({name: shown.get(name) for name in wanted})
        return seen == wanted

    service.log.until(there, lambda: f"{seen} should be {wanted}")
    return shown


@pytest.fixture(scope="module")
def told(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Sales, refusals, broken records, a refund; and a hold and a reservation that stay open."""
    prefix = f"figures-{secrets.token_hex(3)}-"
    with running_service(broker.bootstrap, tmp_path_factory.mktemp("figures"), prefix) as service:
        scenario = Scenario(service)
        sold = scenario.sell()
        tell_earlier(scenario, sold)
        scenario.load(2)
        scenario.reserve()
        assert scenario.ask_next().status_code == 201
        assert scenario.ask_next().status_code == 409, "the pool is empty"
        assert scenario.support(sold, "unlock").status_code == 409, "it is not locked"
        hold(scenario, scenario.sell())
        service.write(
            Message(topic=ALL_PAYMENTS, key=b"broken", value=b"no record of ours"),
            Message(topic=COMMANDS, key=b"broken", value=None),
        )
        service.settle()
        lags = {
            role: {
                f"lag_records/{partition}/{topic.name}": 0.0
                for topic in INPUTS[role]
                for partition in range(service.settings.partitions)
            }
            for role in Role
        }
        level = {
            f"pool_free_numbers/{scenario.pool}": 0.0,
            "reservations_open": 2.0,
            "holds_open": 1.0,
        }
        yield Told(
            service,
            scenario,
            sold,
            await_figures(service, Role.PROCESSOR, {**level, **lags[Role.PROCESSOR]}),
            await_figures(service, Role.CORRELATOR, lags[Role.CORRELATOR]),
        )


def tell_earlier(scenario: Scenario, number: str) -> None:
    """Goods paid with a certificate and taken back, of which the till told forty seconds late."""
    order_id = scenario.new_order_id()
    paid = redemption(number, order_id, PRICE_MINOR)
    back = Payment(
        payment_id=f"{order_id}-back",
        order_id=order_id,
        amount_minor=PRICE_MINOR,
        type="REFUND",
        tender="GIFT_CERTIFICATE",
        number=number,
        operation="REFUND",
        original=paid.payment_id,
    )
    steps: list[tuple[Order | Payment, str]] = [
        (goods(number, order_id, PRICE_MINOR), ""),
        (paid, "redeem.partial"),
        (goods(number, order_id, PRICE_MINOR, status="RETURNED", version=2), "refund.pending"),
        (back, "refund"),
    ]
    for step, event in steps:
        happened = {"eventTime": now_ms() - EARLIER_MS}
        scenario.service.write(scenario.message(step, spoilt=happened))
        if event:
            scenario.service.log.until(
                lambda event=event: scenario.story(number)[-1] == event,  # type: ignore[misc]  # bound here
                lambda: f"{number} should be at the next step, and is {scenario.story(number)}",
            )


def hold(scenario: Scenario, number: str) -> None:
    """Set money aside on a certificate with its code, and leave it so."""
    cvc = scenario.ask_cvc(number, "reveal").json()["cvc"]
    body = {"amount": "10.00", "currency": "RUB", "orderId": "order-held", "cvc": cvc}
    answer = scenario.http.post(f"/certificates/{number}/authorizations", json=body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("role", list(Role))
def test_scrape_of_a_running_worker_shows_what_is_documented_and_nothing_else(
    told: Told, role: Role
) -> None:
    text = scrape(told.service, role)
    # Nobody asks the only processor to forward, no client is limited, no pool has a rate yet.
    absent = {
        "giftcert_http_rate_limited_total",
        "giftcert_http_forwarded_total",
    }
    rows = (*EDGE_METRICS, *PROCESS_METRICS, *METRICS[role])
    assert not [*differences(text, rows, absent=frozenset(absent))]
    for secret in (told.sold, told.service.prefix, *map(str, told.service.revealed)):
        assert secret not in text


def test_records_and_events_are_as_many_as_on_the_topics(told: Told) -> None:
    log = told.service.log
    for shown, role in ((told.processor, Role.PROCESSOR), (told.correlator, Role.CORRELATOR)):
        for topic in INPUTS[role]:
            written = len(log.of(topic.name))
            assert shown[f"records_total/{topic.name}"] == written, topic.name
            assert shown[f"hop_latency_seconds_count/{topic.name}"] == written, topic.name
    types = Counter(record.header("eventType") for record in log.of(STREAM.name))
    for event in EventType:
        assert told.processor[f"events_total/{event}"] == types[event], event


def test_dead_letters_are_as_many_as_on_their_topic(told: Told) -> None:
    assert len(told.service.log.of(DLQ.name)) == 2
    letters = {
        name: count
        for shown in (told.processor, told.correlator)
        for name, count in shown.items()
        if name.startswith("dead_letters_total/") and count
    }
    assert letters == {
        f"dead_letters_total/UNKNOWN_FRAMING/{ALL_PAYMENTS.name}": 1,
        f"dead_letters_total/EMPTY/{COMMANDS.name}": 1,
    }


OUTCOMES: list[tuple[str, float]] = [
    ("commands_total/LOAD/done", 4),
    ("commands_total/RESERVE/done", 4),
    ("commands_total/ISSUE/done", 2),
    ("commands_total/ACTIVATE/done", 2),
    ("commands_total/REDEEM/done", 1),
    ("commands_total/REFUND_TO_CERTIFICATE/done", 1),
    ("commands_total/AUTHORIZE/done", 1),
    ("commands_total/UNLOCK/rejected", 1),
    ("commands_total/UNLOCK/done", 0),
    ("rejections_total/NOT_LOCKED", 1),
    ("rejections_total/POOL_EMPTY", 1),
    ("events_total/issue.blocked", 1),
    ("cvc_reveals_total", 1),
    ("holds_open", 1),
    ("holds_overdue", 0),
    ("reservations_overdue", 0),
    ("serving", 1),
    ("partitions", 3),
    (f"partitions_assigned/{COMMANDS.name}", 3),
    ("recovery_stores_left", 0),
    ("commits_total/dropped", 0),
]


@pytest.mark.parametrize(("name", "value"), OUTCOMES)
def test_figure_is_what_was_done(told: Told, name: str, value: float) -> None:
    assert told.processor[name] == value


def test_latency_counts_from_the_receipt_and_from_when_it_happened(told: Told) -> None:
    shown = told.processor
    receipt, happened = "stream_latency_seconds_{}/FACT/receipt", "{}/FACT/event_time"
    count, seconds = shown[receipt.format("count")], shown[receipt.format("sum")]
    # Three commands of two sales, a redemption, and two words of the refund.
    assert count >= 7
    assert shown["stream_latency_seconds_" + happened.format("count")] == count
    assert 0 < seconds / count < 10
    late = shown["stream_latency_seconds_" + happened.format("sum")] - seconds
    assert late == pytest.approx(3 * EARLIER_MS / 1_000, abs=5)
    assert shown["stream_latency_seconds_count/HTTP/receipt"] >= 5
    assert shown["refund_latency_seconds_count/receipt"] == 1
    assert shown["refund_latency_seconds_sum/event_time"] > EARLIER_MS / 1_000


def test_stores_and_commits_have_figures(told: Told) -> None:
    for topic in INPUTS[Role.PROCESSOR]:
        assert told.processor[f"store_keys/{topic.name}"] > 0
        assert told.processor[f"store_memory_bytes/{topic.name}"] > 0
    assert told.correlator["commit_duration_seconds_count"] >= 1
    assert told.processor["commit_duration_seconds_sum"] > 0
    assert told.processor["loop_age_seconds"] < 10
