"""A real browser for the shop's pages: the system's Chromium, driven by Playwright.

Owns its start, what must hold on every page that it shows, and the pictures for the documentation.
Where there is no Chromium the tests say so and are skipped.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PICTURES_VARIABLE: Final = "GIFTCERT_TEST_PICTURES"
"""A directory: the pictures of the documentation are made anew there."""

PHONE: Final = (320, 640)
TILL: Final = (1024, 768)
DESK: Final = (1280, 860)
_WAIT_MS: Final = 60_000

# Every text against what is behind it, by the formula of WCAG 2.2; large text needs 3, other 4.5.
_CONTRASTS: Final = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parsed(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
      if (at.matches(".gift-card")) return [18, 58, 46, 255];
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    if (element.closest(".aloud, script, option")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const [one, two] = [light(parsed(style.color)), light(ground(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < needed) found.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

# What a finger or a key can reach, and is too small to be hit (WCAG 2.5.8 asks for 24 pixels).
_SMALL_TARGETS: Final = """() => [...document.querySelectorAll("a, button, input, summary")]
  .filter((each) => each.checkVisibility() && !each.closest(".aloud, .skip, p, .chip, .radio"))
  .map((each) => [each, each.getBoundingClientRect()])
  .filter(([each, box]) => box.width && (box.width < 24 || box.height < 24))
  .map(([each, box]) => `${each.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""

_NAMELESS: Final = """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
  .filter((each) => each.checkVisibility() && !each.closest("[aria-hidden=true]"))
  .filter((each) => !(each.labels?.length || each.textContent.trim() || each.ariaLabel))
  .map((each) => each.outerHTML.slice(0, 120))"""


@dataclass
class Screen:
    """One page in the browser, and all that went wrong in it."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def press(self, name: str) -> None:
        """Press what has this name; a link or a button."""
        control = self.page.get_by_role("button", name=name).or_(
            self.page.get_by_role("link", name=name)
        )
        control.first.click()

    def fill(self, **fields: str) -> None:
        for name, text in fields.items():
            self.page.locator(f"input[name={name}]").fill(text)

    def shows(self, text: str) -> None:
        """Wait until the page has a text that can be seen."""
        self.page.get_by_text(text, exact=False).first.wait_for(timeout=_WAIT_MS)

    def type(self, *keys: str) -> None:
        """Keys only, one after the other; anything longer than a key's name is typed."""
        for key in keys:
            if key in ("Enter", "Tab", "Shift+Tab", "Space", "F1", "F2", "F3", "F4", "ArrowDown"):
                self.page.keyboard.press(key)
            else:
                self.page.keyboard.type(key)

    def settles(self) -> None:
        """Wait until the page takes keys: right after it came, one may be the last page's."""
        self.page.wait_for_function("() => performance.now() > 500")

    def hide(self, *, hidden: bool) -> None:
        """Put the tab behind another one, or before it: as far as its script can tell."""
        self.page.evaluate(
            """(hidden) => {
              Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
              document.dispatchEvent(new Event("visibilitychange"));
            }""",
            hidden,
        )

    @property
    def focused(self) -> str:
        """The text of what has the focus; a field has none, but a name."""
        found: str = self.page.evaluate(
            "() => document.activeElement.textContent.trim() || document.activeElement.name"
        )
        return found

    def looks_right_with(self, text: str) -> None:
        """The page that has this text: a page that is on its way is not looked at too early."""
        self.shows(text)
        self.looks_right()

    def looks_right(self) -> None:
        """Nothing scrolls sideways, every text can be read, and everything can be hit."""
        width: int = self.page.evaluate("() => document.documentElement.scrollWidth")
        seen: int = self.page.evaluate("() => document.documentElement.clientWidth")
        assert width <= seen, f"{self.page.url} is {width} wide on {seen}"
        for check in (_CONTRASTS, _SMALL_TARGETS, _NAMELESS):
            found: list[str] = self.page.evaluate(check)
            assert found == [], f"{self.page.url}: {found}"

    def resize(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})

    def picture(self, name: str, *, part: str | None = None, whole: bool = False) -> None:
        """A picture for the documentation, where one is wanted."""
        folder = os.environ.get(PICTURES_VARIABLE)
        if not folder:
            return
        path = Path(folder) / f"{name}.png"
        self.page.evaluate("() => document.fonts.ready")
        self.page.wait_for_timeout(150)
        if part is not None:
            self.page.locator(part).first.screenshot(path=path, animations="disabled")
        else:
            self.page.screenshot(path=path, full_page=whole, animations="disabled")


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """The system's Chromium; the test is skipped, and says so, where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"there is no Chromium on PATH ({', '.join(NAMES)})"
        print(f"skipped: {reason}")
        pytest.skip(reason)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def screen_on(
    browser: Browser, url: str, size: tuple[int, int] = DESK, locale: str = "ru-RU"
) -> Iterator[Screen]:
    """A person's own browser: no cookies of others. What its console complains of is a fault."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale=locale, reduced_motion="reduce"
    )
    context.set_default_timeout(_WAIT_MS)
    page = context.new_page()
    screen = Screen(page=page, url=url)
    page.on(
        "console",
        lambda message: screen.faults.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: screen.faults.append(str(error)))
    try:
        yield screen
    finally:
        context.close()
    assert [fault for fault in screen.faults if not _expected(fault)] == []


def _expected(fault: str) -> bool:
    """A form with a wrong entry is answered with an error status, which the console tells."""
    return "Failed to load resource: the server responded with a status of 4" in fault
