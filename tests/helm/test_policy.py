"""What holds of every pod of every variant: who it may be, what it may touch, how much it gets.

A table of rules over rendered containers. Each rule says what is wrong, or nothing.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.settings import Settings
from tests.helm.rendered import Container, Helm, Variant, all_of, containers, one
from tests.helm.variants import MATRIX, over

Rule = Callable[[Container], Iterator[str]]


def image_is_pinned(each: Container) -> Iterator[str]:
    """By a digest, or by a tag that names one version."""
    image = each.spec["image"]
    _, _, digest = image.partition("@")
    tag = image.rpartition("/")[2].partition(":")[2]
    if digest:
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            yield f"{image} has no whole digest"
    elif tag in {"", "latest", "main", "master"}:
        yield f"{image} is a tag that moves"


def resources_are_bounded(each: Container) -> Iterator[str]:
    for side in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in each.spec.get("resources", {}).get(side, {}):
                yield f"no {what} in its {side}"


def nobody_is_root(each: Container) -> Iterator[str]:
    security = each.pod["spec"].get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "may run as root"
    if security.get("runAsUser") == 0:
        yield "runs as root"


def root_file_system_is_read_only(each: Container) -> Iterator[str]:
    if each.spec.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
        yield "its root file system can be written"
    written = {mount["mountPath"] for mount in each.spec["volumeMounts"]} - {
        mount["mountPath"] for mount in each.spec["volumeMounts"] if mount.get("readOnly")
    }
    if not written <= {"/tmp", "/var/lib/giftcert"}:
        yield f"writes to {sorted(written)}"


def privileges_are_dropped(each: Container) -> Iterator[str]:
    security = each.spec.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "may gain privileges"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if each.pod["spec"].get(field):
            yield f"has {field}"


def system_calls_are_filtered(each: Container) -> Iterator[str]:
    profile = each.pod["spec"].get("securityContext", {}).get("seccompProfile", {})
    if profile.get("type") != "RuntimeDefault":
        yield "has no seccomp profile"


def cluster_gives_it_no_token(each: Container) -> Iterator[str]:
    if each.pod["spec"].get("automountServiceAccountToken") is not False:
        yield "is given a token of the cluster"
    if each.pod["spec"].get("enableServiceLinks") is not False:
        yield "is given variables that look like settings"


def secrets_come_as_files(each: Container) -> Iterator[str]:
    """By reference, read-only, for their own group; never in a variable."""
    for variable in each.spec["env"]:
        source = variable.get("valueFrom", {"fieldRef": {}})
        if set(source) != {"fieldRef"}:
            yield f"{variable['name']} comes from {sorted(source)}"
    if each.spec.get("envFrom"):
        yield "takes variables from somewhere"
    for volume in each.pod["spec"]["volumes"]:
        if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
            yield f"{volume['name']} can be read by anybody"
        if "hostPath" in volume:
            yield f"{volume['name']} is of the node"


def worker_is_probed(each: Container) -> Iterator[str]:
    if not each.is_worker:
        return
    wanted = {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    for probe, path in wanted.items():
        if each.spec.get(probe, {}).get("httpGet", {}).get("path") != path:
            yield f"its {probe} does not ask {path}"


def mounts_and_volumes_are_the_same(each: Container) -> Iterator[str]:
    claims = each.owner["spec"].get("volumeClaimTemplates", ())
    there = {volume["name"] for volume in each.pod["spec"]["volumes"]}
    there |= {claim["metadata"]["name"] for claim in claims}
    mounted = {mount["name"] for mount in each.spec["volumeMounts"]}
    if there != mounted:
        yield f"has {sorted(there)} and mounts {sorted(mounted)}"


RULES: tuple[Rule, ...] = (
    image_is_pinned,
    resources_are_bounded,
    nobody_is_root,
    root_file_system_is_read_only,
    privileges_are_dropped,
    system_calls_are_filtered,
    cluster_gives_it_no_token,
    secrets_come_as_files,
    worker_is_probed,
    mounts_and_volumes_are_the_same,
)

FORGERIES: list[tuple[Rule, Callable[[Container], object]]] = [
    (image_is_pinned, lambda it: it.spec.update(image="registry.example/x:latest")),
    (image_is_pinned, lambda it: it.spec.update(image="registry.example:5000/x")),
    (image_is_pinned, lambda it: it.spec.update(image="registry.example/x@sha256:12")),
    (resources_are_bounded, lambda it: it.spec["resources"]["limits"].pop("memory")),
    (nobody_is_root, lambda it: it.pod["spec"]["securityContext"].pop("runAsNonRoot")),
    (nobody_is_root, lambda it: it.pod["spec"]["securityContext"].update(runAsUser=0)),
    (root_file_system_is_read_only, lambda it: it.spec["securityContext"].clear()),
    (
        root_file_system_is_read_only,
        lambda it: it.spec["volumeMounts"].append({"name": "x", "mountPath": "/etc"}),
    ),
    (
        privileges_are_dropped,
        lambda it: it.spec["securityContext"].update(allowPrivilegeEscalation=True),
    ),
    (privileges_are_dropped, lambda it: it.spec["securityContext"].pop("capabilities")),
    (privileges_are_dropped, lambda it: it.pod["spec"].update(hostNetwork=True)),
    (
        system_calls_are_filtered,
        lambda it: it.pod["spec"]["securityContext"].pop("seccompProfile"),
    ),
    (
        cluster_gives_it_no_token,
        lambda it: it.pod["spec"].update(automountServiceAccountToken=True),
    ),
    (cluster_gives_it_no_token, lambda it: it.pod["spec"].pop("enableServiceLinks")),
    (
        secrets_come_as_files,
        lambda it: it.spec["env"].append({"name": "X", "valueFrom": {"secretKeyRef": {}}}),
    ),
    (
        secrets_come_as_files,
        lambda it: it.pod["spec"]["volumes"].append({"name": "x", "secret": {}}),
    ),
    (worker_is_probed, lambda it: it.spec.pop("livenessProbe")),
    (mounts_and_volumes_are_the_same, lambda it: it.spec["volumeMounts"].pop()),
]


@pytest.mark.parametrize("rule", RULES)
def test_every_container_of_every_variant_keeps_the_rule(helm: Helm, rule: Rule) -> None:
    breaches = [
        f"{name}: {each.name} {breach}"
        for name, variant in MATRIX.items()
        for each in containers(helm.objects(variant))
        for breach in rule(each)
    ]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize(("rule", "forge"), FORGERIES)
def test_container_that_breaks_the_rule_is_noticed(
    helm: Helm, rule: Rule, forge: Callable[[Container], object]
) -> None:
    found = containers([one(helm.objects(MATRIX["qa"]), "StatefulSet", "-processor")])
    assert not list(rule(found[0]))
    forge(found[0])
    assert list(rule(found[0]))


def test_no_rendered_value_is_one_of_a_setting_that_is_secret(helm: Helm) -> None:
    """Settings whose value itself is a secret are never given: only those that name its file."""
    secret = {
        f"GIFTCERT_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert secret == {"GIFTCERT_CVC_KEYS"}
    for variant in MATRIX.values():
        for each in containers(helm.objects(variant)):
            assert secret.isdisjoint(variable["name"] for variable in each.spec["env"])
        assert not all_of(helm.objects(variant), "Secret")


def test_service_accounts_give_no_token_and_hooks_have_one_before_the_release_is_there(
    helm: Helm,
) -> None:
    for variant in MATRIX.values():
        objects = helm.objects(variant)
        accounts = {each["metadata"]["name"]: each for each in all_of(objects, "ServiceAccount")}
        for account in accounts.values():
            assert account["automountServiceAccountToken"] is False
        for job in all_of(objects, "Job"):
            name = job["spec"]["template"]["spec"]["serviceAccountName"]
            if name in accounts:
                assert _weight(accounts[name]) < _weight(job)


def test_hooks_come_in_order_and_only_make_what_is_missing(helm: Helm) -> None:
    """Rights first, then topics, then schemas; each a command that never deletes."""
    objects = helm.objects(MATRIX["prod"])
    jobs = sorted(all_of(objects, "Job"), key=_weight)
    commands = [each["spec"]["template"]["spec"]["containers"][0]["args"] for each in jobs]
    assert commands == [["acls", "apply"], ["topics", "apply"], ["schemas", "apply"]]
    for job in jobs:
        hooks = job["metadata"]["annotations"]["helm.sh/hook"]
        assert hooks == "pre-install,pre-upgrade"
    for name in ("ConfigMap", "NetworkPolicy"):
        hook = [
            each
            for each in all_of(objects, name)
            if "helm.sh/hook" in each["metadata"].get("annotations", {})
        ]
        assert all(_weight(each) < _weight(jobs[0]) for each in hook)


def test_schemas_job_needs_no_login_to_kafka(helm: Helm) -> None:
    """Strimzi makes the logins after the hooks of a first install; that one runs before."""
    for name in ("acls", "topics", "schemas"):
        job = one(helm.objects(MATRIX["prod"]), "Job", f"-{name}")
        volumes = job["spec"]["template"]["spec"]["volumes"]
        (login,) = [each["secret"] for each in volumes if each["name"] == "kafka"]
        assert login.get("optional", False) is (name == "schemas")


def test_operators_pod_starts_for_nobody_by_itself_and_reaches_the_workers(helm: Helm) -> None:
    objects = helm.objects(MATRIX["prod"])
    schedule = one(objects, "CronJob", "-operator")
    assert schedule["spec"]["suspend"] is True
    (operator,) = containers([schedule])
    told = {each["name"]: each.get("value") for each in operator.spec["env"]}
    assert told["GIFTCERT_SASL_USERNAME"] == "operator"
    assert told["GIFTCERT_TOKEN_FILE"] == "/etc/giftcert/auditor-token/token"
    policies = {each["metadata"]["name"]: each["spec"] for each in all_of(objects, "NetworkPolicy")}
    label = operator.pod["metadata"]["labels"]["app.kubernetes.io/component"]
    own = policies["gifts-gift-certificates-operator"]
    assert own["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == label
    for worker in ("processor", "correlator", "auditor"):
        assert f"'app.kubernetes.io/component': '{worker}'" in str(own["egress"])
        ingress = policies[f"gifts-gift-certificates-{worker}"]["ingress"]
        assert f"'app.kubernetes.io/component': '{label}'" in str(ingress)


def test_operators_pod_checks_the_same_rights_that_the_hook_gives(helm: Helm) -> None:
    """Else `giftcert acls check` would call the release's own users strangers."""
    values = {
        "crm": {"settings": {"GIFTCERT_CRM_GROUP": "our-crm"}},
        "enrich": {"settings": {"GIFTCERT_ENRICH_OUTPUT_TOPIC": "Payments.V2"}},
        "secrets": {"kafka": {"principals": {"crm": {"aclPrincipal": "User:CN=crm"}}}},
    }
    objects = helm.objects(Variant(files=("values-qa.yaml",), values=values))
    maps = {each["metadata"]["name"]: each["data"] for each in all_of(objects, "ConfigMap")}
    told = []
    for kind, name in (("Job", "-acls"), ("CronJob", "-operator")):
        (container,) = containers([one(objects, kind, name)])
        (users,) = [each for each in container.pod["spec"]["volumes"] if "configMap" in each]
        variables = {
            each["name"]: each.get("value")
            for each in container.spec["env"]
            if each["name"] != "GIFTCERT_TOKEN_FILE"
        }
        told.append((variables, maps[users["configMap"]["name"]]))
    hook, operator = told
    assert hook == operator
    variables, users = operator
    assert variables["GIFTCERT_CRM_GROUP"] == "our-crm"
    assert variables["GIFTCERT_ENRICH_OUTPUT_TOPIC"] == "Payments.V2"
    principals = json.loads(users["principals.json"])
    assert principals["crm"] == ["User:CN=crm"]
    assert principals["processor"] == ["User:qa-processor"]


def test_operators_pod_has_memory_time_and_scratch_of_its_own(helm: Helm) -> None:
    """A rebuild holds partitions in memory and keeps what it folded in files."""
    values: dict[str, Any] = {
        "operator": {"lifetimeSeconds": 100_000, "scratch": {"className": "fast"}}
    }
    for told, lifetime in (({}, "28800"), (values, "100000")):
        objects = helm.objects(Variant(files=("values-prod.yaml",), values=told))
        (operator,) = containers([one(objects, "CronJob", "-operator")])
        assert (operator.spec["command"], operator.spec["args"]) == (["sleep"], [lifetime])
        assert operator.spec["resources"]["limits"]["memory"] == "14Gi"
        (scratch,) = [each for each in operator.pod["spec"]["volumes"] if each["name"] == "tmp"]
        if not told:
            assert scratch["emptyDir"] == {"sizeLimit": "100Gi"}
        else:
            claim = scratch["ephemeral"]["volumeClaimTemplate"]["spec"]
            assert claim["storageClassName"] == "fast"
            assert claim["resources"]["requests"] == {"storage": "100Gi"}
        assert {"name": "tmp", "mountPath": "/tmp"} in operator.spec["volumeMounts"]


def test_users_of_a_test_installation_are_its_own(helm: Helm) -> None:
    """On one Kafka the rights that one login has on two installations add up."""
    named: list[set[str]] = []
    for name in ("qa", "prod"):
        objects = helm.objects(MATRIX[name])
        users = json.loads(one(objects, "ConfigMap", "-operator")["data"]["principals.json"])
        named.append({user for each in users.values() for user in each})
    assert named[0].isdisjoint(named[1])
    assert len(named[0]) == len(named[1])


def _weight(each: dict[str, Any]) -> int:
    return int(each["metadata"].get("annotations", {}).get("helm.sh/hook-weight", "1000"))


def test_workers_have_a_volume_each_fixed_names_and_time_to_end(helm: Helm) -> None:
    objects = helm.objects(MATRIX["prod"])
    for role in ("correlator", "processor"):
        workers = one(objects, "StatefulSet", f"-{role}")["spec"]
        assert [each["metadata"]["name"] for each in workers["volumeClaimTemplates"]] == ["state"]
        assert workers["podManagementPolicy"] == "Parallel"
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
        assert workers["updateStrategy"] == strategy
        assert (
            workers["serviceName"] == one(objects, "Service", f"-{role}-pods")["metadata"]["name"]
        )
        pod = workers["template"]["spec"]
        transaction_s = Settings().transaction_timeout_ms // 1_000
        assert pod["terminationGracePeriodSeconds"] > 2 * transaction_s
        (container,) = pod["containers"]
        told = {each["name"]: each for each in container["env"]}
        source = told["GIFTCERT_WORKER_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert source == "metadata.name"
        budget = one(objects, "PodDisruptionBudget", f"-{role}")["spec"]
        assert budget["maxUnavailable"] == 1
        spread = [each["topologyKey"] for each in pod["topologySpreadConstraints"]]
        assert spread == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def test_workers_find_each_other_before_they_are_ready(helm: Helm) -> None:
    """A call for a partition that is just moving is handed on, and answered as what it is."""
    for each in all_of(helm.objects(MATRIX["qa"]), "Service"):
        headless = each["spec"].get("clusterIP") == "None"
        assert headless == each["metadata"]["name"].endswith("-pods")
        assert each["spec"].get("publishNotReadyAddresses", False) == headless


def test_scaling_on_lag_leaves_the_number_of_correlators_to_keda_and_stops_at_partitions(
    helm: Helm,
) -> None:
    objects = helm.objects(MATRIX["prod"])
    assert "replicas" not in one(objects, "StatefulSet", "-correlator")["spec"]
    scaled = one(objects, "ScaledObject", "-correlator")["spec"]
    assert scaled["scaleTargetRef"]["name"] == "gifts-gift-certificates-correlator"
    assert scaled["maxReplicaCount"] == 24
    topics = [each["metadata"]["topic"] for each in scaled["triggers"]]
    assert topics == ["All_SalesOrder", "All_Payments", "All_Clients", "GiftCertificates.Facts"]
    for trigger in scaled["triggers"]:
        assert trigger["metadata"]["consumerGroup"] == "giftcert-correlator"
        assert trigger["authenticationRef"]["name"] == "giftcert-keda-kafka"
        assert "password" not in str(trigger["metadata"]).lower()


def test_nothing_but_pods_of_the_release_and_named_peers_reaches_a_worker(helm: Helm) -> None:
    objects = helm.objects(MATRIX["prod"])
    policies = {each["metadata"]["name"]: each["spec"] for each in all_of(objects, "NetworkPolicy")}
    for each in all_of(objects, "StatefulSet"):
        policy = policies[each["metadata"]["name"]]
        selected = policy["podSelector"]["matchLabels"].items()
        assert selected <= each["spec"]["template"]["metadata"]["labels"].items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        for rule in policy["ingress"]:
            assert rule["from"], "from anywhere"
            assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]
    processor = policies["gifts-gift-certificates-processor"]
    callers = str(processor["ingress"][0]["from"])
    assert "gateways" in callers
    assert "gateways" not in str(policies["gifts-gift-certificates-correlator"])


def test_peers_of_kafka_narrow_the_way_there_and_nothing_else(helm: Helm) -> None:
    peer = {"ipBlock": {"cidr": "10.0.0.0/24"}}
    values = over({}, {"networkPolicy": {"kafka": {"peers": [peer], "ports": [9093]}}})
    objects = helm.objects(Variant(files=("values-prod.yaml",), values=values))
    for policy in all_of(objects, "NetworkPolicy"):
        ways = policy["spec"]["egress"]
        (kafka,) = [way for way in ways if {"protocol": "TCP", "port": 9093} in way["ports"]]
        assert kafka["to"] == [peer]
        assert all(way.get("to") != [peer] for way in ways if way is not kafka)
