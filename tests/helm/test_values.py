"""Values that are wrong are refused, in words that say what to do; wrong ones in one line each."""

from typing import Any

import pytest

from pipelines.runtime_store import KeptOptions
from pipelines.settings import Settings
from pipelines.topics import STATEFUL, Role
from tests.helm.chart_files import CHART
from tests.helm.rendered import Helm, Variant
from tests.helm.variants import EVERY_PART, over

NOT_OF_THE_FORM: list[tuple[str, dict[str, Any], str]] = [
    ("unknown value", {"processor": {"replcas": 3}}, "'replcas' not allowed"),
    ("unknown setting", {"settings": {"GIFTCERT_POOL_LOW": 1}}, "'GIFTCERT_POOL_LOW' not allowed"),
    ("text for a number", {"settings": {"GIFTCERT_POOL_LOW_MARK": "x"}}, "want integer"),
    ("number out of bounds", {"settings": {"GIFTCERT_CVC_DIGITS": 9}}, "maximum"),
    ("word that is none", {"settings": {"GIFTCERT_LOG_LEVEL": "LOUD"}}, "must be one of"),
    (
        "setting that the chart gives",
        {"settings": {"GIFTCERT_WORKER_ID": "me"}},
        "'GIFTCERT_WORKER_ID' not allowed",
    ),
    (
        "secret as a value",
        {"settings": {"GIFTCERT_CVC_KEYS": "{}"}},
        "'GIFTCERT_CVC_KEYS' not allowed",
    ),
    (
        "promise given up",
        {"settings": {"GIFTCERT_PROCESSING_GUARANTEE": "UNSAFE-at-least-once-for-tests"}},
        "'GIFTCERT_PROCESSING_GUARANTEE' not allowed",
    ),
    (
        "group of one pod alone",
        {"processor": {"settings": {"GIFTCERT_PROCESSOR_GROUP": "mine"}}},
        "'GIFTCERT_PROCESSOR_GROUP' not allowed",
    ),
    (
        "neighbour's setting for all",
        {"settings": {"GIFTCERT_CRM_SMS_URL": "https://sms.example"}},
        "'GIFTCERT_CRM_SMS_URL' not allowed",
    ),
    ("tag that moves", {"image": {"tag": "latest"}}, "/image/tag"),
    ("digest cut short", {"image": {"digest": "sha256:12"}}, "/image/digest"),
    ("environment that is none", {"environment": "staging"}, "must be one of"),
    ("brokers without a port", {"kafka": {"bootstrap": "kafka"}}, "/kafka/bootstrap"),
    ("password for a Secret", {"secrets": {"cvcKeys": {"value": "x"}}}, "'value' not allowed"),
    ("pod without limits", {"processor": {"resources": {"limits": None}}}, "limits"),
    ("held what is no worker", {"upgrade": {"hold": "crm"}}, "must be one of"),
    ("no replicas", {"processor": {"replicas": 0}}, "minimum"),
    ("channel that is none", {"clients": {"till": {"channel": "SHOP"}}}, "must be one of"),
    ("root", {"user": {"runAsUser": 0}}, "minimum"),
    ("names from no port", {"networkPolicy": {"dns": {"ports": []}}}, "/networkPolicy/dns/ports"),
    ("pod that ends at once", {"operator": {"lifetimeSeconds": 5}}, "/operator/lifetimeSeconds"),
    ("mart as a file", {"bi": {"settings": {"GIFTCERT_BI_MART": "/x"}}}, "GIFTCERT_BI_MART"),
]

DO_NOT_FIT: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "more processors than partitions",
        "qa",
        {"processor": {"replicas": 7}},
        "processor.replicas is 7, and kafka.partitions 6",
    ),
    (
        "more correlators than partitions",
        "qa",
        {"correlator": {"replicas": 7}},
        "correlator.replicas is 7, and kafka.partitions 6",
    ),
    (
        "more correlators for lag than partitions",
        "prod",
        {"keda": {"maxReplicas": 25}},
        "keda.maxReplicas is 25, and kafka.partitions 24",
    ),
    (
        "KEDA without a login",
        "prod",
        {"keda": {"authentication": {"name": ""}}},
        "name a TriggerAuthentication",
    ),
    (
        "worker that dies of another's partitions",
        "prod",
        {"processor": {"replicas": 2, "resources": {"limits": {"memory": "1567Mi"}}}},
        "another has 24 partitions and takes 1568 MiB in a backlog; raise it to 1568Mi",
    ),
    (
        "correlator that dies of another's partitions",
        "prod",
        {"correlator": {"resources": {"limits": {"memory": "0.75Gi"}}}},
        "takes 800 MiB in a backlog; raise it to 800Mi, raise keda.minReplicas",
    ),
    (
        "more copies in sync than copies",
        "dev",
        {"kafka": {"minInsyncReplicas": 2}},
        "kafka.minInsyncReplicas is above",
    ),
    (
        "production with one copy",
        "prod",
        {"kafka": {"replicationFactor": 1, "minInsyncReplicas": 1}},
        "environment prod needs kafka.replicationFactor 3",
    ),
    (
        "production that one broker stops",
        "prod",
        {"kafka": {"minInsyncReplicas": 3}},
        "kafka.minInsyncReplicas below kafka.replicationFactor",
    ),
    (
        "production in the clear",
        "prod",
        {"kafka": {"securityProtocol": "SASL_PLAINTEXT"}},
        "use SASL_SSL or SSL",
    ),
    ("production with one processor", "prod", {"processor": {"replicas": 1}}, "replicas 2 or more"),
    (
        "production without a policy",
        "prod",
        {"networkPolicy": {"enabled": False}},
        "prod needs networkPolicy.enabled",
    ),
    (
        "production whose pods speak in the clear",
        "prod",
        {"secrets": {"tls": {"existingSecret": ""}}},
        "environment prod needs secrets.tls.existingSecret",
    ),
    (
        "production with an issuer in the clear",
        "prod",
        {"serviceMesh": True, "settings": {"GIFTCERT_TOKEN_ISSUER": "http://sso.example"}},
        "environment prod with settings.GIFTCERT_TOKEN_ISSUER of http://",
    ),
    (
        "production where one part has keys in the clear",
        "prod",
        {"processor": {"settings": {"GIFTCERT_TOKEN_JWKS_URL": "HTTP://sso.example/keys"}}},
        "environment prod with processor.settings.GIFTCERT_TOKEN_JWKS_URL of http://",
    ),
    (
        "production that makes others' topics",
        "prod",
        {"jobs": {"topics": {"withSources": True}}},
        "made by their owners",
    ),
    (
        "others' topics by who may not make them",
        "qa",
        {"jobs": {"topics": {"withSources": True}}},
        "jobs.topics.withSources with kafka.securityProtocol SASL_SSL: the operator has no right",
    ),
    ("no issuer", "dev", {"settings": {"GIFTCERT_TOKEN_ISSUER": ""}}, "GIFTCERT_TOKEN_ISSUER"),
    ("nobody may call", "dev", {"clients": None}, "clients is empty"),
    (
        "no keys of the codes",
        "dev",
        {"secrets": {"cvcKeys": {"existingSecret": ""}}},
        "secrets.cvcKeys.existingSecret is not set",
    ),
    (
        "a part without its login",
        "qa",
        {"enrich": {"enabled": True}},
        "secrets.kafka.principals.enrich.existingSecret is not set",
    ),
    (
        "less time to end than a commit takes",
        "dev",
        {"settings": {"GIFTCERT_TRANSACTION_TIMEOUT_MS": 60_000}},
        "processor.terminationGracePeriodSeconds is 45",
    ),
    ("CRM without a gateway", "dev", {"crm": {"enabled": True}}, "crm.settings names no gateway"),
    (
        "addresses from two sources",
        "qa",
        {"secrets": {"crm": {"addresses": {"existingSecret": "crm"}}}},
        "two sources of addresses: give one",
    ),
    (
        "half a login to the mail server",
        "qa",
        {"secrets": {"crm": {"smtp": {"existingSecret": "crm"}}}},
        "GIFTCERT_CRM_SMTP_USER go together",
    ),
    (
        "half a login to the registry",
        "qa",
        {"settings": {"GIFTCERT_SCHEMA_REGISTRY_USERNAME": "giftcert"}},
        "GIFTCERT_SCHEMA_REGISTRY_USERNAME go together",
    ),
    ("way in for every host", "qa", {"ingress": {"host": ""}}, "ingress.host is not set"),
    (
        "way in that nobody may take",
        "qa",
        {"networkPolicy": {"callers": []}},
        "networkPolicy.callers is empty",
    ),
    (
        "two who make the topics",
        "qa",
        {"strimzi": {"cluster": "events", "topics": {"enabled": True}}},
        "strimzi.topics and jobs.topics both make the topics",
    ),
    (
        "two who give rights",
        "qa",
        {"strimzi": {"cluster": "events", "users": {"enabled": True}}},
        "strimzi.users and jobs.acls both give rights",
    ),
    (
        "topics made with a login that is made later",
        "qa",
        {"jobs": {"acls": {"enabled": False}}, "strimzi": {"users": {"enabled": True}}},
        "enable strimzi.topics, and set jobs.topics.enabled=false",
    ),
    (
        "password among the values",
        "prod",
        {"bi": {"settings": {"GIFTCERT_BI_MART": "postgresql://bi:word@reports.example/bi"}}},
        "name its Secret in secrets.bi.mart",
    ),
    (
        "rights where nobody logs in",
        "dev",
        {"jobs": {"acls": {"enabled": True}}},
        "jobs.acls.enabled needs a login",
    ),
    (
        "Gateway that would speak plain HTTP to pods of HTTPS",
        "prod",
        {"gateway": {"backendTls": {"authoritiesConfigMap": ""}}},
        "gateway.backendTls.authoritiesConfigMap is not set",
    ),
    (
        "alerts whose pages are nowhere",
        "prod",
        {"monitoring": {"runbookBase": ""}},
        "environment prod with monitoring.rules needs monitoring.runbookBase",
    ),
    (
        "the collector's token in the clear",
        "qa",
        {"secrets": {"traces": {"headers": {"existingSecret": "collector"}}}},
        "settings.GIFTCERT_TRACES_URL of http:// with secrets.traces.headers",
    ),
    (
        "the collector's token in the clear from one part",
        "prod",
        {
            "secrets": {"traces": {"headers": {"existingSecret": "collector"}}},
            "crm": {"settings": {"GIFTCERT_TRACES_URL": "http://traces.example/v1/traces"}},
        },
        "crm.settings.GIFTCERT_TRACES_URL of http:// with secrets.traces.headers",
    ),
    (
        "route to no gateway",
        "prod",
        {"gateway": {"parentRefs": []}},
        "gateway.parentRefs is empty",
    ),
]


@pytest.mark.parametrize(
    ("values", "said"),
    [pytest.param(values, said, id=name) for name, values, said in NOT_OF_THE_FORM],
)
def test_value_of_a_wrong_form_is_refused_by_the_schema_with_its_name(
    helm: Helm, values: dict[str, Any], said: str
) -> None:
    refusal = helm.refusal(Variant(files=("values-dev.yaml",), values=values))
    assert "values don't meet the specifications of the schema" in refusal
    assert said in refusal, refusal


@pytest.mark.parametrize(
    ("file", "values", "said"),
    [pytest.param(file, values, said, id=name) for name, file, values, said in DO_NOT_FIT],
)
def test_values_that_are_wrong_together_are_refused_with_what_to_do(
    helm: Helm, file: str, values: dict[str, Any], said: str
) -> None:
    refusal = helm.refusal(Variant(files=(f"values-{file}.yaml",), values=values))
    assert "These values do not fit:" in refusal
    assert said in refusal, refusal


def test_production_in_a_service_mesh_does_without_certificates_of_its_own(helm: Helm) -> None:
    values = {"serviceMesh": True, "secrets": {"tls": {"existingSecret": ""}}}
    objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
    assert "GIFTCERT_TLS_CERTIFICATE_LOCATION" not in str(objects)


@pytest.mark.parametrize("limit", ["1568Mi", "1.54Gi", "1645M", "2G", "1644167168"])
def test_memory_that_holds_what_a_worker_takes_is_not_refused(helm: Helm, limit: str) -> None:
    values = {"processor": {"replicas": 2, "resources": {"limits": {"memory": limit}}}}
    assert helm.objects(Variant(files=("values-prod.yaml",), values=values))


def test_check_of_memory_reckons_with_the_stores_that_a_worker_has() -> None:
    checks = (CHART / "templates" / "checks.yaml").read_text(encoding="utf-8")
    counted = " ".join(f'"{role.value}" {len(STATEFUL[role])}' for role in Role)
    assert f"dict {counted} " in checks
    assert f"mul $partitions $stores {KeptOptions().write_buffer_size // 2**20})" in checks
    cache = Settings.model_fields["block_cache_bytes"].default
    assert f'"GIFTCERT_BLOCK_CACHE_BYTES") | default {cache})' in checks


def test_gateway_that_is_told_in_another_way_gets_no_policy_for_the_pods(helm: Helm) -> None:
    values = {"gateway": {"backendTls": {"enabled": False, "authoritiesConfigMap": ""}}}
    objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
    kinds = {each["kind"] for each in objects}
    assert "HTTPRoute" in kinds
    assert "BackendTLSPolicy" not in kinds


def test_chart_without_any_values_says_everything_that_it_needs_at_once(helm: Helm) -> None:
    refusal = helm.refusal(Variant(files=(), values={}))
    for name in ("image.repository", "kafka.bootstrap", "GIFTCERT_TOKEN_ISSUER", "clients"):
        assert f"  - {name}" in refusal or f"  - settings.{name}" in refusal, refusal


def test_false_of_one_part_wins_over_true_of_all_and_large_numbers_stay_whole(helm: Helm) -> None:
    values = over(
        EVERY_PART,
        {
            "settings": {"GIFTCERT_ACCEPT_UNMARKED_PAYMENTS": True, "GIFTCERT_POOL_LOW_MARK": 7},
            "correlator": {"settings": {"GIFTCERT_ACCEPT_UNMARKED_PAYMENTS": False}},
            "processor": {
                "settings": {"GIFTCERT_POOL_LOW_MARK": 0, "GIFTCERT_BLOCK_CACHE_BYTES": 2**40},
                "resources": {"limits": {"memory": "2Ti"}},
            },
        },
    )
    told = {}
    for each in helm.objects(Variant(files=("values-dev.yaml",), values=values)):
        if each["kind"] == "StatefulSet":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            told[container["name"]] = {one["name"]: one.get("value") for one in container["env"]}
    assert told["correlator"]["GIFTCERT_ACCEPT_UNMARKED_PAYMENTS"] == "false"
    assert told["processor"]["GIFTCERT_ACCEPT_UNMARKED_PAYMENTS"] == "true"
    assert told["correlator"]["GIFTCERT_POOL_LOW_MARK"] == "7"
    assert told["processor"]["GIFTCERT_POOL_LOW_MARK"] == "0"
    assert told["processor"]["GIFTCERT_BLOCK_CACHE_BYTES"] == "1099511627776"
