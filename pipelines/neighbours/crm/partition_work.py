"""The messages of one partition of the stream: which are open, which may start, what to commit.

Owns what survives a crash and what follows from it. Pure: it reads nothing, sends nothing and knows
no clock. The laws, which a test attacks with crashes at any place: every message that is asked for
is started again after each restart until it was committed as done, and a message of which a send
had begun is then started as a doubtful one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import assert_never

from pipelines.neighbours.crm.progress_note import MOST_OPEN, OpenPlace, Progress
from pipelines.neighbours.crm.request import Closed, Happening, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A message to be delivered now. `doubtful`: an earlier life may have sent it."""

    request: Request
    doubtful: bool


@dataclass(slots=True)
class _Open:
    """One message on its way."""

    request: Request
    doubtful: bool
    begun: bool
    started: bool = False


class PartitionWork:
    """One partition from its assignment on; `committed` is how far its last owner came.

    `all_doubtful`: what the last owner noted cannot be read, so any message may have been sent.
    """

    def __init__(self, committed: Progress, *, all_doubtful: bool = False) -> None:
        self._before = {place.offset: place for place in committed.open}
        self._known_to = committed.read_to
        self._all_doubtful = all_doubtful
        self._read_to = committed.offset
        self._open: dict[int, _Open] = {}
        self._by_certificate: dict[str, int] = {}
        self.caught_up = False

    @property
    def read_to(self) -> int:
        """The next offset to be taken."""
        return self._read_to

    @property
    def waiting(self) -> int:
        """How many messages are open."""
        return len(self._open)

    @property
    def oldest_asked_at_ms(self) -> int | None:
        """When the message that waits longest was asked for."""
        return min((each.request.asked_at_ms for each in self._open.values()), default=None)

    def take(self, offset: int, happening: Happening | None) -> Request | None:
        """Note what stands at an offset; the message that ended by it, where there was one.

        Offsets come in order. A request ends an earlier one for the same certificate: the service
        takes no outcome for that any more, and the code in it is about to die.
        """
        assert offset >= self._read_to, "a partition is read in its order"
        self._read_to = offset + 1
        match happening:
            case None:
                return None
            case Closed():
                return self._closed(happening)
            case Request():
                ended = self._ended(happening.certificate_id)
                self._add(happening)
                return ended
            case _:
                assert_never(happening)

    def all_read(self) -> None:
        """All that was there at the assignment was taken: what is open now is really open."""
        self.caught_up = True
        self._all_doubtful = False

    def startable(self) -> Iterator[Start]:
        """Messages that may start now, oldest first, each once.

        Only those that the note of a commit has room for: what began must be named in it.
        """
        if not self.caught_up:
            return
        for each in list(islice(self._open.values(), MOST_OPEN)):
            if not each.started:
                each.started = True
                yield Start(request=each.request, doubtful=each.doubtful)

    def begin(self, request: Request) -> bool:
        """Note that a send of an open message begins; True when none of it had begun before."""
        found = self._open[request.offset]
        assert found.started, "a send begins after its start"
        fresh = not found.begun
        found.begun = True
        return fresh

    def not_sent(self, request: Request) -> None:
        """Note that the gateway surely did not take it: a restart has nothing to doubt."""
        found = self._open.get(request.offset)
        if found is not None:
            found.begun = False

    def begun(self) -> list[Request]:
        """Messages of which a send may be under way."""
        return [each.request for each in self._open.values() if each.started and each.begun]

    def started(self) -> list[Request]:
        """Messages that were started and are not done."""
        return [each.request for each in self._open.values() if each.started]

    def is_open(self, request: Request) -> bool:
        """Whether an outcome of this message is still to be told."""
        return request.offset in self._open

    def is_under_way(self, request: Request) -> bool:
        """Whether this very message was started here, and is not done."""
        found = self._open.get(request.offset)
        return found is not None and found.started and found.request is request

    def finish(self, request: Request) -> None:
        """Note that a message is done: its outcome goes with the next commit."""
        self._forget(request.offset)

    def progress(self) -> Progress:
        """What to commit now."""
        named = list(islice(self._open.items(), MOST_OPEN + 1))
        read_to = named.pop()[0] if len(named) > MOST_OPEN else self._read_to
        places = tuple(OpenPlace(offset=offset, begun=each.begun) for offset, each in named)
        return Progress(read_to=read_to, open=places)

    def _add(self, request: Request) -> None:
        before = self._before.pop(request.offset, None)
        if before is None and request.offset < self._known_to:
            return  # It was done before the restart.
        doubtful = self._all_doubtful if before is None else before.begun
        self._open[request.offset] = _Open(request, doubtful, begun=doubtful)
        self._by_certificate[request.certificate_id] = request.offset

    def _closed(self, closed: Closed) -> Request | None:
        offset = self._by_certificate.get(closed.certificate_id)
        if offset is None:
            return None
        if self._open[offset].request.notification_id != closed.notification_id:
            return None
        return self._ended(closed.certificate_id)

    def _ended(self, certificate_id: str) -> Request | None:
        offset = self._by_certificate.get(certificate_id)
        return None if offset is None else self._forget(offset)

    def _forget(self, offset: int) -> Request | None:
        found = self._open.pop(offset, None)
        if found is None:
            return None
        del self._by_certificate[found.request.certificate_id]
        return found.request
