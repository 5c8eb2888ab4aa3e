"""Commands of callers that scenarios write to the topic, as the edge would."""

from state.certificate.commands import Authorize
from state.certificate.money import Money
from tests.flow.scenario import HOUR_MS
from tests.flow.service_under_test import now_ms
from tests.flow.source_messages import CURRENCY


def authorize(order_id: str, amount_minor: int, **changes: object) -> Authorize:
    """A hold as the edge would ask for it, its code compared."""
    given: dict[str, object] = {
        "order_id": order_id,
        "amount": Money(amount_minor=amount_minor, currency=CURRENCY),
        "cvc_matches": True,
        "cvc_version": 1,
        "accept_partial": False,
        "expires_at_ms": now_ms() + HOUR_MS,
    }
    return Authorize(**given | changes)  # type: ignore[arg-type]  # a table of its own fields
