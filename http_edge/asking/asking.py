"""One call under way: who asks, what for, and how it is put to the flow.

Owns the command that a call becomes and the identity it carries. Judges nothing: the log does.
"""

import hashlib
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

import msgspec

from http_edge.access.callers import Caller
from http_edge.api.calls import Call
from http_edge.api.models import Sent, Told
from http_edge.api.problems import NOT_FOUND, Problem, channel_forbidden, not_found, refusal
from http_edge.asking.services import EdgeServices
from http_edge.asking.store_position import StorePosition
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.reply_record import Position, Reply
from pipelines.contracts.schemas import RecordName
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from pipelines.tracing.trace_context import TRACEPARENT
from state.certificate.commands import Action, Channel, Command, Origin
from state.certificate.record import SOLD, Certificate, CertificateState, Lifecycle
from state.certificate.rejections import RejectionCode, reject

_REQUEST_IDS: Final = UUID("0f3a6b0a-4f0e-5d0b-9b57-3d2f6f0f7c55")
"""The name space of request ids: a constant of this service, so that a repeat gives the same id."""
_NOT_TO_BE_HAD: Final = frozenset(
    {RejectionCode.NOT_FOUND, RejectionCode.NOT_AVAILABLE, RejectionCode.LOCKED}
)
"""Why a number itself was refused to who asked for it."""


def request_id_of(client_id: str, key: str) -> str:
    """The id of a request: one client's key never meets another's."""
    return str(uuid5(_REQUEST_IDS, f"{client_id}\n{key}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call with everything it came with, checked.

    `request_id` is absent for a call that changes nothing. `until_s` is when the caller's patience
    ends, by the clock of `time.monotonic`. `heard` is what other processes have listed for it: a
    call that is tried again asks only those who have not answered.
    """

    call: Call
    caller: Caller
    path: Sent
    query: Sent
    body: Sent | None
    request_id: str | None
    until_s: float
    authorization: str
    trace: str | None = None
    if_none_match: str | None = None
    position: StorePosition | None = None
    heard: dict[Hashable, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def timeout_s(self) -> float:
        """What is left of the caller's patience; at the end of it nothing."""
        return max(0.0, self.until_s - time.monotonic())

    @property
    def identity(self) -> str:
        """The request's id, in a call that acts."""
        assert self.request_id is not None, "a call that acts has an identity"
        return self.request_id

    @property
    def trace_headers(self) -> list[tuple[str, bytes]]:
        """The caller's trace, handed on with the command."""
        return [] if self.trace is None else [(TRACEPARENT, self.trace.encode())]

    def own_channel(self, asked: Channel | None) -> Channel:
        """The channel the caller acts for. Problem when it has none, or asked for another's."""
        own = self.caller.channel
        if own is None or asked not in (None, own):
            raise channel_forbidden()
        return own

    def spending_channel(self) -> Channel | None:
        """The channel whose holds the caller may use; None: support, who may use every one's."""
        if self.caller.channel is None and not self.caller.is_support:
            raise channel_forbidden()
        return self.caller.channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler answers; `position` is where in the log a change was decided."""

    content: Told | None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    position: Position | None = None


async def existing_state(services: EdgeServices, ask: Ask, number: str) -> CertificateState:
    """The certificate as far as this caller may know of it.

    A number that nobody loaded, that is not issued yet, or that another channel reserved is the
    same to a caller who is not support: there is no such certificate.
    """
    state = await _known_state(services, ask, number)
    if state is None:
        # Whoever comes because of an event on the stream may be a moment ahead of the store.
        await services.settled(number, ask.timeout_s)
        state = await _known_state(services, ask, number)
    if state is None:
        return await _decided_state(services, ask, number)
    return state


async def _decided_state(services: EdgeServices, ask: Ask, number: str) -> CertificateState:
    """The state behind a request that the log has decided: its outcome is the answer for ever.

    Of a number that was reserved once and is free again, for example. Problem 404 otherwise.
    """
    if ask.request_id is None:
        raise not_found()
    outcome = services.outcome_of(number, ask.request_id)
    if outcome is None:
        raise not_found()
    if outcome.rejection is not None and outcome.rejection.code in _NOT_TO_BE_HAD:
        # The request was for the number itself, so this is another one under its key. Decided here:
        # to put it to a certificate, where there is one, would tell that there is.
        raise refusal(reject(RejectionCode.REQUEST_REUSED))
    return await services.certificate_state(number, ask.position, ask.timeout_s)


async def _known_state(services: EdgeServices, ask: Ask, number: str) -> CertificateState | None:
    try:
        state = await services.certificate_state(number, ask.position, ask.timeout_s)
    except Problem as problem:
        if problem.kind is NOT_FOUND:
            return None
        raise
    certificate = state.certificate
    return state if certificate is not None and may_know(ask.caller, certificate) else None


def may_know(caller: Caller, certificate: Certificate) -> bool:
    """Whether this caller may learn that there is such a certificate."""
    if caller.is_support:
        return True
    if certificate.lifecycle is Lifecycle.RESERVED:
        return caller.channel is not None and certificate.channel is caller.channel
    return certificate.lifecycle in SOLD or certificate.issued_at_ms is not None


def existing(state: CertificateState) -> Certificate:
    """The certificate of a state that `existing_state` gave."""
    assert state.certificate is not None, "known to the caller, so it exists"
    return state.certificate


def digest_of(ask: Ask, *parts: object) -> str:
    """What tells a repeat from a re-use of the same key: the action and its content.

    Never give it a code: a digest of six digits is the six digits.
    """
    content = msgspec.json.encode([ask.call.operation.removesuffix("ByGet"), *parts])
    return hashlib.sha256(content).hexdigest()[:32]


async def perform(
    services: EdgeServices, ask: Ask, number: str, action: Action, digest: str
) -> Reply:
    """Put one command to the certificate and wait for its outcome; Problem for a refusal."""
    command = Command(
        command_id=ask.identity,
        at_ms=services.now_ms(),
        certificate_id=number,
        origin=Origin.HTTP,
        action=action,
        actor=ask.caller.actor,
        reply_to=services.requests.reply_to,
        body_digest=digest,
    )
    output = Outgoing(
        topic=COMMANDS,
        key=number.encode(),
        value=services.framing.encode(RecordName.COMMAND, command_to_record(command)),
        headers=ask.trace_headers,
    )
    return await services.requests.ask(ask.identity, digest, output, ask.timeout_s)
