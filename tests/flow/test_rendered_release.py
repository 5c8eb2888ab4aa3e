"""What Helm renders is started here, on a real broker: the hooks, every kind of pod, the report.

A kubelet's part is done by `tests.helm.rendered_process`; ports are free ones, and a pod's file
system is a directory. The commands, arguments and variables are those of the chart, all of them.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from pipelines.local.ports import HeldPort
from pipelines.local.running_broker import Broker
from tests.helm.helm_program import HelmUnavailable, helm_program
from tests.helm.rendered import Container, Helm, Object, Variant, all_of, containers, one
from tests.helm.rendered_process import as_process, own_environment
from tests.helm.variants import EVERY_PART, over
from tests.pipelines.local.local_machine import await_condition

_PARTS: Final = ("correlator", "processor", "crm", "bi", "auditor", "enrich")
_READY_S: Final = 60.0
_END_S: Final = 20.0
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


def _done(each: Container, objects: list[Object], place: Path, *, shares: str | None = None) -> str:
    """Run a container to its end; what it said. `shares` is the pod whose volume it has too."""
    root = place / (shares or each.spec["name"])
    process = as_process(each, objects, root, _SECRETS)
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
    each: Container, objects: list[Object], place: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    root = place / each.spec["name"]
    process = as_process(each, objects, root, _SECRETS)
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


def _await_ready(name: str, process: "subprocess.Popen[bytes]", port: int, place: Path) -> None:
    """Wait until the probes of the pod would let calls in."""

    def is_ready() -> bool:
        assert process.poll() is None, _log(place, name)
        try:
            answers = [
                httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2.0, trust_env=False)
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
