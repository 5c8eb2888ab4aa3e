"""The reference model of a pool: a queue, and what each request got from it.

Fed with the decoded records of one pool in the order of the log. Shares no code with the pool.
"""

from dataclasses import dataclass, field

from pipelines.simulation.reference_words import Fields


@dataclass(slots=True)
class Served:
    """All that one pool command must come to.

    `number` is who must be asked to be reserved; `code` is why nobody is; `events` are those that
    the stream must show, as sequence and type.
    """

    number: str | None = None
    code: str | None = None
    events: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Pool:
    """One pool: the free numbers in the order in which they came."""

    free: dict[str, None] = field(default_factory=dict)
    given: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """By request: the digest of what was asked, and the number it was given."""
    low_mark: int = 0
    warned: bool = False
    sequence: int = 0

    def perform(self, command: Fields) -> Served:
        """What the next command of this pool must come to."""
        kind, number = command["type"], command["certificateId"]
        if kind == "ADD" and number not in self.free:
            self.free[number] = None
            # One number that comes back does not refill a pool: the warning stands until the mark
            # is passed.
            self.warned = self.warned and len(self.free) <= self.low_mark
        elif kind == "FORGET":
            self.free.pop(number, None)
        elif kind == "TAKE_NEXT":
            return self._take(command)
        return Served()

    def _take(self, command: Fields) -> Served:
        request, digest = command["requestId"], command["bodyDigest"]
        if request in self.given:
            asked, number = self.given[request]
            if asked != digest:
                return Served(code="REQUEST_REUSED")
            if number is None:
                return Served(code="POOL_EMPTY")
            if number != command["insteadOf"]:
                return Served(number=number)
        number = next(iter(self.free), None)
        self.given[request] = (digest, number)
        if number is None:
            return Served(code="POOL_EMPTY", events=[self._event("issue.blocked")])
        del self.free[number]
        if command["insteadOf"] is None:
            self.low_mark = command["lowMark"]
        served = Served(number=number)
        if len(self.free) < self.low_mark and not self.warned:
            self.warned = True
            served.events.append(self._event("alert"))
        return served

    def _event(self, event_type: str) -> tuple[int, str]:
        self.sequence += 1
        return self.sequence, event_type
