"""Reading a one-time code from the service: once for each message, and the same again if repeated.

Owns the call and what its refusals mean. The request's id is the notification's own, so whatever
crashes between, the service gives this message the code it gave before and makes no other. Must not
log, keep, or put into an error a code or a token.
"""

import asyncio
import hashlib
import re
import ssl
from collections.abc import Callable
from typing import Final

import httpx
import msgspec

from pipelines.edge_client import TokenSource
from pipelines.faults import OperatorError
from pipelines.neighbours.crm.request import Request
from pipelines.neighbours.crm.retry_after import seconds_of
from pipelines.tracing.trace_context import TRACEPARENT

_ANSWER_S: Final = 8.0
"""More than the edge itself takes for an answer that does not come."""

_CALLS: Final = 32
"""At a time; the others wait here, not in the edge's share of a minute."""

_FITS: Final = re.compile(r"[A-Za-z0-9._:/@+=-]{1,128}")
_CODE: Final = re.compile(r"[0-9]{6,8}")
_PROBLEM: Final = re.compile(r"[a-z0-9-]{1,40}")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
NOT_OPEN: Final = "notification-not-open"
"""Somebody else has told the service already how this message ended."""

_NEVER: Final = frozenset(
    {
        "annulled",
        "cvc-already-revealed",
        "invalid-request",
        "not-issued",
        NOT_OPEN,
        "request-reused",
    }
)
"""What no repetition changes: the service keeps its answer with the request's id."""


class CodeNotGiven(Exception):
    """There is no code now; the same call may be made again."""

    def __init__(self, why: str, *, come_again_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.come_again_s = come_again_s


class CodeRefused(Exception):
    """There will be no code for this message."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class _Revealed(msgspec.Struct, frozen=True):
    """The answer; it may say more."""

    cvc: str


class _Problem(msgspec.Struct, frozen=True):
    """A refusal: RFC 9457."""

    type: str = ""


def request_id_of(notification_id: str) -> str:
    """The request's id: the notification's own, or a digest of one that may not be one."""
    if _FITS.fullmatch(notification_id) is not None:
        return notification_id
    return f"sha256:{hashlib.sha256(notification_id.encode()).hexdigest()}"


class CodeReader:
    """The service's edge, as the CRM's client.

    `token` is asked in a thread: it may call out. `token_refused` is told when one was not taken,
    whatever its time says. `traced`: deliveries have spans of their own.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource,
        *,
        token_refused: Callable[[], object] | None = None,
        verify: ssl.SSLContext | bool = True,
        traced: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._token = token
        self._token_refused = token_refused
        self._traced = traced
        self._places = asyncio.Semaphore(_CALLS)
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=_ANSWER_S,
            verify=verify,
            trust_env=False,
            transport=transport,
        )

    async def read(self, request: Request) -> str:
        """The code of one message. CodeNotGiven or CodeRefused."""
        async with self._places:
            answer = await self._answer(request)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._token_refused is not None:
            self._token_refused()
        return _code_in(answer)

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.aclose()

    def _trace_of(self, request: Request) -> dict[str, str]:
        """The trace that the call belongs to: under the delivery's span, where that is told."""
        context = request.delivery_context if self._traced else request.trace_context
        return {} if context is None else {TRACEPARENT: context.text()}

    async def _answer(self, request: Request) -> httpx.Response:
        try:
            token = await asyncio.to_thread(self._token)
            async with asyncio.timeout(_ANSWER_S):
                return await self._client.get(
                    f"/certificates/{request.certificate_id}/cvc",
                    params={"requestId": request_id_of(request.notification_id)},
                    headers={"Authorization": f"Bearer {token}", **self._trace_of(request)},
                )
        except OperatorError:
            raise CodeNotGiven("there is no token for the service") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            raise CodeNotGiven(f"the service was not reached ({type(error).__name__})") from None


def _code_in(answer: httpx.Response) -> str:
    if answer.status_code == httpx.codes.OK:
        try:
            code = msgspec.json.decode(answer.content, type=_Revealed).cvc
        except _UNREADABLE:
            code = ""
        if _CODE.fullmatch(code) is None:
            raise CodeNotGiven("the service's answer holds no code")
        return code
    problem = _problem_in(answer)
    if problem in _NEVER:
        raise CodeRefused(problem)
    # 404 too: whoever keeps the certificate may be a moment behind the stream.
    raise CodeNotGiven(
        f"the service answers {answer.status_code} {problem}".rstrip(),
        come_again_s=seconds_of(answer.headers.get("retry-after")),
    )


def _problem_in(answer: httpx.Response) -> str:
    """The last part of the problem's type, if it is a word we would say ourselves."""
    try:
        name = msgspec.json.decode(answer.content, type=_Problem).type.rpartition("/")[2]
    except _UNREADABLE:
        return ""
    return name if _PROBLEM.fullmatch(name) is not None else ""
