"""What calls answer with, as OpenAPI's responses: the answer, its headers, and every problem.

Owns which headers come with what. A set of problems that several calls may answer with under one
status is described once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from http_edge.api.call_problems import BEFORE_ROUTING, problems_of, statuses
from http_edge.api.calls import API, Call
from http_edge.api.models import Told
from http_edge.api.openapi_schemas import PROBLEM_REFERENCE, JsonObject, reference
from http_edge.api.problems import REFUSALS, TYPE_ROOT, ProblemBody, ProblemKind
from http_edge.asking.inputs import KEY_HEADER
from http_edge.asking.store_position import POSITION_HEADER

JSON: Final = "application/json"
_PROBLEM_JSON: Final = "application/problem+json"
_WORDS: Final = {
    KEY_HEADER: "The request's identity, as it was sent.",
    "ETag": "The certificate's version.",
    POSITION_HEADER: "Where in the log it was decided: send it with a later request about the same "
    "certificate, and the answer will not be older. Opaque.",
    "RateLimit": "What is left of the client's share: `r` calls in the next `t` seconds.",
    "RateLimit-Policy": "The client's share: `q` calls in `w` seconds.",
    "Retry-After": "Seconds to wait before asking again.",
    "WWW-Authenticate": "What the token lacks (RFC 6750).",
}
_LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")


def header_components() -> JsonObject:
    """Every header of an answer."""
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _WORDS.items()
    }


def answers(call: Call, example: Told) -> JsonObject:
    """Everything that a call may answer with, by status."""
    headers = [*_LIMIT_HEADERS]
    if call.cached:
        headers.append("ETag")
    if call.acts:
        headers += [KEY_HEADER, POSITION_HEADER]
    responses: JsonObject = {
        str(call.status): {
            "description": (call.answers.__doc__ or "").strip(),
            "headers": _always(headers),
            "content": {
                JSON: {
                    "schema": reference(call.answers),
                    "example": msgspec.to_builtins(example),
                }
            },
        }
    }
    if call.cached:
        responses["304"] = {
            "description": "It is still the version that `If-None-Match` named.",
            "headers": _always([*_LIMIT_HEADERS, "ETag"]),
        }
    return {**responses, **references(problems_of(call))}


def references(kinds: Sequence[ProblemKind]) -> JsonObject:
    """The described problems, by status."""
    return {
        str(status): {"$ref": f"#/components/responses/{_response_name(status, of_status)}"}
        for status, of_status in statuses(kinds).items()
    }


def _always(names: Sequence[str]) -> JsonObject:
    """Headers that the answer certainly has."""
    headers = header_components()
    return {name: {**headers[name], "required": True} for name in sorted(names)}


def _perhaps(names: Sequence[str]) -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}


def _response_name(status: int, kinds: Sequence[ProblemKind]) -> str:
    return ".".join([str(status), *(kind.name for kind in kinds)])


def problem_components() -> JsonObject:
    """Each set of problems that a call may answer with under one status, once."""
    told: JsonObject = {}
    for kinds in [*map(problems_of, API), BEFORE_ROUTING]:
        for status, of_status in statuses(kinds).items():
            told[_response_name(status, of_status)] = _problem_response(status, of_status)
    return dict(sorted(told.items()))


def _problem_response(status: int, kinds: Sequence[ProblemKind]) -> JsonObject:
    own = {
        "properties": {
            "type": {"enum": [TYPE_ROOT + kind.name for kind in kinds]},
            "status": {"const": status},
        }
    }
    return {
        "description": "\n".join(map(_sentence, kinds)),
        "headers": _perhaps(_problem_headers(status)),
        "content": {
            _PROBLEM_JSON: {
                "schema": {"allOf": [{"$ref": PROBLEM_REFERENCE}, own]},
                "examples": {kind.name: {"value": _problem(kind)} for kind in kinds},
            }
        },
    }


def _sentence(kind: ProblemKind) -> str:
    told = f"* `{kind.name}`: {kind.title}"
    return told if kind in REFUSALS.values() else f"{told}; {kind.advice}"


def _problem_headers(status: int) -> list[str]:
    match status:
        case 401:
            return ["WWW-Authenticate"]
        case 403:
            return [*_LIMIT_HEADERS, "WWW-Authenticate"]
        case 429 | 503:
            return [*_LIMIT_HEADERS, "Retry-After"]
        case _:
            return [*_LIMIT_HEADERS]


def _problem(kind: ProblemKind) -> object:
    told: object = msgspec.to_builtins(
        ProblemBody(
            type=TYPE_ROOT + kind.name, title=kind.title, status=kind.status, detail=kind.title
        )
    )
    return told
