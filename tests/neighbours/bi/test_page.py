"""The page stands by itself, is safe whatever others wrote, and says what the report says."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines.faults import OperatorError
from pipelines.neighbours.bi.charts import drawings
from pipelines.neighbours.bi.figures import FIGURES
from pipelines.neighbours.bi.page import page_of, write_page
from pipelines.neighbours.bi.run_mart import Page
from pipelines.neighbours.bi.sections import sections
from tests.neighbours.bi.mart_in_memory import MartUnderTest, filled
from tests.neighbours.bi.simulated_topics import simulated_topics
from tests.neighbours.bi.told_topics import DAY_MS, NUMBER, ToldTopics, sold


class Parsed(HTMLParser):
    """The elements of a page, their attributes, and whether they are all closed."""

    VOID = frozenset({"meta", "br", "line", "path", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def story() -> ToldTopics:
    told = sold().redeem(1_234_56)
    for _ in range(3):
        told.pass_time(20 * DAY_MS).redeem(100_00)
    return told


def test_page_needs_nothing_else_and_runs_nothing() -> None:
    page = page_of(filled(story().records).report())
    parsed = Parsed(page)
    assert parsed.open == []
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith("#"), (tag, target)
    assert "url(" not in page
    assert "@import" not in page
    policy = next(
        attributes["content"]
        for tag, attributes in parsed.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_page_has_every_row_of_every_section_and_a_way_to_each() -> None:
    report = filled(simulated_topics(66, 500)).report()
    page = page_of(report)
    parsed = Parsed(page)
    assert parsed.open == []
    ids = {attributes["id"] for _, attributes in parsed.elements if attributes.get("id")}
    for section in sections(report, days_shown=31, differences_shown=1_000):
        assert section.anchor in ids
        assert f'href="#{section.anchor}"' in page
    cells = sum(tag == "td" for tag, _ in parsed.elements)
    told = sections(report, days_shown=31, differences_shown=1_000)
    assert cells == sum(len(each.rows) * len(each.headings) for each in told)
    labelled = [attributes for tag, attributes in parsed.elements if tag == "td"]
    # On a telephone each cell stands under its own heading.
    assert all(attributes["data-label"] for attributes in labelled)


def test_page_says_its_offsets_and_hides_numbers() -> None:
    page = page_of(filled(story().records).report())
    assert "0:9" in page
    assert NUMBER not in page


def test_page_of_what_others_wrote_shows_it_as_text() -> None:
    told = ToldTopics().selling_order(order_id="<script>alert(1)</script>")
    page = page_of(filled(told.records).report())
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_page_sets_commands_in_a_note_as_code_and_nothing_of_others() -> None:
    told = sold().selling_order(order_id="`<b>`")
    page = page_of(filled(told.records).report())
    assert "<code>giftcert audit</code>" in page
    assert "`&lt;b&gt;`" in page


def test_page_of_an_empty_mart_has_no_charts_and_says_so_everywhere() -> None:
    report = MartUnderTest().begin().feed([]).report()
    assert drawings(report) == ()
    assert "No certificate was issued yet." in page_of(report)


def test_drawings_are_svg_of_the_width_of_a_telephone() -> None:
    found = drawings(filled(story().records).report())
    assert [each.caption for each in found] == [
        "Liability, RUB",
        "Movements by month, RUB",
        "Free numbers",
    ]
    for drawing in found:
        root = ElementTree.fromstring(drawing.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert int(root.attrib["width"]) <= 320 - 2 * 12
        assert root.attrib["role"] == "img"
        assert not re.search(r"<script|href|onload", drawing.svg)


def labels_of(svg: str) -> set[str]:
    return set(ElementTree.fromstring(svg).itertext())


def test_drawings_of_a_young_shop_have_whole_numbers_and_whole_days() -> None:
    liability, _, levels = drawings(filled(sold().load("GC-0000-9999").records).report())
    assert {"0", "1"} <= labels_of(levels.svg)
    for drawing in (liability, levels):
        assert not [each for each in labels_of(drawing.svg) if re.search(r"\dm$|[AP]M$", each)]


def test_drawings_of_what_was_spent_within_its_day_leave_the_liability_out() -> None:
    found = drawings(filled(sold().redeem(5_000_00).records).report())
    assert [each.caption for each in found] == ["Movements by month, RUB", "Free numbers"]


def test_drawings_show_the_last_year_only() -> None:
    told = sold().pass_time(800 * DAY_MS).redeem(1_00)
    liability, *_ = drawings(filled(told.records).report())
    assert "2026" not in "".join(ElementTree.fromstring(liability.svg).itertext())


def test_write_page_replaces_the_old_one_whole(tmp_path: Path) -> None:
    report = filled(story().records).report()
    folder = tmp_path / "bi"
    path = write_page(report, folder, refresh_s=20)
    first = path.read_text(encoding="utf-8")
    assert '<meta http-equiv="refresh" content="20">' in first
    assert write_page(report, folder) == path
    assert [each.name for each in folder.iterdir()] == ["index.html"]
    assert "refresh" not in path.read_text(encoding="utf-8")


def test_write_page_where_nobody_may_write_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorError, match="cannot write the page in"):
        write_page(filled(story().records).report(), tmp_path / "file")


@pytest.fixture
def beside(tmp_path: Path) -> tuple[Page, list[float], Path]:
    """A page beside a mart, its clock, and where it is written."""
    now = [0.0]
    mart = filled(story().records)
    page = Page(mart.target, tmp_path / "bi", every_s=10, clock=lambda: now[0])
    return page, now, tmp_path / "bi" / "index.html"


def test_page_beside_a_running_mart_is_written_where_something_changed_and_seldom_else(
    beside: tuple[Page, list[float], Path],
) -> None:
    page, now, path = beside
    written = []
    turns = (
        (0, False),
        (5, True),
        (9, False),
        (10, False),
        (30, False),
        (31, True),
        (230, False),
        (231, False),
    )
    for now[0], changed in turns:
        path.unlink(missing_ok=True)
        page.turned(changed)
        written.append(path.exists())
    assert written == [True, False, False, True, False, True, False, True]


def test_page_tells_of_each_figure_that_it_has_got(tmp_path: Path) -> None:
    """A page of a large mart takes long, and nobody must take that for the end of the loop."""
    steps: list[None] = []
    mart = filled(story().records)
    Page(mart.target, tmp_path / "bi", every_s=10, step=lambda: steps.append(None)).write()
    assert len(steps) == len(FIGURES) + 1


def test_page_that_cannot_be_written_does_not_stop_the_mart(
    beside: tuple[Page, list[float], Path],
) -> None:
    page, _, path = beside
    path.parent.write_text("in the way")
    page.turned(True)
    with pytest.raises(OperatorError):
        page.write()


def test_page_is_for_all_to_read_whatever_the_mart_is(tmp_path: Path) -> None:
    """With the directories that are made for it, so that a web server comes to it."""
    report = filled(story().records).report()
    before = os.umask(0o077)
    try:
        path = write_page(report, tmp_path / "www" / "bi")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    for made in (path.parent, path.parent.parent):
        assert made.stat().st_mode & 0o777 == 0o755
