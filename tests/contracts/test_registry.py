"""Registering, guarding and reading schemas, against a real Confluent-compatible registry."""

import copy
import json
import secrets
from collections.abc import Callable, Iterator
from io import BytesIO

import httpx
import pytest
from fastavro import schemaless_writer

from pipelines import cli
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.compatibility import incompatibilities
from pipelines.contracts.framing import ConfluentFraming, framing_for
from pipelines.contracts.registration import Action, apply_schemas
from pipelines.contracts.registry import (
    FULL_TRANSITIVE,
    Registry,
    SchemaIncompatible,
    SchemaMissing,
)
from pipelines.contracts.schemas import Json, RecordName, current, load_schema, published
from pipelines.contracts.subjects import own_subjects, source_subjects, value_subjects
from pipelines.settings import Settings, load_settings
from tests.contracts.samples import SAMPLES, sample_of

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(registry_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a prefix of the test's own, so that tests share a registry and no subject."""
    monkeypatch.setenv("GIFTCERT_SCHEMA_REGISTRY_URL", registry_url)
    monkeypatch.setenv("GIFTCERT_TOPIC_PREFIX", f"t{secrets.token_hex(4)}-")
    return load_settings()


@pytest.fixture
def registry(settings: Settings, registry_url: str) -> Iterator[Registry]:
    with Registry.at(registry_url) as known:
        yield known


@pytest.fixture
def schemas(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run `giftcert schemas …`: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["schemas", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def register_foreign(url: str, subject: str, schema: str, kind: str = "AVRO") -> None:
    """Do what another team's tool would do, past our own code."""
    body = {"schema": schema, "schemaType": kind}
    httpx.post(f"{url}/subjects/{subject}/versions", json=body).raise_for_status()


def with_added(record: RecordName, *fields: Json) -> Json:
    declared = copy.deepcopy(current(record).declared)
    declared["fields"].extend(fields)
    return declared


LATER_FIELD = {"name": "later", "type": ["null", "string"], "default": None}


def test_apply_to_an_empty_registry_registers_and_guards_ours_and_repeats_nothing(
    schemas: Said, registry: Registry, settings: Settings
) -> None:
    code, out, _ = schemas("apply")
    assert code == 0
    for record, subject in own_subjects(settings).items():
        versions = [schema.version for schema in published(record)]
        assert all(
            f"{subject}: registered ({record.value} version {number})" in out for number in versions
        )
        assert [held.version for held in registry.held(subject)] == versions
        assert registry.compatibility(subject) == FULL_TRANSITIVE
    assert out.endswith("0 of 6 subjects were as they must be\n")
    assert all(registry.held(subject) == () for subject in source_subjects(settings).values())
    assert schemas("apply") == (0, "6 of 6 subjects were as they must be\n", "")


def test_apply_with_dry_run_says_the_same_and_changes_nothing(
    schemas: Said, registry: Registry, settings: Settings
) -> None:
    code, out, _ = schemas("apply", "--dry-run", "--with-sources")
    assert code == 0
    assert "All_Payments-value: would be registered (Payment version 2)" in out
    assert all(registry.held(subject) == () for subject in value_subjects(settings).values())


def test_apply_with_sources_registers_every_version_of_them_once(
    schemas: Said, registry: Registry, settings: Settings
) -> None:
    assert schemas("apply", "--with-sources")[0] == 0
    payments = source_subjects(settings)[RecordName.PAYMENT]
    assert [held.version for held in registry.held(payments)] == [1, 2]
    code, out, _ = schemas("apply", "--with-sources", "--json")
    assert code == 0
    assert {row["action"] for row in json.loads(out)} == {"equal"}


def test_apply_with_sources_leaves_a_source_that_has_an_owner_alone(
    schemas: Said, registry: Registry, settings: Settings, registry_url: str
) -> None:
    payments = source_subjects(settings)[RecordName.PAYMENT]
    register_foreign(registry_url, payments, published(RecordName.PAYMENT)[0].text)
    assert schemas("apply", "--with-sources")[0] == 0
    assert [held.version for held in registry.held(payments)] == [1]
    assert registry.compatibility(payments) != FULL_TRANSITIVE


def test_apply_of_a_later_version_registers_that_one_alone(
    registry: Registry, settings: Settings
) -> None:
    """What an upgrade does: the earlier version is there and guarded."""
    subjects = {RecordName.PAYMENT: value_subjects(settings)[RecordName.PAYMENT]}
    first, second = published(RecordName.PAYMENT)
    registry.register(subjects[RecordName.PAYMENT], first)
    registry.set_full_transitive(subjects[RecordName.PAYMENT])
    (outcome,) = apply_schemas(registry, subjects)
    assert (outcome.action, outcome.detail) == (Action.REGISTERED, "Payment version 2")
    assert registry.find(subjects[RecordName.PAYMENT], second) is not None


def test_apply_over_a_subject_that_cannot_read_ours_changes_nothing_anywhere(
    schemas: Said, registry: Registry, settings: Settings, registry_url: str
) -> None:
    """The subject in the way is the last of ours: those before it must stay untouched, too."""
    *others, taken = own_subjects(settings).values()
    register_foreign(registry_url, taken, '{"type":"record","name":"Other","fields":[]}')
    code, out, err = schemas("apply")
    assert (code, out) == (5, "")
    assert f"{taken}: registered version 1 does not fit: the record is record Other" in err
    assert err.endswith("nothing was changed\n")
    assert all(registry.held(subject) == () for subject in others)


def test_check_names_what_is_missing_and_is_content_after_apply(
    schemas: Said, settings: Settings
) -> None:
    versions = sum(len(published(record)) for record in own_subjects(settings))
    code, out, err = schemas("check")
    assert code == 5
    assert out.count("is not registered") == versions
    assert f"{versions} differences" in err
    schemas("apply")
    assert schemas("check") == (0, "every schema is as it must be\n", "")
    assert schemas("check", "--json") == (0, "[]\n", "")
    schemas("apply", "--with-sources")
    assert schemas("check")[0] == 0


def test_check_names_a_level_that_was_loosened_and_apply_sets_it_again(
    schemas: Said, registry: Registry, settings: Settings, registry_url: str
) -> None:
    schemas("apply")
    stream = own_subjects(settings)[RecordName.GIFT_CERTIFICATE_EVENT]
    level = {"compatibility": "BACKWARD"}
    httpx.put(f"{registry_url}/config/{stream}", json=level).raise_for_status()
    code, out, _ = schemas("check")
    assert code == 5
    assert out == f"{stream}: compatibility is BACKWARD, expected FULL_TRANSITIVE\n"
    assert f"{stream}: compatibility set (BACKWARD -> FULL_TRANSITIVE)" in schemas("apply")[1]
    assert registry.compatibility(stream) == FULL_TRANSITIVE


@pytest.mark.parametrize(
    ("schema", "kind", "problem"),
    [
        pytest.param(
            current(RecordName.PAYMENT).text.replace('"scale":4', '"scale":2'),
            "AVRO",
            "amount is decimal(18,2), expected decimal(18,4)",
            id="amounts of another scale",
        ),
        pytest.param(
            '{"type":"record","name":"Payment","fields":[]}',
            "AVRO",
            "eventId is missing and has no default",
            id="fields missing",
        ),
        pytest.param(
            'syntax = "proto3"; message Payment { string id = 1; }',
            "PROTOBUF",
            "not an Avro schema",
            id="Protobuf",
        ),
    ],
)
def test_check_names_a_source_that_we_could_not_read(
    schemas: Said, settings: Settings, registry_url: str, schema: str, kind: str, problem: str
) -> None:
    """Said beforehand, to a person; at run time each of its records would end in the DLQ."""
    schemas("apply")
    payments = source_subjects(settings)[RecordName.PAYMENT]
    register_foreign(registry_url, payments, schema, kind)
    code, out, _ = schemas("check")
    assert code == 5
    assert f"{payments}: registered version 1 does not fit: " in out
    assert problem in out


def test_guarded_registry_takes_what_our_evolution_allows_and_refuses_the_rest(
    schemas: Said, registry: Registry, settings: Settings
) -> None:
    """The registry's own judgement agrees with ours on new fields and symbols."""
    schemas("apply")
    subject = own_subjects(settings)[RecordName.INDEX_ENTRY]
    reply = own_subjects(settings)[RecordName.REPLY]
    required = with_added(RecordName.INDEX_ENTRY, {"name": "later", "type": "string"})
    with pytest.raises(SchemaIncompatible, match="ncompatible"):
        registry.register(subject, load_schema(RecordName.INDEX_ENTRY, 2, json.dumps(required)))
    optional = with_added(RecordName.INDEX_ENTRY, LATER_FIELD)
    registry.register(subject, load_schema(RecordName.INDEX_ENTRY, 2, json.dumps(optional)))
    more_symbols = current(RecordName.REPLY).text.replace('"ERROR"]', '"ERROR","LATER"]')
    assert more_symbols != current(RecordName.REPLY).text
    registry.register(reply, load_schema(RecordName.REPLY, 2, more_symbols))
    assert schemas("check")[0] == 0


def without(record: RecordName, name: str) -> Json:
    declared = copy.deepcopy(current(record).declared)
    declared["fields"] = [field for field in declared["fields"] if field["name"] != name]
    return declared


def with_type(record: RecordName, name: str, changed: Json) -> Json:
    declared = copy.deepcopy(current(record).declared)
    for field in declared["fields"]:
        if field["name"] == name:
            field["type"] = changed
    return declared


BREAKING: list[tuple[str, Json]] = [
    ("a field that readers need is gone", without(RecordName.INDEX_ENTRY, "certificateId")),
    (
        "a field is needed that writers do not know",
        with_added(RecordName.INDEX_ENTRY, {"name": "later", "type": "string"}),
    ),
    ("a text became a number", with_type(RecordName.INDEX_ENTRY, "certificateId", "long")),
    ("a number became wider", with_type(RecordName.INDEX_ENTRY, "at", "double")),
]


@pytest.mark.parametrize(("change", "declared"), BREAKING)
def test_breaking_change_fails_the_build_and_is_refused_by_the_registry_itself(
    schemas: Said, registry: Registry, settings: Settings, change: str, declared: Json
) -> None:
    """What the test of all published versions says here, a guarded registry says too."""
    schemas("apply")
    subject = own_subjects(settings)[RecordName.INDEX_ENTRY]
    problems = [
        problem
        for schema in published(RecordName.INDEX_ENTRY)
        for problem in incompatibilities(schema.declared, declared)
    ]
    assert problems, change
    with pytest.raises(SchemaIncompatible):
        registry.register(subject, load_schema(RecordName.INDEX_ENTRY, 2, json.dumps(declared)))
    assert len(registry.held(subject)) == len(published(RecordName.INDEX_ENTRY))


def test_record_of_a_later_version_is_read_by_the_schema_in_the_registry(
    schemas: Said, registry: Registry, settings: Settings
) -> None:
    """A neighbour upgrades first: its new field is dropped, its new symbol reads as UNKNOWN."""
    schemas("apply", "--with-sources")
    text = current(RecordName.PAYMENT).text.replace('"OTHER"]', '"OTHER","CRYPTO"]')
    later = with_added(RecordName.PAYMENT, LATER_FIELD)
    later["fields"] = [*json.loads(text)["fields"], LATER_FIELD]
    schema = load_schema(RecordName.PAYMENT, 3, json.dumps(later))
    schema_id = registry.register(source_subjects(settings)[RecordName.PAYMENT], schema)
    written = SAMPLES[RecordName.PAYMENT] | {"later": "new", "tender": "CRYPTO"}
    payload = _framed(schema_id, schema.parsed, written)
    decoded = ConfluentFraming(registry, value_subjects(settings)).decode(
        RecordName.PAYMENT, payload
    )
    assert decoded == SAMPLES[RecordName.PAYMENT] | {"tender": "UNKNOWN"}


def _framed(schema_id: int, parsed: Json, value: dict[str, object]) -> bytes:
    buffer = BytesIO()
    schemaless_writer(buffer, parsed, value)
    return b"\x00" + schema_id.to_bytes(4, "big") + buffer.getvalue()


def test_records_of_every_version_go_through_the_registry_s_framing(
    schemas: Said, settings: Settings
) -> None:
    schemas("apply", "--with-sources")
    framing = framing_for(settings, writes=RecordName)
    for record in RecordName:
        for schema in published(record):
            payload = framing.encode(record, sample_of(schema), version=schema.version)
            assert payload[0] == 0
            decoded = framing.decode(record, payload)
            assert {name: decoded[name] for name in sample_of(schema)} == sample_of(schema)
    framing.close()


def test_worker_without_its_schemas_in_the_registry_stops_at_its_start(
    settings: Settings,
) -> None:
    with pytest.raises(SchemaMissing, match=r"Command version 1 .* run `giftcert schemas apply`"):
        framing_for(settings, writes=[RecordName.COMMAND])


def test_record_by_an_id_the_registry_never_gave_is_broken(
    registry: Registry, settings: Settings
) -> None:
    framing = ConfluentFraming(registry, value_subjects(settings))
    with pytest.raises(BrokenRecord) as caught:
        framing.decode(RecordName.PAYMENT, b"\x00\x7f\xff\xff\xffabc")
    assert caught.value.code is BrokenCode.UNKNOWN_SCHEMA
