"""What Helm makes of values: the objects of a release, their pods, and what a refusal says.

Owns running Helm and taking its answer apart. Knows nothing of what is right.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.helm.chart_files import CHART

RELEASE: Final = "gifts"
NAMESPACE: Final = "shop"
KUBERNETES: Final = ("1.27", "1.32", "1.37")
"""Versions whose own schemas hold what is rendered: an old one, one between, the newest."""

_TIMEOUT_S: Final = 60

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Values to render: files of the chart, and over them values of the test."""

    files: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a rendered object, with the pod it is in."""

    owner: Object
    pod: Object
    spec: Object

    @property
    def name(self) -> str:
        """Kind, name and container, for messages."""
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}/{self.spec['name']}"

    @property
    def is_worker(self) -> bool:
        """Whether it runs until it is told to stop."""
        return bool(self.owner["kind"] == "StatefulSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """Helm, and the one chart."""

    program: Path
    rendered: dict[str, str] = field(default_factory=dict)

    def objects(self, variant: Variant) -> list[Object]:
        """What is rendered, hooks and tests too. AssertionError when Helm refuses."""
        known = json.dumps([variant.files, variant.values])
        if known not in self.rendered:
            done = self._run("template", variant, "--kube-version", "1.33.0")
            assert done.returncode == 0, done.stderr
            self.rendered[known] = done.stdout
        text = self.rendered[known]
        return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]

    def refusal(self, variant: Variant) -> str:
        """Why Helm renders nothing. AssertionError when it does."""
        done = self._run("template", variant, "--kube-version", "1.33.0")
        assert done.returncode != 0, "it was rendered"
        return done.stderr

    def lint(self, variant: Variant) -> "subprocess.CompletedProcess[str]":
        """`helm lint --strict`."""
        return self._run("lint", variant, "--strict")

    def _run(
        self, command: str, variant: Variant, *more: str
    ) -> "subprocess.CompletedProcess[str]":
        named = [RELEASE] if command == "template" else []
        files = [word for name in variant.files for word in ("--values", str(CHART / name))]
        return subprocess.run(
            [
                str(self.program),
                command,
                *named,
                str(CHART),
                "--namespace",
                NAMESPACE,
                *files,
                "--values",
                "-",
                *more,
            ],
            input=json.dumps(variant.values),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )


def containers(objects: Sequence[Object]) -> list[Container]:
    """Every container of every pod that these objects make."""
    return [
        Container(owner=owner, pod=pod, spec=spec)
        for owner in objects
        for pod in _pods(owner)
        for spec in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ()))
    ]


def one(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The one object of that kind whose name ends so."""
    (found,) = [
        each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(name)
    ]
    return found


def all_of(objects: Sequence[Object], kind: str) -> list[Object]:
    """The objects of that kind."""
    return [each for each in objects if each["kind"] == kind]


def _pods(owner: Object) -> Iterator[Object]:
    match owner["kind"]:
        case "Pod":
            yield owner
        case "StatefulSet" | "Deployment" | "DaemonSet" | "Job":
            yield owner["spec"]["template"]
        case "CronJob":
            yield owner["spec"]["jobTemplate"]["spec"]["template"]
