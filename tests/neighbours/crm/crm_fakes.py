"""Plain stand-ins for everything around a courier: directory, codes, gateway, records of sends.

Each says what a test tells it, one word after the other, the last one for ever.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pipelines.neighbours.crm.contact import Contact
from pipelines.neighbours.crm.courier import Courier, Habits, Patience
from pipelines.neighbours.crm.gateway import Message, Unsure
from pipelines.neighbours.crm.lane import Lane
from pipelines.neighbours.crm.letters import Letters
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.request import Request
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import AT_MS, NUMBER, ORDER

_Word = TypeVar("_Word")
CODE = "492039"


class Said:
    """Words in a row; an exception among them is raised."""

    def __init__(self, words: Sequence[object]) -> None:
        self._words = list(words)
        self.asked = 0

    def next(self) -> object:
        self.asked += 1
        word = self._words.pop(0) if len(self._words) > 1 else self._words[0]
        if isinstance(word, Exception):
            raise word
        return word


class FakeBuyers:
    """Tokens by order."""

    def __init__(self, tokens: Mapping[str, str | Exception | None] | None = None) -> None:
        self.tokens = {ORDER: "token-1"} if tokens is None else tokens

    def token_of(self, order_id: str) -> str | None:
        found = self.tokens.get(order_id)
        if isinstance(found, Exception):
            raise found
        return found


class FakeDirectory:
    """Contacts by token; `faults` come first."""

    def __init__(
        self, contacts: Mapping[str, Contact] | None = None, faults: Sequence[Exception] = ()
    ) -> None:
        default = {"token-1": Contact(address="+79001234567")}
        self.contacts = default if contacts is None else contacts
        self.faults = list(faults)
        self.asked: list[str] = []

    async def find(self, token: str) -> Contact | None:
        self.asked.append(token)
        if self.faults:
            raise self.faults.pop(0)
        return self.contacts.get(token)

    async def close(self) -> None:
        """Nothing is open."""


class FakeCodes:
    """The service: one code, or what a test says."""

    def __init__(self, *words: object) -> None:
        self._said = Said(words or [CODE])

    @property
    def reads(self) -> int:
        return self._said.asked

    async def read(self, request: Request) -> str:
        return str(self._said.next())


class FakeGateway:
    """A gateway that knows ids or does not: `shown` is what customers got, `tries` what came."""

    def __init__(self, *words: object, deduplicates: bool = True) -> None:
        self._said = Said(words or [None])
        self._deduplicates = deduplicates
        self.tries: list[Message] = []
        self.shown: list[Message] = []
        self.at_once = 0
        self.most_at_once = 0
        self.hold: asyncio.Event | None = None

    @property
    def deduplicates(self) -> bool:
        return self._deduplicates

    def show(self, message: Message) -> None:
        """Deliver it, once where ids are known."""
        if not (self._deduplicates and any(each.key == message.key for each in self.shown)):
            self.shown.append(message)

    async def send(self, message: Message) -> None:
        self.tries.append(message)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.hold is not None:
                await self.hold.wait()
            try:
                self._said.next()
            except Unsure as fault:
                if fault.why == TOOK_IT:
                    self.show(message)
                raise
            self.show(message)
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        """Nothing is open."""


TOOK_IT = "it took the message and did not say so"


class FakeMarks:
    """What is on record of the attempts, in order."""

    def __init__(self, *, ours: bool = True) -> None:
        self.ours = ours
        self.said: list[str] = []

    async def begin(self, request: Request) -> bool:
        await asyncio.sleep(0)
        self.said.append("begin")
        return self.ours

    def not_sent(self, request: Request) -> None:
        self.said.append("not sent")


class Clock:
    """The time of day, which only a test moves."""

    def __init__(self, now_ms: int = AT_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def courier_with(
    *,
    gateway: FakeGateway | None = None,
    buyers: FakeBuyers | None = None,
    directory: FakeDirectory | None = None,
    codes: FakeCodes | None = None,
    metrics: CrmMetrics | None = None,
    now_ms: Callable[[], int] | None = None,
    promise_s: float = 300.0,
    habits: Habits | None = None,
    parallel: int = 4,
    lanes: Mapping[NotificationChannel, Lane] | None = None,
) -> Courier:
    """A courier whose pauses are a thousandth of a second."""
    sms = NotificationChannel.SMS
    return Courier(
        buyers=buyers or FakeBuyers(),
        directory=directory or FakeDirectory(),
        codes=codes or FakeCodes(),
        letters=Letters(),
        lanes={sms: Lane(sms, gateway or FakeGateway(), parallel=parallel)}
        if lanes is None
        else lanes,
        patience=Patience(promise_s=promise_s, first_pause_s=0.001, longest_pause_s=0.002),
        habits=habits or Habits(language="ru", channel=sms, when_unsure="give-up"),
        metrics=metrics or CrmMetrics(),
        now_ms=now_ms or Clock(),
    )


def shown_figures(metrics: CrmMetrics) -> dict[str, float]:
    """Every figure by name and the values of its labels: `failed_total/SMS/REFUSED`."""
    return {
        "/".join([sample.name.removeprefix("giftcert_crm_"), *sample.labels.values()]): (
            sample.value
        )
        for family in metrics.collect()
        for sample in family.samples
    }


SECRETS = ("+79001234567", CODE, NUMBER, "token-1")
