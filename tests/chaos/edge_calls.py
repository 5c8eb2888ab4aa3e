"""How a caller calls: through any edge, again with the same key until it is told an outcome.

Owns the sending, the repeating and what goes into the journal about both. What is asked, and what
an answer means, is the lives'. Codes and tokens stay in memory.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.chaos.journal import (
    Answered,
    Invoked,
    Journal,
    LifeEnded,
    Line,
    Resumed,
    Unanswered,
)

PATIENCE_S: Final = 180.0
"""A service that gives a call no outcome for so long is not serving."""

_ANSWER_S: Final = 8.0
_IMPATIENT_S: Final = 0.25
_PAUSE_S: Final = 0.15
_PAUSE_MAX_S: Final = 1.0
_LONGER: Final = 1.4
_DEAF_S: Final = 1.0
_IN_A_HUNDRED_IMPATIENT: Final = 4
_IN_A_HUNDRED_REPEATED: Final = 4
_OUTCOMES: Final = frozenset({200, 201, 402, 404, 409, 422, 423})
REVEAL: Final = "revealCode"


class Stuck(Exception):
    """A call got no outcome within anybody's patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `key` is None for one that changes nothing; `code` never gets into a file."""

    life: str
    step: str
    operation: str
    client: str
    path: str
    method: str = "GET"
    key: str | None = None
    number: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    wrong_code: bool = False
    position: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that counts."""

    status: int
    problem: str | None
    content: Mapping[str, Any]
    position: str | None

    @property
    def ok(self) -> bool:
        return self.status < 300


class EdgeCalls:
    """One caller's connections to all edges, and what it was told so far."""

    def __init__(
        self,
        urls: Sequence[str],
        token: Callable[[str], str],
        journal: Journal,
        *,
        chance: random.Random,
    ) -> None:
        limits = httpx.Limits(max_connections=200)
        self._edges = [
            httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) for url in urls
        ]
        self._token = token
        self._journal = journal
        self._chance = chance
        self._outcomes, self._open = left_behind(journal.kept)
        self._calls = sum(isinstance(line, Invoked) for line in journal.kept)
        self._repeated = len(self._open)
        self._deaf_until_s: dict[int, float] = {}
        self.latest: dict[str, str] = _latest(self._outcomes.values())
        self._note_resumed(None)

    async def close(self) -> None:
        for edge in self._edges:
            await edge.aclose()

    async def act(self, call: Call) -> Reply:
        """The outcome of a call that changes something; what is known already is not asked."""
        assert call.key is not None, "a call that acts has a key"
        known = self._outcomes.get(call.key)
        if known is not None and call.operation != REVEAL:
            return known
        reply = await self._until_answered(call, _OUTCOMES)
        self._outcomes[call.key] = reply
        self._note_resumed(call.key)
        if reply.position is not None and call.number is not None:
            self.latest[call.number] = _later(self.latest.get(call.number), reply.position)
        if self._chance.randrange(100) < _IN_A_HUNDRED_REPEATED:
            await self._until_answered(call, _OUTCOMES)
        return reply

    async def read(self, call: Call) -> Reply:
        """What a call that changes nothing is told: something, or that there is nothing."""
        return await self._until_answered(call, frozenset({200, 404}))

    async def _until_answered(self, call: Call, outcomes: frozenset[int]) -> Reply:
        give_up_s = time.monotonic() + PATIENCE_S
        impatient = call.key is not None and (self._chance.randrange(100) < _IN_A_HUNDRED_IMPATIENT)
        pause_s = _PAUSE_S
        while time.monotonic() < give_up_s:
            edge = self._some_edge()
            reply = await self._once(call, edge, _IMPATIENT_S if impatient else _ANSWER_S)
            impatient = False
            if reply is None:
                continue
            if reply.status in outcomes or reply.problem == "wrong-cvc":
                return reply
            await asyncio.sleep(pause_s * self._chance.uniform(0.5, 1.5))
            pause_s = min(pause_s * _LONGER, _PAUSE_MAX_S)
        raise Stuck(f"{call.step} {call.operation}")

    def _some_edge(self) -> int:
        """Any edge but those where nobody listened a moment ago, as a load balancer chooses."""
        now_s = time.monotonic()
        edges = range(len(self._edges))
        listening = [edge for edge in edges if self._deaf_until_s.get(edge, 0.0) < now_s]
        return self._chance.choice(listening or edges)

    async def _once(self, call: Call, edge: int, timeout_s: float) -> Reply | None:
        self._calls += 1
        number = self._calls
        self._journal.write(
            Invoked(
                at_ns=time.monotonic_ns(),
                call=number,
                life=call.life,
                step=call.step,
                operation=call.operation,
                client=call.client,
                key=call.key,
                number=call.number,
                body=call.body,
                edge=edge,
                position=call.position,
                wrong_code=call.wrong_code,
            )
        )
        try:
            answer = await self._edges[edge].send(self._request(call, edge, timeout_s))
        except httpx.ConnectError as error:
            self._deaf_until_s[edge] = time.monotonic() + _DEAF_S
            await self._note_silence(number, error, sent=False)
            return None
        except httpx.TransportError as error:
            await self._note_silence(number, error, sent=True)
            return None
        return self._note_answer(number, call, answer)

    def _request(self, call: Call, edge: int, timeout_s: float) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self._token(call.client)}"}
        if call.key is not None and call.method == "POST":
            headers["Idempotency-Key"] = call.key
        if call.position is not None:
            headers["Giftcert-Position"] = call.position
        content = dict(call.body) if call.code is None else {**call.body, "cvc": call.code}
        sent: dict[str, Any] = {"json": content} if call.method == "POST" else {"params": content}
        return self._edges[edge].build_request(
            call.method, call.path, headers=headers, timeout=timeout_s, **sent
        )

    async def _note_silence(self, number: int, error: httpx.TransportError, *, sent: bool) -> None:
        self._journal.write(
            Unanswered(at_ns=time.monotonic_ns(), call=number, why=type(error).__name__, sent=sent)
        )
        await asyncio.sleep(_PAUSE_S * self._chance.uniform(0.1, 0.5))

    def _note_answer(self, number: int, call: Call, answer: httpx.Response) -> Reply:
        content = answer.json() if answer.content else {}
        problem = str(content.get("type", "")).rpartition("/")[2] if answer.is_error else ""
        etag = answer.headers.get("ETag")
        reply = Reply(
            status=answer.status_code,
            problem=problem or None,
            content={} if answer.is_error else content,
            position=answer.headers.get("Giftcert-Position"),
        )
        self._journal.write(
            Answered(
                at_ns=time.monotonic_ns(),
                call=number,
                status=reply.status,
                problem=reply.problem,
                content={} if call.operation == REVEAL else reply.content,
                position=reply.position,
                version=None if etag is None else int(etag.strip('"')),
            )
        )
        return reply

    def _note_resumed(self, key: str | None) -> None:
        """Tell the journal when the last call was answered that a predecessor had left open."""
        if key is not None and key not in self._open:
            return
        self._open.discard(key or "")
        if not self._open:
            self._journal.write(Resumed(at_ns=time.monotonic_ns(), repeated=self._repeated))


def left_behind(lines: Sequence[Line]) -> tuple[dict[str, Reply], set[str]]:
    """The outcomes an earlier process was told, by key, and the keys it had still open."""
    invoked: dict[int, Invoked] = {}
    outcomes: dict[str, Reply] = {}
    for line in lines:
        match line:
            case Invoked():
                invoked[line.call] = line
            case Answered() if line.status in _OUTCOMES or line.problem == "wrong-cvc":
                key = invoked[line.call].key
                if key is not None:
                    outcomes[key] = Reply(
                        status=line.status,
                        problem=line.problem,
                        content=line.content,
                        position=line.position,
                    )
    ended = {line.life for line in lines if isinstance(line, LifeEnded)}
    asked = {
        line.key for line in invoked.values() if line.key is not None and line.life not in ended
    }
    return outcomes, asked - outcomes.keys()


def _latest(replies: "Sequence[Reply] | Any") -> dict[str, str]:
    latest: dict[str, str] = {}
    for reply in replies:
        number = reply.content.get("certificateId")
        if number is not None and reply.position is not None:
            latest[number] = _later(latest.get(number), reply.position)
    return latest


def _later(known: str | None, position: str) -> str:
    """The later of two positions of one certificate: they are of one partition."""
    if known is None or int(known.partition(".")[2]) < int(position.partition(".")[2]):
        return position
    return known
