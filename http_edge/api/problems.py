"""Problems: every refusal and fault as RFC 9457 problem+json.

Owns the closed list of problem types, and the table from a business "no" to its HTTP status. A
problem never holds a secret, and shows a certificate by its last four at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.responses import Response

from state.certificate.rejections import MEANINGS, Rejection, RejectionCode

TYPE_ROOT: Final = "https://gift-certificates.example/problems/"
"""Where the problem types are described; a stable name, not an address to fetch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """One type of problem: its stable name, its status, and what a caller does about it."""

    name: str
    status: int
    title: str
    advice: str


def _kind(name: str, status: int, title: str, advice: str) -> ProblemKind:
    return ProblemKind(name=name, status=status, title=title, advice=advice)


_SAME_KEY: Final = "repeat with the same key: it is performed once"
_AGAIN: Final = "repeat after `Retry-After`"

MALFORMED = _kind("malformed-request", 400, "the request is malformed", "the detail says how")
KEY_MISSING = _kind(
    "idempotency-key-missing",
    400,
    "the request has no Idempotency-Key",
    "send the header `Idempotency-Key` (on the GET forms: `requestId`), a new one a request, and "
    "the same one when you repeat it",
)
TOKEN_MISSING = _kind(
    "token-missing", 401, "the request has no bearer token", "get one from your issuer"
)
TOKEN_INVALID = _kind(
    "token-invalid", 401, "the token is not valid here", "get a new one; the detail says why"
)
CLIENT_UNKNOWN = _kind(
    "client-unknown", 403, "the token's client is not known here", "have the client registered"
)
SCOPE_MISSING = _kind(
    "scope-missing", 403, "the token does not allow this call", "ask for a token with the scope"
)
CHANNEL_FORBIDDEN = _kind(
    "channel-forbidden",
    403,
    "the client acts for another channel",
    "leave `channel` out, or name the client's own",
)
NO_PATH = _kind("no-such-path", 404, "there is nothing at this path", "check the path")
METHOD = _kind("method-not-allowed", 405, "the path has no such method", "use one of `Allow`")
TIMEOUT = _kind(
    "request-timeout", 408, "the request did not arrive in time", "send it again, faster"
)
TOO_LARGE = _kind("too-large", 413, "the body is too large", "send less than 16 KiB")
TARGET_LONG = _kind("target-too-long", 414, "the address is too long", "shorten the query")
MEDIA_TYPE = _kind(
    "media-type", 415, "the body is not JSON", "send `Content-Type: application/json`"
)
INVALID = _kind(
    "invalid-request", 422, "the request is not valid", "the detail says which field is wrong"
)
TOO_MANY = _kind("too-many-requests", 429, "too many requests", _AGAIN)
HEAD_LARGE = _kind("head-too-large", 431, "the headers are too large", "send fewer or shorter ones")
INTERNAL = _kind(
    "internal-error",
    500,
    "the service failed; the request may have happened",
    f"a bug; the log has it. {_SAME_KEY}",
)
MOVING = _kind(
    "moving",
    503,
    "the owner of what was asked for is changing: ask again in a moment",
    f"the partition changes hands: {_AGAIN}",
)
NOT_THERE_YET = _kind(
    "not-there-yet",
    503,
    "what is here is not as new as what was asked for",
    f"the position in `Giftcert-Position` has not been reached: {_AGAIN}, or without the header",
)
OVERLOADED = _kind(
    "overloaded",
    503,
    "nothing can be asked for the moment: try again",
    f"Kafka takes nothing for the moment, and nothing was asked: {_AGAIN}",
)
STOPPING = _kind(
    "stopping",
    503,
    "this process is stopping: ask again in a moment",
    f"nothing was asked: {_AGAIN}",
)
KEYS_UNAVAILABLE = _kind(
    "keys-unavailable",
    503,
    "tokens cannot be checked for now",
    f"the issuer's keys cannot be fetched, and nobody gets in without them: {_AGAIN}",
)
CODE_KEY_MISSING = _kind(
    "code-key-missing",
    503,
    "the code cannot be shown for now",
    "the master key of this code is not in `GIFTCERT_CVC_KEY_FILE` any more; once the operator has "
    "put it back, the same key gets the code",
)
NO_ANSWER = _kind(
    "no-answer",
    504,
    "no answer in time; the request may still happen",
    f"no outcome in time. {_SAME_KEY}",
)

_REJECTION_STATUS: Final[Mapping[RejectionCode, int]] = {
    RejectionCode.REQUEST_REUSED: 422,
    RejectionCode.NOT_FOUND: 404,
    RejectionCode.LOCKED: 423,
    RejectionCode.WRONG_CVC: 403,
    RejectionCode.INSUFFICIENT_BALANCE: 402,
}


def _rejected(code: RejectionCode) -> ProblemKind:
    return _kind(
        code.value.lower().replace("_", "-"),
        _REJECTION_STATUS.get(code, 409),
        MEANINGS[code],
        "a business no, see rejections.md",
    )


REFUSALS: Final[Mapping[RejectionCode, ProblemKind]] = {
    code: _rejected(code) for code in RejectionCode
}
"""The problem of each business "no"; a conflict with the state where nothing else fits."""

NOT_FOUND = REFUSALS[RejectionCode.NOT_FOUND]

TECHNICAL: Final = (
    MALFORMED,
    KEY_MISSING,
    TOKEN_MISSING,
    TOKEN_INVALID,
    CLIENT_UNKNOWN,
    SCOPE_MISSING,
    CHANNEL_FORBIDDEN,
    NO_PATH,
    METHOD,
    TIMEOUT,
    TOO_LARGE,
    TARGET_LONG,
    MEDIA_TYPE,
    INVALID,
    TOO_MANY,
    HEAD_LARGE,
    INTERNAL,
    MOVING,
    NOT_THERE_YET,
    OVERLOADED,
    STOPPING,
    KEYS_UNAVAILABLE,
    CODE_KEY_MISSING,
    NO_ANSWER,
)
"""Every problem that is not a business "no", by status."""


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457 problem+json."""

    type: str
    title: str
    status: int
    detail: str


class Problem(Exception):
    """One problem, raised anywhere in a route and answered by the app."""

    def __init__(
        self, kind: ProblemKind, detail: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The problem as a response."""
        body = ProblemBody(
            type=TYPE_ROOT + self.kind.name,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail or self.kind.title,
        )
        return Response(
            msgspec.json.encode(body),
            status_code=self.kind.status,
            media_type="application/problem+json",
            headers={"Cache-Control": "no-store", **self.headers},
        )


_SOON: Final = {"Retry-After": "1"}


def refusal(rejection: Rejection) -> Problem:
    """The problem of a business "no"."""
    return Problem(REFUSALS[rejection.code], rejection.text)


def not_found() -> Problem:
    """Nothing is known of what the path names."""
    return Problem(NOT_FOUND)


def malformed_request(detail: str) -> Problem:
    """The request breaks HTTP's own rules, or ours on headers."""
    return Problem(MALFORMED, detail)


def key_missing(where: str) -> Problem:
    """A call that acts came without its identity; `where` is the header or parameter it needs."""
    return Problem(KEY_MISSING, f"send {where}: 1 to 128 of A-Z a-z 0-9 . _ : / @ + = -")


def token_missing() -> Problem:
    """No bearer token came; RFC 6750 tells no error code then."""
    return Problem(TOKEN_MISSING, headers={"WWW-Authenticate": 'Bearer realm="gift-certificates"'})


def token_invalid(detail: str) -> Problem:
    """The token is expired, another's, or no token at all. The detail never quotes it."""
    challenge = 'Bearer realm="gift-certificates", error="invalid_token"'
    return Problem(TOKEN_INVALID, detail, headers={"WWW-Authenticate": challenge})


def client_unknown() -> Problem:
    """A good token of a client that nobody has registered here."""
    return Problem(CLIENT_UNKNOWN)


def scope_missing(scope: str) -> Problem:
    """The token lacks the one scope the call needs."""
    challenge = f'Bearer realm="gift-certificates", error="insufficient_scope", scope="{scope}"'
    return Problem(
        SCOPE_MISSING, f"this call needs {scope}", headers={"WWW-Authenticate": challenge}
    )


def channel_forbidden() -> Problem:
    """The client asked for a channel that is not its own, or has none."""
    return Problem(CHANNEL_FORBIDDEN)


def media_type() -> Problem:
    """The body is of another media type."""
    return Problem(MEDIA_TYPE)


def too_large() -> Problem:
    """The body is over the limit."""
    return Problem(TOO_LARGE)


def target_too_long() -> Problem:
    """The path and query are over the limit."""
    return Problem(TARGET_LONG)


def head_too_large() -> Problem:
    """The headers are over the limit."""
    return Problem(HEAD_LARGE)


def request_timeout() -> Problem:
    """The body came too slowly."""
    return Problem(TIMEOUT, headers={"Connection": "close"})


def too_many_requests(retry_after_s: int, headers: Mapping[str, str]) -> Problem:
    """The client's, or the address's, share is used up for now."""
    return Problem(TOO_MANY, headers={"Retry-After": str(max(retry_after_s, 1)), **headers})


def invalid(detail: str) -> Problem:
    """The request itself is wrong: what to change is in the detail."""
    return Problem(INVALID, detail)


def moving() -> Problem:
    """The partition changes hands; the answer would be wrong, so there is none for a moment."""
    return Problem(MOVING, headers=_SOON)


def not_there_yet() -> Problem:
    """The store has not come to the position in time, or it is the position of no record yet."""
    return Problem(NOT_THERE_YET, headers=_SOON)


def overloaded() -> Problem:
    """More is waiting to be written than there is room for: Kafka takes nothing for the moment."""
    return Problem(OVERLOADED, headers=_SOON)


def stopping() -> Problem:
    """This process ends; nothing was asked."""
    return Problem(STOPPING, headers=_SOON)


def keys_unavailable() -> Problem:
    """No key to check a token with: nobody gets in."""
    return Problem(KEYS_UNAVAILABLE, headers={"Retry-After": "5"})


def code_key_missing() -> Problem:
    """The code exists, and cannot be computed here until an operator puts its key back."""
    return Problem(
        CODE_KEY_MISSING, "repeat the request with the same key once the service has been mended"
    )


def internal_error() -> Problem:
    """A bug of ours: the log has it, the caller learns nothing of it."""
    return Problem(INTERNAL, "repeat a request with the same key: it is performed once")


def no_answer() -> Problem:
    """No outcome in time. It may still come about: the same request gets the same outcome."""
    return Problem(
        NO_ANSWER, "repeat the request with the same key: it is performed once, answered the same"
    )
