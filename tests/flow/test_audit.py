"""`giftcert audit` against a running service: it holds, and forged events are named."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.audit.breaches import BreachKind
from pipelines.audit.run_audit import run_audit
from pipelines.contracts.schemas import RecordName
from pipelines.live_workers import ProcessorUnreachable
from pipelines.loader.load_file import load_file
from pipelines.local.running_broker import Broker
from pipelines.topics import STREAM
from tests.flow.giftcert_command import giftcert
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Message, Service, running_service


@pytest.fixture
def pair(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A service of two processors with topics of its own."""
    with running_service(
        broker.bootstrap, tmp_path / "stack", topic_prefix, processors=2
    ) as service:
        yield service


def load(service: Service, tmp_path: Path, count: int) -> list[str]:
    path = tmp_path / "numbers.csv"
    numbers = [f"AUDIT-{position:06d}" for position in range(count)]
    path.write_text("\n".join(numbers))
    assert load_file(path, "ELECTRONIC", service.settings).complete
    return numbers


def test_audit_of_a_service_at_work_holds_and_counts_every_certificate(
    pair: Service, tmp_path: Path
) -> None:
    load(pair, tmp_path, 3_000)
    stopped = threading.Event()

    def reserve_all_the_time() -> None:
        while not stopped.is_set():
            pair.edges[0].post(
                "/certificates/next", json={"pool": "ELECTRONIC", "channel": "ONLINE_STORE"}
            ).raise_for_status()

    busy = threading.Thread(target=reserve_all_the_time, daemon=True)
    busy.start()
    try:
        reports = [
            run_audit(pair.settings, pair.stack.http_urls, token=pair.auditor) for _ in range(5)
        ]
    finally:
        stopped.set()
        busy.join(timeout=60)
    for report in reports:
        assert report.breaches == ()
        assert report.live is not None
        assert (report.live.processors, report.live.partitions) == (2, 3)
        assert report.live.certificates == report.certificates == 3_000
    assert reports[-1].events > reports[0].events, "the service was not at work meanwhile"


def test_audit_by_command_finds_the_processors_by_itself_and_prints_its_figures(
    pair: Service, tmp_path: Path
) -> None:
    load(pair, tmp_path, 20)
    shown = giftcert(pair, "audit")
    assert shown.code == 0, shown
    assert "laws hold: 20 events of 20 certificates; 20 records in 3 partitions of 2" in shown.out
    as_json = giftcert(pair, "audit", "--json")
    body = json.loads(as_json.out)
    assert (as_json.code, body["laws"], body["breaches"]) == (0, "hold", [])
    assert body["stock"] == [
        {
            "pool": "ELECTRONIC",
            "loaded": 20,
            "available": 20,
            "reserved": 0,
            "sold": 0,
            "ended": 0,
        }
    ]
    with pytest.raises(ProcessorUnreachable, match="no live processor answers for partition"):
        run_audit(pair.settings, pair.stack.http_urls[:1], token=pair.auditor, patience_s=0.5)


def test_audit_of_a_stream_with_forged_events_names_each_and_its_place(
    pair: Service, tmp_path: Path
) -> None:
    numbers = load(pair, tmp_path, 20)
    pair.settle()
    victim, other = numbers[0], numbers[1]
    forged = [
        _forged(pair, victim, sequence=2, eventType="issue", eventId="forged-1"),
        _forged(pair, other, sequence=3, eventType="lock", eventId="forged-2"),
    ]
    pair.write(*forged, Message(topic=STREAM, key=numbers[2].encode(), value=b"no event"))
    done = giftcert(pair, "audit", "--json", "--stream-only")
    body = json.loads(done.out)
    assert (done.code, body["laws"], body["live"]) == (1, "broken", None)
    found = {(breach["kind"], breach["last4"]) for breach in body["breaches"]}
    assert found == {
        (BreachKind.ISSUED_UNRESERVED.value, victim[-4:]),
        (BreachKind.ENTRY_MISFIT.value, victim[-4:]),
        (BreachKind.SEQUENCE_GAP.value, other[-4:]),
        (BreachKind.UNREADABLE.value, numbers[2][-4:]),
    }
    live = run_audit(pair.settings, pair.stack.http_urls, token=pair.auditor, patience_s=1.0)
    behind = [breach for breach in live.breaches if breach.kind is BreachKind.STORE_BEHIND]
    assert {breach.last4 for breach in behind} == {victim[-4:], other[-4:]}


def _forged(service: Service, number: str, **changes: Any) -> Message:
    """An event of a number that the service never wrote."""
    (event,) = service.events(number)
    payload = {**event.fields["payload"], "version": changes["sequence"]}
    if changes["eventType"] == "issue":
        payload["lifecycle"] = "ISSUED"
    fields = {**event.fields, **changes, "payload": payload}
    value = service.framing.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields)
    return Message(topic=STREAM, key=number.encode(), value=value)


def test_audit_without_a_live_processor_says_so_and_reads_the_stream_when_told(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    with running_service(broker.bootstrap, tmp_path / "stack", topic_prefix) as service:
        load(service, tmp_path, 5)
    alone = giftcert(service, "audit")
    assert (alone.code, alone.out) == (6, "")
    (line,) = alone.err.splitlines()
    assert "no live processor" in line
    assert "--stream-only" in line
    stream = giftcert(service, "audit", "--stream-only")
    assert stream.code == 0, stream
    assert "laws hold: 5 events of 5 certificates; the live stores were not asked" in stream.out


def test_audit_of_the_scenarios_so_far_holds(scenario: Scenario) -> None:
    (number,) = scenario.load()
    scenario.service.settle()
    done = giftcert(scenario.service, "audit")
    assert done.code == 0, done.out
    assert scenario.service.events(number)
