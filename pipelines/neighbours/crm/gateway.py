"""What a way to the customer looks like: one small interface, and the three ways in which it fails.

Owns the difference on which everything rests: a gateway that surely did not take a message may be
asked again, one that may have taken it only where it knows a repeated message by its key. Texts of
these errors are our own words and never hold what a gateway or a customer said.
"""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, ready to be sent. `key` is the same whenever it is sent again.

    The repr shows neither address nor text: a code is in it.
    """

    key: str
    address: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)


class GatewayFault(Exception):
    """A message was not delivered. `why` is for people, and for the outcome's reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NotTaken(GatewayFault):
    """The gateway surely did not take it: it may be asked again, after `come_again_s` if told."""

    def __init__(self, why: str, *, come_again_s: float | None = None) -> None:
        super().__init__(why)
        self.come_again_s = come_again_s


class Unsure(GatewayFault):
    """The gateway may have taken it and did not say so."""


class Refused(GatewayFault):
    """The gateway will never take this message."""


class Gateway(Protocol):
    """One way to customers. Used by many deliveries at a time, all on one event loop."""

    @property
    def deduplicates(self) -> bool:
        """Whether a message that comes again under its key is delivered once."""
        ...

    async def send(self, message: Message) -> None:
        """Hand one message over, within a time of the gateway's own. GatewayFault when it fails."""
        ...

    async def close(self) -> None:
        """Give up connections."""
        ...
