"""The OpenAPI description is the table of calls: nothing is missing, nothing is made up."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from http_edge.access.callers import SCOPE_MEANINGS, Scope
from http_edge.api import problems
from http_edge.api.call_problems import problems_of
from http_edge.api.calls import API, BY_OPERATION, Call
from http_edge.api.models import NoParameters
from http_edge.api.openapi import description
from http_edge.api.openapi_examples import EXAMPLES
from http_edge.api.problems import REFUSALS, TECHNICAL, TYPE_ROOT, ProblemBody
from pipelines.settings import Settings
from state.certificate.commands import (
    Action,
    Annul,
    Authorize,
    Capture,
    Lock,
    RequestNotification,
    ReserveNumber,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.rejections import RejectionCode
from tests.state.certificate.test_rules import ROWS

ISSUER = "http://127.0.0.1:9000"
SERVICE_CALLS = {"checkHealth", "checkReadiness", "readMetrics"}
COMMANDS: dict[str, type[Action]] = {
    "reserveNumber": ReserveNumber,
    "lock": Lock,
    "unlock": Unlock,
    "annul": Annul,
    "notify": RequestNotification,
    "revealCode": RevealCvc,
    "authorize": Authorize,
    "capture": Capture,
    "voidAuthorization": Void,
}


def described(**settings: Any) -> dict[str, Any]:
    """The document as a reader gets it."""
    told = description(Settings(_env_prefix="NO_SUCH_PREFIX_", **settings))
    document: dict[str, Any] = json.loads(msgspec.json.encode(told))
    return document


DOCUMENT = described(token_issuer=ISSUER)
OPERATIONS = {
    operation["operationId"]: (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def operation_of(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = OPERATIONS[call.operation][2]
    return operation


def parameters_of(call: Call) -> list[dict[str, Any]]:
    """The parameters, references followed."""
    given = operation_of(call)["parameters"]
    return [followed(each["$ref"]) if "$ref" in each else each for each in given]


def followed(reference: str) -> dict[str, Any]:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("issuer", [ISSUER, None])
def test_description_is_valid_openapi(issuer: str | None) -> None:
    errors = OpenAPIV31SpecValidator(described(token_issuer=issuer)).iter_errors()
    assert [error.message for error in errors] == []


def test_description_has_every_call_at_its_place_and_no_other() -> None:
    told = {name: (path, method.upper()) for name, (path, method, _) in OPERATIONS.items()}
    for call in API:
        assert told.pop(call.operation) == (call.path, call.method)
    assert told.keys() == SERVICE_CALLS
    assert not any(path.startswith("/internal") for path in DOCUMENT["paths"])


def test_every_call_needs_a_token_with_its_scope_and_the_service_calls_need_none() -> None:
    assert DOCUMENT["components"]["securitySchemes"].keys() == {"token", "issuer"}
    for call in API:
        assert operation_of(call)["security"] == [{"token": [call.scope]}, {"issuer": [call.scope]}]
    for name in SERVICE_CALLS:
        assert OPERATIONS[name][2]["security"] == []


def test_every_scope_is_explained_and_all_but_the_auditors_are_a_calls() -> None:
    text = DOCUMENT["components"]["securitySchemes"]["token"]["description"]
    assert SCOPE_MEANINGS.keys() == set(Scope)
    assert [scope for scope in Scope if f"`{scope}`: {SCOPE_MEANINGS[scope]}" not in text] == []
    assert {call.scope for call in API} == set(Scope) - {Scope.AUDIT}


@pytest.mark.parametrize("call", API, ids=lambda call: call.operation)
def test_call_tells_its_answer_and_every_problem_by_its_types(call: Call) -> None:
    responses = operation_of(call)["responses"]
    told: dict[str, set[str]] = {}
    for status, response in responses.items():
        if "$ref" in response:
            content = followed(response["$ref"])["content"]["application/problem+json"]
            _, own = content["schema"]["allOf"]
            assert own["properties"]["status"]["const"] == int(status)
            told[status] = set(own["properties"]["type"]["enum"])
    wanted: dict[str, set[str]] = {}
    for kind in problems_of(call):
        wanted.setdefault(str(kind.status), set()).add(TYPE_ROOT + kind.name)
    assert told == wanted
    assert responses.keys() - told.keys() == {str(call.status)} | (
        {"304"} if call.cached else set()
    )


@pytest.mark.parametrize("call", API, ids=lambda call: call.operation)
def test_call_that_acts_needs_its_key_and_no_other_call_takes_one(call: Call) -> None:
    required = {
        each["name"]: each["required"] for each in parameters_of(call) if "required" in each
    }
    key = "Idempotency-Key" if call.method == "POST" else "requestId"
    if call.acts:
        assert required[key] is True
    else:
        assert required.get(key, False) is False
        assert "Idempotency-Key" not in required


@pytest.mark.parametrize("call", API, ids=lambda call: call.operation)
def test_parameters_of_a_call_are_the_fields_of_its_types(call: Call) -> None:
    for given, place in ((call.path_type, "path"), (call.query_type, "query")):
        told = {each["name"]: each for each in parameters_of(call) if each["in"] == place}
        fields = msgspec.structs.fields(given)
        assert told.keys() == {field.encode_name for field in fields}
        for field in fields:
            parameter = told[field.encode_name]
            assert parameter["required"] is field.required
            assert "anyOf" not in parameter["schema"], "a parameter is never null"


def test_refusals_of_a_call_are_those_that_the_rules_give_its_command() -> None:
    """And two that no rule gives: a key used twice, and a number that was never loaded."""
    beside = {RejectionCode.REQUEST_REUSED, RejectionCode.NOT_FOUND}
    for operation, action in COMMANDS.items():
        refused = {row.refused for row in ROWS if type(row.action) is action} - {None}
        call = BY_OPERATION[operation]
        assert set(call.refusals) - beside == refused - beside, operation
    assert COMMANDS.keys() == {call.operation for call in API if call.acts and "{" in call.path}


def test_every_problem_type_is_told_by_some_call_unless_no_call_can_meet_it() -> None:
    told = {kind for call in API for kind in problems_of(call)}
    never = {kind for kind in [*TECHNICAL, *REFUSALS.values()] if kind not in told}
    of_facts = {
        REFUSALS[code]
        for code in (
            RejectionCode.DUPLICATE_NUMBER,
            RejectionCode.ALREADY_ISSUED,
            RejectionCode.NUMBER_GONE,
            RejectionCode.WRONG_CHANNEL,
            RejectionCode.NOT_RESERVED,
            RejectionCode.NOT_DUE,
            RejectionCode.ORDER_MISMATCH,
            RejectionCode.ALREADY_ACTIVE,
            RejectionCode.REFUND_EXCEEDS_REDEMPTION,
        )
    }
    assert never == of_facts | {problems.METHOD}


def test_every_example_is_what_its_call_takes_and_answers() -> None:
    assert EXAMPLES.keys() == BY_OPERATION.keys()
    for operation, example in EXAMPLES.items():
        call = BY_OPERATION[operation]
        body_type = type(None) if call.body_type is None else call.body_type
        for given, wanted in (
            (example.path, call.path_type),
            (example.query, call.query_type),
            (example.body, body_type),
            (example.answer, call.answers),
        ):
            assert type(given) is wanted, operation
            assert msgspec.convert(msgspec.to_builtins(given), type=wanted) == given


def test_two_calls_never_show_the_same_key() -> None:
    """An example may be sent as it is, to one call after the other."""
    keys = [EXAMPLES[call.operation].key for call in API if call.acts and call.method == "POST"]
    assert len(set(keys)) == len(keys)


def test_every_example_is_shown() -> None:
    for call in API:
        operation, example = operation_of(call), EXAMPLES[call.operation]
        answer = operation["responses"][str(call.status)]["content"]["application/json"]
        assert answer["example"] == msgspec.to_builtins(example.answer)
        if call.body_type is not None:
            told = operation["requestBody"]["content"]["application/json"]["example"]
            assert msgspec.convert(told, type=call.body_type) == example.body
        path = [each["example"] for each in parameters_of(call) if each["in"] == "path"]
        assert path == list(msgspec.structs.astuple(example.path))


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, told in schema.get("properties", {}).items():
            yield f"{name}.{field}", told


def test_every_field_and_parameter_says_what_it_means() -> None:
    silent = [name for name, told in properties() if not told.get("description")]
    silent += [
        f"{call.operation}({each['name']})"
        for call in API
        for each in parameters_of(call)
        if not each.get("description")
    ]
    assert silent == []


def test_text_of_callers_is_described_as_printable() -> None:
    """What is read of it is more than its pattern can say."""
    fields = [
        *properties(),
        *((each["name"], each) for call in API for each in parameters_of(call)),
    ]
    patterned = {name: told for name, told in fields if "x00" in json.dumps(told)}
    assert {"ReasonBody.reason", "NextBody.orderId", "correlationId", "orderId"} <= patterned.keys()
    for name, told in patterned.items():
        assert told["description"].endswith(" Printable characters only."), name


def test_body_of_a_request_allows_no_other_field_and_an_answer_may_gain_some() -> None:
    """A new field in an answer is no new version of the API."""
    schemas = DOCUMENT["components"]["schemas"]
    bodies = {call.body_type.__name__ for call in API if call.body_type is not None}
    assert {name for name, told in schemas.items() if "additionalProperties" in told} >= bodies
    answers = {call.answers.__name__ for call in API}
    assert [name for name in answers if "additionalProperties" in schemas[name]] == []


def test_problem_is_described_as_it_is_answered() -> None:
    told = DOCUMENT["components"]["schemas"]["Problem"]
    fields = {field.encode_name for field in msgspec.structs.fields(ProblemBody)}
    assert told["properties"].keys() == fields == set(told["required"])
    assert ProblemBody.__name__ not in DOCUMENT["components"]["schemas"]


def test_types_that_only_hold_parameters_are_no_schemas() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    parameters = {given for call in API for given in (call.path_type, call.query_type)}
    assert parameters > {NoParameters}
    assert [given.__name__ for given in parameters if given.__name__ in schemas] == []


def test_description_without_an_issuer_leaves_out_where_tokens_come_from() -> None:
    schemes = described()["components"]["securitySchemes"]
    assert schemes.keys() == {"token"}
