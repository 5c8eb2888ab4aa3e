"""From a request to a visit, and from what a page gives back to a response.

Owns what all pages share: the session, the language, the form with its token, and the page that
says what went wrong. A page itself is a plain function of a visit, run on a thread of its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pipelines.neighbours.shop.rendering import Templates
from pipelines.neighbours.shop.session import (
    FormTokens,
    Session,
    is_of_this_site,
    remember,
    session_of,
)
from pipelines.neighbours.shop.settings import ShopSettings
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, own
from pipelines.neighbours.shop.words import Language, Words, preferred_language, words_in

MAX_FORM_BYTES: Final = 16_384
_MAX_FIELDS: Final = 60
LANGUAGE_COOKIE: Final = "language"
_FORMS_AT_THEIR_PAGE: Final = frozenset(
    {"/till/pay", "/till/sell", "/till/balance", "/till/return"}
)
_NO_STORE: Final = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request to a page. `form` may hold a code, so it shows in no repr.

    `path` is where the page is that is looked at: of a form, the page that it was on.
    """

    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(repr=False)
    session: Session
    words: Words
    token: str = field(repr=False)

    @property
    def attempt(self) -> int:
        """The attempt that the form's page showed; of a form that names none, no order's."""
        typed = self.form.get("attempt", "")
        return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 9 else 0


class _TooLarge(Exception):
    """A form that no page of ours sends."""


class Door:
    """Lets visitors in: makes endpoints of pages."""

    def __init__(self, settings: ShopSettings, templates: Templates, tokens: FormTokens) -> None:
        self._default = Language(settings.language)
        self._zone = settings.zone()
        self._secure = settings.url().startswith("https://")
        self._templates = templates
        self._tokens = tokens
        staff = settings.shows_staff_pages()
        self._frame = {
            "for_staff": staff,
            "has_phone": settings.gateway_secret_file is not None,
            "has_bi": staff and settings.bi_page is not None,
        }

    def shows(self, page: Callable[[Visit], Response]) -> Endpoint:
        """An endpoint for a page that is looked at."""

        async def endpoint(request: Request) -> Response:
            visit = self.visit(request, {})
            return self._remembered(visit, await run_in_threadpool(page, visit))

        return endpoint

    def acts(self, page: Callable[[Visit], Response]) -> Endpoint:
        """An endpoint for a form: one of our own, of this very session."""

        async def endpoint(request: Request) -> Response:
            try:
                form = await _form(request)
            except _TooLarge:
                visit = self.visit(request, {})
                return self.trouble(visit, own(OwnTrouble.FORM_TOO_LARGE), 413)
            visit = self.visit(request, form)
            known = self._tokens.is_own(visit.session, form.get("token", ""))
            if not known or not is_of_this_site(request):
                response = self.trouble(visit, own(OwnTrouble.FORM_TOO_OLD), 403)
            else:
                response = await run_in_threadpool(page, visit)
            return self._remembered(visit, response)

        return endpoint

    def visit(self, request: Request, form: Mapping[str, str]) -> Visit:
        """What a request says, without its form's content having been checked."""
        session = session_of(request, secure=self._secure)
        return Visit(
            path=_looked_at(request),
            params=request.path_params,
            query=request.query_params,
            form=form,
            session=session,
            words=self._words(request),
            token=self._tokens.token(session),
        )

    def page(self, visit: Visit, name: str, status: int = 200, **context: Any) -> Response:
        """A page from its template."""
        return HTMLResponse(self.part(visit, name, **context), status, headers=_NO_STORE)

    def part(self, visit: Visit, name: str, **context: Any) -> str:
        """A piece of a page from its template."""
        words = visit.words
        return self._templates.render(
            name,
            {
                **self._frame,
                "t": words,
                "words": words,
                "language": words.language,
                "path": visit.path,
                "token": visit.token,
                **context,
            },
        )

    def trouble(self, visit: Visit, trouble: Trouble, status: int) -> Response:
        """A page that says what went wrong, where there is nothing else to show."""
        at_till = self._frame["for_staff"] and visit.path.startswith("/till")
        place = "till" if at_till else "store"
        return self.page(visit, "trouble.html", status, trouble=trouble, place=place)

    def _words(self, request: Request) -> Words:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in tuple(Language):
            return words_in(Language(chosen), self._zone)
        accepted = request.headers.get("accept-language", "")
        return words_in(preferred_language(accepted, self._default), self._zone)

    def _remembered(self, visit: Visit, response: Response) -> Response:
        remember(response, visit.session, secure=self._secure)
        return response


def _looked_at(request: Request) -> str:
    path = request.url.path
    if request.method in ("GET", "HEAD") or path in _FORMS_AT_THEIR_PAGE:
        return path
    return path.rpartition("/")[0] or "/"


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; of one that is there twice the last counts."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_FORM_BYTES:
            raise _TooLarge
    try:
        fields = parse_qsl(received.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise _TooLarge from None
    return dict(fields)


def see(path: str) -> Response:
    """After a form: look there, by a request that can be repeated."""
    return RedirectResponse(path, 303, headers=_NO_STORE)
