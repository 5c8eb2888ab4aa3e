"""Who a browser is: a random word in a cookie, and what follows from it.

Owns the cookie, the owner's name that stands in orders, and the token that forms carry. Nothing is
kept on the server, so a restart logs nobody out. Must not hold anything about a person.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_NAME: Final = "giftcert_shop"
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{32}")
_WORD_BYTES: Final = 24
_LIFE_S: Final = 30 * 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser. `is_new`: it does not have the cookie yet."""

    word: str = field(repr=False)
    is_new: bool

    @property
    def owner(self) -> str:
        """The client id of its orders: the cookie's word does not follow from it."""
        return f"web-{sha256(b'owner/' + self.word.encode()).hexdigest()[:20]}"


def session_of(request: Request, *, secure: bool) -> Session:
    """The session of a request; a new one where there is none, or none of ours."""
    word = request.cookies.get(_cookie_name(secure=secure), "")
    if _WORD.fullmatch(word):
        return Session(word=word, is_new=False)
    return Session(word=secrets.token_urlsafe(_WORD_BYTES), is_new=True)


def remember(response: Response, session: Session, *, secure: bool) -> None:
    """Give the browser its cookie, where it has none."""
    if session.is_new:
        response.set_cookie(
            _cookie_name(secure=secure),
            session.word,
            max_age=_LIFE_S,
            secure=secure,
            httponly=True,
            samesite="lax",
        )


def _cookie_name(*, secure: bool) -> str:
    # With this prefix a browser takes the cookie from this very host only.
    return f"__Host-{_NAME}" if secure else _NAME


class FormTokens:
    """The word that a form of ours carries, and one of another site's cannot know."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def token(self, session: Session) -> str:
        """The token of a session's forms, for as long as this process lives."""
        return hmac.new(self._key, session.word.encode(), sha256).hexdigest()

    def is_own(self, session: Session, token: str) -> bool:
        """Whether a form is one that this session was given."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())


def is_of_this_site(request: Request) -> bool:
    """Whether the browser says that a form comes from our own pages; old browsers say nothing."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")
