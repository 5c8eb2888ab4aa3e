"""What the demo's customers give as their phone, and the token that stands for it in their orders.

Owns the calls to the address directory. A number goes there and nowhere else, as in a real store.
"""

from types import TracebackType
from typing import Final, Self

import httpx
import stamina

from pipelines.demo.baskets import Basket
from pipelines.demo.storefront import ServiceRefused

_ANSWER_S: Final = 15.0
_PATIENCE_S: Final = 60.0
_AREA: Final = "+1555"
"""No subscriber has a number in that area."""

_LOCAL: Final = 10**7


class AddressBook:
    """Tokens of customers, from any thread. `secret` is what the directory asks for."""

    def __init__(
        self, url: str, secret: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = url
        self._tokens: dict[str, str] = {}
        self._client = httpx.Client(
            timeout=_ANSWER_S,
            trust_env=False,
            headers={"Authorization": f"Bearer {secret}"},
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def token_of(self, basket: Basket) -> str:
        """The token of whoever buys a basket: asked for once. ServiceRefused without an answer."""
        phone = f"{_AREA}{basket.household_id % _LOCAL:07}"
        token = self._tokens.get(phone)
        if token is None:
            # Two threads may ask at once: the directory says the same to both.
            token = self._tokens[phone] = self._asked(phone)
        return token

    def _asked(self, phone: str) -> str:
        try:
            for attempt in stamina.retry_context(
                on=httpx.TransportError, attempts=None, timeout=_PATIENCE_S, wait_initial=0.05
            ):
                with attempt:
                    answer = self._client.post(self._url, json={"address": phone})
        except httpx.TransportError as error:
            raise ServiceRefused(f"the address directory does not answer: {error}") from error
        if answer.status_code != httpx.codes.OK:
            raise ServiceRefused(f"the address directory answers {answer.status_code}")
        return str(answer.json()["token"])
