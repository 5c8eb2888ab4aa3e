"""What a rule answers: events that happened, a refusal, and what others must be told.

Owns the small vocabulary shared by the rules. It decides nothing itself.
"""

from dataclasses import dataclass

from state.certificate.events import AlertRaised, Event, Reason
from state.certificate.rejections import Rejection, RejectionCode, reject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToPool:
    """The number is free again (or for the first time): the pool may hand it out."""

    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetInPool:
    """The number left the stock by another way than the pool's own queue."""

    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPoolAgain:
    """The number the pool offered is not free: the same request needs another one."""

    pool: str


PoolEffect = ReturnToPool | ForgetInPool | AskPoolAgain


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of one rule.

    `rejection` may come with events: a wrong code is refused and remembered. A decision with a
    pool effect of `AskPoolAgain` is not an outcome yet: the request goes on elsewhere.
    """

    events: tuple[Event, ...] = ()
    rejection: Rejection | None = None
    pool: PoolEffect | None = None


def accepted(*events: Event, pool: PoolEffect | None = None) -> Decision:
    """A yes: what happened, in order."""
    return Decision(events=events, pool=pool)


def refused(code: RejectionCode, detail: str = "") -> Decision:
    """A no that changes nothing."""
    return Decision(rejection=reject(code, detail))


def alert(code: str, text: str) -> AlertRaised:
    """An event for people."""
    return AlertRaised(reason=Reason(code=code, text=text))
