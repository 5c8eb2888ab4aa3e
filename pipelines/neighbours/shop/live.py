"""Server-sent events: news that a page shows without being asked for again.

Owns the wire format, the going on after a lost connection, and the end of a stream. Must not know
what is told.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipelines.neighbours.shop.broadcast import Broadcast, News

_QUIET_S: Final = 15.0
"""A line at least this often: so that whoever is between us keeps the connection."""
_BACK_MS: Final = 1_000
_DIGITS_MAX: Final = 18
_MAX_STREAMS: Final = 100
"""Open streams in all: each is a connection, and a file of this process."""

Item = TypeVar("Item")
Tell = Callable[[News[Item]], str | None]
"""The text to send for what came, or None where it is no news to this page."""


class LiveStreams:
    """All open streams of this process."""

    def __init__(self) -> None:
        self._open = 0

    def respond(self, request: Request, source: Broadcast[Item], tell: Tell[Item]) -> Response:
        """Follow a source from where the browser was, or its page was made; else from now on."""
        if self._open >= _MAX_STREAMS:
            return Response("too many pages are open\n", 503, headers={"Retry-After": "5"})
        said = request.headers.get("last-event-id") or request.query_params.get("after", "")
        known = said.isascii() and said.isdecimal() and len(said) < _DIGITS_MAX
        begin = int(said) if known else source.last
        return StreamingResponse(
            self._counted(follow(source, tell, begin)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _counted(self, lines: AsyncIterator[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            async for line in lines:
                yield line
        finally:
            self._open -= 1


async def follow(
    source: Broadcast[Item], tell: Tell[Item], begin: int, *, quiet_s: float = _QUIET_S
) -> AsyncIterator[str]:
    """The events of a source after a number, until it is closed."""
    yield f"retry: {_BACK_MS}\nid: {begin}\ndata:\n\n"
    # A number of an earlier life of this process means nothing now: all is news.
    last = begin if begin <= source.last else 0
    while not source.closed:
        await source.wait(last, quiet_s)
        news = source.since(last)
        last = news.last
        text = tell(news) if news.items or news.gap else None
        if text is None:
            yield ": still here\n\n"
        else:
            yield event(text, last)


def event(text: str, number: int) -> str:
    """One event; a line of it may hold anything but a line break."""
    data = "".join(f"data: {line}\n" for line in text.splitlines()) or "data:\n"
    return f"event: news\nid: {number}\n{data}\n"
