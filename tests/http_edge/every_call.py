"""One good request for each call of the API, so that what holds for all calls is asked of all.

Owns the examples. `test_dispatch` fails when a call has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from http_edge.api.calls import BY_OPERATION, Call
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.edge_under_test import FakeServices

ONE = f"/certificates/{made.NUMBER}"
HOLD = f"{ONE}/authorizations/hold-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request that the call takes. In a path that acts by GET, `{key}` is its key."""

    path: str
    body: Mapping[str, Any] | None = None
    client: str = "support"


_REASON = {"reason": "asked by the customer"}
EXAMPLES: Mapping[str, Example] = {
    "takeNext": Example(path="/certificates/next", body={"pool": "ELECTRONIC"}, client="store"),
    "takeNextByGet": Example(
        path="/certificates/next?pool=ELECTRONIC&requestId={key}", client="store"
    ),
    "searchCertificates": Example(path="/certificates?orderId=order-1"),
    "readCertificate": Example(path=ONE),
    "readHistory": Example(path=f"{ONE}/history"),
    "readBalance": Example(path=f"{ONE}/balance"),
    "revealCode": Example(path=f"{ONE}/cvc?requestId={{key}}", client="crm"),
    "reserveNumber": Example(path=f"{ONE}/actions/reserve", body={}, client="till"),
    "lock": Example(path=f"{ONE}/actions/lock", body=_REASON),
    "unlock": Example(path=f"{ONE}/actions/unlock", body=_REASON),
    "annul": Example(path=f"{ONE}/actions/annul", body=_REASON),
    "notify": Example(path=f"{ONE}/actions/notify", body=_REASON),
    "authorize": Example(
        path=f"{ONE}/authorizations",
        body={
            "amount": "10.00",
            "currency": "RUB",
            "orderId": "order-9",
            "cvc": made.code_of(),
        },
        client="till",
    ),
    "capture": Example(path=f"{HOLD}/capture", body={}, client="till"),
    "voidAuthorization": Example(path=f"{HOLD}/void", body={}, client="till"),
    "readPools": Example(path="/pools"),
    "explainCorrelation": Example(path="/correlations/correlation-1"),
}
ACTING = [name for name, call in BY_OPERATION.items() if call.acts]
POSTS = [name for name in ACTING if BY_OPERATION[name].method == "POST"]
GETS_THAT_ACT = [name for name in ACTING if BY_OPERATION[name].method == "GET"]
OF_ONE_CERTIFICATE = [name for name, each in EXAMPLES.items() if each.path.startswith(ONE)]


def call_of(operation: str) -> Call:
    return BY_OPERATION[operation]


def ready_for(services: FakeServices, operation: str) -> None:
    """Bring what the example is about to where the call is performed."""
    flow = services.flow
    if operation in ("takeNext", "takeNextByGet", "reserveNumber"):
        made.available(flow)
    elif operation == "revealCode":
        made.issued(flow)
    else:
        made.active(flow)
    if operation in ("capture", "voidAuthorization"):
        made.held(flow)
    if operation == "unlock":
        made.locked(flow)
