"""Where a listing goes on, as callers carry it: opaque text that holds one position.

Owns the text. What is at a position is the listing's.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from http_edge.api.problems import invalid

POSITION_BYTES: Final = 7
"""Positions stay below 2^56: within the stores, keys of later ones could meet other keys."""
_PADDING: Final = "=="
"""Of so many bytes in base64."""


def cursor_of(position: int) -> str:
    """The text of a position."""
    return urlsafe_b64encode(position.to_bytes(POSITION_BYTES, "big")).decode().rstrip("=")


def position_in(cursor: str, first: int) -> int:
    """The position in a cursor; `first` where there is none yet. Problem 422 for another text."""
    if not cursor:
        return first
    try:
        position = int.from_bytes(urlsafe_b64decode(cursor + _PADDING), "big")
        if cursor_of(position) == cursor:
            return max(position, first)
    except (ValueError, OverflowError):
        pass  # Not base64, or of more bytes than a position has.
    raise invalid("cursor must be what `next` of the page before said")
