"""The header `Retry-After`, where a server says in seconds when to come again.

Owns reading it. A date in its place is passed over: clocks differ, and our own pauses do.
"""

from typing import Final

_LONGEST_S: Final = 60.0
"""More than this is waited for in steps: the server may be back earlier than it thinks."""


def seconds_of(header: str | None) -> float | None:
    """The pause it asks for, at most a minute; None when it asks for none that we can read."""
    text = (header or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return min(float(text), _LONGEST_S)
