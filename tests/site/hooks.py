"""What the site needs beyond mkdocs' settings; `mkdocs.yml` names this file, mkdocs calls it.

Owns three things: pages of the tree that lie outside of `docs/` and the links to them, chapters
that are a whole folder, and the program that draws diagrams in the reader's browser, which comes
with the site instead of from somebody's CDN. Writes no word of any page.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tests.npm_packages import PackagesUnavailable, locked_packages

ROOT: Final = Path(__file__).resolve().parents[2]
CARRIED: Final = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "README.ru.md": "ru/index.md",
    **{
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix()
        for path in sorted([*(ROOT / "avro").glob("*.avsc"), ROOT / "avro" / "README.md"])
    },
}
"""Where a file outside of `docs/` is on the site. A README's place is the start page, which says
the same to who is there."""

DIAGRAMS: Final = "assets/mermaid.js"
_DOCS: Final = "docs/"
_IN_NODE_MODULES: Final = "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_FENCE: Final = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_FOLDER: Final = "/*"
_SCRIPTS: Final = '<script src="'
_log: Final = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder where the navigation names it with a star."""
    config.nav = [_with_folders(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is not in `docs/`."""
    for name, uri in CARRIED.items():
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    try:
        program = locked_packages("mermaid", Path(__file__).parent) / _IN_NODE_MODULES
    except PackagesUnavailable as reason:
        _log.info("diagrams are shown as their text: %s", reason)
    else:
        files.append(File.generated(config, DIAGRAMS, abs_src_path=str(program)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links that leave `docs/` to where the site has what they mean."""
    del config
    if files.get_file_from_path(DIAGRAMS) is None:
        # Left a diagram, the theme would fetch the program that draws it from another host.
        markdown = markdown.replace("```mermaid\n", "```text\n")
    uri = page.file.src_uri
    parts = _FENCE.split(markdown)
    # Every second part is a fenced block: what looks like a link there is none.
    parts[::2] = [with_links(part, uri) for part in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Have the drawing program loaded where there is something to draw; say a page's language."""
    del config
    if page.file.src_uri.startswith("ru/"):
        output = output.replace('<html lang="en"', '<html lang="ru"', 1)
    if 'class="mermaid"' in output:
        place = posixpath.relpath(DIAGRAMS, posixpath.dirname(page.file.dest_uri) or ".")
        before, script, behind = output.rpartition(_SCRIPTS)
        output = f'{before}{_SCRIPTS}{place}"></script>\n{script}{behind}'
    return output


def with_links(text: str, uri: str) -> str:
    """A page's text with its relative links as the site has them."""
    here = real_path(uri)

    def led(found: re.Match[str]) -> str:
        target = found["target"]
        if re.match(r"[a-z]+:", target):
            return found[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        return f"]({_from(uri, _place(meant, here))}{found['anchor'] or ''})"

    return _LINK.sub(led, text)


def real_path(uri: str) -> str:
    """Where the tree has a page of the site."""
    carried = {site: name for name, site in CARRIED.items() if not name.startswith("README")}
    return carried.get(uri, f"{_DOCS}{uri}")


def _place(meant: str, here: str) -> str:
    """The site's own name of a file of the tree; a folder stands for its README."""
    if meant.startswith(_DOCS):
        place = meant.removeprefix(_DOCS)
        return f"{place}/README.md" if (ROOT / meant).is_dir() else place
    if meant not in CARRIED:
        raise PluginError(f"{here} links to {meant}, which is no part of the site")
    return CARRIED[meant]


def _from(uri: str, place: str) -> str:
    return posixpath.relpath(place, posixpath.dirname(uri) or ".")


def _with_folders(entry: Any, docs: Path) -> Any:
    match entry:
        case str() if entry.endswith(_FOLDER):
            return _pages(entry, docs)
        case dict():
            return {title: _with_folders(part, docs) for title, part in entry.items()}
        case list():
            return [_with_folders(part, docs) for part in entry]
        case _:
            return entry


def _pages(entry: str, docs: Path) -> list[str]:
    """Every page of a folder, its README first."""
    found = (docs / entry.removesuffix(_FOLDER)).glob("*.md")
    names = sorted(found, key=lambda path: (path.name != "README.md", path.name))
    return [path.relative_to(docs).as_posix() for path in names]
