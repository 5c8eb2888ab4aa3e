"""Changelogs and volumes all gone: rebuilt from the topics, serving again, and proven equal.

Real Kafka, real processes: the documented path of docs/rebuild.md as an operator walks it.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipelines.audit.run_audit import run_audit
from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
from pipelines.rebuild.changelogs import filled, wanted_changelog
from pipelines.rebuild.kafka_places import GroupPlaces
from pipelines.stores import STORES
from pipelines.topics import COMMANDS, DLQ, STREAM, Role, changelog_name
from tests.flow.caller_commands import authorize
from tests.flow.giftcert_command import Done, giftcert
from tests.flow.scenario import Scenario, goods, purchase, redemption
from tests.flow.service_under_test import Message, Service, running_service
from tests.flow.source_messages import Payment

WORKERS = ("correlator-0", "processor-0", "processor-1")


@pytest.fixture
def pair(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A correlator and two processors with topics of their own."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker has no real transactions, and never forgets a dead member")
    with running_service(
        broker.bootstrap, tmp_path / "stack", topic_prefix, processors=2
    ) as service:
        yield service


def load_of_every_kind(scenario: Scenario) -> dict[str, Any]:
    """Sold, spent, returned, held, locked, half-known and broken; how a checkout was answered."""
    spent = scenario.sell()
    order_id = scenario.spend(spent, 1_000_00)
    scenario.tell(
        goods(spent, order_id, 1_000_00, status="RETURNED", version=2),
        Payment(
            payment_id=f"{order_id}-refund",
            order_id=order_id,
            amount_minor=1_000_00,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            operation="REFUND",
        ),
    )
    scenario.await_story(spent, "refund")
    held = scenario.sell()
    scenario.command(held, authorize(scenario.new_order_id(), 700_00))
    locked = scenario.sell()
    assert scenario.support(locked, "lock").status_code == 200
    half = scenario.sell()
    scenario.tell(goods(half, f"{scenario.tag}-half", 300_00))
    scenario.load_many(40)
    answer = scenario.ask_next(key=key_of(scenario))
    assert answer.status_code == 201
    # Nobody can read it: it went to the dead letters, and does so in every fold.
    scenario.service.write(Message(topic=COMMANDS, key=held.encode(), value=b"broken"))
    scenario.settle()
    return dict(answer.json())


def key_of(scenario: Scenario) -> str:
    return f"{scenario.tag}-key-of-a-checkout"


def stop_all(service: Service) -> None:
    """Every worker is gone at once."""
    for worker in WORKERS:
        service.stack.kill(worker)


def start_all(service: Service) -> None:
    """Every worker comes back with an empty volume."""
    for worker in WORKERS:
        service.stack.restart(worker, forget_state=True)


def delete_changelogs(service: Service) -> None:
    """What an accident did."""
    names = [changelog_name(store.role, store.topic, service.settings) for store in STORES]
    admin = AdminClient({"bootstrap.servers": service.settings.bootstrap, "log_level": 0})
    for future in admin.delete_topics(names).values():
        future.result()


def leave_a_transaction_open(service: Service) -> None:
    """What an earlier rebuild, killed in the middle of its writing, leaves behind."""
    settings = service.settings
    assert giftcert(service, "topics", "apply").code == 0
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "transactional.id": f"{settings.processor_group}-rebuild",
        }
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(
        changelog_name(Role.PROCESSOR, COMMANDS, settings), key=b"half", value=b"written"
    )
    assert producer.flush(10) == 0


def hashes_of(done: Done) -> dict[tuple[str, int], tuple[int, str]]:
    """Of each store and partition, up to where it was folded and the hash."""
    stores = json.loads(done.out)["stores"]
    return {(each["store"], each["partition"]): (each["to"], each["hash"]) for each in stores}


def refusal_of(service: Service, *arguments: str) -> str:
    done = giftcert(service, "rebuild", *arguments)
    assert (done.code, done.out) == (1, ""), done
    return done.err.splitlines()[-1]


@pytest.mark.timeout(400)
def test_service_without_changelogs_and_volumes_is_rebuilt_equal_and_goes_on(
    pair: Service, tmp_path: Path
) -> None:
    scenario = Scenario(pair)
    answer = load_of_every_kind(scenario)
    proof = tmp_path / "proof.json"
    before = giftcert(pair, "verify", "--json", "--write", str(proof))
    assert before.code == 0, before
    assert json.loads(before.out)["workers"] == 3
    events_before = len(pair.log.of(STREAM.name))
    assert "stop all of them first" in refusal_of(pair)

    stop_all(pair)
    assert "a worker can recover from them; --replace" in refusal_of(pair)
    delete_changelogs(pair)
    leave_a_transaction_open(pair)
    dry = giftcert(pair, "rebuild", "--dry-run", "--json")
    assert (dry.code, hashes_of(dry)) == (0, hashes_of(before)), dry
    written = tmp_path / "rebuilt.json"
    rebuilt = giftcert(pair, "rebuild", "--json", "--write", str(written))
    assert (rebuilt.code, hashes_of(rebuilt)) == (0, hashes_of(before)), rebuilt
    assert len(filled(pair.settings, STORES)) == len(STORES)
    start_all(pair)

    again = giftcert(pair, "verify", "--json", "--against", str(written))
    assert (again.code, hashes_of(again)) == (0, hashes_of(before)), again
    assert all(each["equal"] for each in json.loads(again.out)["earlier"])
    pair.settle()
    assert len(pair.log.of(STREAM.name)) == events_before, "something was emitted again"
    assert len(pair.log.of(DLQ.name)) == 1
    _check_that_it_goes_on(scenario, answer)


def _check_that_it_goes_on(scenario: Scenario, answer: dict[str, Any]) -> None:
    """A repeat gets its old answer, sales are made, the audit holds, no event is there twice."""
    service = scenario.service
    assert scenario.ask_next(key=key_of(scenario)).json() == answer
    taken = scenario.events(answer["certificateId"])
    assert [event.type for event in taken] == ["load", "reserve"]
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    assert number != answer["certificateId"]
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=5_000_00),
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")
    scenario.tell(redemption(number, f"{scenario.tag}-half", 300_00))
    scenario.settle()
    report = run_audit(service.settings, service.stack.http_urls, token=service.auditor)
    assert report.breaches == ()
    ids = [
        service.framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)["eventId"]
        for record in service.log.of(STREAM.name)
    ]
    assert len(set(ids)) == len(ids)
    last = giftcert(service, "verify", "--json")
    assert last.code == 0, last


@pytest.mark.timeout(300)
def test_group_whose_offsets_are_gone_is_not_rebuilt(pair: Service, tmp_path: Path) -> None:
    scenario = Scenario(pair)
    scenario.sell()
    scenario.settle()
    stop_all(pair)
    delete_changelogs(pair)
    looked_at = giftcert(pair, "rebuild", "--into", str(tmp_path / "stores"), "--json")
    assert looked_at.code == 0, looked_at
    assert (tmp_path / "stores" / "certificates" / "0" / "CURRENT").exists()
    assert filled(pair.settings, STORES) == []
    _await_empty(pair, Role.PROCESSOR)
    _forget_offsets(pair, pair.settings.processor_group)
    line = refusal_of(pair)
    assert f"the group {pair.settings.processor_group} has no committed offsets" in line
    assert filled(pair.settings, STORES) == []
    # The correlators' group is sound, and what is theirs can be had, once more where it is wanted.
    only = ("rebuild", "--store", "correlations", "--json")
    done = [giftcert(pair, *only), giftcert(pair, *only, "--replace")]
    assert [each.code for each in done] == [0, 0], done
    assert hashes_of(done[0]) == hashes_of(done[1])
    assert filled(pair.settings, STORES) == [wanted_changelog(STORES[-1], pair.settings).name]


def _await_empty(service: Service, role: Role) -> None:
    """Kafka keeps a worker that was killed as a member until its session is over."""
    groups = GroupPlaces(service.settings)
    deadline_s = time.monotonic() + 60
    while groups.members(role):
        assert time.monotonic() < deadline_s, "killed workers are still members"


def _forget_offsets(service: Service, group: str) -> Any:
    admin = AdminClient({"bootstrap.servers": service.settings.bootstrap, "log_level": 0})
    return admin.delete_consumer_groups([group])[group].result()
