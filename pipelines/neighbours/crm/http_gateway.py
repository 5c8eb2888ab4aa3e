"""An SMS gateway that is called over HTTP, as its operator describes it in the settings.

Owns what a call is and what its answer means. Every call of one message carries the same id, so a
gateway that knows ids delivers it once. Must not log, nor put into an error, what was sent or said.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from jinja2 import Template

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.filled_text import (
    Unfillable,
    filled,
    filled_text,
    header_templates,
)
from pipelines.neighbours.crm.gateway import Message, NotTaken, Refused, Unsure
from pipelines.neighbours.crm.retry_after import seconds_of
from pipelines.neighbours.crm.settings import CrmSettings

_LARGEST_ANSWER: Final = 64 * 1024
_CONNECTING_S: Final = 5.0
_NOTHING_WENT_OUT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_REFUSING: Final = frozenset(
    {
        httpx.codes.BAD_REQUEST,
        httpx.codes.REQUEST_ENTITY_TOO_LARGE,
        httpx.codes.UNPROCESSABLE_ENTITY,
    }
)
"""What a gateway says of a message that it will never take, in particular of its address."""

_PERHAPS_DONE: Final = frozenset(
    {
        httpx.codes.REQUEST_TIMEOUT,
        # A gateway that knows ids: the first call under this one is still under way.
        httpx.codes.CONFLICT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpContract:
    """How a gateway is called, and when it has taken a message."""

    method: str
    url: Template
    headers: Mapping[str, Template]
    body: Template
    success_statuses: frozenset[int]
    success_field: str | None
    success_value: str
    deduplicates: bool

    @classmethod
    def of(cls, settings: CrmSettings) -> "HttpContract":
        """What the settings say; they were tried when they were read."""
        assert settings.sms_url is not None, "asked for only where there is one"
        return cls(
            method=settings.sms_method,
            url=filled_text(settings.sms_url.get_secret_value()),
            headers=header_templates(settings.sms_headers.get_secret_value()),
            body=filled_text(settings.sms_body.get_secret_value()),
            success_statuses=frozenset(map(int, settings.sms_success_statuses.split(","))),
            success_field=settings.sms_success_field,
            success_value=settings.sms_success_value,
            deduplicates=settings.sms_deduplicates,
        )


class HttpGateway:
    """One gateway. `secret` is read for each call, so that a changed file needs no restart."""

    def __init__(
        self,
        contract: HttpContract,
        secret: Callable[[], str],
        *,
        timeout_s: float,
        parallel: int,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._contract = contract
        self._secret = secret
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            # The whole call has a limit of its own: these hold for each step of it.
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECTING_S, timeout_s / 2)),
            # A kept connection may be closed by the other side just as a message goes out on it,
            # and then nobody knows. That is for gateways that know a message by its id.
            limits=httpx.Limits(
                max_connections=parallel,
                max_keepalive_connections=parallel if contract.deduplicates else 0,
            ),
            verify=verify,
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )

    @property
    def deduplicates(self) -> bool:
        """Whether a message that comes again under its key is delivered once."""
        return self._contract.deduplicates

    async def send(self, message: Message) -> None:
        """Hand one message over. NotTaken, Unsure or Refused."""
        request = self._request(message)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(request)
        except _NOTHING_WENT_OUT as error:
            raise NotTaken(f"the gateway was not reached ({type(error).__name__})") from None
        except TimeoutError:
            raise Unsure(f"the gateway did not answer within {self._timeout_s:g} s") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unsure(f"the gateway's answer got lost ({type(error).__name__})") from None
        self._judge(answer)

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.aclose()

    def _request(self, message: Message) -> httpx.Request:
        contract = self._contract
        try:
            fields = {
                "id": message.key,
                "to": message.address,
                "text": message.text,
                "secret": self._secret(),
            }
            has_body = contract.method != "GET"
            return self._client.build_request(
                contract.method,
                filled(contract.url, fields),
                headers=[
                    (name.encode("ascii"), filled(each, fields).encode())
                    for name, each in contract.headers.items()
                ],
                content=filled(contract.body, fields).encode() if has_body else None,
            )
        except (Unfillable, httpx.InvalidURL):
            raise Refused("the gateway's template cannot be filled in with it") from None
        except SettingsError:
            raise NotTaken("the gateway's secret cannot be read") from None

    async def _answer(self, request: httpx.Request) -> "_Answer":
        answer = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    break
        finally:
            await answer.aclose()
        return _Answer(
            status=answer.status_code,
            body=bytes(body[:_LARGEST_ANSWER]),
            come_again_s=seconds_of(answer.headers.get("retry-after")),
        )

    def _judge(self, answer: "_Answer") -> None:
        contract = self._contract
        told = f"the gateway answers {answer.status}"
        if answer.status in contract.success_statuses:
            self._judge_words(answer)
            return
        if answer.status in _REFUSING:
            raise Refused(told)
        if answer.status in _PERHAPS_DONE or answer.is_a_yes_or_a_breakdown():
            raise Unsure(told)
        # Everything else is a word about the caller or the moment: keys, rights, load, an address
        # that moved. An operator can mend those while the message still waits.
        raise NotTaken(told, come_again_s=answer.come_again_s)

    def _judge_words(self, answer: "_Answer") -> None:
        """What a gateway means that says 200 to everything."""
        contract = self._contract
        if contract.success_field is None:
            return
        word = answer.says(contract.success_field)
        if word == contract.success_value:
            return
        told = f"the gateway answers {answer.status} and does not say that it took the message"
        raise Unsure(told) if word is None else NotTaken(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a gateway said."""

    status: int
    body: bytes
    come_again_s: float | None

    def is_a_yes_or_a_breakdown(self) -> bool:
        """A status nobody told us of that says yes, or that something broke on the way.

        Only 503 says that nothing was done.
        """
        status = self.status
        return httpx.codes.is_success(status) or (
            httpx.codes.is_server_error(status) and status != httpx.codes.SERVICE_UNAVAILABLE
        )

    def says(self, field: str) -> str | None:
        """What a field of the answer's JSON object holds, as text; None when it holds nothing."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        value = found.get(field) if isinstance(found, dict) else None
        match value:
            case None:
                return None
            case bool():
                return str(value).lower()
            case _:
                return str(value)
