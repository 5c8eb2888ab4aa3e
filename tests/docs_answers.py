"""What the documentation has to answer for, by kind, and what its tables do answer.

Each kind is read from what the program itself goes by; an answer is a row of a table on a page
whose first cell names the thing as code. Owns neither the pages nor the program.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import yaml
from pydantic_settings import BaseSettings

import http_edge
import pipelines
from http_edge.access.callers import Scope
from http_edge.api.calls import API
from http_edge.api.problems import REFUSALS, TECHNICAL
from pipelines.contracts.broken import BrokenCode
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import Resolved
from pipelines.settings import Settings
from pipelines.topics import TOPICS, wanted_topics
from state.certificate.commands import Origin
from state.certificate.events import EventType
from state.certificate.rejections import RejectionCode
from tests.docs_commands import command_helps
from tests.docs_tables import exit_codes
from tests.write_docs import ROOT

RULES: Final = ROOT / "helm" / "gift-certificates" / "rules"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
_PAGES: Final = ("docs/decisions/", "docs/mutants.md", "docs/requirements.md")
"""Pages that tell of things without being where one looks them up."""

_ROW: Final = re.compile(r"^\| *(?P<first>(?:[^|\\\n]|\\.)*)\|", re.MULTILINE)
_CODE: Final = re.compile(r"`([^`]+)`")
_LINKED_CODE: Final = re.compile(r"\[`?([A-Za-z]+)`?\]\(")
_SECTION: Final = re.compile(r"^## (giftcert [^\n]+)$", re.MULTILINE)


def answered(pages: Iterator[tuple[str, str]]) -> frozenset[str]:
    """Every name that a table of a page answers; an option with its command before it."""
    found: set[str] = set()
    for name, text in pages:
        if name.startswith(_PAGES):
            continue
        sections = _SECTION.split(text)
        found |= _firsts(sections[0])
        for command, section in zip(sections[1::2], sections[2::2], strict=True):
            found |= {command, *(f"{command} {each}" for each in _firsts(section))}
    return frozenset(found)


def _firsts(text: str) -> set[str]:
    """What the first cells of the rows name."""
    found: set[str] = set()
    for row in _ROW.finditer(text):
        first = row["first"].replace("\\|", "|").strip()
        found |= {*_CODE.findall(first), *_LINKED_CODE.findall(first)}
        if first.isdigit():
            found.add(f"exit code {first}")
    return found


def settings() -> set[str]:
    """The variables of every settings class there is."""
    classes = [
        value
        for module in _modules()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseSettings)
    ]
    return {
        f"{kind.model_config.get('env_prefix', '')}{name}".upper()
        for kind in classes
        if kind.model_config.get("env_prefix")
        for name in kind.model_fields
    }


def topics() -> set[str]:
    """The topics of the flow, changelogs too."""
    wanted = wanted_topics(Settings(_env_prefix="NO_SUCH_PREFIX_"))
    return {topic.name for topic in TOPICS} | {topic.name for topic in wanted}


def metrics() -> set[str]:
    """The rows of every table of metrics, wherever a module has one."""
    return {
        row.name for module in _modules() for value in vars(module).values() for row in _rows(value)
    }


def _rows(value: Any) -> Iterator[Any]:
    match value:
        case Mapping():
            for each in value.values():
                yield from _rows(each)
        case tuple() | list():
            for each in value:
                yield from _rows(each)
        case _ if isinstance(value, type):
            return
        case _ if hasattr(value, "kind") and str(getattr(value, "name", "")).startswith(
            "giftcert_"
        ):
            yield value


def alerts() -> set[str]:
    """The alerts of the rule files."""
    files = sorted(RULES.glob("*.yaml"))
    return {
        rule["alert"]
        for path in files
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def commands() -> set[str]:
    """Every command, and every one of its options."""
    found = set()
    for each in command_helps():
        found.add(each.name)
        found |= {f"{each.name} {parameter.written}" for parameter in each.parameters}
    return found


def _exit_codes() -> set[str]:
    return {
        f"exit code {number}" for number in re.findall(r"^\| (\d+) ", exit_codes(), re.MULTILINE)
    }


def _problems() -> set[str]:
    of_calls = {REFUSALS[code].name for call in API for code in call.refusals}
    return of_calls | {kind.name for kind in TECHNICAL}


SOURCES: Final[Mapping[str, Callable[[], set[str]]]] = {
    "settings": settings,
    "topics": topics,
    "event types": lambda: {str(each) for each in EventType} - {""},
    "rejections": lambda: {str(each) for each in RejectionCode},
    "problems": _problems,
    "scopes": lambda: {str(each) for each in Scope},
    "origins": lambda: {each.name for each in Origin},
    "dead letter codes": lambda: {each.name for each in BrokenCode},
    "ends of dead letters": lambda: {each.name for each in Resolved},
    "records": lambda: {str(each) for each in RecordName},
    "metrics": metrics,
    "alerts": alerts,
    "exit codes": _exit_codes,
    "commands": commands,
}
"""Every kind of thing that somebody may look up."""


def runbook_of(alert: str) -> Path:
    """The page of an alert: `PoolLow` is `pool-low.md`."""
    return RUNBOOKS / f"{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '-', alert).lower()}.md"


def _modules() -> Iterator[ModuleType]:
    for package in (pipelines, http_edge):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(module.name)
