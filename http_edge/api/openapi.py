"""The OpenAPI 3.1 description of the edge, made from the table of calls.

Owns how the table reads as OpenAPI, and the calls about the process itself. Nothing about a call is
said here that the table, the types or the problems do not say.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

import msgspec

from http_edge.access.callers import SCOPE_MEANINGS, Scope
from http_edge.api.call_problems import BEFORE_ROUTING
from http_edge.api.calls import API, Call
from http_edge.api.models import CertificatePath
from http_edge.api.openapi_examples import EXAMPLES, Example
from http_edge.api.openapi_responses import (
    JSON,
    answers,
    header_components,
    problem_components,
    references,
)
from http_edge.api.openapi_schemas import JsonObject, components, parameters, reference
from http_edge.asking.inputs import KEY_HEADER
from http_edge.asking.store_position import POSITION_HEADER
from pipelines.settings import Settings
from pipelines.tracing.trace_context import TRACEPARENT

_SERVICE: Final = "Service"
_TAGS: Final = {
    Scope.RESERVE: "Reserving",
    Scope.READ: "Reading",
    Scope.SEARCH: "Reading",
    Scope.BALANCE: "Reading",
    Scope.CVC: "Codes",
    Scope.REDEEM: "Spending",
    Scope.SUPPORT: "Support",
}
_TAG_MEANINGS: Final = {
    "Reserving": "Taking numbers for a checkout.",
    "Reading": "Certificates, balances and history.",
    "Codes": "One-time codes, for whoever delivers them.",
    "Spending": "Two-phase spending: authorize, then capture or void.",
    "Support": "What people do to a certificate, and what they look at.",
    _SERVICE: "Of the process itself, for whoever operates it; no token is needed.",
}
_ABOUT: Final = """\
Reserve, read and spend gift certificates.

* Amounts are decimal strings, times ISO 8601 in UTC. An unknown field or parameter is an error.
* A call that acts has an identity: the header `Idempotency-Key` (in a GET: `requestId`). Repeat it
  with the same key, for as long as you like: it is performed once and answered the same. The same
  key with another content is 422 `request-reused`.
* Every error is `application/problem+json` (RFC 9457); programs go by its `type`.
* Read your own writes: send the `Giftcert-Position` of an answer with a later request about the
  same certificate.
"""
_SENT_HEADERS: Final[dict[str, JsonObject]] = {
    KEY_HEADER: {
        "name": KEY_HEADER,
        "in": "header",
        "required": True,
        "description": "The request's identity: a new one a request, the same when it is repeated. "
        "Quotes around it are allowed and not part of it.",
        "schema": {
            "type": "string",
            "pattern": '^([A-Za-z0-9._:/@+=-]{1,128}|"[A-Za-z0-9._:/@+=-]{1,128}")$',
        },
    },
    POSITION_HEADER: {
        "name": POSITION_HEADER,
        "in": "header",
        "description": "The one an earlier answer told: this answer will not be older. "
        "Anything else is ignored.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of an earlier answer: 304 while that is still the version.",
        "schema": {"type": "string"},
    },
    TRACEPARENT: {
        "name": TRACEPARENT,
        "in": "header",
        "description": "W3C Trace Context; it is carried on to the events that follow.",
        "schema": {"type": "string"},
    },
}


def description(settings: Settings) -> JsonObject:
    """The whole document."""
    security = _security(settings)
    paths: JsonObject = {}
    for call in API:
        operation = _operation(call, [{name: [call.scope.value]} for name in security])
        paths.setdefault(call.path, {})[call.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gift certificates",
            "version": version("gift-certificates"),
            "description": _ABOUT,
        },
        "servers": [{"url": "/", "description": "Where this description comes from."}],
        "tags": [{"name": name, "description": text} for name, text in _TAG_MEANINGS.items()],
        "paths": {**paths, **_service_paths()},
        "components": {
            "schemas": components(),
            "parameters": {
                name: header for name, header in _SENT_HEADERS.items() if name != KEY_HEADER
            },
            "headers": header_components(),
            "responses": problem_components(),
            "securitySchemes": security,
        },
    }


def _operation(call: Call, security: Sequence[JsonObject]) -> JsonObject:
    example = EXAMPLES[call.operation]
    needs = f"Needs the scope `{call.scope}`."
    operation: JsonObject = {
        "operationId": call.operation,
        "summary": call.summary,
        "description": needs,
        "tags": [_TAGS[call.scope]],
        "security": security,
        "parameters": _parameters(call, example),
    }
    if call.acts:
        operation["description"] = f"{needs} Repeated with the same key it is performed once."
    if call.body_type is not None:
        given = msgspec.to_builtins(example.body).items()
        content = {
            "schema": reference(call.body_type),
            "example": {name: value for name, value in given if value is not None},
        }
        operation["requestBody"] = {
            "required": not call.body_optional,
            "content": {JSON: content},
        }
    operation["responses"] = answers(call, example.answer)
    return operation


def _parameters(call: Call, example: Example) -> list[JsonObject]:
    told = []
    for sent_type, sent, place in (
        (call.path_type, example.path, "path"),
        (call.query_type, example.query, "query"),
    ):
        given = msgspec.to_builtins(sent)
        for parameter in parameters(sent_type, place):
            if given[parameter["name"]] not in (None, ""):
                parameter["example"] = given[parameter["name"]]
            told.append(parameter)
    for name in _sent_headers(call):
        if name == KEY_HEADER:
            # Its example is the call's own: one key for two calls is a mistake.
            told.append({**_SENT_HEADERS[name], "example": example.key})
        else:
            told.append({"$ref": f"#/components/parameters/{name}"})
    return told


def _sent_headers(call: Call) -> list[str]:
    names = [TRACEPARENT]
    if call.acts and call.method == "POST":
        names.append(KEY_HEADER)
    if issubclass(call.path_type, CertificatePath):
        names.append(POSITION_HEADER)
    if call.cached:
        names.append("If-None-Match")
    return sorted(names)


def _security(settings: Settings) -> JsonObject:
    scopes = "\n".join(f"* `{scope}`: {text}" for scope, text in SCOPE_MEANINGS.items())
    schemes: JsonObject = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"An access token of the issuer. Scopes:\n\n{scopes}",
        }
    }
    if settings.token_issuer is not None:
        schemes["issuer"] = {
            "type": "openIdConnect",
            "openIdConnectUrl": f"{settings.token_issuer}/.well-known/openid-configuration",
            "description": "OAuth2 client credentials at the token issuer.",
        }
    return schemes


def _service_paths() -> JsonObject:
    yes_or_no = {"type": "boolean"}
    return {
        "/healthz": _service_call(
            "checkHealth",
            "Alive: nothing has failed. Recovering, or waiting for Kafka, is alive.",
            {"type": "object", "properties": {"alive": yes_or_no}, "required": ["alive"]},
            {"alive": True},
        ),
        "/readyz": _service_call(
            "checkReadiness",
            "Ready: partitions assigned and recovered, so calls are answered.",
            {"type": "object", "properties": {"ready": yes_or_no}, "required": ["ready"]},
            {"ready": True},
        ),
        "/metrics": _service_call(
            "readMetrics", "The process's numbers, for Prometheus.", None, None
        ),
    }


def _service_call(
    operation: str, summary: str, schema: JsonObject | None, example: object
) -> JsonObject:
    responses: JsonObject = {}
    if schema is None:
        text = {"text/plain": {"schema": {"type": "string"}}}
        responses["200"] = {"description": summary, "content": text}
    else:
        content = {JSON: {"schema": schema, "example": example}}
        responses["200"] = {"description": "Yes.", "content": content}
        responses["503"] = {
            "description": "No, or not yet.",
            "content": {JSON: {"schema": schema}},
        }
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": [_SERVICE],
            "security": [],
            "responses": {**responses, **references(BEFORE_ROUTING)},
        }
    }
