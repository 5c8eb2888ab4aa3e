"""The parts of the chart that follow from the program: settings, topics, the table of rights.

Owns how each is written down for the chart. `write_chart` puts them in their places, and
`test_chart_files` holds those to them.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic_settings import BaseSettings

from pipelines.acls.rights import Kind, Resource
from pipelines.acls.table import Names, rights
from pipelines.neighbours.bi.settings import BiSettings
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import Settings
from pipelines.topics import OURS, STATEFUL, Role, changelog_name, topic_name, wanted_topics

CHART: Final = Path(__file__).resolve().parents[2] / "helm" / "gift-certificates"

SET_BY_THE_CHART: Final[Mapping[str, str]] = {
    "GIFTCERT_BOOTSTRAP": "kafka.bootstrap",
    "GIFTCERT_SECURITY_PROTOCOL": "kafka.securityProtocol",
    "GIFTCERT_SASL_MECHANISM": "kafka.saslMechanism",
    "GIFTCERT_SASL_USERNAME": "secrets.kafka.principals.*.username",
    "GIFTCERT_SASL_PASSWORD_FILE": "secrets.kafka.principals.*.existingSecret",
    "GIFTCERT_SASL_TOKEN_URL": "kafka.oauth.tokenUrl",
    "GIFTCERT_SASL_CLIENT_ID": "secrets.kafka.principals.*.username",
    "GIFTCERT_SASL_CLIENT_SECRET_FILE": "secrets.kafka.principals.*.existingSecret",
    "GIFTCERT_SASL_SCOPE": "kafka.oauth.scope",
    "GIFTCERT_SASL_CA_LOCATION": "secrets.kafka.oauthAuthorities",
    "GIFTCERT_SSL_CA_LOCATION": "secrets.kafka.authorities",
    "GIFTCERT_SSL_CERTIFICATE_LOCATION": "secrets.kafka.principals.*.existingSecret",
    "GIFTCERT_SSL_KEY_LOCATION": "secrets.kafka.principals.*.existingSecret",
    "GIFTCERT_ACL_PRINCIPALS_FILE": "secrets.kafka.principals.*.aclPrincipal",
    "GIFTCERT_SCHEMA_REGISTRY_PASSWORD_FILE": "secrets.registry.password",
    "GIFTCERT_SCHEMA_REGISTRY_TOKEN_FILE": "secrets.registry.token",
    "GIFTCERT_SCHEMA_REGISTRY_CA_LOCATION": "secrets.registry.authorities",
    "GIFTCERT_TOPIC_PREFIX": "kafka.topicPrefix",
    "GIFTCERT_PARTITIONS": "kafka.partitions",
    "GIFTCERT_REPLICATION_FACTOR": "kafka.replicationFactor",
    "GIFTCERT_MIN_INSYNC_REPLICAS": "kafka.minInsyncReplicas",
    "GIFTCERT_WORKER_ID": "metadata.name of the pod",
    "GIFTCERT_STATE_DIR": "*.storage",
    "GIFTCERT_HTTP_HOST": "listenAddress",
    "GIFTCERT_HTTP_PORT": "*.port",
    "GIFTCERT_ADVERTISED_URL": "metadata.name of the pod, under its headless Service",
    "GIFTCERT_TLS_CERTIFICATE_LOCATION": "secrets.tls",
    "GIFTCERT_TLS_KEY_LOCATION": "secrets.tls",
    "GIFTCERT_TLS_CA_LOCATION": "secrets.tlsAuthorities",
    "GIFTCERT_TRACES_HEADERS_FILE": "secrets.traces.headers",
    "GIFTCERT_CLIENTS_FILE": "clients",
    "GIFTCERT_CVC_KEY_FILE": "secrets.cvcKeys",
    "GIFTCERT_CRM_CLIENT_SECRET_FILE": "secrets.crm.client",
    "GIFTCERT_CRM_SMS_SECRET_FILE": "secrets.crm.sms",
    "GIFTCERT_CRM_SMTP_PASSWORD_FILE": "secrets.crm.smtp",
    "GIFTCERT_CRM_ADDRESS_FILE": "secrets.crm.addresses",
    "GIFTCERT_CRM_ADDRESS_SECRET_FILE": "secrets.crm.directory",
    "GIFTCERT_CRM_CA_LOCATION": "secrets.crm.authorities",
    "GIFTCERT_BI_PASSWORD_FILE": "secrets.bi.mart",
    "GIFTCERT_BI_HTTP_PORT": "bi.port",
    "GIFTCERT_ENRICH_HTTP_PORT": "enrich.port",
}
"""Settings that are no key of a `settings` value, and where each comes from instead."""

NEVER: Final[Mapping[str, str]] = {
    "GIFTCERT_CVC_KEYS": "a secret does not travel in a variable: secrets.cvcKeys",
    "GIFTCERT_PROCESSING_GUARANTEE": "its other value is for tests",
    "GIFTCERT_CRM_TEMPLATES_DIR": "needs files of the image's owner: build an image with them",
    "GIFTCERT_BI_PAGE_DIR": "nobody serves the page from a pod: `giftcert bi report --json`",
}
"""Settings that the chart does not give at all, and why."""

SAME_EVERYWHERE: Final = ("GIFTCERT_CORRELATOR_GROUP", "GIFTCERT_PROCESSOR_GROUP")
"""Only for all pods alike: one that had another would work beside the others."""

_MODELS: Final[Mapping[str, tuple[str, type[BaseSettings]]]] = {
    "serviceSettings": ("GIFTCERT_", Settings),
    "crmSettings": ("GIFTCERT_CRM_", CrmSettings),
    "biSettings": ("GIFTCERT_BI_", BiSettings),
    "enrichSettings": ("GIFTCERT_ENRICH_", EnrichSettings),
}
_OF_A_PART: Final = {
    "workerSettings": (),
    "crmPodSettings": ("crmSettings",),
    "biPodSettings": ("biSettings",),
    "enrichPodSettings": ("enrichSettings",),
}
_TYPE_WORDS: Final = (
    "type",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
)
_PLACES_BEGIN: Final = "<!-- generated: places; `make docs` rewrites it -->\n"
_PLACES_END: Final = "<!-- end of places -->"
_POSTGRESQL: Final = {"type": "string", "pattern": "^postgres(ql)?://"}


def settings_definitions() -> dict[str, Any]:
    """The definitions of values.schema.json that hold `settings` values to the settings classes."""
    known = {name: _properties(prefix, model) for name, (prefix, model) in _MODELS.items()}
    # The chart's own volume has the file; a value names a database.
    known["biSettings"]["GIFTCERT_BI_MART"] |= _POSTGRESQL
    service = known["serviceSettings"]
    worker = {name: form for name, form in service.items() if name not in SAME_EVERYWHERE}
    definitions = {"serviceSettings": _closed(service)}
    for part, more in _OF_A_PART.items():
        own = {name: form for each in more for name, form in known[each].items()}
        definitions[part] = _closed({**worker, **own})
    return definitions


def every_setting() -> set[str]:
    """Every variable of the service and of the neighbours that the chart runs."""
    return {
        f"{prefix}{name.upper()}"
        for prefix, model in _MODELS.values()
        for name in model.model_fields
    }


def topics_file() -> str:
    """files/topics.json: our topics and changelogs, with words in braces for what values say."""
    settings = _settings_of_words()
    slugs = {topic_name(each, settings): each.name.rpartition(".")[2].lower() for each in OURS}
    for role in Role:
        for topic in STATEFUL[role]:
            slug = f"changelog-{role.value}-{topic.name.rpartition('.')[2].lower()}"
            slugs[changelog_name(role, topic, settings)] = slug
    rows = [
        {
            "resource": slugs[wanted.name],
            "name": _in_words(wanted.name),
            "config": {
                option: value
                for option, value in sorted(wanted.config.items())
                if option != "min.insync.replicas"
            },
        }
        for wanted in wanted_topics(settings)
        if not wanted.is_source
    ]
    return _rows_text(rows)


def rights_file() -> str:
    """files/rights.json: for each principal what it may do, in Strimzi's words."""
    settings = _settings_of_words()
    names = Names.of(
        settings,
        CrmSettings.model_construct(group="WORDcrmGroup"),
        EnrichSettings(
            orders_topic="WORDenrichOrders",
            payments_topic="WORDenrichPayments",
            output_topic="WORDenrichOutput",
            group="WORDenrichGroup",
        ),
    )
    told: dict[str, list[dict[str, Any]]] = {}
    for right in rights(settings, names):
        told.setdefault(right.principal.value, []).append(
            {**_resource(right.resource), "operations": sorted(right.operations)}
        )
    lines = [f"  {json.dumps(name)}: {_rows_text(rows).strip()}" for name, rows in told.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


GENERATED_FILES: Final[Mapping[str, Callable[[], str]]] = {
    "files/topics.json": topics_file,
    "files/rights.json": rights_file,
}


def with_places(page: str) -> str:
    """The chart's README, with the table of settings that are no key of `settings`."""
    rows = [f"| `{name}` | `{place}` |" for name, place in SET_BY_THE_CHART.items()]
    rows += [f"| `{name}` | never: {why} |" for name, why in NEVER.items()]
    table = "\n".join(["", "| setting | where it comes from |", "|---|---|", *rows, "", ""])
    head, begin, rest = page.partition(_PLACES_BEGIN)
    _, end, tail = rest.partition(_PLACES_END)
    assert begin, "the page has no place for the table"
    assert end, "the table's place has no end"
    return f"{head}{begin}{table}{end}{tail}"


def with_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the values, with the definitions of the settings as they are now."""
    return {**schema, "$defs": {**schema["$defs"], **settings_definitions()}}


def _properties(prefix: str, model: type[BaseSettings]) -> dict[str, dict[str, Any]]:
    described = model.model_json_schema()["properties"]
    found = {}
    for name in model.model_fields:
        variable = f"{prefix}{name.upper()}"
        if variable not in SET_BY_THE_CHART and variable not in NEVER:
            found[variable] = _form(described[name])
    return found


def _form(described: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON Schema and Helm can hold a value to; the rest the program says itself."""
    forms = [form for form in described.get("anyOf", [described]) if form.get("type") != "null"]
    (form,) = forms
    return {word: form[word] for word in _TYPE_WORDS if word in form}


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _settings_of_words() -> Settings:
    """Settings whose names are words that nothing else has, to be found again in longer names."""
    return Settings(
        topic_prefix="WORDprefix",
        correlator_group="WORDcorrelatorGroup",
        processor_group="WORDprocessorGroup",
    )


def _in_words(name: str) -> str:
    words = "prefix|correlatorGroup|processorGroup|crmGroup|enrichOrders|enrichPayments"
    return re.sub(f"WORD({words}|enrichOutput|enrichGroup)", r"{\1}", name)


def _resource(resource: Resource) -> dict[str, str]:
    kinds = {
        Kind.TOPIC: "topic",
        Kind.GROUP: "group",
        Kind.TRANSACTION: "transactionalId",
        Kind.CLUSTER: "cluster",
    }
    pattern = "prefix" if resource.prefixed else "literal"
    return {
        "type": kinds[resource.kind],
        "name": _in_words(resource.name),
        "patternType": pattern,
    }


def _rows_text(rows: list[dict[str, Any]]) -> str:
    """One row a line: a change is a line of its own."""
    return "[\n" + ",\n".join(f"    {json.dumps(row)}" for row in rows) + "\n]\n"
