"""What Helm renders is started here, on a real broker: the hooks, every kind of pod, the report.

Once without a login, every kind of pod; and once on a Kafka that asks everybody who they are, over
TLS everywhere: the rights' hook, the topics', a processor, and who is on call.

A kubelet's part is done by `tests.helm.rendered_process`; ports are free ones, and a pod's file
system is a directory. The commands, arguments and variables are those of the chart, all of them.
"""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from pipelines.acls.kafka_acls import KafkaAcls
from pipelines.acls.matching import Wanted, apply
from pipelines.acls.rights import Principal
from pipelines.acls.table import Names, protected, rights
from pipelines.acls.users import users_of
from pipelines.local.ports import LOOPBACK, HeldPort
from pipelines.local.running_broker import Broker
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.settings import load_settings
from tests.flow.secured_kafka import Certificates, SecuredKafka, Way
from tests.helm.helm_program import HelmUnavailable, helm_program
from tests.helm.rendered import Container, Helm, Object, Variant, all_of, containers, one
from tests.helm.rendered_process import as_process, own_environment
from tests.helm.variants import EVERY_PART, over
from tests.pipelines.local.local_machine import await_condition

_PARTS: Final = ("correlator", "processor", "crm", "bi", "auditor", "enrich")
_SECURED_PREFIX: Final = "rendered-"
_READY_S: Final = 90.0
_END_S: Final = 60.0
_SECRETS: Final = {
    "cvc-keys.json": json.dumps({"2026-01": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="})
}


@pytest.fixture
def helm() -> Helm:
    try:
        return Helm(program=helm_program())
    except HelmUnavailable as missing:
        pytest.skip(f"no Helm: {missing}")


def test_every_rendered_pod_starts_becomes_ready_and_ends_when_it_is_told_to(
    helm: Helm, broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    with ExitStack() as held:
        ports = {name: HeldPort() for name in _PARTS}
        for port in ports.values():
            held.callback(port.release)
        objects = helm.objects(_release(broker, topic_prefix, ports))
        _done(_job(objects, "topics"), objects, tmp_path)
        _done(containers([one(objects, "Pod", "check-topics")])[0], objects, tmp_path)
        with ExitStack() as running:
            pods = {
                each.spec["name"]: running.enter_context(_started(each, objects, tmp_path))
                for each in containers(all_of(objects, "StatefulSet"))
            }
            assert sorted(pods) == sorted(_PARTS)
            for name, process in pods.items():
                _await_ready(name, process, ports[name].port, tmp_path)
            report = containers([one(objects, "CronJob", "-report")])[0]
            said = _done(report, objects, tmp_path, shares="bi")
            # Exit code 0, asserted above, says that the mart has caught up.
            assert json.loads(said)
            _end(pods, tmp_path)


def test_rendered_hooks_and_pods_come_over_tls_with_the_rights_that_the_hook_gives(
    helm: Helm, secured: SecuredKafka, tmp_path: Path
) -> None:
    certificates = Certificates(tmp_path)
    pair = certificates.write("edge", LOOPBACK)
    files = {
        **_SECRETS,
        "ca.crt": secured.authorities.read_text() + certificates.authorities.read_text(),
        "tls.crt": pair.certificate.read_text(),
        "tls.key": pair.key.read_text(),
    }
    trusted = ssl.create_default_context(cafile=str(certificates.authorities))

    def secrets_of(principal: Principal) -> dict[str, str]:
        return {**files, "password": secured.password_file(principal).read_text()}

    _give_the_operator_its_rights(secured)
    with ExitStack() as held:
        port = HeldPort()
        held.callback(port.release)
        objects = helm.objects(_secured_release(secured, port))
        operator = secrets_of(Principal.OPERATOR)
        for name in ("acls", "topics"):
            _done(_job(objects, name), objects, tmp_path, secrets=operator)
        with ExitStack() as running:
            (processor,) = containers([one(objects, "StatefulSet", "-processor")])
            secrets = secrets_of(Principal.PROCESSOR)
            process = running.enter_context(_started(processor, objects, tmp_path, secrets))
            _await_ready("processor", process, port.port, tmp_path, trusted)
            (on_call,) = containers([one(objects, "CronJob", "-operator")])
            on_call.spec["args"] = ["acls", "check"]
            _done(on_call, objects, tmp_path, secrets=operator)
            _end({"processor": process}, tmp_path)
    assert not secured.denied(_SECURED_PREFIX)


def _give_the_operator_its_rights(secured: SecuredKafka) -> None:
    """What an administrator of Kafka does once, before the first release."""
    settings = load_settings({"bootstrap": secured.bootstrap, "topic_prefix": _SECURED_PREFIX})
    table = rights(settings, Names.of(settings, CrmSettings(), EnrichSettings()))
    own = [each for each in table if each.principal is Principal.OPERATOR]
    wanted = Wanted(rights=own, users=users_of(None), ours=protected(settings))
    apply(KafkaAcls(settings, timeout_s=_READY_S), wanted)


def _secured_release(secured: SecuredKafka, port: HeldPort) -> Variant:
    """Logins by password and TLS, as in production; one partition and one copy, as here."""
    login = secured.login(Principal.OPERATOR, Way.SCRAM)
    told: dict[str, Any] = {
        "kafka": {
            "bootstrap": login["GIFTCERT_BOOTSTRAP"],
            "securityProtocol": "SASL_SSL",
            "topicPrefix": _SECURED_PREFIX,
            "partitions": 1,
        },
        "settings": {"GIFTCERT_SCHEMA_REGISTRY_URL": ""},
        "jobs": {
            "acls": {"enabled": True},
            "topics": {"withSources": False},
            "schemas": {"enabled": False},
        },
        "processor": {"port": port.port},
        "secrets": {
            "tls": {"existingSecret": "edge"},
            "tlsAuthorities": {"existingSecret": "authorities"},
            "kafka": {
                "authorities": {"existingSecret": "authorities"},
                "principals": {each.value: {"existingSecret": "login"} for each in Principal},
            },
        },
    }
    return Variant(files=("values-dev.yaml",), values=told)


def _release(broker: Broker, prefix: str, ports: dict[str, HeldPort]) -> Variant:
    """Every part on this broker, each on a port of its own."""
    told: dict[str, Any] = {
        "kafka": {"bootstrap": broker.bootstrap, "topicPrefix": prefix, "partitions": 1},
        "settings": {"GIFTCERT_SCHEMA_REGISTRY_URL": ""},
        "jobs": {"schemas": {"enabled": False}},
        "secrets": {
            "tlsAuthorities": {"existingSecret": ""},
            "auditorToken": {"existingSecret": ""},
            "crm": {"authorities": {"existingSecret": ""}},
        },
    }
    told |= {name: {"port": port.port} for name, port in ports.items()}
    return Variant(files=("values-dev.yaml",), values=over(EVERY_PART, told))


def _job(objects: list[Object], name: str) -> Container:
    return containers([one(objects, "Job", f"-{name}")])[0]


def _done(
    each: Container,
    objects: list[Object],
    place: Path,
    *,
    shares: str | None = None,
    secrets: Mapping[str, str] = _SECRETS,
) -> str:
    """Run a container to its end; what it said. `shares` is the pod whose volume it has too."""
    root = place / (shares or each.spec["name"])
    process = as_process(each, objects, root, secrets)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *process.arguments],
        env=own_environment(process),
        capture_output=True,
        text=True,
        check=False,
        timeout=_READY_S,
    )
    assert done.returncode == 0, f"{each.name}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def _started(
    each: Container,
    objects: list[Object],
    place: Path,
    secrets: Mapping[str, str] = _SECRETS,
) -> Iterator["subprocess.Popen[bytes]"]:
    root = place / each.spec["name"]
    process = as_process(each, objects, root, secrets)
    with (place / f"{each.spec['name']}.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *process.arguments],
            env=own_environment(process),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def _await_ready(
    name: str,
    process: "subprocess.Popen[bytes]",
    port: int,
    place: Path,
    trusted: ssl.SSLContext | None = None,
) -> None:
    """Wait until the probes of the pod would let calls in; with `trusted` over HTTPS."""
    address = f"{'http' if trusted is None else 'https'}://{LOOPBACK}:{port}"
    verify = True if trusted is None else trusted

    def is_ready() -> bool:
        assert process.poll() is None, _log(place, name)
        try:
            answers = [
                httpx.get(f"{address}{path}", timeout=2.0, trust_env=False, verify=verify)
                for path in ("/healthz", "/readyz", "/metrics")
            ]
        except httpx.TransportError:
            return False
        return all(answer.is_success for answer in answers)

    try:
        await_condition(is_ready, timeout_s=_READY_S)
    except AssertionError as error:
        raise AssertionError(f"{name} is not ready: {error}\n{_log(place, name)}") from None


def _end(pods: dict[str, "subprocess.Popen[bytes]"], place: Path) -> None:
    """As Kubernetes ends pods: each is asked to, and ends by itself, without a fault."""
    for process in pods.values():
        process.send_signal(signal.SIGTERM)
    for name, process in pods.items():
        assert process.wait(_END_S) == 0, f"{name}\n{_log(place, name)}"


def _log(place: Path, name: str) -> str:
    return (place / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-4_000:]
