"""The documentation as a site: whole, without a dead end, and without a word to any other host.

What pages say is `tests/test_docs.py`'s; here is that they can be read.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tests.flow.shop_browser import running_chromium
from tests.site.hooks import DIAGRAMS, ROOT, on_page_markdown, real_path, with_links

FOREIGN = re.compile(
    r'<(?:script|img|iframe|source)[^>]* src="https?:|<link[^>]* href="https?:|url\(["\']?https?:'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make site` builds it, in a directory of its own."""
    directory = tmp_path_factory.mktemp("site")
    ended = build(ROOT, directory)
    assert ended.returncode == 0, ended.stderr
    return directory


def build(tree: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=tree, env=quiet, check=False, capture_output=True, text=True)


def test_every_page_of_the_tree_is_on_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    for page in pages:
        folder = page.parent if page.stem in ("README", "index") else page.with_suffix("")
        assert (site / folder / "index.html").is_file(), page
    assert (site / "contributing" / "index.html").is_file()
    assert (site / "avro" / "Payment.avsc").is_file()


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    """Scripts, styles, fonts and pictures come with the site; links are the reader's to follow."""
    asking = {
        path.relative_to(site).as_posix(): found[0]
        for path in site.rglob("*.*")
        if path.suffix in (".html", ".css")
        if (found := FOREIGN.search(path.read_text(encoding="utf-8")))
    }
    assert asking == {}


def test_russian_pages_say_that_they_are(site: Path) -> None:
    """A reader's program reads them aloud in their language."""
    for page, language in (("ru/cashier", "ru"), ("ru", "ru"), ("start", "en")):
        text = (site / page / "index.html").read_text(encoding="utf-8")
        assert f'<html lang="{language}"' in text


def test_dead_link_dead_anchor_and_page_without_a_chapter_end_the_build(tmp_path: Path) -> None:
    """Three faults at once: the build names each, and fails."""
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    forged = "# Forged\n\n[a](gone.md), [b](flow.md#gone)\n"
    (tmp_path / "docs" / "forged.md").write_text(forged, encoding="utf-8")
    ended = build(tmp_path, tmp_path / "site")
    assert ended.returncode != 0
    assert "'forged.md' contains a link 'gone.md'" in ended.stderr
    assert "'forged.md' contains a link 'flow.md#gone', but" in ended.stderr
    assert re.search(r'not included in the "nav" configuration:\s+- forged\.md', ended.stderr)
    assert ended.stderr.count("WARNING -") == 3


def test_diagrams_are_drawn_and_searches_answered_in_the_browser_without_the_net(
    site: Path,
) -> None:
    if not (site / DIAGRAMS).is_file():
        pytest.skip("npm did not bring the program that draws diagrams: they are text")
    with served(site) as url, running_chromium() as browser:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{url}/concepts/")
        diagrams = page.locator("div.mermaid")
        page.wait_for_function("document.querySelectorAll('div.mermaid').length === 2")
        heights = [diagrams.nth(index).bounding_box() for index in range(2)]
        assert all(box is not None and box["height"] > 100 for box in heights), heights
        assert page.locator("pre.mermaid").count() == 0
        page.locator("[data-md-component=search-query]").fill("POOL_EMPTY")
        page.wait_for_selector(".md-search-result__item a[href*='rejections']")
        assert [one for one in asked if not one.startswith((url, "data:", "blob:"))] == []


@contextmanager
def served(directory: Path) -> Iterator[str]:
    handler = partial(QuietHandler, directory=str(directory))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""


@pytest.mark.parametrize(
    ("page", "link", "there"),
    [
        ("flow.md", "decisions/0016-x.md", "decisions/0016-x.md"),
        ("flow.md", "decisions", "decisions/README.md"),
        ("flow.md", "decisions/#list", "decisions/README.md#list"),
        ("ru/cashier.md", "../images/till.png", "../images/till.png"),
        ("contracts.md", "../avro/Reply.avsc", "avro/Reply.avsc"),
        ("decisions/README.md", "../../CONTRIBUTING.md#tests", "../contributing.md#tests"),
        ("contributing.md", "docs/testing.md", "testing.md"),
        ("avro/README.md", "Reply.avsc", "Reply.avsc"),
        ("avro/README.md", "../docs/flow.md", "../flow.md"),
        ("start.md", "https://example.org/a", "https://example.org/a"),
    ],
)
def test_link_that_leaves_its_folder_is_led_to_where_the_site_has_it(
    page: str, link: str, there: str
) -> None:
    assert with_links(f"see [it]({link})", page) == f"see [it]({there})"


def test_without_the_drawing_program_diagrams_are_text_and_nobody_fetches_one() -> None:
    page = cast(Page, SimpleNamespace(file=SimpleNamespace(src_uri="flow.md")))
    told = "a\n\n```mermaid\nflowchart LR\n```\n"
    shown = on_page_markdown(told, page, cast(MkDocsConfig, None), Files([]))
    assert shown == "a\n\n```text\nflowchart LR\n```\n"


def test_pages_from_outside_of_the_folder_know_where_they_are_in_the_tree() -> None:
    assert real_path("contributing.md") == "CONTRIBUTING.md"
    assert real_path("index.md") == "docs/index.md"
