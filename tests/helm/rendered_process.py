"""A rendered container as a process of this machine: its command, its variables, its files.

Owns what a kubelet would do: references filled in, secrets and volumes laid where they are mounted.
Paths of the pod become paths below a directory of the test; nothing else is changed.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helm.rendered import NAMESPACE, Container, Object

_PLACES = re.compile(r"^/(etc|var/lib)/giftcert\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedProcess:
    """How to start it: `giftcert` and these arguments, in this environment and no other."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    files: tuple[Path, ...]


def as_process(
    container: Container, objects: list[Object], root: Path, secrets: Mapping[str, str]
) -> RenderedProcess:
    """The first pod's container, with `root` in the place of the file system's own.

    `secrets` is what a mounted file holds, by its name; others hold a word.
    """
    files = _laid(container, objects, root, secrets)
    return RenderedProcess(
        arguments=tuple(container.spec["args"]),
        environment=_environment(container, root),
        files=files,
    )


def _environment(container: Container, root: Path) -> dict[str, str]:
    fields = {
        "metadata.name": f"{container.owner['metadata']['name']}-0",
        "metadata.namespace": NAMESPACE,
    }
    told: dict[str, str] = {}
    for variable in container.spec["env"]:
        if "valueFrom" in variable:
            value = fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        else:
            value = re.sub(
                r"\$\((\w+)\)", lambda found: told.get(found[1], found[0]), variable["value"]
            )
        assert variable["name"] not in told, f"{variable['name']} is there twice"
        told[variable["name"]] = _PLACES.sub(lambda found: f"{root}{found[0]}", value)
    return told


def _laid(
    container: Container, objects: list[Object], root: Path, secrets: Mapping[str, str]
) -> tuple[Path, ...]:
    """Every volume, where it is mounted."""
    volumes = {volume["name"]: volume for volume in container.pod["spec"]["volumes"]}
    laid = []
    for mount in container.spec["volumeMounts"]:
        place = root / mount["mountPath"].removeprefix("/")
        place.mkdir(parents=True, exist_ok=True)
        for name, text in _contents(volumes.get(mount["name"], {}), objects, secrets).items():
            (place / name).write_text(text, encoding="utf-8")
            laid.append(place / name)
    return tuple(laid)


def _contents(
    volume: Mapping[str, Any], objects: list[Object], secrets: Mapping[str, str]
) -> Mapping[str, str]:
    if "secret" in volume:
        items = [item["path"] for item in volume["secret"]["items"]]
        return {name: secrets.get(name, "a-word") for name in items}
    if "configMap" in volume:
        for each in objects:
            if (each["kind"], each["metadata"]["name"]) == (
                "ConfigMap",
                volume["configMap"]["name"],
            ):
                data: Mapping[str, str] = each["data"]
                return data
        raise AssertionError(f"there is no ConfigMap {volume['configMap']['name']}")
    return {}


def own_environment(process: RenderedProcess) -> dict[str, str]:
    """Its variables, and of this machine's own only what programs need to be found."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **process.environment}
