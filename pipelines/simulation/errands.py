"""What callers want over HTTP, who they are, and what they were told.

Owns the words only; `callers` makes the calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from http_edge.access.callers import Caller, Scope
from http_edge.api.calls import API, Call
from http_edge.api.models import Sent, Told
from http_edge.api.problems import MOVING, NO_ANSWER, NOT_THERE_YET
from http_edge.asking.asking import request_id_of
from http_edge.asking.store_position import StorePosition
from state.certificate.commands import Channel

CALLS: Final[Mapping[str, Call]] = {call.operation: call for call in API}
_UNKNOWN: Final = frozenset({MOVING.name, NO_ANSWER.name, NOT_THERE_YET.name})
"""Answers that say nothing of what was asked: it has to be asked again."""

_OF_CHANNELS: Final = frozenset(
    {Scope.RESERVE, Scope.READ, Scope.SEARCH, Scope.BALANCE, Scope.REDEEM}
)
STORE: Final = Caller(client_id="store", channel=Channel.ONLINE_STORE, scopes=_OF_CHANNELS)
MARKET: Final = Caller(client_id="market", channel=Channel.ONLINE_STORE, scopes=_OF_CHANNELS)
TILL: Final = Caller(client_id="till", channel=Channel.POS, scopes=_OF_CHANNELS, subject="lane-3")
CRM: Final = Caller(client_id="crm", channel=None, scopes=frozenset({Scope.CVC, Scope.READ}))
SUPPORT: Final = Caller(client_id="support", channel=None, scopes=frozenset(Scope))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a caller was told: a content, or the name of a problem."""

    problem: str | None
    content: Told | None = None
    position: StorePosition | None = None
    asked_at: int = 0
    told_at: int = 0
    """When the call began and ended, counted in calls that began and ended."""

    @property
    def definite(self) -> bool:
        """Whether it says what happened."""
        return self.problem not in _UNKNOWN


@dataclass(slots=True, kw_only=True, eq=False)
class Errand:
    """Something one caller wants, asked as often as it takes; `then` is told the first answer."""

    caller: Caller
    operation: str
    path: Sent
    body: Sent | None
    key: str | None
    position: StorePosition | None = None
    code: str | None = None
    """The code that was given, and the one that was told last before."""
    newest_code: "tuple[Errand, str] | None" = None
    at_least: int = 0
    """The version that the reader knows of."""
    then: Callable[[Answered], None] | None = None
    same_as: "Errand | None" = None
    """The errand that this is the same request as; or the one whose key it takes in vain."""
    instead_of: "Errand | None" = None
    tries: int = 0
    answers: list[Answered] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The certificate it is about; empty for the next one of a pool."""
        return str(getattr(self.path, "certificate_id", ""))

    @property
    def request_id(self) -> str | None:
        return None if self.key is None else request_id_of(self.caller.client_id, self.key)

    @property
    def scope_fits(self) -> bool:
        """Whether the caller's token allows it."""
        return CALLS[self.operation].scope in self.caller.scopes

    @property
    def answer(self) -> Answered | None:
        """The first definite answer."""
        return self.answers[0] if self.answers else None
