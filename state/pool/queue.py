"""The queue of free numbers and its rules, over a narrow view of the store.

The queue is kept as one small head record, one record a position and one record a number, so
that adding, taking and forgetting touch a handful of records however large the pool is. The view
is a protocol: the rules neither know a store nor perform input or output.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from state.certificate.rejections import Rejection, RejectionCode, reject
from state.pool.commands import Add, Forget, PoolCommand, TakeNext

RATE_WINDOW_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHead:
    """Where the queue begins and ends, how many numbers it holds, and how fast it is drained.

    Positions run from `first` to `next_position` - 1; some are empty, where a number was
    forgotten. `taken` numbers left since `window_started_ms`; `sequence` numbers the pool's
    events on the stream; `alerted` is set from one low alert until the pool is refilled.
    """

    first: int = 0
    next_position: int = 0
    level: int = 0
    sequence: int = 0
    window_started_ms: int = 0
    taken: int = 0
    low_mark: int = 0
    alerted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What one request was given: a number, or (absent) the word that the pool is empty."""

    body_digest: str | None
    certificate_id: str | None


class PoolStore(Protocol):
    """The records of one pool."""

    def head(self) -> PoolHead: ...

    def put_head(self, head: PoolHead) -> None: ...

    def number_at(self, position: int) -> str | None: ...

    def put_number(self, position: int, certificate_id: str) -> None: ...

    def remove_number(self, position: int, certificate_id: str) -> None: ...

    def position_of(self, certificate_id: str) -> int | None: ...

    def take_of(self, request_id: str) -> Take | None: ...

    def put_take(self, request_id: str, take: Take) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Ask this certificate to be reserved for the request."""

    certificate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LowLevel:
    """The pool fell below its mark. `empty_in_ms` is an estimate, absent without a rate."""

    sequence: int
    level: int
    taken: int
    window_ms: int
    empty_in_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The pool is empty; `sequence` numbers the `issue.blocked` event, absent for a repeat."""

    rejection: Rejection
    sequence: int | None


PoolResult = Offered | LowLevel | Blocked


def apply(store: PoolStore, command: PoolCommand) -> tuple[PoolResult, ...]:
    """Perform one command on the records of its pool and say what must be told."""
    match command.action:
        case Add(certificate_id=certificate_id):
            return _add(store, certificate_id)
        case Forget(certificate_id=certificate_id):
            return _forget(store, certificate_id)
        case TakeNext() as action:
            return _take_next(store, command.at_ms, action)


def _add(store: PoolStore, certificate_id: str) -> tuple[PoolResult, ...]:
    if store.position_of(certificate_id) is not None:
        return ()
    head = store.head()
    store.put_number(head.next_position, certificate_id)
    level = head.level + 1
    # Re-armed only above the mark: a single number coming back does not make the pool refilled.
    alerted = head.alerted and level <= head.low_mark
    store.put_head(
        replace(head, next_position=head.next_position + 1, level=level, alerted=alerted)
    )
    return ()


def _forget(store: PoolStore, certificate_id: str) -> tuple[PoolResult, ...]:
    position = store.position_of(certificate_id)
    if position is None:
        return ()
    store.remove_number(position, certificate_id)
    head = store.head()
    store.put_head(replace(head, level=head.level - 1))
    return ()


def _take_next(store: PoolStore, at_ms: int, action: TakeNext) -> tuple[PoolResult, ...]:
    known = store.take_of(action.request_id)
    if known is not None:
        if known.body_digest != action.body_digest:
            return (Blocked(rejection=reject(RejectionCode.REQUEST_REUSED), sequence=None),)
        if known.certificate_id is None:
            return (Blocked(rejection=reject(RejectionCode.POOL_EMPTY), sequence=None),)
        if known.certificate_id != action.instead_of:
            # A repeat: the certificate itself knows what it answered to this request.
            return (Offered(certificate_id=known.certificate_id),)
    head, certificate_id = _pop(store, store.head())
    # A request that comes back from a certificate no longer carries the mark: the last one stays.
    low_mark = head.low_mark if action.instead_of is not None else action.low_mark
    store.put_take(
        action.request_id, Take(body_digest=action.body_digest, certificate_id=certificate_id)
    )
    if certificate_id is None:
        head = replace(head, sequence=head.sequence + 1)
        store.put_head(head)
        return (Blocked(rejection=reject(RejectionCode.POOL_EMPTY), sequence=head.sequence),)
    head = _counted(head, at_ms, low_mark)
    results: tuple[PoolResult, ...] = (Offered(certificate_id=certificate_id),)
    if head.level < low_mark and not head.alerted:
        head = replace(head, alerted=True, sequence=head.sequence + 1)
        results += (_low_level(head, at_ms),)
    store.put_head(head)
    return results


def _pop(store: PoolStore, head: PoolHead) -> tuple[PoolHead, str | None]:
    """The oldest number, skipping the empty positions that forgotten numbers left behind."""
    first = head.first
    while first < head.next_position:
        certificate_id = store.number_at(first)
        if certificate_id is not None:
            store.remove_number(first, certificate_id)
            return replace(head, first=first + 1, level=head.level - 1), certificate_id
        first += 1
    assert head.level == 0, "an empty queue has no level"
    return replace(head, first=first), None


def _counted(head: PoolHead, at_ms: int, low_mark: int) -> PoolHead:
    """Count one number taken, in a window that starts anew once it is full."""
    started_ms, taken = head.window_started_ms, head.taken
    if taken == 0 or at_ms - started_ms >= RATE_WINDOW_MS:
        started_ms, taken = at_ms, 0
    return replace(head, window_started_ms=started_ms, taken=taken + 1, low_mark=low_mark)


def _low_level(head: PoolHead, at_ms: int) -> LowLevel:
    window_ms = max(at_ms - head.window_started_ms, 1)
    has_rate = head.taken > 1
    return LowLevel(
        sequence=head.sequence,
        level=head.level,
        taken=head.taken,
        window_ms=window_ms,
        # The window began with the first one taken: what left in it since is one less.
        empty_in_ms=head.level * window_ms // (head.taken - 1) if has_rate else None,
    )
