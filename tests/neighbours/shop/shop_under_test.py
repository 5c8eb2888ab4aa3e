"""The whole shop on a fake service and fake topics, and a browser for it.

Owns the putting together, and the reading of forms as a browser reads them: what a page hides in a
form is sent back with it.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import stamina

from pipelines.client_credentials import ClientCredentials
from pipelines.neighbours.shop.address_directory import AddressDirectory
from pipelines.neighbours.shop.app import Parts, create_shop
from pipelines.neighbours.shop.balance_checks import BalanceChecks
from pipelines.neighbours.shop.edge import Edge
from pipelines.neighbours.shop.message_box import MessageBox
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.orders import Order, Place
from pipelines.neighbours.shop.sales import Sales
from pipelines.neighbours.shop.settings import ShopSettings
from pipelines.neighbours.shop.stream_memory import StreamMemory
from pipelines.neighbours.shop.words import Language, words_in
from tests.neighbours.shop.fake_edge import FakeEdge
from tests.neighbours.shop.fake_topics import FakeTopics

NOW_MS = 1_772_359_200_000
"""2026-03-01T10:00:00Z: a quarter of an hour before holds end, half an hour before reservations."""
SECRET = "gateway-secret"


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Shop:
    """The parts that a test looks at."""

    edge: FakeEdge
    topics: FakeTopics
    parts: Parts
    clock: Clock
    language: str = "en"
    browsers: list["Browser"] = field(default_factory=list)

    @property
    def sales(self) -> Sales:
        return self.parts.sales

    @property
    def memory(self) -> StreamMemory:
        return self.parts.sales.memory

    def browser(self, language: str | None = None) -> "Browser":
        """Another person, at the same shop."""
        app = create_shop(self.parts) if not self.browsers else self.browsers[0].app
        browser = Browser(app, language or self.language)
        self.browsers.append(browser)
        return browser

    def forget(self) -> None:
        """As a restart does."""
        self.sales.book._slots.clear()

    def orders(self) -> list[Order]:
        """Every order that there is."""
        return [order for place in Place for order in self.sales.book.of_place(place, 10)]

    def order(self) -> Order:
        """The one order that there is."""
        (order,) = self.orders()
        return order


@contextmanager
def shop_in(tmp_path: Path, **settings: Any) -> Iterator[Shop]:
    """A shop with the development gateway, whose calls are repeated three times without pauses."""
    (tmp_path / "gateway").write_text(SECRET)
    own = ShopSettings(
        **{"gateway_secret_file": tmp_path / "gateway", "time_zone": "UTC", **settings}
    )
    edge, clock = FakeEdge(), Clock()
    book, memory = OrderBook(own.orders_kept), StreamMemory(own.orders_kept)
    memory.note_caught_up(True)
    book.note_caught_up(True)
    topics = FakeTopics(memory=memory, edge=edge)
    services = {place: edge_client(edge, own) for place in Place}
    sales = Sales(
        services=services,
        writer=topics,
        book=book,
        memory=memory,
        shop_id=own.shop_id,
        currency=own.currency,
        now_ms=clock,
        outcome_s=0.0,
    )
    parts = Parts(
        settings=own,
        sales=sales,
        balances=BalanceChecks(services[Place.TILL], clock),
        directory=AddressDirectory(own.orders_kept),
        box=MessageBox(),
        now_ms=clock,
    )
    with stamina.set_testing(True, attempts=3, cap=True):
        shop = Shop(edge=edge, topics=topics, parts=parts, clock=clock)
        try:
            yield shop
        finally:
            for browser in shop.browsers:
                browser.close()
            for service in services.values():
                service.close()


def edge_client(edge: FakeEdge, own: ShopSettings) -> Edge:
    """The shop's own client, on the fake service."""
    credentials = ClientCredentials(
        "http://issuer.test/token", "store", lambda: "s", transport=edge.transport
    )
    return Edge(own.edge_url, credentials, patience_s=5.0, transport=edge.transport)


@dataclass
class Form:
    """One form of a page: where it goes, and what it would send if nobody touched it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(action=given["action"]))
            self._open = True
        elif tag == "input" and self._open and "name" in given:
            if given.get("type") != "radio" or "checked" in given:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and self._open:
            self.forms[-1].buttons.append(given)

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"


class Browser:
    """A person with a browser: follows redirects, sends forms whole, keeps cookies."""

    def __init__(self, app: Any, language: str) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://127.0.0.1:8090",
            headers={"Accept-Language": language},
            follow_redirects=True,
        )
        self.page: httpx.Response = httpx.Response(200, text="")

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def path(self) -> str:
        return self.page.url.path

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request at all; the page that is open stays."""
        return self._runner.run(self.client.request(method, path, **options))

    def open(self, path: str) -> httpx.Response:
        self.page = self.ask("GET", path)
        return self.page

    def forms(self) -> list[Form]:
        parser = _Forms()
        parser.feed(self.text)
        return parser.forms

    def form(self, ending: str) -> Form:
        """The form that goes to an address with that end."""
        found = [form for form in self.forms() if form.action.endswith(ending)]
        assert found, f"no form to {ending} on {self.path}"
        return found[0]

    def send(self, form: Form, **fields: str) -> httpx.Response:
        self.page = self.ask("POST", form.action, data={**form.fields, **fields})
        return self.page

    def close(self) -> None:
        self._runner.run(self.client.aclose())
        self._runner.close()

    def submit(self, ending: str, **fields: str) -> httpx.Response:
        return self.send(self.form(ending), **fields)


def says(browser: Browser, problem: str, place: str = "store") -> bool:
    """Whether the page says what happened and what to do, in its own language."""
    found = re.search(r'<html lang="(..)"', browser.text)
    assert found is not None, "a page has a language"
    words = words_in(Language(found[1]))
    shown = unescape(browser.text)
    named, bare = words.trouble(problem, place, "0042"), words.trouble(problem, place)
    return (named.what in shown or bare.what in shown) and named.advice in shown
