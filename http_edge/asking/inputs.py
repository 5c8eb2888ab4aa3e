"""What callers send, read by the types of the call: path, query, body and key.

A wrong one is a Problem that says what to change; nothing has been asked of the flow by then.
"""

import re
from typing import Final

import msgspec
from starlette.requests import Request

from http_edge.api.models import CertificatePath, Sent
from http_edge.api.problems import (
    invalid,
    key_missing,
    malformed_request,
    media_type,
    not_found,
    too_large,
)
from state.certificate.numbers import fault_of

MAX_BODY_BYTES: Final = 16_384
KEY_HEADER: Final = "Idempotency-Key"
KEY_PARAMETER: Final = "requestId"
_KEY: Final = re.compile(r"[A-Za-z0-9._:/@+=-]{1,128}")


async def read_bytes(request: Request) -> bytes:
    """The whole body of a request, if it is not too large."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise too_large()
    return bytes(received)


def read_body(request: Request, content: bytes, body_type: type[Sent]) -> Sent:
    """The typed body. Problem 415 or 422 otherwise."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != "application/json":
        raise media_type()
    try:
        body = msgspec.json.decode(content, type=body_type)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("the body is not JSON") from None
    return _printable(body)


def read_query(request: Request, query_type: type[Sent]) -> Sent:
    """The typed query. Problem 422 for an unknown, repeated or wrong parameter."""
    given = request.query_params.multi_items()
    fields = dict(given)
    if len(fields) != len(given):
        raise invalid("a parameter of the query is given twice")
    try:
        query = msgspec.convert(fields, type=query_type, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    return _printable(query)


def read_path(request: Request, path_type: type[Sent]) -> Sent:
    """The typed path. Problem 404 for what cannot be: a number or id of another form names none."""
    try:
        path = msgspec.convert(dict(request.path_params), type=path_type)
    except msgspec.ValidationError:
        raise not_found() from None
    if isinstance(path, CertificatePath) and fault_of(path.certificate_id) is not None:
        raise not_found()
    for value in msgspec.structs.astuple(path):
        if isinstance(value, str) and not value.isprintable():
            raise not_found()
    return path


def _printable(sent: Sent) -> Sent:
    """A pattern's end also matches before a closing line break; this does not."""
    for value in msgspec.structs.astuple(sent):
        if isinstance(value, str) and not value.isprintable():
            raise invalid("text must have no control characters")
    return sent


def request_key(request: Request) -> str:
    """The identity that the caller gave its request: the header, or in a GET `requestId`.

    Problem 400 where there is none: a caller who cannot repeat a request safely would not know
    what happened to one that got no answer.
    """
    if request.method == "GET":
        key, where = request.query_params.get(KEY_PARAMETER), f"the parameter {KEY_PARAMETER}"
    else:
        key, where = request.headers.get(KEY_HEADER), f"the header {KEY_HEADER}"
    if not key:
        raise key_missing(where)
    # The header is a structured-field string in the draft: quotes are allowed and not part of it.
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if _KEY.fullmatch(key) is None:
        raise malformed_request(f"{where} must be 1 to 128 of A-Z a-z 0-9 . _ : / @ + = -")
    return key
