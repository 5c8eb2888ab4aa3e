"""Runs `schemathesis` as a program against an edge, and reads what it found.

Owns the description it is given, more strictly read than it is published, and what goes between
this process and the hooks that it loads.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
STOCK_VARIABLE: Final = "SCHEMATHESIS_STOCK"
ANSWERS_VARIABLE: Final = "SCHEMATHESIS_ANSWERS"
_HOOKS: Final = "tests.flow.schemathesis_hooks"
_CONFIGURATION: Final = ROOT / "tests" / "flow" / "schemathesis.toml"

Answers = dict[str, Counter[int]]
"""How often each operation answered with each status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one run came to."""

    passed: bool
    output: str
    cases: int
    answers: Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An edge to test, and a directory for the files of the runs."""

    url: str
    description: dict[str, Any]
    stock: dict[str, Any]
    directory: Path

    def tested_as(self, name: str, token: str, *, examples: int, seed: int) -> Findings:
        """Test every call with one client's token; so many random requests to each, and more."""
        report, answers = self.directory / f"{name}.json", self.directory / f"{name}.answers.json"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION)]
        command += ["run", str(self._written("openapi.json", strict(self.description)))]
        command += ["--url", self.url, "--header", f"Authorization: Bearer {token}"]
        command += ["--checks", "all", "--max-examples", str(examples), "--seed", str(seed)]
        command += ["--continue-on-failure", "--no-color", "--warnings", "off"]
        command += ["--report", "json", "--report-json-path", str(report)]
        stock = self._written("stock.json", self.stock)
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": _HOOKS,
                STOCK_VARIABLE: str(stock),
                ANSWERS_VARIABLE: str(answers),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert report.exists(), f"schemathesis could not run:\n{done.stdout}"
        told = json.loads(report.read_text("utf-8"))
        return Findings(
            passed=done.returncode == 0 and told["complete"],
            output=done.stdout,
            cases=told["test_cases"]["generated"],
            answers=read_answers(answers),
        )

    def _written(self, name: str, content: object) -> Path:
        path = self.directory / name
        path.write_text(json.dumps(content), "utf-8")
        return path


def read_answers(path: Path) -> Answers:
    told = json.loads(path.read_text("utf-8"))
    return {
        operation: Counter({int(status): count for status, count in counts.items()})
        for operation, counts in told.items()
    }


def strict(description: dict[str, Any]) -> dict[str, Any]:
    """The description with nothing allowed that it does not tell of."""
    schemas = description["components"]["schemas"]
    closed = {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in schemas.items()
    }
    return {**description, "components": {**description["components"], "schemas": closed}}
