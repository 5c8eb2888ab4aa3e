"""The whole service on a Kafka that asks everybody who they are: each part as its own principal.

A correlator, a processor, the CRM, the mart, the shop and an auditor work at once, over all three
ways to log in, with the rights of the table and no others; a loader, a store and a till write. The
operator looks at all of it, mends it, and at the end rebuilds what the workers kept.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from prometheus_client.parser import text_string_to_metric_families

from pipelines.acls.kafka_acls import KafkaAcls
from pipelines.acls.matching import Wanted, apply
from pipelines.acls.rights import Principal
from pipelines.acls.table import Names, protected, rights
from pipelines.acls.users import users_of
from pipelines.faults import BrokerRefused
from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.neighbours import Neighbour
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions, apply_topics
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings, load_settings, load_settings_of
from pipelines.topics import ALL_PAYMENTS, DLQ, REPLIES, topic_name
from tests.flow.giftcert_command import Done, ended, in_turn
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.secured_kafka import REAUTHENTICATED_S, SecuredKafka, Way
from tests.flow.service_under_test import Message, Service
from tests.flow.source_messages import Payment
from tests.flow.topic_log import TopicLog
from tests.pipelines.local.local_machine import await_condition

PREFIX: Final = "live-"
SOLD: Final = {"issue", "activate", "notification.failed"}
"""An order without a customer's token: the CRM says that it cannot tell anybody."""

COMMANDS: Final = {
    # One way for each, and every way for somebody who reads, writes, and does both at once.
    "correlator": (Principal.CORRELATOR, Way.OAUTH),
    "processor": (Principal.PROCESSOR, Way.SCRAM),
    "crm": (Principal.CRM, Way.MTLS),
    "bi": (Principal.BI, Way.OAUTH),
    "shop": (Principal.STORE, Way.SCRAM),
    "auditor": (Principal.AUDITOR, Way.MTLS),
    "enrich": (Principal.ENRICH, Way.OAUTH),
    "load": (Principal.LOADER, Way.MTLS),
}


class SecuredService(Service):
    """A service whose topics of others are written by the store alone."""

    def write_as(self, settings: Settings) -> None:
        """From now on come as somebody else."""
        self._producer = Producer(
            {**settings.kafka_config(), "partitioner": "murmur2_random", "linger.ms": 0}
        )


@pytest.fixture(scope="module")
def logins(secured: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of what each command is told of its login."""
    directory = tmp_path_factory.mktemp("logins")
    for command, (principal, way) in COMMANDS.items():
        (directory / f"{command}.json").write_text(json.dumps(secured.login(principal, way)))
    return directory


@pytest.fixture(scope="module")
def service(
    secured: SecuredKafka, logins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredService]:
    data_dir = tmp_path_factory.mktemp("secured-service")
    options = StackOptions(
        data_dir=data_dir,
        broker=secured.bootstrap,
        auditor=True,
        neighbours=tuple(Neighbour),
        topic_prefix=PREFIX,
        environment={
            "GIFTCERT_PARTITIONS": "3",
            "GIFTCERT_RATE_LIMIT": "1000000/minute",
            "GIFTCERT_LOG_FORMAT": "json",
        },
        worker_command=(sys.executable, "-m", "tests.flow.as_principal", str(logins)),
        apply_topics=lambda environment: give_rights(secured, environment),
    )
    with Stack(options) as stack:
        service = SecuredService(stack, data_dir, PREFIX)
        service.write_as(secured.settings(Principal.STORE, Way.OAUTH))
        yield service
        service.close()
        stack.check()
    assert stack.stopped_cleanly, "a worker had to be killed"


def give_rights(secured: SecuredKafka, environment: Mapping[str, str]) -> None:
    """Topics and rights, as an operator makes both before anything is started."""
    apply_topics(environment)
    settings = load_settings_of(environment)
    apply(KafkaAcls(settings, timeout_s=30), table(secured, settings))


def table(secured: SecuredKafka, settings: Settings) -> Wanted:
    names = Names.of(settings, CrmSettings(), EnrichSettings())
    return Wanted(
        rights=rights(settings, names),
        users=users_of(secured.users_file()),
        ours=protected(settings),
    )


def started(
    service: SecuredService, logins: Path, *arguments: str, **over: str
) -> "subprocess.Popen[str]":
    """A command as its principal."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flow.as_principal", str(logins), *arguments],
        env={**os.environ, **service.stack.environment, **over},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sold(scenario: Scenario, number: str) -> None:
    """One certificate from the reservation to the message that its customer gets, or cannot get."""
    order_id = scenario.new_order_id()
    assert scenario.reserve(order_id=order_id) == number
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.service.log.until(
        lambda: set(scenario.story(number)) >= SOLD, lambda: f"{scenario.story(number)}"
    )


def test_every_part_works_with_the_rights_of_the_table_and_asks_for_no_other(
    service: SecuredService, secured: SecuredKafka, logins: Path, tmp_path: Path
) -> None:
    """Loaded by the loader, sold by the store, told by the CRM, enriched, counted and audited."""
    scenario = Scenario(service)
    numbers = tmp_path / "numbers.csv"
    number = f"{scenario.tag}-0001"
    numbers.write_text(f"certificateId\n{number}\n")
    loaded = ended(started(service, logins, "load", str(numbers), "--pool", scenario.pool))
    assert loaded.code == 0, loaded
    sold(scenario, number)
    events = len(service.log.of("GiftCertificates.Stream"))
    auditor = service.stack.auditor_url
    assert auditor is not None
    await_condition(lambda: _figure(auditor, "giftcert_audit_events_total") >= events, timeout_s=60)
    enriched = TopicLog(secured.bootstrap, PREFIX)
    enriched.until(lambda: bool(enriched.of("All_Payments.Enriched")), lambda: "no payment")
    enriched.__exit__()
    mart = ended(started(service, logins, "bi", "report", "--json", **_mart(service)))
    assert mart.code == 0, mart
    assert secured.denied(PREFIX) == []


def test_till_that_only_writes_sells_with_the_payment_of_its_own(
    service: SecuredService, secured: SecuredKafka
) -> None:
    scenario = Scenario(service)
    service.write_as(load_settings({"bootstrap": secured.bootstrap, "topic_prefix": PREFIX}))
    (number,) = scenario.load()
    service.write_as(secured.settings(Principal.TILL, Way.MTLS))
    sold(scenario, number)
    assert secured.denied(PREFIX) == []


def test_password_changed_in_kafka_and_file_is_taken_up_by_whoever_works_with_it(
    service: SecuredService, secured: SecuredKafka, tmp_path: Path
) -> None:
    """Correlators and processors go on, though Kafka asks all of them for the new one."""
    scenario = Scenario(service)
    service.write_as(load_settings({"bootstrap": secured.bootstrap, "topic_prefix": PREFIX}))
    first, second = scenario.load(2)
    who = Principal.PROCESSOR
    old = tmp_path / "old"
    old.write_bytes(secured.password_file(who).read_bytes())
    secured.set_passwords({who: "second-word"})
    secured.password_file(who).write_text("second-word\n")
    log_path = service.data_dir / "logs" / "processor-0.log"
    await_condition(lambda: "the Kafka password has changed" in log_path.read_text(), timeout_s=60)
    sold(scenario, first)
    # By then every connection that knew the old one was asked again, or has been closed.
    ends_at_s = monotonic() + REAUTHENTICATED_S + 1
    await_condition(lambda: monotonic() > ends_at_s, timeout_s=REAUTHENTICATED_S + 5)
    sold(scenario, second)
    service.stack.check()
    stale = KafkaAdmin(secured.settings(who, Way.SCRAM, sasl_password_file=old), timeout_s=5)
    with pytest.raises(BrokerRefused, match="does not let us in"):
        stale.topics()


NUMBER: Final = "NUMBER"
BROKEN: Final = "BROKEN"
READABLE: Final = "READABLE"
NOW: Final = "NOW"
AT_WORK: Final = (
    # What a command of the operator's says beside running workers; all of them end well.
    ("topics apply", "topics were as they must be"),
    ("topics check", "every topic is as it must be"),
    ("acls apply", "is as it must be"),
    ("acls check --trusted User:ANONYMOUS", "is as it must be"),
    (f"show {NUMBER} --json", '"notification.failed"'),
    ("dlq list --json", '"UNKNOWN_FRAMING"'),
    (f"dlq show {BROKEN} --json", '"UNKNOWN_FRAMING"'),
    (f"dlq retry {READABLE} --dry-run --json", '"WOULD"'),
    (f"dlq retry {READABLE} --json", '"DONE"'),
    (f"dlq discard {BROKEN} --reason nothing --json", '"DONE"'),
    ("audit --json", '"laws": "hold"'),
    ("verify --processes 1 --json", '"workers": 2'),
    (f"verify --at {NOW} --processes 1 --json", '"agrees": true'),
    ("replay --json", '"applied": false'),
    ("replay --apply --json", '"applied": true'),
    ("rebuild --dry-run --processes 1 --json", '"written": false'),
)
REFUSED: Final = (
    "topics apply",
    "topics apply --dry-run",
    "topics check",
    "status",
    f"show {NUMBER}",
    "dlq list",
    "dlq show 0:0",
    "dlq retry --every --dry-run",
    "dlq retry --every",
    "dlq discard 0:0 --reason nothing",
    "audit",
    "verify",
    "verify --log-only",
    "verify --at 2026-03-31T23:59:59Z",
    "replay",
    "replay --apply",
    "rebuild --dry-run",
    "rebuild",
    "rebuild --replace",
)


def operated(
    service: SecuredService, secured: SecuredKafka, who: Principal, way: Way, *lines: str
) -> list[Done]:
    """Lines of a person who comes as this principal, one after the other."""
    told = {
        **service.stack.environment,
        **secured.login(who, way),
        "GIFTCERT_ACL_PRINCIPALS_FILE": str(secured.users_file()),
    }
    token = {"GIFTCERT_TOKEN": service.auditor()}
    return in_turn(
        (told | (token if line.startswith(("audit", "verify")) else {}), line.split())
        for line in lines
    )


def denied_to_operator(secured: SecuredKafka) -> list[str]:
    user = f"User:{Principal.OPERATOR} "
    return [*secured.denied(PREFIX, user), *secured.denied("kafka-cluster", user)]


def set_retention(secured: SecuredKafka, topic: str, retention_ms: str) -> None:
    entry = ConfigEntry("retention.ms", retention_ms, incremental_operation=AlterConfigOpType.SET)
    place = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for answer in secured.admin.incremental_alter_configs([place]).values():
        answer.result()


def put_aside(service: SecuredService, payment: Message) -> dict[str, str]:
    """One record that nobody can read, and one that an earlier version could not; their letters."""
    source = topic_name(ALL_PAYMENTS, service.settings)
    headers = [
        ("sourceTopic", source.encode()),
        ("sourcePartition", b"0"),
        ("sourceOffset", b"1000000"),
        ("errorCode", b"UNKNOWN_SCHEMA"),
        ("errorText", b"fingerprint 0707070707070707 is no version of it"),
    ]
    broken = replace(payment, value=b"no record")
    service.write(broken, replace(payment, topic=DLQ, headers=headers, at_ms=None))
    service.settle()
    letters = {each.value: f"{each.partition}:{each.offset}" for each in service.log.of(DLQ.name)}
    return {BROKEN: letters[broken.value], READABLE: letters[payment.value]}


def test_operator_does_all_that_its_commands_are_for_with_the_rights_of_the_table(
    service: SecuredService, secured: SecuredKafka
) -> None:
    """Beside running workers; none of it asks for a right that the operator has not."""
    scenario = Scenario(service)
    service.write_as(load_settings({"bootstrap": secured.bootstrap, "topic_prefix": PREFIX}))
    (number,) = scenario.load()
    sold(scenario, number)
    named = {NUMBER: number, **put_aside(service, scenario.written[-1])}
    named[NOW] = datetime.now(UTC).isoformat()
    lines = [" ".join(named.get(word, word) for word in written.split()) for written, _ in AT_WORK]
    done = operated(service, secured, Principal.OPERATOR, Way.SCRAM, "status --json", *lines)
    told = json.loads(done[0].out)
    assert told["letters"]["open"] == 2
    assert told["letters"]["whole"]
    assert told["alerts"]["whole"]
    assert [each["fault"] for each in told["workers"]] == ["", ""]
    assert [each for each in told["lags"] if each["behind"] is None] == []
    for (written, said), each in zip(AT_WORK, done[1:], strict=True):
        assert each.code == 0, (written, each)
        assert said in each.out, (written, each)
    assert denied_to_operator(secured) == []


def test_operators_command_by_whoever_may_not_says_so_and_not_that_topics_are_missing(
    service: SecuredService, secured: SecuredKafka
) -> None:
    """One line that names a right, and whom to be; exit code 3."""
    lines = [line.replace(NUMBER, "GC-2026-00000042") for line in REFUSED]
    done = operated(service, secured, Principal.TILL, Way.MTLS, *lines)
    # Reports may read letters and stream, but resolve nothing and not see the rest.
    some = [line for line in lines if line.startswith(("status", "dlq discard", "rebuild"))]
    done += operated(service, secured, Principal.BI, Way.OAUTH, *some)
    for line, each in zip([*lines, *some], done, strict=True):
        assert (each.code, each.out) == (3, ""), (line, each)
        (said,) = (told for told in each.err.splitlines() if told.startswith("giftcert: "))
        assert "does not let this command do what it needs: " in said, line
        assert f" on topic {PREFIX}" in said, line
        assert "run it as the operator" in said, line
        assert "Traceback" not in each.err, line
    # And the broker's log has what it refuses, or no other test would have seen anything there.
    assert secured.denied(PREFIX, f"{secured.subject(Principal.TILL)} ")


def test_operator_rebuilds_what_stopped_workers_kept_with_the_rights_of_the_table(
    service: SecuredService, secured: SecuredKafka, tmp_path: Path
) -> None:
    """The last of this service: its workers do not come back. Topics are made and mended, too."""
    service.stack.stop()
    replies, letters = (topic_name(topic, service.settings) for topic in (REPLIES, DLQ))
    secured.admin.delete_topics([replies])[replies].result()
    set_retention(secured, letters, "60000")
    proof = tmp_path / "rebuilt.json"
    done = operated(
        service,
        secured,
        Principal.OPERATOR,
        Way.OAUTH,
        f"rebuild --replace --processes 1 --json --write {proof}",
        f"verify --log-only --processes 1 --json --against {proof}",
        "topics apply",
        "topics check",
    )
    assert [each.code for each in done] == [0] * len(done), done
    assert '"written": true' in done[0].out
    assert f"{replies}: created" in done[2].out
    assert f"{letters}: altered" in done[2].out
    assert denied_to_operator(secured) == []


def _figure(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )


def _mart(service: SecuredService) -> dict[str, str]:
    (mart,) = (service.data_dir / "state").glob("*/bi-0/mart.duckdb")
    return {"GIFTCERT_BI_MART": str(mart)}
