"""`giftcert acls` prints a row for each resource, and says in its exit code whether all is well."""

import json

import pytest

from pipelines.acls.matching import Wanted
from pipelines.acls.rights import Acl, Operation, Principal, acls_of
from pipelines.acls.table import Names, protected, rights
from pipelines.acls.users import users_of
from pipelines.cli import run
from pipelines.commands import acls
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings, load_settings
from tests.pipelines.acls.test_matching import FakeList


def whole_table(settings: Settings) -> set[Acl]:
    names = Names.of(settings, CrmSettings(), EnrichSettings())
    must = Wanted(rights=rights(settings, names), users=users_of(None), ours=protected(settings))
    return set(acls_of(must.rights, must.users))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeList:
    """Kafka's list, empty at first."""
    kafka = FakeList()
    monkeypatch.setattr(acls, "KafkaAcls", lambda _settings, timeout_s: kafka)  # noqa: ARG005 - its name is the real one's
    return kafka


def test_check_of_an_empty_list_names_every_right_and_ends_with_four(
    kafka: FakeList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kafka.acls == set()
    assert run(["acls", "check"]) == 4
    said = capsys.readouterr()
    assert "Write on topic GiftCertificates.Stream" in said.out
    assert "`giftcert acls apply` adds them" in said.err


def test_apply_and_check_again_have_nothing_to_say(
    kafka: FakeList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["acls", "apply"]) == 0
    assert kafka.acls == whole_table(load_settings())
    capsys.readouterr()
    assert run(["acls", "check"]) == 0
    assert capsys.readouterr().out == "every right of 10 principals is as it must be\n"


def test_dry_run_changes_nothing_and_says_so(
    kafka: FakeList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["acls", "apply", "--dry-run"]) == 0
    assert kafka.done == []
    assert "missing; nothing was changed" in capsys.readouterr().out


def test_check_as_json_tells_what_is_too_much(
    kafka: FakeList, capsys: pytest.CaptureFixture[str]
) -> None:
    allowed = sorted(whole_table(load_settings()))
    kafka.add(allowed)
    stream = next(each.resource for each in allowed if each.resource.name.endswith(".Stream"))
    kafka.add([Acl(user="User:till", resource=stream, operation=Operation.READ)])
    assert run(["acls", "check", "--json"]) == 4
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["state"], row["principal"], row["operation"]) == (
        "too much",
        Principal.TILL,
        "Read",
    )


def test_principal_that_is_somebody_else_for_kafka_gets_its_rights_under_that_name(
    kafka: FakeList,
) -> None:
    assert run(["acls", "apply", "--principal", "till=User:CN=till,O=x"]) == 0
    assert {each.user for each in kafka.acls} >= {"User:CN=till,O=x", "User:store"}
    assert "User:till" not in {each.user for each in kafka.acls}
