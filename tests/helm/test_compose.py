"""compose.yaml: images that do not move, files that are there, settings that the program takes."""

import json
import os
import re
import shutil
import ssl
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from http_edge.access.clients import load_clients
from pipelines.cvc_keys import load_cvc_keys
from pipelines.local.development_clients import CLIENTS
from pipelines.neighbours.bi.settings import load_bi_settings
from pipelines.neighbours.crm.settings import load_crm_settings
from pipelines.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "helm" / "compose"
OURS = "gift-certificates:"


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """The file, with its anchors followed."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What the first container makes, made by its own program."""
    secrets, realm = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("realm")
    prepare().prepare(secrets, realm)
    return secrets, realm


def prepare() -> ModuleType:
    spec = spec_from_file_location("prepare", COMPOSE / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_image_is_of_one_version(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), (name, service["image"])
        assert service["image"].startswith(OURS) == ("build" in service), name


def test_every_port_is_open_to_this_machine_alone(stack: dict[str, Any]) -> None:
    ports = [port for service in stack["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    published = [port.split(":")[1] for port in ports]
    assert len(set(published)) == len(published)


def test_every_file_that_is_mounted_and_every_service_that_is_waited_for_is_there(
    stack: dict[str, Any],
) -> None:
    for name, service in stack["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            there = (ROOT / source).exists() if "/" in source else source in stack["volumes"]
            assert there, (name, mount)
        for awaited, how in service.get("depends_on", {}).items():
            other = stack["services"][awaited]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in other, (name, awaited)
            assert not set(other.get("profiles", ())) - set(service.get("profiles", ())), name


def test_our_containers_have_no_more_rights_than_in_a_cluster(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        if service["image"].startswith(OURS):
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            # The first one writes into fresh volumes, which are root's; it has no network.
            assert ("user" in service) == (name == "prepare"), name
    assert stack["services"]["prepare"]["network_mode"] == "none"


def test_environment_of_every_process_of_ours_is_one_that_the_program_takes(
    stack: dict[str, Any],
    made: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {"/secrets/": f"{made[0]}/", "/var/lib/giftcert/": f"{tmp_path}/"}
    for service in stack["services"].values():
        if service["image"].startswith(OURS) and "entrypoint" not in service:
            with monkeypatch.context() as patch:
                _takes(service, places, patch)


def _takes(service: dict[str, Any], places: dict[str, str], patch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("GIFTCERT_")]:
        patch.delenv(variable)
    for variable, value in service["environment"].items():
        assert value is None or isinstance(value, str), f"{variable}: YAML takes it for no text"
        if value is not None:
            patch.setenv(variable, _placed(value, places))
    settings = load_settings()
    _names_files_that_are_there(settings)
    match service["command"][0]:
        case "processor" | "correlator" as role:
            assert settings.edge_url() == f"https://{role}:8080"
            assert set(load_clients(settings)) == {client.client_id for client in CLIENTS}
            if role == "processor":
                assert load_cvc_keys(settings).by_id
        case "crm":
            crm = load_crm_settings()
            assert crm.secret("client_secret_file")
        case "bi":
            assert load_bi_settings().http_port == 8080


def _placed(value: str, places: dict[str, str]) -> str:
    for inside, outside in places.items():
        value = value.replace(inside, outside)
    return value


def _names_files_that_are_there(settings: Settings) -> None:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path) and name != "state_dir":
            assert value.is_file(), name


def test_certificates_are_of_one_authority_and_for_the_names_that_are_asked(
    made: tuple[Path, Path],
) -> None:
    secrets, _ = made
    trust = ssl.create_default_context(cafile=str(secrets / "ca.crt"))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    for name, hosts in prepare().SERVED.items():
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(secrets / f"{name}.crt", secrets / f"{name}.key")
        for host in hosts:
            _shake_hands(trust, served, host)


def _shake_hands(trust: ssl.SSLContext, served: ssl.SSLContext, host: str) -> None:
    """A TLS handshake in memory, which checks chain and name; it raises when one is wrong."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname=host)
    server = served.wrap_bio(to_server, to_client, server_side=True)
    done: set[ssl.SSLObject] = set()
    while len(done) < 2:
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue


def test_realm_has_our_clients_each_with_its_own_scopes_and_our_audience(
    made: tuple[Path, Path],
) -> None:
    secrets, place = made
    realm = json.loads((place / "giftcert-realm.json").read_text(encoding="ascii"))
    known = json.loads((secrets / "client-secrets.json").read_text(encoding="ascii"))
    audience = Settings().token_audience
    scopes = {each["name"] for each in realm["clientScopes"]}
    assert {each["clientId"] for each in realm["clients"]} == {each.client_id for each in CLIENTS}
    for client in CLIENTS:
        (told,) = [each for each in realm["clients"] if each["clientId"] == client.client_id]
        assert told["defaultClientScopes"] == list(client.scopes)
        assert set(client.scopes) <= scopes
        assert told["secret"] == known[client.client_id]
        assert told["protocolMappers"][0]["config"]["included.custom.audience"] == audience


def test_preparing_twice_changes_no_key_and_no_secret(tmp_path: Path) -> None:
    secrets, realm = tmp_path / "secrets", tmp_path / "realm"
    secrets.mkdir()
    realm.mkdir()
    prepare().prepare(secrets, realm)
    before = {path: path.read_bytes() for path in (*secrets.iterdir(), *realm.iterdir())}
    prepare().prepare(secrets, realm)
    assert {path: path.read_bytes() for path in before} == before
    assert len(before) == len([*secrets.iterdir(), *realm.iterdir()])


WATCHERS = ("prometheus", "prometheus-neighbours")


def _scraped(watcher: str) -> list[str]:
    told = yaml.safe_load((COMPOSE / f"{watcher}.yml").read_text(encoding="utf-8"))
    found = []
    for job in told["scrape_configs"]:
        for group in job["static_configs"]:
            for target in group["targets"]:
                assert target.partition(":")[0] == group["labels"]["component"]
                found.append(group["labels"]["component"])
    return found


def _rules(watcher: str) -> set[str]:
    told = yaml.safe_load((COMPOSE / f"{watcher}.yml").read_text(encoding="utf-8"))
    return {Path(each).name for each in told["rule_files"]}


def test_each_prometheus_of_the_stack_scrapes_just_what_starts_with_it(
    stack: dict[str, Any],
) -> None:
    """Without the profile nothing is missed that nobody started."""
    for watcher in WATCHERS:
        own = stack["services"][watcher]
        for component in _scraped(watcher):
            told = stack["services"][component].get("profiles", [])
            assert told == own.get("profiles", []), component
        mounted = own["volumes"]
        assert f"./helm/compose/{watcher}.yml:/etc/prometheus/prometheus.yml:ro" in mounted
        assert "./helm/gift-certificates/rules:/etc/prometheus/rules:ro" in mounted
    scraped = [component for watcher in WATCHERS for component in _scraped(watcher)]
    assert sorted(scraped) == ["auditor", "bi", "correlator", "crm", "processor"]


def test_rules_of_neighbours_are_read_with_their_profile_alone_and_every_other_always() -> None:
    there = {path.name for path in (ROOT / "helm" / "gift-certificates" / "rules").glob("*.yaml")}
    assert _rules("prometheus") == there - {"bi.yaml", "crm.yaml"}
    assert _rules("prometheus-neighbours") == {"bi.yaml", "crm.yaml", "slo-indicators.yaml"}


def test_grafanas_prometheus_takes_what_that_of_the_neighbours_writes(
    stack: dict[str, Any],
) -> None:
    told = yaml.safe_load((COMPOSE / "prometheus-neighbours.yml").read_text(encoding="utf-8"))
    (way,) = told["remote_write"]
    assert way["url"] == "http://prometheus:9090/api/v1/write"
    assert "--web.enable-remote-write-receiver" in stack["services"]["prometheus"]["command"]


@pytest.mark.parametrize("watcher", WATCHERS)
def test_prometheus_takes_its_configuration(
    watcher: str, made: tuple[Path, Path], tmp_path: Path
) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    text = (COMPOSE / f"{watcher}.yml").read_text(encoding="utf-8")
    rules = ROOT / "helm" / "gift-certificates" / "rules"
    text = text.replace("/etc/prometheus/rules", str(rules)).replace("/secrets", str(made[0]))
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
