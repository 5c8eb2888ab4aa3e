"""The Dockerfile and what it is made with: pinned, complete, without anything of development.

A real build needs an image store; docs/deploy.md says how it is rehearsed by hand.
"""

import fnmatch
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.cli import EXIT_TERMINATED
from tests.pipelines.local.local_machine import await_condition

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("requirements-runtime.lock", "requirements-build.lock")


def locked(name: str) -> dict[str, set[str]]:
    """Every pin of a lock file, with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if re.match(r"[a-z0-9]", block) is not None:
            pin = block.partition("\\\n")[0].strip()
            found[pin.partition(" ;")[0].strip()] = set(re.findall(r"sha256:[0-9a-f]{64}", block))
    return found


@pytest.mark.parametrize("part", PARTS)
def test_every_pin_of_a_part_is_one_of_the_whole_lock_with_the_same_hashes(part: str) -> None:
    whole = locked("requirements.lock")
    pins = locked(part)
    assert pins
    for pin, hashes in pins.items():
        assert hashes, pin
        assert whole.get(pin) == hashes, f"{part}: {pin}; write it anew with make lock"


def test_image_has_everything_that_the_program_needs_and_nothing_of_the_extras_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    there = {canonicalize_name(pin.partition("==")[0]) for pin in locked(PARTS[0])}
    needed = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    assert needed <= there
    assert there.isdisjoint({"pytest", "mypy", "ruff", "uv", "noida-db", "testcontainers", "pip"})


def test_dockerfile_is_pinned_and_ends_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (base,) = [line for line in lines if line.startswith("ARG BASE=")]
    assert re.fullmatch(
        r"ARG BASE=docker\.io/library/python:3\.12\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base
    )
    froms = [line for line in lines if line.startswith("FROM ")]
    assert froms == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    final = lines[lines.index("FROM ${BASE}") :]
    users = [line for line in final if line.startswith("USER ")]
    assert users == ["USER 10001:10001"], "by number: Kubernetes cannot see who a name is"
    installs = [line for line in lines if "pip" in line and "install" in line and "-r " in line]
    assert len(installs) + "\n".join(lines).count("-r requirements-runtime.lock") >= 2
    assert "\n".join(lines).count("--require-hashes") == 2
    compiled = [number for number, line in enumerate(final) if "-m compileall" in line]
    assert compiled, "the base has no bytecode of Python's own library"
    assert compiled[0] < final.index(users[0]), "only root can write it"
    assert 'ENTRYPOINT ["giftcert"]' in final, "as a list: a shell would not pass signals on"


def test_build_context_holds_what_the_dockerfile_copies_and_no_more() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        word
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert not [name for name in allowed if fnmatch.fnmatch(name, "*test*")]


def _children(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").iterdir():
        yield from map(int, (task / "children").read_text(encoding="ascii").split())


def _hears_sigterm(process: int) -> bool:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"^SigCgt:\s+([0-9a-f]+)", status, flags=re.MULTILINE)
    assert found is not None
    return bool(int(found[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_process_1_of_a_container_hears_the_request_to_end_before_its_command_works() -> None:
    """The kernel keeps from process 1 what it has no handler for; it would wait to be killed."""
    apart = ["unshare", "--fork", "--pid", "--kill-child"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a process id of its own (unshare --pid) is not allowed on this machine")
    command = [sys.executable, "-m", "pipelines.cli", "simulate", "--seeds", "100000"]
    # Where coverage is measured, the process would have a handler of that from the first.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    outer = subprocess.Popen(
        [*apart, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_condition(lambda: any(map(_hears_sigterm, _children(outer.pid))), timeout_s=30)
        (inner,) = _children(outer.pid)
        os.kill(inner, signal.SIGTERM)
        assert outer.wait(30) == EXIT_TERMINATED
    finally:
        outer.kill()
        outer.wait()
