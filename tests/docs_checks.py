"""What must be true of a page, as functions over its text: each gives one sentence per breach.

Knows the tree and the program, nothing of pytest: `test_docs` applies these to every page, and to
forged ones to show that each can fail.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast

from starlette.routing import BaseRoute, Route

from http_edge.access.gate import Gate
from http_edge.api.calls import API, BY_OPERATION
from http_edge.api.documentation_routes import documentation_routes
from http_edge.asking.dispatch import Handler, call_routes
from http_edge.asking.services import EdgeServices
from http_edge.handlers.internal_calls import internal_routes
from http_edge.handlers.service_routes import Worked, health_routes
from http_edge.serving.metrics import EdgeMetrics
from pipelines import cli
from pipelines.neighbours.bi import settings as bi
from pipelines.neighbours.crm import settings as crm
from pipelines.neighbours.enrich import settings as enrich
from pipelines.neighbours.shop import settings as shop
from pipelines.settings import ENV_PREFIX, Settings
from tests.docs_commands import command_helps

_FENCED: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")
_PATH: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
_FILE_ENDING: Final = re.compile(r"\w\.(?:py|md|toml|avsc|json|xml|sha256|yaml|yml)$")
_COMMAND: Final = re.compile(r"giftcert (?P<name>[a-z]+)\b")
_COMMAND_LINE: Final = re.compile(r"giftcert (?P<words>[a-z][^#`|&;<>()]*)")
_OPTION: Final = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_EVERYWHERE: Final = frozenset({"--help", "--version"})
_VARIABLE: Final = re.compile(rf"\b{ENV_PREFIX}[A-Z0-9_]+\b")
_CURL: Final = re.compile(r"curl (?P<options>[^\n]*?)'?http://[\d.:]+(?P<path>/[^\s'?`]*)")
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_TOP_FOLDERS: Final = ("avro", "docs", "http_edge", "helm", "pipelines", "state", "tests", ".ci")
# Where a file that is named without its folder may be, beside the root and the page's own folder.
_FOLDERS_OF_FILES: Final = (
    "pipelines",
    "helm/gift-certificates/dashboards",
    "helm/gift-certificates/rules",
    "tests/site",
)
# What a person makes, or a build leaves or packs, and so is not in the tree.
_NOT_IN_THE_TREE: Final = frozenset({"cvc-keys.json", "pipelines/contracts/avro/", "schemas.json"})
_NEIGHBOURS_SETTINGS: Final = frozenset(
    f"{prefix}{name.upper()}"
    for prefix, settings in (
        (bi.ENV_PREFIX, bi.BiSettings),
        (crm.ENV_PREFIX, crm.CrmSettings),
        (enrich.ENV_PREFIX, enrich.EnrichSettings),
        (shop.ENV_PREFIX, shop.ShopSettings),
    )
    for name in settings.model_fields
)
_NO_SETTINGS: Final = frozenset(
    {
        "GIFTCERT_TEST_BROKER",  # of the tests
        "GIFTCERT_TEST_PICTURES",  # of the tests
        "GIFTCERT_TEST_SCHEMATHESIS_CASES",  # of the tests
        "GIFTCERT_TOKEN",  # of `giftcert audit`
        "GIFTCERT_TOKEN_FILE",  # of `giftcert audit`
    }
)
_TEST: Final = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)`")


def prose(text: str) -> str:
    """A page without its code blocks."""
    return _FENCED.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """The headings of a page: level and text."""
    return [(len(found[1]), found[2]) for found in _HEADING.finditer(prose(text))]


def anchor(heading: str) -> str:
    """The anchor that a heading gets: lower case, words joined by hyphens, nothing else."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link_targets(text: str) -> list[str]:
    """Where the links of a page lead, those to the web left out."""
    targets = [found["target"] for found in _LINK.finditer(prose(text))]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def broken_links(page: Path, text: str) -> Iterator[str]:
    """A relative link leads to a file, and its anchor to a heading there."""
    for target in link_targets(text):
        name, _, wanted = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists():
            yield f"{page.name}: {target} leads nowhere"
        elif wanted:
            there = path.read_text(encoding="utf-8") if name else text
            if wanted not in {anchor(title) for _, title in headings(there)}:
                yield f"{page.name}: {target}: no such heading"


def missing_files(root: Path, page: Path, text: str) -> Iterator[str]:
    """A path of ours in code type is there, seen from the root or from the page's own folder."""
    for found in _CODE.finditer(prose(text)):
        name = found[1]
        ours = name.startswith(tuple(f"{folder}/" for folder in _TOP_FOLDERS))
        if name in _NOT_IN_THE_TREE or not _PATH.fullmatch(name):
            continue
        if not ours and not _FILE_ENDING.search(name):
            continue
        folders = (root, page.parent, *(root / folder for folder in _FOLDERS_OF_FILES))
        there = [folder / name for folder in folders]
        if not any(path.exists() for path in there):
            yield f"{page.name}: there is no {name}"


def unknown_commands(page: Path, text: str) -> Iterator[str]:
    """A command that a page tells to run is one that the program has."""
    known = {command.name for command in cli.COMMANDS}
    for found in _COMMAND.finditer(text):
        if found["name"] not in known:
            yield f"{page.name}: giftcert has no command {found['name']}"


def unknown_options(page: Path, text: str) -> Iterator[str]:
    """An option that a page gives to a command is one that the command has."""
    known = {each.name: each.options() for each in command_helps()}
    lines = [found[1] for found in _CODE.finditer(prose(text))]
    lines += [
        line for block in _FENCED.findall(text) for line in block.replace("\\\n", " ").split("\n")
    ]
    for line in lines:
        for found in _COMMAND_LINE.finditer(line):
            words = found["words"].split()
            name = " ".join(words[:2]) if f"giftcert {' '.join(words[:2])}" in known else words[0]
            for option in _OPTION.findall(found["words"]):
                if option not in known.get(f"giftcert {name}", {option}) | _EVERYWHERE:
                    yield f"{page.name}: giftcert {name} has no option {option}"


def unknown_settings(page: Path, text: str) -> Iterator[str]:
    """A variable that a page names is a setting."""
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= _NO_SETTINGS | _NEIGHBOURS_SETTINGS
    for found in _VARIABLE.finditer(text):
        if found[0].endswith("_") and any(name.startswith(found[0]) for name in known):
            continue  # All that begin so: GIFTCERT_BI_*.
        if found[0] not in known:
            yield f"{page.name}: {found[0]} is no setting"


def unknown_calls(page: Path, text: str) -> Iterator[str]:
    """An example with curl asks for what the edge has."""
    for found in _CURL.finditer(text.replace("\\\n", " ")):
        method = "POST" if "-X POST" in found["options"] else "GET"
        if not any(_answers(route, method, found["path"]) for route in routes()):
            yield f"{page.name}: the edge has no {method} {found['path']}"


def missing_tests(root: Path, page: Path, text: str) -> Iterator[str]:
    """A test that a page names, as `tests/file.py::test_name`, is there."""
    for found in _TEST.finditer(text):
        path = root / found["file"]
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        if not re.search(rf"^(?:async )?def {found['name']}\(", source, re.MULTILINE):
            yield f"{page.name}: there is no {found['file']}::{found['name']}"


def named_tests(text: str) -> list[str]:
    """The tests that a text names."""
    return [f"{found['file']}::{found['name']}" for found in _TEST.finditer(text)]


def routes() -> list[Route]:
    """Every route of the edge. They only bind the services; nothing is asked of them here."""
    handlers = dict.fromkeys(BY_OPERATION, cast(Handler, None))
    every: list[BaseRoute] = [
        *call_routes(cast(Gate, None), API, handlers),
        *health_routes(cast(Worked, None), cast(EdgeMetrics, None)),
        *internal_routes(cast(EdgeServices, SimpleNamespace(gate=None, worker=None))),
        *documentation_routes(Settings(_env_prefix="NO_SUCH_PREFIX_")),
    ]
    return [route for route in every if isinstance(route, Route)]


def _answers(route: Route, method: str, path: str) -> bool:
    return method in (route.methods or set()) and route.path_regex.fullmatch(path) is not None
