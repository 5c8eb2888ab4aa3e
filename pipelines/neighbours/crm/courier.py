"""One delivery: address, code, message, gateway; patiently, until the promise to the customer ends.

Owns the order of these steps and which failure ends a delivery. The address comes before the code,
so that no code is read for nobody, and the code is read once in a delivery and kept in this process
alone. Before each attempt to send, the fact that it begins is committed: whoever comes after a
crash then knows what may have been sent. Must not log or keep a code, an address or a text.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol, TypeVar

import stamina
import structlog

from pipelines.neighbours.crm.buyers import OrdersNotRead
from pipelines.neighbours.crm.code_reader import NOT_OPEN, CodeNotGiven, CodeRefused
from pipelines.neighbours.crm.contact import Contact, address_for
from pipelines.neighbours.crm.directory import Directory, DirectorySilent
from pipelines.neighbours.crm.filled_text import Unfillable
from pipelines.neighbours.crm.gateway import Message, NotTaken, Refused, Unsure
from pipelines.neighbours.crm.lane import Lane
from pipelines.neighbours.crm.letters import Language, Letters
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.outcome import Failed, FailureReason, Obsolete, Outcome, Sent
from pipelines.neighbours.crm.partition_work import Start
from pipelines.neighbours.crm.request import Request
from pipelines.neighbours.crm.traces import delivery_begun, delivery_ended
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.tracing.tracer import Tracer

_OF_A_CLIENT: Final = "client:"
"""Before a client's id where the order has no token: the directory may know the client itself."""

_MAY_HAVE_COME: Final = "it is not known whether the message was sent"
_Told = TypeVar("_Told")
_log = structlog.get_logger(__name__)


class Buyers(Protocol):
    """Who knows the token of a buyer's address; asked in a thread. OrdersNotRead."""

    def token_of(self, order_id: str) -> str | None: ...


class Codes(Protocol):
    """Who gives the code of a message. CodeNotGiven, CodeRefused."""

    async def read(self, request: Request) -> str: ...


class Marks(Protocol):
    """What is on record of the attempts to send."""

    async def begin(self, request: Request) -> bool:
        """Have it on record that a send begins; False: this delivery is not ours any more."""
        ...

    def not_sent(self, request: Request) -> None:
        """Take that back: the gateway surely has nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often. All in seconds."""

    promise_s: float
    first_pause_s: float
    longest_pause_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What is done where nothing else says what to do."""

    language: Language
    channel: NotificationChannel
    when_unsure: Literal["give-up", "send-again"]


class NotOurs(Exception):
    """The partition went to another CRM, or this one is stopping: nothing is to be told."""


class _GaveUp(Exception):
    """A delivery that ends here."""

    def __init__(self, reason: FailureReason, why: str) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why


_COME_AGAIN: Final = (OrdersNotRead, DirectorySilent, CodeNotGiven, NotTaken, Unsure)


class Courier:
    """Delivers messages, any number at a time, on one event loop. `now_ms` is the time of day."""

    def __init__(
        self,
        *,
        buyers: Buyers,
        directory: Directory,
        codes: Codes,
        letters: Letters,
        lanes: Mapping[NotificationChannel, Lane],
        patience: Patience,
        habits: Habits,
        metrics: CrmMetrics,
        now_ms: Callable[[], int],
        tracer: Tracer | None = None,
    ) -> None:
        self._buyers = buyers
        self._directory = directory
        self._codes = codes
        self._letters = letters
        self._lanes = lanes
        self._patience = patience
        self._habits = habits
        self._metrics = metrics
        self._now_ms = now_ms
        self._tracer = tracer

    async def deliver(self, start: Start, marks: Marks) -> Outcome:
        """See one message to its end. NotOurs when that is for somebody else to do."""
        request = start.request
        channel = request.channel or self._habits.channel
        delivery = _Delivery(request=request, doubts=int(start.doubtful))
        traced = delivery_begun(request)
        try:
            outcome = await self._delivered(delivery, channel, marks)
        except _GaveUp as end:
            reason, why = end.reason, end.why
            if delivery.maybe_sent and reason is not FailureReason.UNSURE:
                reason, why = FailureReason.UNSURE, f"{_MAY_HAVE_COME}; {why}"
            outcome = Failed(channel=channel, reason=reason, why=why)
        self._tell(request, outcome)
        delivery_ended(self._tracer, request, outcome, traced)
        return outcome

    async def _delivered(
        self, delivery: "_Delivery", channel: NotificationChannel, marks: Marks
    ) -> Outcome:
        request = delivery.request
        lane = self._lanes.get(channel)
        if lane is None:
            raise _GaveUp(FailureReason.NO_GATEWAY, f"there is no gateway for {channel}")
        if delivery.maybe_sent:
            self._metrics.doubted("restart")
            if not self._may_repeat(delivery, lane):
                raise _GaveUp(FailureReason.UNSURE, _MAY_HAVE_COME)
        contact = await self._patiently(request, lambda: self._contact(request))
        address = address_for(channel, contact.address)
        if address is None:
            raise _GaveUp(FailureReason.BAD_ADDRESS, f"the address is none for {channel}")
        try:
            code = await self._patiently(request, lambda: self._code(request))
        except CodeRefused as refused:
            if refused.problem == NOT_OPEN:
                return Obsolete()
            why = f"the service gives no code: {refused.problem}"
            raise _GaveUp(FailureReason.NO_CODE, why) from None
        language = contact.language or self._habits.language
        message = self._message(request, code, address, channel=channel, language=language)
        try:
            await self._patiently(request, lambda: self._send(delivery, lane, message, marks))
        except Refused as refused:
            raise _GaveUp(FailureReason.REFUSED, refused.why) from None
        return Sent(channel=channel)

    async def _contact(self, request: Request) -> Contact:
        """Where the buyer is reached: by the order's token, else as the client that bought."""
        tokens = []
        if request.order_id is not None:
            tokens.append(await asyncio.to_thread(self._buyers.token_of, request.order_id))
        if request.client_id is not None:
            tokens.append(f"{_OF_A_CLIENT}{request.client_id}")
        for token in tokens:
            contact = None if token is None else await self._directory.find(token)
            if contact is not None:
                return contact
        raise _GaveUp(FailureReason.NO_ADDRESS, "no address is known")

    async def _code(self, request: Request) -> str:
        try:
            code = await self._codes.read(request)
        except CodeNotGiven:
            self._metrics.code_read("not-given")
            raise
        except CodeRefused:
            self._metrics.code_read("refused")
            raise
        self._metrics.code_read("given")
        return code

    def _message(
        self,
        request: Request,
        code: str,
        address: str,
        *,
        channel: NotificationChannel,
        language: Language,
    ) -> Message:
        try:
            letter = self._letters.write(request, code, channel=channel, language=language)
        except Unfillable:
            why = "the template cannot be filled in"
            raise _GaveUp(FailureReason.REFUSED, why) from None
        return Message(key=request.key, address=address, subject=letter.subject, text=letter.text)

    async def _send(
        self, delivery: "_Delivery", lane: Lane, message: Message, marks: Marks
    ) -> None:
        """One attempt, once the lane has a place and the attempt is on record."""
        async with lane.places:
            self._check_time(delivery.request)
            if not await marks.begin(delivery.request):
                raise NotOurs
            self._check_time(delivery.request)
            try:
                with lane.watched():
                    await lane.gateway.send(message)
            except NotTaken:
                self._metrics.attempted(lane.channel, "not-taken")
                if not delivery.maybe_sent:
                    marks.not_sent(delivery.request)
                raise
            except Refused:
                self._metrics.attempted(lane.channel, "refused")
                raise
            except Unsure as fault:
                self._metrics.attempted(lane.channel, "unsure")
                self._metrics.doubted("no-answer")
                delivery.doubts += 1
                if not self._may_repeat(delivery, lane):
                    why = f"{_MAY_HAVE_COME}: {fault.why}"
                    raise _GaveUp(FailureReason.UNSURE, why) from None
                raise
        self._metrics.attempted(lane.channel, "taken")

    def _may_repeat(self, delivery: "_Delivery", lane: Lane) -> bool:
        """Whether a message that may have been sent may be sent once more: twice at the most."""
        if lane.gateway.deduplicates:
            return True
        return self._habits.when_unsure == "send-again" and delivery.doubts == 1

    async def _patiently(self, request: Request, step: Callable[[], Awaitable[_Told]]) -> _Told:
        """A step, repeated while it says to come again and the promise holds."""
        left_s = self._left_s(request)
        patience = self._patience
        why = "nothing was tried"
        try:
            async for attempt in stamina.retry_context(
                on=partial(_pause, longest_s=left_s),
                attempts=None,
                timeout=max(left_s, 0.001),
                wait_initial=patience.first_pause_s,
                # Near the end of a short promise nobody sleeps through it.
                wait_max=min(patience.longest_pause_s, max(left_s / 10, 0.01)),
                wait_jitter=patience.first_pause_s,
            ):
                with attempt:
                    self._check_time(request, why)
                    try:
                        return await step()
                    except _COME_AGAIN as fault:
                        why = fault.why
                        raise
        except _COME_AGAIN:
            raise _GaveUp(FailureReason.OUT_OF_TIME, self._too_late(why)) from None
        raise AssertionError("the last attempt returns or raises")

    def _left_s(self, request: Request) -> float:
        """What is left of the promise; the clock of another machine may be ahead of ours."""
        passed_s = (self._now_ms() - request.asked_at_ms) / 1_000
        return min(self._patience.promise_s - passed_s, self._patience.promise_s)

    def _check_time(self, request: Request, why: str = "all places were taken") -> None:
        if self._left_s(request) <= 0:
            raise _GaveUp(FailureReason.OUT_OF_TIME, self._too_late(why))

    def _too_late(self, why: str) -> str:
        return f"not delivered within {self._patience.promise_s:g} s: {why}"

    def _tell(self, request: Request, outcome: Outcome) -> None:
        """Log and count the end. The number is cut, and nothing else of the customer is told."""
        number = request.last_four
        match outcome:
            case Sent():
                _log.info("a code was sent", certificate=number, channel=outcome.channel)
                self._metrics.delivered(
                    outcome.channel, (self._now_ms() - request.asked_at_ms) / 1_000
                )
            case Failed():
                _log.warning(
                    "a code was not sent",
                    certificate=number,
                    channel=outcome.channel,
                    reason=outcome.reason,
                    why=outcome.why,
                )
                self._metrics.failed(outcome.channel, outcome.reason)
            case Obsolete():
                _log.info("a message was told of by somebody else", certificate=number)


@dataclass(slots=True, kw_only=True)
class _Delivery:
    """What changes in the course of one delivery."""

    request: Request
    doubts: int

    @property
    def maybe_sent(self) -> bool:
        """Whether the customer may have the message already."""
        return self.doubts > 0


def _pause(error: Exception, *, longest_s: float) -> bool | float:
    """Whether to come again, and after how long where somebody said so."""
    if not isinstance(error, _COME_AGAIN):
        return False
    asked_s = error.come_again_s if isinstance(error, CodeNotGiven | NotTaken) else None
    return True if asked_s is None else min(asked_s, longest_s)
