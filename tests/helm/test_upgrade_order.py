"""Who is updated first, where the order matters: `upgrade.hold` keeps one kind as it is."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart_files import CHART
from tests.helm.rendered import KUBERNETES, Helm, Object, Variant, all_of

PARTITIONS = 24
"""As many as values-prod.yaml says: no pod has a number as high."""


def _held(objects: list[Object]) -> dict[str, int]:
    return {
        each["metadata"]["name"].rpartition("-")[2]: each["spec"]["updateStrategy"][
            "rollingUpdate"
        ]["partition"]
        for each in all_of(objects, "StatefulSet")
    }


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ({}, set()),
        ({"upgrade": {"hold": "none"}}, set()),
        ({"upgrade": {"hold": "correlator"}}, {"correlator"}),
        ({"upgrade": {"hold": "correlator"}, "keda": {"enabled": False}}, {"correlator"}),
        ({"upgrade": {"hold": "processor"}}, {"processor"}),
        ({"upgrade": {"hold": "processor"}, "processor": {"replicas": 24}}, {"processor"}),
    ],
)
def test_held_workers_keep_their_version_however_many_there_are_and_all_others_go(
    helm: Helm, values: dict[str, Any], held: set[str]
) -> None:
    """A StatefulSet leaves pods alone whose number is below its partition."""
    told = _held(helm.objects(Variant(files=("values-prod.yaml",), values=values)))
    assert {name for name, partition in told.items() if partition == PARTITIONS} == held
    assert {name for name, partition in told.items() if partition == 0} == set(told) - held


def test_second_step_changes_nothing_but_the_hold(helm: Helm) -> None:
    """What followed by itself in the first step must not move again in the second."""
    first, then = (
        helm.objects(Variant(files=("values-prod.yaml",), values={"upgrade": {"hold": hold}}))
        for hold in ("correlator", "none")
    )
    changed = [
        one["metadata"]["name"] for one, other in zip(first, then, strict=True) if one != other
    ]
    assert changed == ["gifts-gift-certificates-correlator"]


@pytest.mark.parametrize(
    ("options", "said", "unsaid"),
    [
        (["--is-upgrade"], ["updated side by side"], ["HELD", "plain HTTP"]),
        (
            ["--is-upgrade", "--set", "upgrade.hold=correlator"],
            ["HELD: the correlators", "--set upgrade.hold=none"],
            ["updated side by side"],
        ),
        ([], [], ["HELD", "updated side by side"]),
        (
            ["--set", "environment=qa,secrets.tls.existingSecret="],
            ["plain HTTP", "serviceMesh=true says that"],
            [],
        ),
        (["--set", "serviceMesh=true,secrets.tls.existingSecret="], [], ["plain HTTP"]),
    ],
)
def test_notes_say_who_is_held_and_when_the_order_matters(
    helm: Helm, tmp_path: Path, options: list[str], said: list[str], unsaid: list[str]
) -> None:
    notes = _notes(helm, tmp_path / "chart", options)
    assert all(words in notes for words in said), notes
    assert not any(words in notes for words in unsaid), notes


def _notes(helm: Helm, chart: Path, options: list[str]) -> str:
    """What a person reads at the end; Helm shows notes only of a cluster, so an object has them."""
    shutil.copytree(CHART, chart)
    notes = (chart / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    shown = '{{ define "notes" }}' + notes + '{{ end }}notes: {{ include "notes" . | quote }}'
    (chart / "templates" / "shown.yaml").write_text(shown, encoding="utf-8")
    values = ["--values", str(CHART / "values-prod.yaml"), "--kube-version", f"{KUBERNETES[-1]}.0"]
    command = [str(helm.program), "template", "gifts", str(chart), *values, *options]
    done = subprocess.run(
        [*command, "--show-only", "templates/shown.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
