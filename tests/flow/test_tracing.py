"""Traces on real Kafka: a call, an order, a payment and a code to the customer are one tree."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.local.running_broker import Broker
from tests.flow.crm_process import CrmBench, crm_bench
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Service, running_service
from tests.flow.source_messages import Payment
from tests.pipelines.tracing.collector import Collected, Collector, collecting

PARENT = "00f067aa0ba902b7"
PHONE = "+79001234567"

TREE = {
    ("giftcert-processor", "POST /certificates/next"),
    ("giftcert-processor", "pool GiftCertificates.Pool"),
    ("giftcert-processor", "certificates GiftCertificates.Commands"),
    ("giftcert-processor", "stream reserve"),
    ("giftcert-processor", "reply"),
    ("giftcert-correlator", "ingest All_SalesOrder"),
    ("giftcert-correlator", "ingest All_Payments"),
    ("giftcert-correlator", "correlate GiftCertificates.Facts"),
    ("giftcert-processor", "stream issue"),
    ("giftcert-processor", "stream activate"),
    ("giftcert-processor", "stream notification.requested"),
    ("giftcert-processor", "index GiftCertificates.Index"),
    ("giftcert-crm", "crm deliver"),
    ("giftcert-processor", "GET /certificates/{certificateId}/cvc"),
    ("giftcert-processor", "stream cvc.revealed"),
    ("giftcert-correlator", "ingest All_Clients"),
    ("giftcert-processor", "stream notification.sent"),
}
"""What a purchase is made of, from the call to the customer's message and back."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def service(
    broker: Broker, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service of its own that sends its traces to this collector."""
    with running_service(
        broker.bootstrap,
        tmp_path_factory.mktemp("traces"),
        f"traces-{secrets.token_hex(3)}-",
        environment={"GIFTCERT_TRACES_URL": collector.url},
    ) as running:
        yield running


@pytest.fixture
def own(service: Service) -> Scenario:
    return Scenario(service)


@pytest.fixture
def bench(own: Scenario) -> Iterator[CrmBench]:
    with crm_bench(own.service) as made:
        yield made


def names(spans: list[Collected]) -> set[tuple[str, str]]:
    return {(span.service, span.name) for span in spans}


def test_purchase_is_one_tree_from_the_call_to_the_stream_and_the_customer(
    own: Scenario, bench: CrmBench, collector: Collector
) -> None:
    crm = bench.start(environment={"GIFTCERT_CRM_SERVICE_URL": own.service.stack.http_urls[0]})
    own.load(1)
    trace_id = secrets.token_hex(16)
    trace = f"00-{trace_id}-{PARENT}-01"
    order_id = own.new_order_id()
    answer = own.ask_next(order_id=order_id, trace=trace)
    number = answer.json()["certificateId"]
    bench.customers.addresses["token-of-it"] = PHONE
    own.tell(replace(purchase(number, order_id), address_token="token-of-it"), trace=trace)
    payment = Payment(payment_id=f"{order_id}-p", order_id=order_id, amount_minor=NOMINAL_MINOR)
    own.tell(payment, trace=trace)
    own.await_story(number, "notification.sent")
    collector.until(lambda: names(collector.of(trace_id)) >= TREE)
    assert crm.end() == 0
    spans = collector.of(trace_id)
    ids = {span.span_id for span in spans} | {PARENT}
    assert {span.parent for span in spans} <= ids, "every span hangs in the tree"
    (call,) = [span for span in spans if span.name == "POST /certificates/next"]
    assert (call.parent, call.kind, call.failed) == (PARENT, "SERVER", False)
    assert call.attributes["http.response.status_code"] == 201
    (reserved,) = [span for span in spans if span.name == "stream reserve"]
    assert call.started_ns <= reserved.ended_ns <= call.ended_ns
    assert reserved.attributes["giftcert.certificate"] == f"…{number[-4:]}"
    # Nothing that a trace may not hold came over the wire in any form.
    code = bench.customers.code_for(PHONE)
    for body in collector.bodies:
        for secret in (number, code, PHONE, "token-of-it"):
            assert secret.encode() not in body
    told = [json.loads(line) for line in crm.log_path.read_text().splitlines() if "sent" in line]
    assert any(line.get("trace_id") == trace_id for line in told)


def test_source_record_without_a_trace_begins_one_that_reaches_the_stream(
    own: Scenario, collector: Collector
) -> None:
    (number,) = own.load(1)
    order_id = own.new_order_id()
    assert own.reserve(order_id=order_id) == number
    own.tell(purchase(number, order_id))
    own.tell(Payment(payment_id="p", order_id=order_id, amount_minor=NOMINAL_MINOR))
    own.await_story(number, "activate")
    (issued,) = [event for event in own.events(number) if event.type == "issue"]
    trace = issued.record.header("traceparent")
    assert trace is not None
    _, trace_id, root, _ = trace.split("-")
    wanted = {
        ("giftcert-correlator", "ingest All_Payments"),
        ("giftcert-correlator", "correlate GiftCertificates.Facts"),
        ("giftcert-processor", "stream issue"),
    }
    collector.until(lambda: names(collector.of(trace_id)) >= wanted)
    (first,) = [span for span in collector.of(trace_id) if span.name == "ingest All_Payments"]
    assert (first.span_id, first.parent) == (root, "")


def test_refusal_and_dead_letter_are_told_by_their_codes(
    own: Scenario, collector: Collector
) -> None:
    trace_id = secrets.token_hex(16)
    trace = f"00-{trace_id}-{PARENT}-01"
    assert own.ask_next(trace=trace).status_code == 409
    broken = replace(own.message(purchase("A-NUMBER-1", "an-order"), trace=trace), value=b"broken")
    own.service.write(broken)

    def told() -> set[str]:
        return {
            str(value)
            for span in collector.of(trace_id)
            for name, value in span.attributes.items()
            if name in {"giftcert.rejection", "giftcert.dead_letter", "error.type"}
        }

    collector.until(lambda: told() >= {"POOL_EMPTY", "pool-empty", "UNKNOWN_FRAMING"})
    failed = {span.name for span in collector.of(trace_id) if span.failed}
    assert failed == {"ingest All_SalesOrder"}, "a business no is no failure"
