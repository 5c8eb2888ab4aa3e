"""`giftcert verify` on a live service: equal while it moves, wrong values found, a past told."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rocksdict import Options, Rdict

from pipelines.faults import OperatorError
from pipelines.local.running_broker import Broker
from pipelines.partitioning import partition_of
from pipelines.rebuild.verify import VerifyOptions, run_verify
from pipelines.rebuild.verify_past import run_verify_past
from pipelines.stores import StoreName
from pipelines.topics import COMMANDS, topic_name
from state.stores.layout import MAIN, stored_key
from tests.flow.giftcert_command import Done, giftcert
from tests.flow.scenario import NOMINAL_MINOR, Scenario
from tests.flow.service_under_test import Service, running_service

ROUNDS = 5


@pytest.fixture
def pair(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A correlator and two processors with topics of their own."""
    with running_service(
        broker.bootstrap, tmp_path / "stack", topic_prefix, processors=2
    ) as service:
        yield service


def body_of(done: Done) -> dict[str, Any]:
    return dict(json.loads(done.out))


@pytest.mark.timeout(300)
def test_live_stores_at_work_are_proven_equal_while_they_move(pair: Service) -> None:
    scenario, stopped = Scenario(pair), threading.Event()
    scenario.load_many(1_500)

    def reserve_all_the_time() -> None:
        while not stopped.is_set():
            scenario.ask_next().raise_for_status()

    busy = [threading.Thread(target=reserve_all_the_time, daemon=True) for _ in range(3)]
    for thread in busy:
        thread.start()
    try:
        reports = [
            run_verify(pair.settings, VerifyOptions(), token=pair.auditor) for _ in range(ROUNDS)
        ]
    finally:
        stopped.set()
        for thread in busy:
            thread.join(timeout=60)
    for report in reports:
        assert report.holds, report
        assert (report.workers, len(report.results)) == (3, 4 * pair.settings.partitions)
        assert all(result.live_records == result.records for result in report.results)
    assert reports[-1].performed > reports[0].performed, "the service was not at work meanwhile"


@pytest.mark.timeout(300)
def test_value_that_the_log_does_not_lead_to_is_found_and_named_by_its_last_four(
    pair: Service, broker: Broker
) -> None:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker never forgets a killed member")
    scenario = Scenario(pair)
    numbers = scenario.load(3)
    scenario.settle()
    victim = numbers[0]
    _change_in_the_store(pair, victim)
    done = giftcert(pair, "verify", "--json")
    body = body_of(done)
    assert (done.code, body["equal"]) == (1, False)
    (wrong,) = [each for each in body["stores"] if not each["equal"]]
    place = partition_of(victim.encode(), pair.settings.partitions)
    assert (wrong["store"], wrong["partition"], wrong["differing"]) == ("certificates", place, 1)
    assert wrong["differences"] == [
        {
            "kind": "certificate",
            "subject": f"…{victim[-4:]}",
            "what": "another value in the store",
        }
    ]
    shown = giftcert(pair, "verify")
    assert shown.code == 1
    assert "DIFFERENT in 1 key" in shown.out
    assert victim not in shown.out + shown.err


def _change_in_the_store(service: Service, number: str) -> None:
    """Write into the files of a processor that is dead, as a wrong disk would."""
    settings = service.settings
    for index in range(2):
        service.stack.kill_processor(index)
    partition = str(partition_of(number.encode(), settings.partitions))
    changed = 0
    for directory in service.stack.state_directories.values():
        path = directory / settings.processor_group / "default" / topic_name(COMMANDS, settings)
        if not (path / partition).exists():
            continue
        raw = Options(raw_mode=True)
        families = dict.fromkeys(Rdict.list_cf(str(path / partition), raw), raw)
        store = Rdict(str(path / partition), raw, column_families=families)
        key = stored_key(number.encode(), MAIN)
        value = store.get(key)
        if isinstance(value, bytes):
            store.put(key, value + b"\x00")
            changed += 1
        store.close()
    assert changed == 1, "one worker keeps it"
    for index in range(2):
        service.stack.restart_processor(index)


@pytest.mark.timeout(300)
def test_past_time_is_proven_from_the_log_and_again_later_the_same(
    pair: Service, tmp_path: Path
) -> None:
    scenario = Scenario(pair)
    scenario.sell()
    scenario.settle()
    then = datetime.now(UTC)
    first = tmp_path / "first.json"
    assert giftcert(pair, "verify", "--log-only", "--write", str(first)).code == 0
    sold_later = scenario.sell()
    scenario.spend(sold_later, 100_00)
    scenario.settle()
    at = ("--at", then.isoformat())
    proofs = [giftcert(pair, "verify", *at, "--json", "--against", str(first)) for _ in range(2)]
    one, other = (body_of(done) for done in proofs)
    assert [done.code for done in proofs] == [0, 0], proofs
    assert one["stores"] == other["stores"]
    assert all(each["equal"] for each in one["earlier"])
    assert (one["agrees"], one["certificates"], one["disagreeing"]) == (True, 1, 0)
    nominal = f"{NOMINAL_MINOR // 100}.00"
    assert one["money"] == [
        {
            "currency": "RUB",
            "certificates": 1,
            "nominal": nominal,
            "refunded": "0.00",
            "redeemed": "0.00",
            "annulled": "0.00",
            "remaining": nominal,
            "held": "0.00",
        }
    ]
    now = run_verify_past(pair.settings, VerifyOptions(), datetime.now(UTC))
    assert now.holds
    assert now.certificates == 2
    assert [row.redeemed_minor for row in now.money] == [100_00]


def test_future_is_not_proven_and_no_worker_is_missed_without_need(
    pair: Service, tmp_path: Path
) -> None:
    with pytest.raises(OperatorError, match="is not over"):
        run_verify_past(pair.settings, VerifyOptions(), datetime(9999, 1, 1, tzinfo=UTC))
    only = VerifyOptions(stores=(StoreName.POOLS,), http_urls=pair.stack.http_urls)
    assert run_verify(pair.settings, only, token=pair.auditor).holds
    refused = giftcert(pair, "verify", "--token", pair.token("support"), "--json")
    assert (refused.code, refused.out) == (6, "")
    assert "certificates:audit" in refused.err
