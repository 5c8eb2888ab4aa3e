"""A real Prometheus asks a running service, with all its neighbours, what people will ask.

Every question of every dashboard, and every series that an alert goes by: all have an answer, but
for a few series of which it is said here why not. What alerts do, `tests/observability` shows.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import pytest

from pipelines.local.broker import say_on_stderr
from pipelines.local.neighbours import ALL, Neighbour
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.topics import ALL_PAYMENTS
from tests.flow.crm_sales import buy
from tests.flow.scenario import Scenario, goods
from tests.flow.service_under_test import Message, Service
from tests.flow.test_scenario_refund import refund_onto
from tests.observability.prometheus_process import (
    PROMETHEUS,
    Prometheus,
    Target,
    running_prometheus,
)
from tests.observability.rule_files import alerts, recordings
from tests.observability.write_dashboards import DASHBOARDS, path_of

pytestmark = [
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus (Debian) is not installed"),
    pytest.mark.timeout(300),
]

API_CALLS: Final = 'operation!~"none|health|ready|metrics|internal.*"'
PHONE: Final = "+79001234567"
_DEADLINE_S: Final = 60.0
_AGAIN_S: Final = 0.5
_VARIABLES: Final = {
    "$namespace": ".*",
    "$__rate_interval": "20s",
    "$__range": "5m",
}
_PAGES: Final = 'ALERTS{severity="page",alertstate="firing"}'
_SERIES: Final = re.compile(r"(?<![\w:.\"])(?:giftcert[_:]|process_|up(?=\{))[\w:]*(?:\{[^{}]*\})?")

UNSEEN: Final[Mapping[str, str]] = {
    'giftcert_http_rate_limited_total{client!="none"}': "each client keeps to its share",
    'giftcert_http_requests_total{status="500"}': "the edge meets no bug",
    f'giftcert_http_requests_total{{{API_CALLS},status=~"5.."}}': "no call is turned away",
}
"""Series of rules that need not be there in a service that is well, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A service and the Prometheus that scrapes it."""

    service: Service
    prometheus: Prometheus


@pytest.fixture(scope="module")
def watched(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service in which something of everything has happened, while it was scraped."""
    folder = tmp_path_factory.mktemp("watched")
    with (
        watched_stack(broker, folder) as (service, targets),
        running_prometheus(folder / "prometheus", targets) as running,
    ):
        # It takes up its targets after some seconds; what happened before has no increase.
        running.until(f"count(up) == {len(targets)} and sum(giftcert_serving) >= 3")
        live(Scenario(service))
        yield Watched(service=service, prometheus=running)


@pytest.fixture
def prometheus(watched: Watched) -> Prometheus:
    return watched.prometheus


@contextmanager
def watched_stack(broker: Broker, folder: Path) -> Iterator[tuple[Service, list[Target]]]:
    """What `giftcert up` runs, with two processors."""
    phones, token = folder / "phones", folder / "auditor-token"
    phones.write_text(f"phone-of-the-test={PHONE}\n", encoding="ascii")
    token.write_text("none yet", encoding="ascii")
    for secret in (phones, token):
        secret.chmod(0o600)
    options = StackOptions(
        data_dir=folder / "stack",
        broker=broker.bootstrap,
        processors=2,
        auditor=True,
        neighbours=ALL,
        topic_prefix="watched-",
        environment={
            "GIFTCERT_PARTITIONS": "3",
            "GIFTCERT_AUDIT_COMPARE_S": "2",
            "GIFTCERT_TOKEN_FILE": str(token),
            "GIFTCERT_CRM_ADDRESS_FILE": str(phones),
            # The second call without a valid token is over an address's share.
            "GIFTCERT_REJECTED_RATE_LIMIT": "1/minute",
        },
    )
    with Stack(options, say=say_on_stderr) as stack:
        token.write_text(stack.token("auditor"), encoding="ascii")
        service = Service(stack, folder / "stack", "watched-")
        try:
            yield service, targets_of(stack)
        finally:
            service.close()


def targets_of(stack: Stack) -> list[Target]:
    """Every process of it that shows figures."""
    assert stack.auditor_url is not None
    found = [("processor", url) for url in stack.http_urls]
    found += [("correlator", stack.correlator_url), ("auditor", stack.auditor_url)]
    found += [
        (worker.plan.role, worker.url)
        for worker in stack.neighbours
        if worker.plan.role != Neighbour.SHOP
    ]
    return [Target(component=role, address=urlsplit(url).netloc) for role, url in found]


def live(own: Scenario) -> None:
    """Something of everything: sales, codes, money there and back, refusals, what is broken."""
    own.load_many(5)
    number = own.reserve()
    buy(own, number, token="phone-of-the-test")
    own.await_story(number, "notification.sent")
    buy(own, own.reserve(), token="no-such-phone")
    order_id = own.spend(number, 1_500_00)
    own.tell(
        goods(number, order_id, 1_500_00, status="RETURNED", version=2),
        refund_onto(number, order_id, 1_500_00),
    )
    own.await_story(number, "refund.pending", "refund")
    own.tell(goods(number, "never-paid", 100_00))
    over_http(own, number)
    own.service.write(Message(topic=ALL_PAYMENTS, key=b"broken", value=b"broken"))


def over_http(own: Scenario, number: str) -> None:
    """Calls of every kind at both edges: one of them has to pass most of them on."""
    body = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": "00000000"}
    for edge in own.service.edges:
        for path in (f"/certificates/{number}", f"/certificates/{number}/balance", "/pools"):
            edge.get(path)
        edge.get("/certificates/next", auth=None)
        edge.get("/pools", headers={"Authorization": "Bearer wrong"}, auth=None)
        edge.post(f"/certificates/{number}/authorizations", json=body)


def test_dashboards_questions_are_all_answered(prometheus: Prometheus) -> None:
    questions = {
        f"{board.name}: {panel['title']} {target['refId']}": asked(target["expr"])
        for board in DASHBOARDS
        for panel in json.loads(path_of(board).read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", ())
    }
    assert len(questions) > 120
    assert unanswered(prometheus, questions) == []


def test_series_that_rules_go_by_are_all_there(prometheus: Prometheus) -> None:
    """An alert that asks for a label that nobody shows would be quiet for ever."""
    series = {
        found
        for expr in (*(each.expr for each in alerts()), *(each.expr for each in recordings()))
        for found in _SERIES.findall(expr)
        if not found.startswith("giftcert:")
    }
    assert len(series) >= 50
    assert series >= UNSEEN.keys(), "what is excused is no series of a rule"
    assert unanswered(prometheus, {each: each for each in series - UNSEEN.keys()}) == []


def test_rules_are_all_evaluated_without_a_fault(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) == len(alerts()) + len(recordings())
    faults = {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"}
    assert faults == {}


def test_service_that_is_well_has_nobody_paged(prometheus: Prometheus) -> None:
    """Those that wait for minutes have no time to fire; what is true at once is what was done."""
    firing = {each["metric"]["alertname"] for each in prometheus.ask(_PAGES)}
    assert firing == set()


def test_correlator_that_is_killed_is_seen_by_its_alerts(watched: Watched) -> None:
    """They wait for a minute or two before they fire. The last test: nobody starts it again."""
    watched.service.stack.kill("correlator-0")
    for name in ("ServiceDown", "WorkerDown"):
        watched.prometheus.until(f'ALERTS{{alertname="{name}",component="correlator"}}')


def asked(expr: str) -> str:
    """A panel's question, with what Grafana puts for its variables."""
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


def unanswered(prometheus: Prometheus, questions: Mapping[str, str]) -> list[str]:
    """Those that have no answer by the deadline."""
    left, deadline = dict(questions), monotonic() + _DEADLINE_S
    while True:
        left = {name: query for name, query in left.items() if not prometheus.ask(query)}
        if not left or monotonic() > deadline:
            return sorted(left)
        Event().wait(_AGAIN_S)
