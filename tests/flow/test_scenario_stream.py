"""What consumers of the stream rely on: filter by headers, follow a trace, count without a gap."""

from dataclasses import replace
from uuid import UUID

from pipelines.contracts.schemas import RecordName
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, REPLIES, Role, changelog_name
from state.stores.codec import decode_text
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import Delivery, Payment

TRACES = [f"00-{digit * 32}-{digit * 16}-01" for digit in "123456"]


def test_headers_tell_type_status_channel_and_number_without_decoding(scenario: Scenario) -> None:
    """BI filters by channel, the CRM by type, without reading a value."""
    number = scenario.sell()
    scenario.support(number, "lock")
    scenario.await_story(number, "lock")
    for event in scenario.events(number):
        told = [event.record.header(name) for name in ("eventType", "status", "certificateId")]
        assert told == [event.type, event.status, number]
        assert event.record.header("channel") == event.fields["channel"]
    assert [event.fields["channel"] for event in scenario.events(number)] == [
        None,
        *["ONLINE_STORE"] * 5,
    ]


def test_events_are_numbered_without_a_gap_and_have_ids_of_their_own(scenario: Scenario) -> None:
    """Version in the snapshot, sequence of the event and position in the story are one."""
    number = scenario.sell()
    scenario.spend(number, 100)
    events = scenario.events(number)
    assert [event.fields["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event.payload["version"] for event in events] == list(range(1, len(events) + 1))
    assert {UUID(event.fields["eventId"]).version for event in events} == {5}
    assert len({event.fields["eventId"] for event in events}) == len(events)


def test_trace_of_the_caller_and_of_each_record_reaches_the_stream(scenario: Scenario) -> None:
    """From HTTP through pool and certificate; from a source topic through facts and commands."""
    scenario.load()
    order_id = scenario.new_order_id()
    reserved, ordered, authorized, captured, delivered, locked = TRACES
    answer = scenario.ask_next(order_id=order_id, trace=reserved)
    number = answer.json()["certificateId"]
    scenario.tell(purchase(number, order_id), trace=ordered)
    scenario.settle()
    authorization = Payment(
        payment_id="a", order_id=order_id, amount_minor=NOMINAL_MINOR, type="AUTHORIZATION"
    )
    scenario.tell(authorization, trace=authorized)
    scenario.await_story(number, "issue", "notification.requested")
    capture = Payment(payment_id="c", order_id=order_id, amount_minor=NOMINAL_MINOR, original="a")
    scenario.tell(capture, trace=captured)
    scenario.await_story(number, "activate")
    notification_id = scenario.notification(number)
    scenario.tell(Delivery(number=number, notification_id=notification_id), trace=delivered)
    scenario.await_story(number, "notification.sent")
    scenario.http.post(
        f"/certificates/{number}/actions/lock",
        json={"reason": "traced"},
        headers={"traceparent": locked},
    )
    scenario.await_story(number, "lock")
    assert [
        (event.type, event.record.header("traceparent")) for event in scenario.events(number)
    ] == [
        ("load", None),
        ("reserve", reserved),
        ("issue", authorized),
        ("notification.requested", authorized),
        ("activate", captured),
        ("notification.sent", delivered),
        ("lock", locked),
    ]
    # What is in between carries it too: the way can be followed hop by hop.
    log = scenario.service.log
    hops = {
        topic.name: {record.header("traceparent") for record in log.of(topic.name)}
        for topic in (POOL, FACTS, COMMANDS, INDEX, REPLIES)
    }
    assert reserved in hops[POOL.name] & hops[COMMANDS.name] & hops[REPLIES.name]
    assert {ordered, authorized, captured} <= hops[FACTS.name]
    assert authorized in hops[COMMANDS.name] & hops[INDEX.name]


def test_events_name_their_cause_and_correlation(scenario: Scenario) -> None:
    """Audit: what asked for it, who, when, and under which key order and payment met."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    correlation_id = f"{scenario.tag}-correlation"
    at_ms = now_ms() - 60_000
    order = purchase(number, order_id)
    payment = Payment(payment_id="p", order_id=order_id, amount_minor=NOMINAL_MINOR)
    scenario.tell(
        replace(order, correlation_id=correlation_id),
        replace(payment, correlation_id=correlation_id),
        at_ms=at_ms,
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")
    scenario.support(number, "lock", "audited")
    locked = scenario.await_story(number, "lock")
    assert locked.fields["actor"] == "support"
    assert locked.fields["reason"] == {"code": "SUPPORT", "text": "audited"}
    issued = scenario.events(number)[2]
    assert issued.fields["correlationId"] == correlation_id
    assert issued.fields["causationId"] == f"{correlation_id}/issue/1"
    assert issued.fields["actor"] == "correlator"
    assert issued.fields["occurredAt"] == at_ms
    assert issued.payload["issuedAt"] == at_ms


def test_index_leads_from_order_correlation_client_last_four_and_request(
    scenario: Scenario,
) -> None:
    """Each entry lies on the topic and is folded into the store behind it."""
    scenario.load()
    order_id, spent = scenario.new_order_id(), ""
    reserved = scenario.ask_next(order_id=order_id).json()
    number = reserved["certificateId"]
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id="p", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.await_story(number, "activate")
    spent = scenario.spend(number, 100)
    scenario.settle()
    wanted = {
        f"request:{reserved['reservationId']}",
        f"order:{order_id}",
        f"order:{spent}",
        f"correlation:{order_id}",
        f"client:{order_id}-client",
        f"last4:{number[-4:]}",
    }
    service = scenario.service
    entries = {
        service.framing.decode(RecordName.INDEX_ENTRY, record.value)["entry"]
        for record in service.log.of(INDEX.name)
        if number.encode() in (record.value or b"")
    }
    assert entries == wanted
    # The store's changelog holds the list behind each entry, one certificate a position.
    changelog = changelog_name(Role.PROCESSOR, INDEX, service.settings)
    folded = {
        (record.key or b"").partition(b"|n")[0].decode()
        for record in service.log.of(changelog.replace(service.prefix, ""))
        if b"|n" in (record.key or b"") and decode_text(record.value or b"") == number
    }
    assert folded == wanted
