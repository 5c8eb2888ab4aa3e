"""What a channel asks of the service over HTTP, each call repeated with its own key.

Owns the calls, their repetition while no outcome is known, and the reading of answers: each is the
thing asked for, or a `Trouble`. A code goes into the one body that needs it and nowhere else. Must
not write to Kafka, nor know a page.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

import httpx
import msgspec
import stamina
import structlog
from msgspec import Struct

from pipelines.client_credentials import ClientCredentials
from pipelines.contracts.amounts import minor_to_text, text_to_minor
from pipelines.edge_client import BearerToken
from pipelines.faults import OperatorError
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, last_four

_ANSWER_S: Final = 8.0
"""Longer than the edge itself waits: its 504 is better than no answer."""

_NO_OUTCOME: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which nobody knows what came of the request: it is made again with its key."""

_NOT_ASKED: Final = frozenset({400, 401, 403, 413, 414, 415, 431})
"""Answers that settle nothing, unless they are a refusal by the rules."""

_UNREADABLE: Final = (ValueError, RecursionError)
"""What is no JSON of the kind that is expected, no UTF-8, or nested without end."""

_RULES_REFUSE_WITH: Final = frozenset({"wrong-cvc"})

Answer = TypeVar("Answer", bound=Struct)


class Reserved(Struct, frozen=True, kw_only=True, rename="camel"):
    """A number that was set aside for an order."""

    certificate_id: str
    reserved_until: datetime


class Authorized(Struct, frozen=True, kw_only=True, rename="camel"):
    """Money that was set aside; decimal text, as the service tells it."""

    authorization_id: str
    amount: str
    currency: str
    available: str
    expires_at: datetime


class Balance(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left on a certificate; no amounts before it was sold."""

    remaining_balance: str | None
    held: str | None
    available: str | None
    currency: str | None
    status: str
    lifecycle: str
    locked: bool


class Voided(Struct, frozen=True, kw_only=True, rename="camel"):
    """A hold that was given up."""

    certificate_id: str


class _Problem(Struct, frozen=True, kw_only=True):
    """As much of RFC 9457 as is needed."""

    type: str


class _NoOutcome(Exception):
    """The service asks to come again, and may have done what was asked."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"it answers {answer.status_code}")
        self.answer = answer


class Edge:
    """The service, as one client sees it; from any thread."""

    def __init__(
        self,
        url: str,
        credentials: ClientCredentials,
        *,
        patience_s: float,
        transport: httpx.BaseTransport | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._credentials = credentials
        self._patience_s = patience_s
        self._client = httpx.Client(
            base_url=url,
            timeout=_ANSWER_S,
            trust_env=False,
            transport=transport,
            verify=verify,
            auth=BearerToken(credentials),
        )

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()
        self._credentials.close()

    def take_next(self, *, pool: str, order_id: str, key: str) -> Reserved | Trouble:
        """The next free number of a pool."""
        body = {"pool": pool, "orderId": order_id}
        return self._act("/certificates/next", body, key, Reserved, 201)

    def reserve(self, number: str, *, order_id: str, key: str) -> Reserved | Trouble:
        """The very number that was scanned."""
        path = f"/certificates/{number}/actions/reserve"
        return self._act(path, {"orderId": order_id}, key, Reserved, 201, number)

    def authorize(
        self, number: str, *, cvc: str, amount_minor: int, currency: str, order_id: str, key: str
    ) -> Authorized | Trouble:
        """Set aside what there is, up to the amount."""
        body = {
            "amount": minor_to_text(amount_minor, currency),
            "currency": currency,
            "orderId": order_id,
            "cvc": cvc,
            "acceptPartial": True,
        }
        path = f"/certificates/{number}/authorizations"
        return self._act(path, body, key, Authorized, 201, number)

    def void(self, number: str, authorization_id: str, *, key: str) -> Voided | Trouble:
        """Give back what was set aside."""
        path = f"/certificates/{number}/authorizations/{authorization_id}/void"
        return self._act(path, {}, key, Voided, 200, number)

    def balance(self, number: str) -> Balance | Trouble:
        """What is left on a certificate."""
        answer = self._answer("GET", f"/certificates/{number}/balance", None, {})
        return _understood(answer, Balance, 200, number)

    def _act(
        self,
        path: str,
        body: Mapping[str, object],
        key: str,
        kind: type[Answer],
        status: int,
        number: str | None = None,
    ) -> Answer | Trouble:
        answer = self._answer("POST", path, body, {"Idempotency-Key": key})
        return _understood(answer, kind, status, number)

    def _answer(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> httpx.Response | Trouble:
        """The service's last word, after as many tries as patience allows."""
        try:
            for attempt in stamina.retry_context(
                on=(httpx.HTTPError, _NoOutcome),
                attempts=None,
                timeout=self._patience_s,
                wait_initial=0.1,
                wait_max=1.0,
            ):
                with attempt:
                    answer = self._once(method, path, body, headers)
                    if answer.status_code in _NO_OUTCOME:
                        raise _NoOutcome(answer)
        except _NoOutcome as nothing:
            return nothing.answer
        except httpx.HTTPError as error:
            _log().warning("the service does not answer", reason=type(error).__name__)
            return Trouble(name=OwnTrouble.UNREACHABLE, settled=False)
        except OperatorError as fault:
            _log().error("no token", reason=str(fault))
            return Trouble(name=OwnTrouble.NO_TOKEN, settled=False)
        return answer

    def _once(
        self, method: str, path: str, body: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        answer = self._client.request(method, path, json=body, headers=headers)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # The issuer may have changed its keys since: one more try, with a new token.
            self._credentials.forget()
            answer = self._client.request(method, path, json=body, headers=headers)
        return answer


def _understood(
    answer: httpx.Response | Trouble, kind: type[Answer], status: int, number: str | None
) -> Answer | Trouble:
    """The thing asked for; else what stands in its way."""
    certificate = None if number is None else last_four(number)
    if isinstance(answer, Trouble):
        return answer
    if answer.status_code != status:
        return _problem(answer, certificate)
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except _UNREADABLE:
        _log().error("an answer is not understood", status=answer.status_code)
        return Trouble(name=OwnTrouble.NOT_UNDERSTOOD, settled=False, certificate=certificate)


def _problem(answer: httpx.Response, certificate: str | None) -> Trouble:
    status = answer.status_code
    try:
        name = msgspec.json.decode(answer.content, type=_Problem).type.rpartition("/")[2]
    except _UNREADABLE:
        # What stands between us and the service answers in its own way.
        name = OwnTrouble.UNREACHABLE if status in _NO_OUTCOME else OwnTrouble.NOT_UNDERSTOOD
    decided = status not in _NO_OUTCOME | _NOT_ASKED and name != OwnTrouble.NOT_UNDERSTOOD
    settled = decided or name in _RULES_REFUSE_WITH
    _log().info("the service refuses", problem=name, status=status)
    return Trouble(name=name, settled=settled, certificate=certificate, status=status)


def minor_of(text: str | None, currency: str | None) -> int | None:
    """Minor units of an amount that the service told; None where it told none."""
    if text is None or currency is None:
        return None
    return text_to_minor(text, currency)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1_000)


def _log() -> structlog.stdlib.BoundLogger:
    log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
    return log
