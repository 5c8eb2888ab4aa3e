"""The tree keeps the house rules, and each rule is shown to fail on a file that breaks it.

The direction of imports is import-linter's, style is ruff's: what they hold is not repeated here.
"""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house_rules import FORBIDDEN_TEXT, SourceFile, breaches_in

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = ("state", "pipelines", "http_edge", "tests")
PURE_SOURCE = "state/certificate/forged.py"
FLOW_SOURCE = "pipelines/forged.py"

# What a declared package brings along and speaks in: its own parts, or the types of its interface.
COMES_WITH = {
    "annotated_types": "pydantic",
    "packageurl": "cyclonedx-python-lib",
    "pydantic_core": "pydantic",
    "requests": "opentelemetry-exporter-otlp-proto-http",
}


def source_files() -> Iterator[SourceFile]:
    for folder in SOURCE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield SourceFile(
                path=path.relative_to(ROOT).as_posix(), text=path.read_text(encoding="utf-8")
            )


def project_files() -> Iterator[Path]:
    """Every file that git tracks or would track; in an unpacked archive, every file there is."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, check=False, capture_output=True, text=True)
    names = listed.stdout.split("\0") if listed.returncode == 0 else ROOT.rglob("*")
    for path in (ROOT / name for name in names):
        if path.is_file() and ".venv" not in path.parts and "__pycache__" not in path.parts:
            yield path


def declared_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [*project["dependencies"], *(line for extra in extras for line in extra)]


def imported_names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


def test_every_source_file_keeps_the_house_rules() -> None:
    breaches = [breach for source in source_files() for breach in breaches_in(source)]
    assert not breaches, "\n".join(breaches)


FORGED_FILES = [
    ("501 lines", FLOW_SOURCE, '"""Doc."""\n' + "x = 1\n" * 500, "501 lines, at most 500"),
    (
        "71 body lines",
        FLOW_SOURCE,
        '"""Doc."""\ndef long() -> None:\n    """Doc."""\n' + "    x = 1\n" * 71,
        "long has 71 lines, at most 70",
    ),
    ("banned file name", "pipelines/kafka_utils.py", '"""Doc."""\n', "'utils' says nothing"),
    ("banned folder name", "tests/common/topic.py", '"""Doc."""\n', "'common' says nothing"),
    ("no docstring", FLOW_SOURCE, "x = 1\n", "no module docstring"),
    (
        "bare except",
        FLOW_SOURCE,
        '"""Doc."""\ntry:\n    x = 1\nexcept:\n    raise\n',
        ":4: catches every exception",
    ),
    (
        "except BaseException that goes on",
        FLOW_SOURCE,
        '"""Doc."""\ntry:\n    x = 1\nexcept BaseException:\n    x = 2\n',
        ":4: catches every exception",
    ),
    (
        "except Exception in a tuple",
        FLOW_SOURCE,
        '"""Doc."""\ntry:\n    x = 1\nexcept (KeyError, Exception):\n    raise\n',
        ":4: catches every exception",
    ),
    (
        "ignore without a code",
        FLOW_SOURCE,
        '"""Doc."""\nx = 1  # type: ignore it because of that\n',
        ":2: type: ignore without a code",
    ),
    (
        "ignore without a reason",
        FLOW_SOURCE,
        '"""Doc."""\nx = 1  # noqa: S311\n',
        ":2: noqa without a reason",
    ),
    ("clock", PURE_SOURCE, '"""Doc."""\nimport time\n', "imports the standard module time"),
    (
        "late import",
        PURE_SOURCE,
        '"""Doc."""\ndef f() -> None:\n    from os.path import join\n',
        "imports the standard module os.path",
    ),
    (
        "library",
        PURE_SOURCE,
        '"""Doc."""\nfrom msgspec import Struct\n',
        "imports the foreign module msgspec",
    ),
    ("other layer", PURE_SOURCE, '"""Doc."""\nimport pipelines.topics\n', "pipelines.topics"),
    ("relative import", PURE_SOURCE, '"""Doc."""\nfrom . import money\n', "foreign module ."),
    ("salted hash", PURE_SOURCE, '"""Doc."""\nx = hash("a")\n', ":2: calls hash"),
    ("float literal", PURE_SOURCE, '"""Doc."""\nx = 0.1\n', ":2: the number 0.1 is no integer"),
    ("float conversion", PURE_SOURCE, '"""Doc."""\nx = float("1")\n', ":2: names float"),
    ("true division", PURE_SOURCE, '"""Doc."""\nx = 3 / 2\n', ":2: true division gives a float"),
    (
        "mutable record",
        PURE_SOURCE,
        '"""Doc."""\nimport dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C: ...\n',
        "C is not kw_only, slots",
    ),
    (
        "plain dataclass",
        PURE_SOURCE,
        '"""Doc."""\nimport dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int\n',
        "C is not frozen, kw_only, slots",
    ),
]


@pytest.mark.parametrize(
    ("path", "text", "breach"),
    [pytest.param(path, text, breach, id=name) for name, path, text, breach in FORGED_FILES],
)
def test_breaches_in_a_file_that_breaks_one_rule_names_that_rule(
    path: str, text: str, breach: str
) -> None:
    breaches = breaches_in(SourceFile(path=path, text=text))
    assert len(breaches) == 1, breaches
    assert breach in breaches[0]


KEPT_FILES = [
    (
        "catch-all in the runtime",
        "pipelines/runtime_loop.py",
        "try:\n    x = 1\nexcept Exception:\n    x = 2\n",
    ),
    (
        "clean-up before the exception goes on",
        FLOW_SOURCE,
        "try:\n    x = 1\nexcept BaseException:\n    x = 2\n    raise\n",
    ),
    ("clock outside the domain", FLOW_SOURCE, "import time\n\nhalf = 1 / 2\n"),
    ("word inside a word", "pipelines/database.py", "x = 1\n"),
    ("ignore with its reason", FLOW_SOURCE, "x = 1  # noqa: S311 - seeded, not secret\n"),
    (
        "domain imports",
        PURE_SOURCE,
        "from collections.abc import Mapping\nfrom state.certificate import money\n",
    ),
    ("70 body lines", FLOW_SOURCE, 'def f() -> None:\n    """Doc."""\n' + "    x = 1\n" * 70),
]


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(path, text, id=name) for name, path, text in KEPT_FILES]
)
def test_breaches_in_a_file_at_the_edge_of_a_rule_are_none(path: str, text: str) -> None:
    assert breaches_in(SourceFile(path=path, text=f'"""Doc."""\n{text}')) == []


def test_contracts_folder_is_never_a_package() -> None:
    # An __init__.py here would shadow Apache's `avro`, which confluent-kafka imports.
    assert sorted((ROOT / "avro").rglob("*.py")) == []


def test_namespace_of_the_state_package_imports_nothing() -> None:
    assert "import" not in (ROOT / "state" / "__init__.py").read_text(encoding="utf-8")


def test_no_file_of_the_project_names_a_path_of_one_machine() -> None:
    files = list(project_files())
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in files
        if (match := FORBIDDEN_TEXT.search(path.read_bytes()))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["root", "work", "home/someone", "Users/Someone", "tmp/exp"])
def test_forbidden_text_matches_each_kind_of_private_path(folder: str) -> None:
    assert FORBIDDEN_TEXT.search(f"data in /{folder}/broker".encode())


@pytest.fixture(scope="module")
def pinned() -> dict[str, str]:
    """The lock file: canonical name to its first pinned version."""
    versions: dict[str, str] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\").strip())
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            versions.setdefault(canonicalize_name(requirement.name), specifier.version)
    return versions


def test_every_foreign_import_is_of_a_declared_dependency() -> None:
    imported = {
        name.split(".")[0]
        for source in source_files()
        for node in ast.walk(source.tree)
        for name in imported_names(node)
    }
    foreign = imported - set(sys.stdlib_module_names) - set(SOURCE_FOLDERS)
    declared = {canonicalize_name(Requirement(line).name) for line in declared_dependencies()}
    distributions = packages_distributions()
    undeclared = [
        name
        for name in sorted(foreign)
        if not declared & set(map(canonicalize_name, distributions.get(name, ())))
        and COMES_WITH.get(name) not in declared
    ]
    assert not undeclared, undeclared


def test_lock_pins_every_declared_dependency_inside_its_range(pinned: dict[str, str]) -> None:
    for requirement in map(Requirement, declared_dependencies()):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: run make lock"
        assert requirement.specifier.contains(version), f"{requirement}: locked at {version}"


def test_lock_hashes_every_pin_and_names_no_place_to_fetch_from() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^\S+==.*(?:\n .*)*", lock, flags=re.MULTILINE)
    assert len(pins) > 50
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    for place in ("://", "file:", "find-links", "index-url", " @ ", "\n-"):
        assert place not in lock


def test_wheel_built_from_the_tree_carries_the_contracts_as_data(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", tmp_path], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    contracts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "avro").rglob("*.avsc")}
    assert contracts
    assert {f"pipelines/contracts/{name}" for name in contracts} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "http_edge",
        "pipelines",
        "state",
    }
