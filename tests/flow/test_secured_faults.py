"""What an operator sees where a right is missing: one line that names it, and exit code 3."""

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import KafkaException

from pipelines.acls.kafka_acls import KafkaAcls
from pipelines.acls.rights import Acl, Kind, Operation, Principal, acls_of
from pipelines.acls.table import Names, rights
from pipelines.acls.users import users_of
from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings, load_settings
from pipelines.topics import wanted_topics
from tests.flow.giftcert_command import ROOT, Done, ended, in_turn
from tests.flow.secured_kafka import SecuredKafka, Way
from tests.pipelines.local.local_machine import await_condition

PREFIX: Final = "bare-"
STREAM: Final = f"{PREFIX}GiftCertificates.Stream"
COMMANDS: Final = f"{PREFIX}GiftCertificates.Commands"
HELP: Final = "giftcert acls apply"
NOTHING_MORE: Final[Mapping[str, str]] = {}


class Bare:
    """An installation whose topics are there, and nobody has a right to them but by these tests."""

    def __init__(self, secured: SecuredKafka, folder: Path) -> None:
        self.secured = secured
        self.folder = folder
        self.settings: Settings = load_settings(
            {"bootstrap": secured.bootstrap, "topic_prefix": PREFIX, "partitions": 1}
        )
        self.acls = KafkaAcls(self.settings, timeout_s=30)
        self.begun: list[subprocess.Popen[str]] = []
        self.ports = [HeldPort() for _ in range(10)]

    def all_acls(self, principal: Principal) -> set[Acl]:
        """What the table gives a principal."""
        names = Names.of(self.settings, CrmSettings(), EnrichSettings())
        table = [right for right in rights(self.settings, names) if right.principal is principal]
        return set(acls_of(table, users_of(self.secured.users_file())))

    def environment(
        self, principal: Principal, over: Mapping[str, str] = NOTHING_MORE
    ) -> dict[str, str]:
        """What a command of that principal is told."""
        secret = self.folder / "secret"
        secret.write_text(json.dumps({"k1": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="}))
        clients = self.folder / "clients.json"
        clients.write_text('{"store": {"channel": "ONLINE_STORE"}, "till": {"channel": "POS"}}')
        secrets = self.folder / "client-secrets.json"
        secrets.write_text('{"store": "a-secret-of-the-store", "till": "a-secret-of-the-till"}')
        address = f"http://{LOOPBACK}:1"
        return {
            **os.environ,
            **self.secured.login(principal, Way.SCRAM),
            "GIFTCERT_TOPIC_PREFIX": PREFIX,
            "GIFTCERT_PARTITIONS": "1",
            "GIFTCERT_LOG_FORMAT": "json",
            "GIFTCERT_WORKER_ID": f"{principal}-bare",
            "GIFTCERT_STATE_DIR": str(self.folder / f"state-{principal}"),
            "GIFTCERT_HTTP_PORT": str(self.ports[list(Principal).index(principal)].port),
            "GIFTCERT_TOKEN_ISSUER": address,
            "GIFTCERT_CLIENTS_FILE": str(clients),
            "GIFTCERT_CVC_KEY_FILE": str(secret),
            **over,
        }

    def start(
        self, principal: Principal, *arguments: str, over: Mapping[str, str] = NOTHING_MORE
    ) -> "subprocess.Popen[str]":
        """`giftcert …` as a principal."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            cwd=ROOT,
            env=self.environment(principal, over),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.begun.append(process)
        return process

    def in_turn(
        self, commands: Mapping[Principal, Sequence[str]], over: Mapping[str, str] = NOTHING_MORE
    ) -> list[Done]:
        """Commands that end at once, one after the other."""
        return in_turn((self.environment(who, over), words) for who, words in commands.items())

    def close(self) -> None:
        """Let nothing run on that a failed test has left."""
        for process in self.begun:
            process.kill()
            process.communicate()
        for port in self.ports:
            port.release()


@pytest.fixture(scope="module")
def bare(secured: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    bare = Bare(secured, tmp_path_factory.mktemp("bare"))
    KafkaAdmin(bare.settings, timeout_s=30).create(wanted_topics(bare.settings))
    yield bare
    bare.close()


@pytest.fixture
def granted(bare: Bare) -> Iterator[Mapping[Principal, set[Acl]]]:
    """All rights of the processor, which a test may take away, and which end with it."""
    given = {Principal.PROCESSOR: bare.all_acls(Principal.PROCESSOR)}
    for acls in given.values():
        bare.acls.add(acls)
    yield given
    for acls in given.values():
        bare.acls.remove(acls)


def some(acls: Collection[Acl], kind: Kind, operation: Operation, name: str = "") -> list[Acl]:
    found = [
        each
        for each in acls
        if each.resource.kind is kind
        and each.operation is operation
        and each.resource.name.startswith(name)
    ]
    assert found, "the table has it"
    return found


def refusal(done: Done) -> str:
    """The line that it ended with; nothing of it may be a trace."""
    assert done.code == 3, done
    assert "Traceback" not in done.err, done.err
    said = [line for line in done.err.splitlines() if line.startswith("giftcert: ")]
    assert len(said) == 1, done.err
    assert "first-word" not in done.err, "a password is nowhere"
    return said[0]


def test_part_without_any_right_ends_at_once_and_names_what_is_missing(bare: Bare) -> None:
    """Nobody waits, tries for ever, or is told that topics are missing that are there."""
    numbers = bare.folder / "numbers.csv"
    numbers.write_text("certificateId\nABC-000001\n")
    beside = {
        "GIFTCERT_CRM_CLIENT_SECRET_FILE": str(bare.folder / "secret"),
        "GIFTCERT_CRM_TOKEN_URL": f"http://{LOOPBACK}:1/token",
        "GIFTCERT_CRM_SMS_URL": f"http://{LOOPBACK}:1/sms",
        "GIFTCERT_SHOP_TOKEN_URL": f"http://{LOOPBACK}:1/token",
        "GIFTCERT_SHOP_CLIENT_SECRETS_FILE": str(bare.folder / "client-secrets.json"),
        "GIFTCERT_SHOP_PORT": str(bare.ports[-1].port),
    }
    mart = str(bare.folder / "mart.duckdb")
    commands: dict[Principal, tuple[str, ...]] = {
        Principal.CORRELATOR: ("correlator",),
        Principal.PROCESSOR: ("processor",),
        Principal.AUDITOR: ("auditor",),
        Principal.CRM: ("crm",),
        Principal.BI: ("bi", "run", "--mart", mart),
        Principal.ENRICH: ("enrich",),
        Principal.LOADER: ("load", str(numbers), "--pool", "ELECTRONIC"),
        Principal.STORE: ("shop",),
    }
    for who, done in zip(commands, bare.in_turn(commands, beside), strict=True):
        said = refusal(done)
        assert f"does not let this {who} do what it needs: " in said
        assert HELP in said
        assert f" on topic {PREFIX}" in said or f" on topic changelog__{PREFIX}" in said


@pytest.mark.parametrize(
    ("kind", "operation", "said"),
    [
        (Kind.GROUP, Operation.READ, "Group authorization failed"),
        (Kind.TRANSACTION, Operation.WRITE, "Transactional Id authorization failed"),
    ],
)
def test_worker_without_the_right_to_its_group_or_transaction_ends_and_says_so(
    kind: Kind,
    operation: Operation,
    said: str,
    bare: Bare,
    granted: Mapping[Principal, set[Acl]],
) -> None:
    bare.acls.remove(some(granted[Principal.PROCESSOR], kind, operation))
    line = refusal(ended(bare.start(Principal.PROCESSOR, "processor")))
    assert said in line, line
    assert HELP in line


def test_worker_that_loses_a_right_while_it_works_ends_and_names_it(
    bare: Bare, granted: Mapping[Principal, set[Acl]]
) -> None:
    process = bare.start(Principal.PROCESSOR, "processor")
    group = bare.settings.processor_group
    await_condition(lambda: holds_partitions(bare, group), timeout_s=30)
    taken = some(granted[Principal.PROCESSOR], Kind.TOPIC, Operation.READ, COMMANDS)
    bare.acls.remove(taken)
    line = refusal(ended(process))
    assert f"Read on topic {COMMANDS}" in line
    assert HELP in line


def test_operator_of_no_rights_is_told_who_may_list_and_give_them(bare: Bare) -> None:
    commands = {Principal.TILL: ("acls", "check"), Principal.STORE: ("acls", "apply")}
    for done in bare.in_turn(commands):
        line = refusal(done)
        assert "refused to list its ACLs; run this as the operator" in line


def test_wrong_password_ends_a_worker_and_is_not_told(bare: Bare) -> None:
    wrong = bare.folder / "wrong"
    wrong.write_text("not-the-word")
    told = {"GIFTCERT_SASL_PASSWORD_FILE": str(wrong)}
    (done,) = bare.in_turn({Principal.PROCESSOR: ("processor",)}, told)
    assert "does not let us in" in refusal(done)
    assert "not-the-word" not in done.err


def holds_partitions(bare: Bare, group: str) -> bool:
    try:
        described = bare.secured.admin.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return False  # Nobody has joined it yet.
    return any(member.assignment.topic_partitions for member in described.members)
