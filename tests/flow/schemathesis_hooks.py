"""What schemathesis loads while it tests the edge: the stock it may ask about, and one more check.

Random numbers name no certificate, so most valid requests are pointed at real ones here; the rest
stay as they were drawn. Owns also the count of what each call answered, for the test that reads it.
"""

import atexit
import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

from tests.flow.schemathesis_run import ANSWERS_VARIABLE, STOCK_VARIABLE

CRITERIA: Final = frozenset({"orderId", "correlationId", "clientId", "last4", "requestId"})
BEYOND_THE_SCHEMA: Final = frozenset({"authorize", "capture", "searchCertificates", "readHistory"})
"""Calls with a rule that no schema can say: what a currency's amounts look like, exactly one
criterion, a time that is one. There 422 may mean that. In all of them text is printable."""

_STOCK: Final[dict[str, Any]] = json.loads(Path(os.environ[STOCK_VARIABLE]).read_text("utf-8"))
_CODES: Final[dict[str, str]] = _STOCK["codes"]
_NUMBERS: Final[list[str]] = [*_CODES, *_STOCK["free"], *_STOCK["others"]]
_holds: list[dict[str, str]] = []
_locked: list[dict[str, str]] = []
_answers: defaultdict[str, Counter[int]] = defaultdict(Counter)


def operation_of(case: Case[Any]) -> str:
    return str(case.operation.definition.raw["operationId"])


def is_valid(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def map_case(_context: HookContext, case: Case[Any]) -> Case[Any]:
    """Point a valid request at something that is there, mostly."""
    if is_valid(case) and random.random() < 0.8:
        _choose_path(case)
        _choose_content(case)
    return case


def _choose_path(case: Case[Any]) -> None:
    path: Any = case.path_parameters
    match operation_of(case):
        case "explainCorrelation":
            path["correlationId"] = random.choice(_STOCK["correlations"])
        case "capture" | "voidAuthorization" if _holds:
            path |= random.choice(_holds)
        case "authorize":
            path["certificateId"] = random.choice(list(_CODES))
        case "reserveNumber":
            path["certificateId"] = random.choice(_STOCK["free"])
        case "unlock" if _locked:
            path |= random.choice(_locked)
        case _ if path and "certificateId" in path:
            path["certificateId"] = random.choice(_NUMBERS)


def _choose_content(case: Case[Any]) -> None:
    body: Any = case.body
    match operation_of(case):
        case "takeNext" if isinstance(body, dict):
            body.pop("channel", None)
            body["pool"] = _STOCK["pool"]
        case "reserveNumber" if isinstance(body, dict):
            body.pop("channel", None)
        case "takeNextByGet":
            case.query["pool"] = _STOCK["pool"]
        case "searchCertificates":
            given = sorted(CRITERIA & case.query.keys())
            for criterion in given[1:]:
                del case.query[criterion]
        case "authorize" if isinstance(body, dict):
            # The right code: five wrong ones lock the certificate for all who come after.
            code = _CODES[case.path_parameters["certificateId"]]
            body |= {"cvc": code, "currency": "RUB", "amount": _small_amount()}
        case "capture" if isinstance(body, dict):
            body.pop("currency", None)
            body["amount"] = _small_amount()


def _small_amount() -> str:
    return f"{random.randint(1, 500) / 100:.2f}"


@schemathesis.hook
def after_call(_context: HookContext, case: Case[Any], response: Response) -> None:
    """Count the answer, and remember what can be captured, voided or unlocked."""
    operation, status = operation_of(case), response.status_code
    _answers[operation][status] += 1
    if operation == "authorize" and status == 201:
        told = json.loads(response.content)
        _holds.append({name: told[name] for name in ("certificateId", "authorizationId")})
    if operation == "lock" and status == 200:
        _locked.append({"certificateId": json.loads(response.content)["certificateId"]})


@schemathesis.check
def valid_request_is_not_called_invalid(
    _context: CheckContext, response: Response, case: Case[Any]
) -> None:
    """422 of a valid request means that its key was used before, or a rule beyond the schema."""
    if not is_valid(case) or response.status_code != 422:
        return
    if operation_of(case) in BEYOND_THE_SCHEMA or not _is_printable([case.body, case.query]):
        return
    kind = json.loads(response.content)["type"].rpartition("/")[2]
    assert kind == "request-reused", f"what fits the description was refused with {kind}"


def _is_printable(sent: object) -> bool:
    match sent:
        case str():
            return sent.isprintable()
        case dict():
            return all(map(_is_printable, sent.values()))
        case list():
            return all(map(_is_printable, sent))
        case _:
            return True


@atexit.register
def write_answers() -> None:
    Path(os.environ[ANSWERS_VARIABLE]).write_text(json.dumps(_answers), "utf-8")
