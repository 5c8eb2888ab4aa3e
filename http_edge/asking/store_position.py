"""A place in the log that an answer was decided at, as callers carry it: read your own writes.

Owns the text of the header. To callers it is opaque.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

POSITION_HEADER: Final = "Giftcert-Position"
_TEXT: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,19})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePosition:
    """A record of the topic of commands; a store that is past it shows what it did."""

    partition: int
    offset: int

    @classmethod
    def parsed(cls, text: str) -> Self | None:
        """The position of a header's text; None where it is not one of ours."""
        match = _TEXT.fullmatch(text)
        return None if match is None else cls(partition=int(match[1]), offset=int(match[2]))

    def text(self) -> str:
        """The header's text."""
        return f"{self.partition}.{self.offset}"
