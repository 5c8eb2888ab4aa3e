"""A copy of the shipped packages with one defect in it, and the proof that the copy is what runs.

Owns the temporary directory. The tree it is copied from is never changed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.mutants.mutant import Mutant, NotApplied

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ("avro", "state", "pipelines", "http_edge")
_IMPORT_TIMEOUT_S: Final = 120.0

_PROBE: Final = """
import importlib, json, sys
from pipelines.contracts.schemas import RecordName
files = {name: importlib.import_module(name).__file__ for name in json.loads(sys.argv[1])}
print(json.dumps(files))
"""


@contextmanager
def copied_tree(mutant: Mutant | None) -> Iterator[Path]:
    """The packages, with the mutant's defect or as they are, until the `with` ends.

    NotApplied when the defect cannot be put in, or what comes of it cannot even be imported.
    """
    with TemporaryDirectory(prefix="giftcert-mutant-") as directory:
        tree = Path(directory).resolve()
        for folder in SHIPPED:
            shutil.copytree(
                ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        files = ["pipelines/cli.py"]
        if mutant is not None:
            mutant.put_into(tree)
            files += [edit.file for edit in mutant.edits]
        _check_what_runs(tree, files)
        yield tree


def environment_of(tree: Path) -> dict[str, str]:
    """The environment of a process that runs the copy and knows no setting of its starter's.

    Nor is it measured with its starter: coverage would look for the copy when it is gone.
    """
    foreign = ("GIFTCERT_", "COVERAGE_PROCESS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONPATH": str(tree)}


def _check_what_runs(tree: Path, files: list[str]) -> None:
    modules = {file.removesuffix(".py").replace("/", "."): file for file in files}
    probed = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, json.dumps(list(modules))],
        cwd=tree,
        env=environment_of(tree),
        capture_output=True,
        text=True,
        timeout=_IMPORT_TIMEOUT_S,
        check=False,
    )
    if probed.returncode != 0:
        said = probed.stderr.strip().splitlines()
        raise NotApplied(f"the copy cannot be imported: {said[-1] if said else 'no word why'}")
    for module, found in json.loads(probed.stdout).items():
        wanted = tree / modules[module]
        assert Path(found).resolve() == wanted, f"{module} runs from {found}, not from the copy"
