"""JSON Schemas of what callers send and get, made from the types that read and write it.

Owns what those types do not say: a sentence for each field without one. The same word means the
same in every answer, so a sentence stands here once; `Type.field` where one differs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from http_edge.api.calls import API
from http_edge.api.models import Sent
from http_edge.api.problems import ProblemBody

JsonObject = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
_PROBLEM: Final = "Problem"
PROBLEM_REFERENCE: Final = _REFERENCE.format(name=_PROBLEM)
_NO_CONTROLS: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
_PRINTABLE: Final = "Printable characters only."
"""What is read of text is told in words: the expressions that all readers of a schema understand
know no categories of characters."""

_WORDS: Final[Mapping[str, str]] = {
    "actor": "Who asked: a client, or `client/person`. Null where orders, payments or time did.",
    "at": "When, UTC.",
    "authorizationId": "The hold's id, for capture, void, and the payment that confirms it.",
    "available": "What can be spent now: the remaining balance less what is held.",
    "by": "Who stopped it: a client, or the service itself.",
    "causationId": "The request or record that caused it.",
    "certificate": "The certificate as it was then; null where `asOf` was not asked for.",
    "certificateId": "The certificate's number.",
    "channel": "Where it is sold or spent; the client's own where none is given.",
    "clientId": "The customer of the order, where known.",
    "code": "Why, for programs.",
    "correlationId": "The key of the order and its payments.",
    "currency": "ISO 4217 code of all its amounts; null before it is issued.",
    "cvc": "The digits themselves. Show them to the customer and keep them nowhere.",
    "entry": "The change of money, where there was one.",
    "eventType": "What happened.",
    "held": "How much of the balance is set aside by open holds.",
    "id": "Its id.",
    "items": "The items of this page.",
    "kind": "What changed the money.",
    "last4": "The last four characters of the number.",
    "level": "How many numbers are free.",
    "lifecycle": "What decides what is allowed; a lock lies over it.",
    "lock": "Set while it is stopped.",
    "locked": "Whether support has stopped it: no value leaves it then.",
    "low": "Whether it is below its mark.",
    "lowMark": "Below this many an alert is raised.",
    "next": "The cursor of the next page; null on the last one.",
    "nominal": "What it was issued for.",
    "notification": "The latest message to the customer; null before the first.",
    "orderId": "The order that reserved or bought it.",
    "pool": "The pool it comes from.",
    "reason": "Why.",
    "remainingBalance": "What is on it, holds included.",
    "reservationId": "The reservation's id.",
    "sequence": "1, 2, 3 … for each certificate, without gaps.",
    "status": "The headline that people and programs read.",
    "text": "Why, for people.",
    "version": "Grows with every event of the certificate; the number in its `ETag`.",
    "EntryLine.amount": "By how much the balance changed; negative when money left.",
    "HistoryLine.reason": "Why; set on refusals, alerts, failures and what support did.",
    "Notification.channel": "How the customer is reached; null: the CRM chooses.",
    "Notification.status": "How far the message has come.",
    "NotifyBody.channel": "How to reach the customer; as before where none is given.",
    "ProblemBody.detail": "What is wrong with this request, for people. Never a secret.",
    "ProblemBody.status": "The HTTP status.",
    "ProblemBody.title": "The type of problem, for people.",
    "ProblemBody.type": "The type of problem, for programs: a stable name, not an address.",
    "Snapshot.channel": "The channel that reserved or sold it.",
}


def components() -> JsonObject:
    """The schema of every body and answer, with all that those refer to."""
    wanted: list[type] = [ProblemBody]
    for call in API:
        wanted += [call.answers, *([call.body_type] if call.body_type is not None else [])]
    # What only paths and queries refer to has to be there too; they themselves are parameters.
    told = _generated([*wanted, *_parameter_types()])
    for parameters in _parameter_types():
        del told[parameters.__name__]
    told[_PROBLEM] = told.pop(ProblemBody.__name__)
    return dict(sorted(told.items()))


def reference(model: type[msgspec.Struct]) -> JsonObject:
    """A reference to the schema of a body or an answer."""
    return {"$ref": _REFERENCE.format(name=model.__name__)}


def parameters(sent: type[Sent], place: str) -> Iterator[JsonObject]:
    """The fields of a path or a query (`place`) as OpenAPI's parameters."""
    schema = _generated([sent])[sent.__name__]
    for name, field in schema["properties"].items():
        told = _not_null(field)
        description = told.pop("description")
        yield {
            "name": name,
            "in": place,
            "required": name in schema.get("required", ()),
            "description": description,
            "schema": told,
        }


def _parameter_types() -> list[type[Sent]]:
    types = [given for call in API for given in (call.path_type, call.query_type)]
    return list(dict.fromkeys(types))


def _generated(types: Sequence[type]) -> JsonObject:
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    for name, schema in schemas.items():
        del schema["title"]
        for field_name, field in schema.get("properties", {}).items():
            _describe(name, field_name, field)
        if "enum" in schema:
            schema["type"] = "string"
        if not schema.get("required", True):
            del schema["required"]
    return schemas


def _describe(type_name: str, field_name: str, field: JsonObject) -> None:
    """Give a field its sentence, and take it from inside a choice with null."""
    own = field.get("description")
    for choice in field.get("anyOf", ()):
        own = own or choice.pop("description", None)
    told = own or _WORDS.get(f"{type_name}.{field_name}") or _WORDS[field_name]
    patterns = [each.get("pattern") for each in (field, *field.get("anyOf", ()))]
    field["description"] = f"{told} {_PRINTABLE}" if _NO_CONTROLS in patterns else told


def _not_null(field: JsonObject) -> JsonObject:
    """A parameter that is not given is absent, never null."""
    told = dict(field)
    choices = [choice for choice in told.pop("anyOf", ()) if choice != {"type": "null"}]
    if told.get("default", "") is None:
        del told["default"]
    for choice in choices:
        told |= choice
    return told
