"""What the other systems of the demo ask of the service over HTTP: two shops and support.

Owns the calls, each as the client whose it is, their repetition with the same request id when the
answer got lost, and how long `next` took. Must not write to Kafka.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

import httpx
import stamina

from pipelines.demo.steps import Shop
from pipelines.edge_client import BearerToken, RenewedToken
from pipelines.faults import OperatorError

_ANSWER_S: Final = 15.0
_PATIENCE_S: Final = 120.0
_SHOPS: Final = {Shop.ONLINE_STORE: "store", Shop.POS: "till"}
_SUPPORT: Final = "support"
_COME_AGAIN: Final = frozenset(
    {
        httpx.codes.TOO_MANY_REQUESTS,
        httpx.codes.SERVICE_UNAVAILABLE,
        httpx.codes.GATEWAY_TIMEOUT,
    }
)


class ServiceRefused(OperatorError):
    """The service answered what it must not answer here."""


class PoolEmpty(Exception):
    """There is no number left; this request will never get one."""


class _Busy(Exception):
    """The service asks to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A number taken for one line of one order, and how long the successful call took."""

    certificate_id: str
    took_ms: float


class Storefront:
    """HTTP calls to the service, from any thread. `token` gives one for the client it is asked."""

    def __init__(
        self,
        url: str,
        token: Callable[[str], str],
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = httpx.Client(
            base_url=url, timeout=_ANSWER_S, trust_env=False, transport=transport
        )
        self._shown = {
            client: BearerToken(RenewedToken(partial(token, client)))
            for client in (*_SHOPS.values(), _SUPPORT)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def reserve(self, *, pool: str, shop: Shop, order_id: str, request_id: str) -> Reservation:
        """The next free number. PoolEmpty when there is none."""
        began = perf_counter()
        answer = self._ask(
            _SHOPS[shop],
            "POST",
            "/certificates/next",
            body={"pool": pool, "channel": shop.value, "orderId": order_id},
            headers={"Idempotency-Key": request_id},
        )
        took_ms = (perf_counter() - began) * 1_000
        if answer.status_code == httpx.codes.CONFLICT and _is_pool_empty(answer):
            raise PoolEmpty
        body = _expect(answer, httpx.codes.CREATED)
        return Reservation(certificate_id=body["certificateId"], took_ms=took_ms)

    def lock(self, certificate_id: str, reason: str) -> None:
        """Stop a certificate."""
        self._act(certificate_id, "lock", reason)

    def unlock(self, certificate_id: str, reason: str) -> None:
        """Let it work again."""
        self._act(certificate_id, "unlock", reason)

    def _act(self, certificate_id: str, action: str, reason: str) -> None:
        answer = self._ask(
            _SUPPORT,
            "POST",
            f"/certificates/{certificate_id}/actions/{action}",
            body={"reason": reason},
            headers={"Idempotency-Key": f"demo-{action}-{certificate_id}"},
        )
        _expect(answer, httpx.codes.OK)

    def _ask(
        self,
        client: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a client, its call repeated while the service is busy or out of reach."""
        try:
            for attempt in stamina.retry_context(
                on=(httpx.TransportError, _Busy),
                attempts=None,
                timeout=_PATIENCE_S,
                wait_initial=0.05,
                wait_max=1.0,
            ):
                with attempt:
                    answer = self._client.request(
                        method,
                        path,
                        json=body,
                        params=query,
                        headers=headers,
                        auth=self._shown[client],
                    )
                    if answer.status_code in _COME_AGAIN:
                        raise _Busy(f"it answers {answer.status_code}")
        except (httpx.TransportError, _Busy) as error:
            raise ServiceRefused(
                f"the service did not answer within {_PATIENCE_S:g} s: {error}"
            ) from error
        return answer


def _is_pool_empty(answer: httpx.Response) -> bool:
    return str(answer.json().get("type", "")).endswith("pool-empty")


def _expect(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body, if the answer is the one that the demo has a right to."""
    if answer.status_code != status:
        # The last part of the path names the call, and is never a certificate's whole number here.
        call = answer.request.url.path.rpartition("/")[2]
        raise ServiceRefused(
            f"{answer.request.method} …/{call} answered {answer.status_code}, not {status}: "
            f"{answer.text[:200]}"
        )
    body = answer.json()
    assert isinstance(body, dict), "the answers asked for here are objects"
    return body
