"""The pages around store and till: the start, the phone, the live stream, the change of language.

Owns what they show. The phone is of the development gateway: it shows every message there is, and
so exists only where the gateway does, on this machine.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.neighbours.shop.broadcast import News
from pipelines.neighbours.shop.live import LiveStreams
from pipelines.neighbours.shop.message_box import MessageBox, TextMessage
from pipelines.neighbours.shop.story import Seen
from pipelines.neighbours.shop.stream_memory import StreamMemory
from pipelines.neighbours.shop.trouble import OwnTrouble, own
from pipelines.neighbours.shop.visits import LANGUAGE_COOKIE, Door, Visit, see
from pipelines.neighbours.shop.words import Language

_YEAR_S: Final = 365 * 24 * 3_600
# One way to read each text: a pattern with two takes for ever over a text that does not fit.
_LOCAL_PATH: Final = re.compile(r"/(?:[A-Za-z0-9_~.-]+/)*[A-Za-z0-9_~.-]*")
_CODE: Final = re.compile(r"(?<!\d)\d{6,8}(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SidePages:
    """The pages that are neither store nor till."""

    door: Door
    memory: StreamMemory
    box: MessageBox | None
    live: LiveStreams
    service_url: str
    for_staff: bool

    def routes(self) -> list[Route]:
        """Where the pages are."""
        shows = self.door.shows
        routes = [
            Route("/", shows(self.start)),
            Route("/language/{code}", shows(self.change_language)),
        ]
        if self.for_staff:
            routes += [
                Route("/stream/", shows(self.stream)),
                Route("/stream/live", self.stream_news),
            ]
        if self.box is not None:
            routes += [Route("/phone/", shows(self.phone)), Route("/phone/live", self.phone_news)]
        return routes

    def start(self, visit: Visit) -> Response:
        """Where everything is; a customer is led to the store."""
        if not self.for_staff:
            return see("/store/")
        return self.door.page(visit, "start.html", service_docs=f"{self.service_url}/docs")

    def change_language(self, visit: Visit) -> Response:
        """From now on the other language; then back to the page."""
        code, back = visit.params["code"], visit.query.get("to", "/")
        if code not in tuple(Language):
            return self.door.trouble(visit, own(OwnTrouble.PAGE_UNKNOWN), 404)
        # Two slashes at the beginning would lead to another host.
        response = see(back if _LOCAL_PATH.fullmatch(back) else "/")
        response.set_cookie(LANGUAGE_COOKIE, code, max_age=_YEAR_S, httponly=True, samesite="lax")
        return response

    def phone(self, visit: Visit) -> Response:
        """Every message that the gateway got."""
        assert self.box is not None, "there is no such route without a gateway"
        after = self.box.arrivals.last
        return self.door.page(
            visit, "phone.html", messages=self.box.messages(), after=after, code_parts=code_parts
        )

    async def phone_news(self, request: Request) -> Response:
        """Messages as they come, each as a piece of the page."""
        assert self.box is not None, "there is no such route without a gateway"
        visit = self.door.visit(request, {})

        def tell(news: News[TextMessage]) -> str:
            return self.door.part(
                visit, "phone_messages.html", messages=news.items, code_parts=code_parts
            )

        return self.live.respond(request, self.box.arrivals, tell)

    def stream(self, visit: Visit) -> Response:
        """The latest events of the stream, the newest first."""
        news = self.memory.events.since(0)
        return self.door.page(
            visit,
            "stream.html",
            events=tuple(reversed(news.items)),
            after=news.last,
            caught_up=self.memory.caught_up,
        )

    async def stream_news(self, request: Request) -> Response:
        """Events as they come, each as a row of the page's table."""
        visit = self.door.visit(request, {})

        def tell(news: News[Seen]) -> str:
            return self.door.part(visit, "stream_rows.html", events=tuple(reversed(news.items)))

        return self.live.respond(request, self.memory.events, tell)


def code_parts(text: str) -> tuple[str, str, str]:
    """A message around its code: what is before, the code, what is after; both empty without."""
    found = _CODE.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]
