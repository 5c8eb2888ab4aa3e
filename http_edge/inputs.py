"""What callers send: bodies, paths, queries and keys, checked before anything is asked.

Owns the typed request bodies and the request identity. A wrong one is a Problem that says what to
change.
"""

import hashlib
import re
from typing import Annotated, Final, TypeVar
from uuid import uuid4

import msgspec
from starlette.requests import Request

from http_edge.problems import Problem, invalid
from state.certificate.commands import Channel
from state.certificate.numbers import fault_of

MAX_BODY_BYTES: Final = 16_384
KEY_HEADER: Final = "Idempotency-Key"
_KEY_OF_REQUEST: Final = "idempotency_key"
_KEY: Final = re.compile(r"[A-Za-z0-9._:/@+=-]{1,128}")
_POOL: Final = r"^[A-Z][A-Z_]{1,31}$"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class NextBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the next free number of a pool."""

    pool: Annotated[str, msgspec.Meta(pattern=_POOL)]
    channel: Channel = Channel.ONLINE_STORE
    orderId: Text | None = None  # noqa: N815 - the name on the wire


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why support does it."""

    reason: Text


Body = TypeVar("Body", NextBody, ReasonBody)


async def read_body(request: Request, body_type: type[Body]) -> Body:
    """The typed body of a POST. Problem 413, 415 or 422 otherwise."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(status=415, kind="media-type", title="send the body as application/json")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise Problem(
                status=413, kind="too-large", title=f"the body is over {MAX_BODY_BYTES} bytes"
            )
    try:
        body = msgspec.json.decode(bytes(received), type=body_type)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("the body is not JSON") from None
    _check_printable(body)
    return body


def read_query(request: Request, body_type: type[Body]) -> Body:
    """The same content as a body, from the query of a GET; `requestId` is not part of it."""
    fields = {name: value for name, value in request.query_params.items() if name != "requestId"}
    try:
        body = msgspec.convert(fields, type=body_type)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    _check_printable(body)
    return body


def _check_printable(body: NextBody | ReasonBody) -> None:
    for value in msgspec.structs.astuple(body):
        if isinstance(value, str) and not value.isprintable():
            raise invalid("text must have no control characters")


def request_key(request: Request) -> str:
    """The identity of the request: Idempotency-Key, or `requestId` of a GET; else a new one.

    From here on every answer to the request tells it.
    """
    key = request.headers.get(KEY_HEADER) or request.query_params.get("requestId")
    if key is None:
        return _remembered(request, uuid4().hex)
    # The header is a structured-field string in the draft: quotes are allowed and not part of it.
    key = key.removeprefix('"').removesuffix('"')
    if _KEY.fullmatch(key) is None:
        raise invalid("the idempotency key must be 1 to 128 of A-Z a-z 0-9 . _ : / @ + = -")
    return _remembered(request, key)


def told_key(request: Request) -> dict[str, str]:
    """The header that tells a caller its request's key, once the request has one."""
    key: str | None = getattr(request.state, _KEY_OF_REQUEST, None)
    return {} if key is None else {KEY_HEADER: key}


def _remembered(request: Request, key: str) -> str:
    """The key, kept with the request: whatever answers it in the end tells it."""
    setattr(request.state, _KEY_OF_REQUEST, key)
    return key


def certificate_number(request: Request) -> str:
    """The number in the path. Problem 404 for what cannot be one: it does not exist."""
    number = str(request.path_params["certificate_id"])
    if fault_of(number) is not None:
        raise Problem(status=404, kind="not-found", title="no certificate has this number")
    return number


def digest_of(action: str, *parts: str | None) -> str:
    """What tells a repeat from a re-use of the same key: the action and its content."""
    content = msgspec.json.encode([action, *parts])
    return hashlib.sha256(content).hexdigest()[:32]
