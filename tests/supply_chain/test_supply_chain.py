"""What the project takes from others: licences, vulnerabilities, the bill, and what is pinned."""

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipelines.release import release
from tests.supply_chain.bill import bill_of, fault_of, write_bill
from tests.supply_chain.licences import REASONS, Licensed, licensed
from tests.supply_chain.locked import EVERYTHING, RUNTIME, pins
from tests.supply_chain.vulnerabilities import (
    FOUND,
    IGNORED_FILE,
    NOT_LOOKED_UP,
    Ignored,
    ignored_in,
    judged,
    lines_of,
)

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.date(2026, 3, 1)
SYSTEM_PACKAGES = ROOT / "tests" / "system-packages.txt"


def test_every_licence_of_production_is_allowed_or_has_its_reason() -> None:
    assert len(licensed()) > 50
    wrong = [
        f"{each.package}: {each.licence or 'tells no licence'}"
        for each in licensed()
        if not each.allowed and each.package not in REASONS
    ]
    assert wrong == []


def test_every_reason_is_of_a_package_that_needs_one() -> None:
    odd = {each.package for each in licensed() if not each.allowed}
    assert set(REASONS) == odd


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("BSD-3-Clause AND (GPL-2.0-only OR MIT)", True),
        ("(MIT AND GPL-2.0-only) OR Apache-2.0", True),
    ],
)
def test_licence_expression_is_read_as_a_choice_or_as_a_sum(licence: str, allowed: bool) -> None:
    assert Licensed(package="x", licence=licence).allowed is allowed


def test_runtime_lock_pins_nothing_else_than_the_lock_of_everything() -> None:
    everything = {(pin.name, pin.version) for pin in pins(EVERYTHING)}
    runtime = {(pin.name, pin.version) for pin in pins(RUNTIME)}
    assert runtime <= everything
    assert not {name for name, _ in runtime} & {"pytest", "mypy", "pip-audit", "mkdocs"}


def report(*vulnerabilities: str, skipped: int = 0, looked_up: int = 1) -> dict[str, Any]:
    """A report of pip-audit: one package, sound or not, and others that nobody knew."""
    found = [{"id": each, "aliases": [], "fix_versions": ["2.0"]} for each in vulnerabilities]
    packages: list[dict[str, Any]] = [{"name": "shaky", "version": "1.0", "vulns": found}]
    unknown = [{"name": f"p{each}", "skip_reason": "not found"} for each in range(skipped)]
    return {"dependencies": [*packages[:looked_up], *unknown]}


PASSED_OVER = Ignored(package="shaky", id="GHSA-1", reason="not called", until=TODAY)
EXPIRED = Ignored(
    package="shaky", id="GHSA-1", reason="not called", until=TODAY - datetime.timedelta(days=1)
)
ANOTHERS = Ignored(package="sound", id="GHSA-1", reason="not called", until=TODAY)

REPORTS = [
    ("nothing", report(), (), 0),
    ("a finding", report("GHSA-1"), (), FOUND),
    ("a finding that is passed over", report("GHSA-1"), (PASSED_OVER,), 0),
    ("one more beside it", report("GHSA-1", "GHSA-2"), (PASSED_OVER,), FOUND),
    ("one whose time is over", report("GHSA-1"), (EXPIRED,), FOUND),
    ("one that another package has", report("GHSA-1"), (ANOTHERS,), FOUND),
    ("nobody knew anything", report(skipped=3, looked_up=0), (), NOT_LOOKED_UP),
    ("one was not known", report(skipped=1), (), NOT_LOOKED_UP),
    ("a finding, and the rest not known", report("GHSA-1", skipped=9), (), FOUND),
    ("no report at all", {"dependencies": []}, (), NOT_LOOKED_UP),
]


@pytest.mark.parametrize(
    ("told", "ignored", "code"),
    [pytest.param(told, ignored, code, id=name) for name, told, ignored, code in REPORTS],
)
def test_report_of_vulnerabilities_ends_as_it_has_to(
    told: dict[str, Any], ignored: tuple[Ignored, ...], code: int
) -> None:
    assert judged(told, ignored, TODAY).exit_code == code


def test_service_that_knows_nothing_is_said_and_is_no_pass() -> None:
    verdict = judged(report(skipped=7, looked_up=0), (), TODAY)
    said = "\n".join(lines_of(verdict, "", unreachable_is_skipped=True))
    assert "skipped: " in said
    assert "This is no pass" in said
    assert "0 packages looked up" in said


def test_ignored_vulnerabilities_are_written_as_they_are_read() -> None:
    ignored_in(IGNORED_FILE.read_text(encoding="utf-8"))
    row = '[[ignored]]\nid = "A"\npackage = "b"\nreason = "c"\nuntil = 2026-03-01\n'
    assert ignored_in(row) == (Ignored(id="A", package="b", reason="c", until=TODAY),)
    with pytest.raises(TypeError):
        ignored_in('[[ignored]]\nid = "A"\n')


def test_bill_of_materials_is_valid_and_names_everything_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "build" / "sbom.json"
    count = write_bill(path)
    bill = json.loads(path.read_text())
    assert count == len(licensed())
    assert bill["metadata"]["component"]["version"].startswith(release().version)
    assert {each["purl"].split("@")[0] for each in bill["components"]} == {
        f"pkg:pypi/{each.package}" for each in licensed()
    }
    needs = {each["ref"].split("==")[0]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert any(each.startswith("confluent-kafka==") for each in needs["quixstreams"])
    bill["components"][0]["type"] = "surprise"
    assert fault_of(json.dumps(bill)) is not None


def test_bill_of_a_tree_without_a_commit_says_the_version_alone() -> None:
    unknown = type(release())(version="1.0", commit="unknown", contracts={})
    assert json.loads(bill_of(unknown))["metadata"]["component"]["version"] == "1.0"


def test_every_npm_package_is_pinned_by_a_hash() -> None:
    locks = [path for path in ROOT.rglob("package-lock.json") if "node_modules" not in path.parts]
    assert ROOT / "tests" / "oauth" / "package-lock.json" in locks
    for lock in locks:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        loose = [name for name, each in packages.items() if name and "integrity" not in each]
        assert loose == [], lock
        asked = json.loads(lock.with_name("package.json").read_text(encoding="utf-8"))
        versions = {**asked.get("dependencies", {}), **asked.get("devDependencies", {})}
        assert [name for name, each in versions.items() if not each[0].isdigit()] == [], lock


def rows() -> list[list[str]]:
    lines = SYSTEM_PACKAGES.read_text(encoding="utf-8").splitlines()
    return [line.split(maxsplit=3) for line in lines if line and not line.startswith("#")]


def test_every_system_package_has_a_program_a_version_and_a_reason() -> None:
    assert {"java", "mvn", "chromium", "promtool"} <= {row[0] for row in rows()}
    assert [row for row in rows() if len(row) != 4 or not row[3]] == []
    # Of what Debian replaces with each security release there is never an earlier one to be had.
    assert [row[1] for row in rows() if row[2] == "-"] == ["chromium"]


def test_missing_system_packages_are_listed_as_apt_takes_them(tmp_path: Path) -> None:
    """On a machine with nothing but the shell; what Debian keeps outside of PATH may be there."""
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [ROOT / ".ci" / "system-packages", "missing"],
        env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = [row[1] if row[2] == "-" else f"{row[1]}={row[2]}" for row in rows()]
    missing = done.stdout.splitlines()
    assert [each for each in wanted if "postgresql" not in each] == [
        each for each in missing if "postgresql" not in each
    ]
