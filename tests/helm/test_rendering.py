"""The chart renders: linted, valid to three versions of Kubernetes, and nothing unexpected."""

import json
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils

from http_edge.api.calls import API
from http_edge.api.documentation_routes import DOCS_PATH, OPENAPI_PATH
from tests.helm.chart_files import CHART
from tests.helm.rendered import KUBERNETES, Helm, Variant, all_of, one
from tests.helm.variants import MATRIX

CUSTOM_KINDS: dict[str, tuple[str, set[str]]] = {
    "BackendTLSPolicy": ("gateway.networking.k8s.io/v1", {"targetRefs", "validation"}),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", {"parentRefs", "hostnames", "rules"}),
    "KafkaTopic": (
        "kafka.strimzi.io/v1beta2",
        {"topicName", "partitions", "replicas", "config"},
    ),
    "KafkaUser": ("kafka.strimzi.io/v1beta2", {"authentication", "authorization"}),
    "PodMonitor": ("monitoring.coreos.com/v1", {"selector", "podMetricsEndpoints"}),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}),
    "ScaledObject": (
        "keda.sh/v1alpha1",
        {
            "scaleTargetRef",
            "minReplicaCount",
            "maxReplicaCount",
            "pollingInterval",
            "cooldownPeriod",
            "advanced",
            "triggers",
        },
    ),
}
"""Kinds that operators bring: their version, and what their `spec` may have."""

OUR_RUNBOOKS = "https://gift-certificates.example/docs/runbooks"
PROD_RUNBOOKS = "https://docs.example/gift-certificates/runbooks"


def test_chart_with_the_files_that_come_with_it_is_linted_strictly_without_a_word(
    helm: Helm,
) -> None:
    for name in ("dev", "qa", "prod"):
        linted = helm.lint(MATRIX[name])
        assert linted.returncode == 0, linted.stdout
        assert "[WARNING]" not in linted.stdout, linted.stdout
        assert "[ERROR]" not in linted.stdout, linted.stdout


@pytest.fixture(scope="module")
def every_object(helm: Helm) -> list[dict[str, Any]]:
    """What all variants render, each different object once."""
    objects = (each for variant in MATRIX.values() for each in helm.objects(variant))
    return list({json.dumps(each, sort_keys=True): each for each in objects}.values())


@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_every_object_of_every_variant_fits_the_schemas_of_that_kubernetes(
    every_object: list[dict[str, Any]], kubernetes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would read a megabyte of definitions anew for each object.
    monkeypatch.setattr(utils, "schema_contents", cache(utils.schema_contents))
    for each in every_object:
        if each["kind"] not in CUSTOM_KINDS:
            kubernetes_validate.validate(each, kubernetes, strict=True)


@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_object_with_a_field_that_kubernetes_does_not_have_is_noticed(
    every_object: list[dict[str, Any]], kubernetes: str
) -> None:
    wrong = json.loads(json.dumps(one(every_object[:20], "PodDisruptionBudget", "-processor")))
    wrong["spec"]["maxUnavialable"] = 1
    with pytest.raises(kubernetes_validate.ValidationError, match="maxUnavialable"):
        kubernetes_validate.validate(wrong, kubernetes, strict=True)


def test_every_object_of_a_kind_that_operators_bring_has_the_version_and_fields_it_may_have(
    every_object: list[dict[str, Any]],
) -> None:
    for each in every_object:
        if each["kind"] in CUSTOM_KINDS:
            version, fields = CUSTOM_KINDS[each["kind"]]
            assert each["apiVersion"] == version
            assert set(each["spec"]) <= fields, each["metadata"]["name"]
    assert {each["kind"] for each in every_object} >= set(CUSTOM_KINDS)


@pytest.mark.parametrize("variant", MATRIX.values(), ids=MATRIX)
def test_names_and_labels_of_objects_are_ones_that_kubernetes_takes(
    helm: Helm, variant: Variant
) -> None:
    objects = helm.objects(variant)
    places = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(places)) == len(places), "two objects of one name"
    for each in objects:
        assert len(each["metadata"]["name"]) <= 63, each["metadata"]["name"]
        for value in each["metadata"]["labels"].values():
            assert len(value) <= 63, (each["metadata"]["name"], value)


def test_longest_release_name_leaves_room_for_the_hash_of_a_pod(helm: Helm) -> None:
    """A StatefulSet's name and eleven characters make a label, of 63 at most."""
    name = "a" * 40
    values = {"fullnameOverride": name, "enrich": {"enabled": True}}
    objects = helm.objects(Variant(files=("values-dev.yaml",), values=values))
    for each in all_of(objects, "StatefulSet"):
        assert len(each["metadata"]["name"]) + 11 <= 63
    for each in all_of(objects, "Service"):
        assert len(each["metadata"]["name"]) <= 63


def test_outside_ways_lead_to_the_api_and_never_to_figures_or_internal_calls(helm: Helm) -> None:
    values: dict[str, Any] = {
        "ingress": {"enabled": True, "host": "gifts.example", "tlsSecret": "t"}
    }
    variant = Variant(files=("values-prod.yaml",), values=values)
    public = {f"/{call.path.split('/')[1]}" for call in API}
    assert _paths(helm.objects(variant)) == (public, public)
    for kind in ("ingress", "gateway"):
        values.setdefault(kind, {})["documentation"] = True
    shown = public | {DOCS_PATH, OPENAPI_PATH}
    assert _paths(helm.objects(variant)) == (shown, shown)


def _paths(objects: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """The beginnings of paths that an Ingress and an HTTPRoute let in."""
    (rule,) = one(objects, "Ingress", "gift-certificates")["spec"]["rules"]
    (matched,) = one(objects, "HTTPRoute", "gift-certificates")["spec"]["rules"]
    return (
        {each["path"] for each in rule["http"]["paths"]},
        {each["path"]["value"] for each in matched["matches"]},
    )


def test_dashboards_and_rules_come_through_as_they_are(helm: Helm) -> None:
    objects = helm.objects(MATRIX["prod"])
    rules = [each["spec"]["groups"] for each in all_of(objects, "PrometheusRule")]
    files = sorted((CHART / "rules").glob("*.yaml"))
    for path in files:
        text = path.read_text(encoding="utf-8").replace(OUR_RUNBOOKS, PROD_RUNBOOKS)
        assert [_of_the_namespace(group) for group in yaml.safe_load(text)["groups"]] in rules, path
    assert len(rules) == len(files)
    shown = {
        name: text
        for each in all_of(objects, "ConfigMap")
        for name, text in each["data"].items()
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    }
    for path in (CHART / "dashboards").glob("*.json"):
        assert json.loads(shown[path.name]) == json.loads(path.read_text(encoding="utf-8"))


def _of_the_namespace(group: dict[str, Any]) -> dict[str, Any]:
    """A group of a file, as the chart gives it out for its own namespace."""
    for rule in group["rules"]:
        if "absent(" in rule["expr"]:
            rule["expr"] = rule["expr"].replace("absent(up{", 'absent(up{namespace="shop", ')
            rule["labels"]["namespace"] = "shop"
    return group


def test_rules_about_what_is_missing_look_at_the_releases_own_namespace(helm: Helm) -> None:
    """Else one installation that runs would hide that another does not."""
    missing = {
        rule["alert"]: rule
        for each in all_of(helm.objects(MATRIX["prod"]), "PrometheusRule")
        for group in each["spec"]["groups"]
        for rule in group["rules"]
        if "absent" in rule["expr"]
    }
    assert set(missing) == {"ServiceDown", "CrmGone", "BiGone", "AuditorGone"}
    for name, rule in missing.items():
        asked = rule["expr"].count("absent")
        assert rule["expr"].count('absent(up{namespace="shop", job="gift-certificates"') == asked
        # Alertmanager holds back what follows from it by this label, which nothing absent has.
        assert rule["labels"]["namespace"] == "shop", name


def test_rules_about_a_part_that_is_not_there_are_left_out(helm: Helm) -> None:
    values = {"crm": {"enabled": False}, "bi": {"enabled": False}, "auditor": {"enabled": False}}
    objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
    told = {each["metadata"]["name"] for each in all_of(objects, "PrometheusRule")}
    left_out = {f"gifts-gift-certificates-{name}" for name in ("bi", "crm", "laws")}
    every = {
        each["metadata"]["name"] for each in all_of(helm.objects(MATRIX["prod"]), "PrometheusRule")
    }
    assert told == every - left_out
    assert left_out <= every


def test_runbooks_of_ones_own_take_the_place_of_ours_in_every_rule(helm: Helm) -> None:
    values = {"monitoring": {"runbookBase": "https://wiki.example/gifts/"}}
    objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
    text = str(all_of(objects, "PrometheusRule"))
    assert OUR_RUNBOOKS not in text
    assert ("https://wiki.example/gifts/" in text) == bool(all_of(objects, "PrometheusRule"))


def test_figures_are_scraped_of_every_worker_under_the_labels_that_rules_go_by(helm: Helm) -> None:
    objects = helm.objects(MATRIX["prod"])
    monitor = one(objects, "PodMonitor", "gift-certificates")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    labels = {each["targetLabel"]: each for each in endpoint["relabelings"]}
    assert labels["job"]["replacement"] == "gift-certificates"
    assert labels["component"]["sourceLabels"] == [
        "__meta_kubernetes_pod_label_app_kubernetes_io_component"
    ]
    for each in all_of(objects, "StatefulSet"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        assert [port["name"] for port in container["ports"]] == [endpoint["port"]]
