"""The messages that the development SMS gateway got, as a phone shows them.

Owns the memory of them, and that a message sent again is shown once. Memory only: a code is in it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from uuid import UUID, uuid5

from pipelines.neighbours.shop.broadcast import Broadcast

_KEPT_MAX: Final = 500
_MESSAGE_IDS: Final = UUID("7c2f0d0e-8f7f-5d0c-9a55-0b6f7a1f4d11")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage:
    """One message. The repr shows neither whom it is for nor what it says."""

    message_id: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the sender is told. `is_new`: it had not been sent before."""

    message_id: str
    is_new: bool


class OtherMessage(Exception):
    """The id of an earlier message came with another text or address."""


class MessageBox:
    """The last so many messages, for any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, TextMessage] = OrderedDict()
        self.arrivals: Broadcast[TextMessage] = Broadcast(_KEPT_MAX)

    def put(self, sent_id: str, to: str, text: str, at_ms: int) -> Receipt:
        """Take a message in, once for each id. OtherMessage when the id means another one."""
        with self._lock:
            known = self._kept.get(sent_id)
            if known is not None:
                if (known.to, known.text) != (to, text):
                    raise OtherMessage
                return Receipt(message_id=known.message_id, is_new=False)
            message_id = str(uuid5(_MESSAGE_IDS, sent_id))
            message = TextMessage(message_id=message_id, to=to, text=text, at_ms=at_ms)
            self._kept[sent_id] = message
            while len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        self.arrivals.publish(message)
        return Receipt(message_id=message_id, is_new=True)

    def messages(self) -> list[TextMessage]:
        """All that are kept, the oldest first."""
        with self._lock:
            return list(self._kept.values())
