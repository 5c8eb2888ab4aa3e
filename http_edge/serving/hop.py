"""One hop: what of a call goes on to the process that keeps what it is about, and what comes back.

Owns the two lists of headers, the mark of a hop and the deadline that goes with it. Opens no
connection.

The mark forbids a further hop and allows nothing, so a caller who sends it himself gains nothing.
Nor does one who sends a deadline: it can only shorten what he would get anyway.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpcore
import msgspec
from starlette.requests import Request
from starlette.responses import Response

HOP: Final = "x-giftcert-hop"
DEADLINE: Final = "giftcert-deadline-ms"
_PASSED_ON: Final = (
    "authorization",
    "content-type",
    "giftcert-position",
    "idempotency-key",
    "if-none-match",
    "traceparent",
)
_PASSED_BACK: Final = frozenset(
    {
        "cache-control",
        "content-type",
        "etag",
        "giftcert-position",
        "idempotency-key",
        "location",
        "retry-after",
        "www-authenticate",
    }
)
_SHARES: Final = "ratelimit"
"""How the headers about a caller's share of calls begin."""

_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_RETURN_MS: Final = 20
"""What an owner gets less than we have ourselves, so that its answer still comes back in time."""
CONNECT_S: Final = 1.0
"""How long an owner may take to let us in; one that does not has gone, and others may have come."""
_TURNED_AWAY: Final = frozenset({"moving", "stopping"})
"""Problems of an owner that is none any more. It did nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """A call as it goes on: `target` is path and query, byte for byte as they came.

    `acts` says that it may change something, so that a lost answer is not a lost call.
    """

    method: str
    target: bytes
    headers: Mapping[str, str]
    body: bytes
    acts: bool
    timeout_s: float

    @classmethod
    def of(
        cls,
        request: Request,
        body: bytes,
        timeout_s: float,
        *,
        acts: bool,
        headers: Mapping[str, str] | None = None,
    ) -> "Forwarded":
        """A request whose body has been read already; `headers` in the place of its own."""
        path: bytes = request.scope["raw_path"]
        query: bytes = request.scope["query_string"]
        return cls(
            method=request.method,
            target=path + b"?" + query if query else path,
            headers=request.headers if headers is None else headers,
            body=body,
            acts=acts,
            timeout_s=timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the owner at `owner` answered, with the headers that are a caller's business."""

    owner: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    def response(self) -> Response:
        """The same to our own caller."""
        return Response(self.content, status_code=self.status, headers=dict(self.headers))

    def turned_away(self) -> bool:
        """Whether the owner said that it is none."""
        if self.status != 503:
            return False
        try:
            told = msgspec.json.decode(self.content, type=_Told)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return told.type.rpartition("/")[2] in _TURNED_AWAY


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a problem."""

    type: str = ""


def remaining_ms(request: Request, own_ms: int) -> int:
    """How long this call may take here: our own limit, or less where who passed it on has less."""
    told = request.headers.get(DEADLINE, "")
    # What is no number of milliseconds says nothing; it is no reason to refuse a good call.
    if re.fullmatch(r"[0-9]{1,9}", told) is None:
        return own_ms
    return max(1, min(own_ms, int(told)))


def outgoing(owner: str, outbound: Forwarded, left_ms: int) -> httpcore.Request:
    """The call as the owner gets it; `owner` is a web address."""
    headers = [
        # As bytes: a header may hold any of them, and text would have to be ASCII.
        (name.encode(), value.encode("latin-1"))
        for name in _PASSED_ON
        if (value := outbound.headers.get(name)) is not None
    ]
    headers += [
        (b"host", urlsplit(owner).netloc.encode()),
        (HOP.encode(), b"1"),
        (DEADLINE.encode(), str(max(1, left_ms - _RETURN_MS)).encode()),
    ]
    if outbound.body or outbound.method not in _WITHOUT_BODY:
        headers.append((b"content-length", str(len(outbound.body)).encode()))
    place = httpcore.URL(owner)
    return httpcore.Request(
        outbound.method,
        httpcore.URL(
            scheme=place.scheme,
            host=place.host,
            port=place.port,
            target=place.target.rstrip(b"/") + outbound.target,
        ),
        headers=headers,
        content=outbound.body,
        # All but the way in is ended by whoever asks.
        extensions={"timeout": {"connect": CONNECT_S}},
    )


def passed_back(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of an owner's headers those that are the caller's business."""
    named = ((name.decode("latin-1").lower(), value) for name, value in headers)
    return {
        name: value.decode("latin-1")
        for name, value in named
        if name in _PASSED_BACK or name.startswith(_SHARES)
    }
