"""Settings, values and the program name the same things, and what is rendered is what it takes."""

import json
import os
from pathlib import Path

import pytest

from http_edge.access.clients import load_clients
from pipelines.acls.users import users_of
from pipelines.addresses import web_address
from pipelines.caller_token import token_source
from pipelines.cvc_keys import load_cvc_keys
from pipelines.neighbours.bi.settings import load_bi_settings
from pipelines.neighbours.crm.settings import load_crm_settings
from pipelines.neighbours.enrich.settings import load_enrich_settings
from pipelines.runtime_options import producer_options
from pipelines.settings import Settings, load_settings
from pipelines.topics import Role
from pipelines.tracing.otlp import read_headers
from tests.helm.chart_files import (
    CHART,
    NEVER,
    SAME_EVERYWHERE,
    SET_BY_THE_CHART,
    every_setting,
)
from tests.helm.rendered import Container, Helm, Object, Variant, containers
from tests.helm.rendered_process import as_process
from tests.helm.variants import EVERY_PART, MATRIX

_CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
SECRETS = {
    "cvc-keys.json": json.dumps({"2026-01": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}),
    "ca.crt": _CERTIFICATE,
    "tls.crt": _CERTIFICATE,
    "user.crt": _CERTIFICATE,
    "headers": "Authorization: Bearer a-word\n",
}


def test_every_setting_is_a_key_of_values_or_given_by_the_chart_or_left_out_for_a_reason() -> None:
    definitions = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["$defs"]
    told: set[str] = set()
    for name, definition in definitions.items():
        if name.endswith("Settings"):
            told |= set(definition["properties"])
    places = [told, set(SET_BY_THE_CHART), set(NEVER)]
    assert set.union(*places) == every_setting()
    assert sum(len(each) for each in places) == len(every_setting()), "one has two places"


def test_every_setting_that_the_chart_gives_is_in_some_container(helm: Helm) -> None:
    """What no variant renders would be a promise that nobody looked at."""
    rendered = {
        variable["name"]
        for variant in MATRIX.values()
        for each in containers(helm.objects(variant))
        for variable in each.spec["env"]
    }
    assert rendered >= set(SET_BY_THE_CHART), set(SET_BY_THE_CHART) - rendered
    assert rendered.isdisjoint(NEVER)


def test_groups_are_told_to_all_pods_alike(helm: Helm) -> None:
    values = {"settings": dict.fromkeys(SAME_EVERYWHERE, "other")}
    values["settings"]["GIFTCERT_CORRELATOR_GROUP"] = "another"
    objects = helm.objects(Variant(files=("values-qa.yaml",), values=values))
    for each in containers(objects):
        told = {one["name"]: one.get("value") for one in each.spec["env"]}
        assert told["GIFTCERT_CORRELATOR_GROUP"] == "another", each.name
        assert told["GIFTCERT_PROCESSOR_GROUP"] == "other", each.name


@pytest.mark.parametrize("variant", MATRIX.values(), ids=MATRIX)
def test_rendered_environment_of_every_container_is_one_that_the_program_takes(
    helm: Helm, variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = helm.objects(variant)
    for number, each in enumerate(containers(objects)):
        root = tmp_path / str(number)
        with monkeypatch.context() as patch:
            settings = _told(each, objects, root, patch)
            _fits(each, settings, root)


def _told(
    each: Container, objects: list[Object], root: Path, patch: pytest.MonkeyPatch
) -> Settings:
    """The settings as the container's process would have them, all of its classes loaded."""
    process = as_process(each, objects, root, SECRETS)
    for name in [name for name in os.environ if name.startswith("GIFTCERT_")]:
        patch.delenv(name)
    for name, value in process.environment.items():
        patch.setenv(name, value)
    used = {value for value in process.environment.values() if value.startswith(str(root))}
    unused = [path for path in process.files if str(path) not in used]
    assert not unused, f"{each.name} mounts {unused} and is not told of it"
    token = token_source()
    assert (token is not None) == ("GIFTCERT_TOKEN_FILE" in process.environment)
    match process.arguments[0]:
        case "crm":
            load_crm_settings()
        case "bi":
            assert load_bi_settings().required_mart()
        case "enrich":
            load_enrich_settings()
    return load_settings()


def _fits(each: Container, settings: Settings, root: Path) -> None:
    """What the settings name is there, and the pod is who it should be."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path) and str(value).startswith(f"{root}/etc"):
            assert value.is_file(), f"{each.name}: {name}"
    settings.kafka_config()
    if settings.acl_principals_file is not None:
        assert users_of(settings.acl_principals_file)
    if settings.traces_headers_file is not None:
        assert read_headers(settings.traces_headers_file)
    if not each.is_worker:
        return
    pod = f"{each.owner['metadata']['name']}-0"
    assert settings.worker_id == pod
    scheme = "http" if settings.tls_certificate_location is None else "https"
    service = f"{each.owner['spec']['serviceName']}.shop.svc"
    assert settings.edge_url() == f"{scheme}://{pod}.{service}:{settings.http_port}"
    assert web_address(settings.edge_url())
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert each.spec[probe]["httpGet"]["scheme"].lower() == scheme
    assert settings.http_port == each.spec["ports"][0]["containerPort"]
    match each.spec["name"]:
        case "processor" | "correlator" as role:
            options = producer_options(settings, Role(role))
            assert str(options["transactional.id"]).endswith(pod)
            assert load_clients(settings)
            if role == "processor":
                assert load_cvc_keys(settings).current_id == "2026-01"


def test_one_store_one_worker_and_one_group_member_for_each_pod(helm: Helm) -> None:
    """Nothing that has to be different for each pod is rendered as a word."""
    for each in containers(helm.objects(Variant(files=("values-dev.yaml",), values=EVERY_PART))):
        if each.is_worker:
            told = {each_one["name"]: each_one for each_one in each.spec["env"]}
            assert "valueFrom" in told["GIFTCERT_WORKER_ID"]
            assert "$(POD_NAME)" in told["GIFTCERT_ADVERTISED_URL"]["value"]
