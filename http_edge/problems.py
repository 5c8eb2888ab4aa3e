"""Problems: every refusal and fault as RFC 9457 problem+json.

Owns the table from a business "no" to its HTTP status and type. A problem never holds a secret, and
shows a certificate by its last four at most.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from state.certificate.rejections import MEANINGS, Rejection, RejectionCode

TYPE_ROOT: Final = "https://gift-certificates.example/problems/"
"""Where the problem types are described; a stable name, not an address to fetch."""


class Problem(Exception):
    """One problem, raised anywhere in a route and answered by the app."""

    def __init__(
        self,
        *,
        status: int,
        kind: str,
        title: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The problem as a response."""
        body = {
            "type": TYPE_ROOT + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
        }
        return Response(
            msgspec.json.encode(body),
            status_code=self.status,
            media_type="application/problem+json",
            headers=self.headers,
        )


_STATUS: Final[Mapping[RejectionCode, int]] = {
    RejectionCode.REQUEST_REUSED: 422,
    RejectionCode.NOT_FOUND: 404,
    RejectionCode.LOCKED: 423,
    RejectionCode.WRONG_CVC: 403,
    RejectionCode.INSUFFICIENT_BALANCE: 402,
}


def refusal(rejection: Rejection) -> Problem:
    """The problem of a business "no"; a conflict with the state where nothing else fits."""
    code = rejection.code
    return Problem(
        status=_STATUS.get(code, 409),
        kind=code.value.lower().replace("_", "-"),
        title=MEANINGS[code],
        detail=rejection.text,
    )


def invalid(detail: str) -> Problem:
    """The request itself is wrong: what to change is in the detail."""
    return Problem(
        status=422, kind="invalid-request", title="the request is not valid", detail=detail
    )


def not_found() -> Problem:
    """Nothing is known of what the path names."""
    return refusal(Rejection(code=RejectionCode.NOT_FOUND))


def moving() -> Problem:
    """The partition changes hands; the answer would be wrong, so there is none for a moment."""
    return Problem(
        status=503,
        kind="moving",
        title="the owner of this certificate is changing: ask again in a moment",
        headers={"Retry-After": "1"},
    )


def overloaded() -> Problem:
    """More is waiting to be written than there is room for: Kafka takes nothing for the moment."""
    return Problem(
        status=503,
        kind="overloaded",
        title="nothing can be asked for the moment: try again",
        headers={"Retry-After": "1"},
    )


def stopping() -> Problem:
    """This process ends; nothing was asked."""
    return Problem(
        status=503,
        kind="stopping",
        title="this process is stopping: ask again in a moment",
        headers={"Retry-After": "1"},
    )


def code_key_missing() -> Problem:
    """The code exists, and cannot be computed here until an operator puts its key back."""
    return Problem(
        status=503,
        kind="code-key-missing",
        title="the code cannot be shown for now",
        detail="repeat the request with the same key once the service has been mended",
    )


def internal_error() -> Problem:
    """A bug of ours: the log has it, the caller learns nothing of it."""
    return Problem(
        status=500,
        kind="internal-error",
        title="the service failed; the request may have happened",
        detail="repeat a request with the same key: it is performed once",
    )


def no_answer() -> Problem:
    """No outcome in time. It may still come about: the same request gets the same outcome."""
    return Problem(
        status=504,
        kind="no-answer",
        title="no answer in time; the request may still happen",
        detail="repeat the request with the key in Idempotency-Key of this answer: "
        "it is performed once and answered the same",
    )
