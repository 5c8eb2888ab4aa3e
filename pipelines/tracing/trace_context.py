"""A W3C trace context: which trace something belongs to, and which span it comes from.

Owns its form in a header and the ids that are derived from a place in the log. Must not know a span
or a collector.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Self

TRACEPARENT: Final = "traceparent"
_FORM: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
_SAMPLED: Final = 1
_PERSON: Final = b"giftcert-trace"
_SPAN_BYTES: Final = 8
_TRACE_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """Ids in lower-case hexadecimal, 32 and 16 digits. `sampled`: whether spans are kept of it."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def parsed(cls, text: str | None) -> Self | None:
        """What a `traceparent` says; None for anything that is not one."""
        found = _FORM.fullmatch(text or "")
        if found is None:
            return None
        sampled = bool(int(found[3], 16) & _SAMPLED)
        return cls(trace_id=found[1], span_id=found[2], sampled=sampled)

    @classmethod
    def of(cls, headers: Sequence[tuple[str, bytes | None]]) -> Self | None:
        """What the first `traceparent` among a record's headers says."""
        for name, value in headers:
            if name == TRACEPARENT and value is not None:
                return cls.parsed(value.decode("ascii", errors="replace"))
        return None

    def text(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    def child(self, span_id: str) -> Self:
        """The same trace as another span of it sees it."""
        return type(self)(trace_id=self.trace_id, span_id=span_id, sampled=self.sampled)


def span_id_of(*place: object) -> str:
    """The id of the span of a place in the log: whoever performs it again gives it the same id."""
    return _digest(_SPAN_BYTES, place)


def trace_id_of_place(*place: object) -> str:
    """The id of a trace that begins at a place in the log."""
    return _digest(_TRACE_BYTES, place)


def _digest(size: int, place: Sequence[object]) -> str:
    digest = blake2b(
        "\n".join(map(str, place)).encode(), digest_size=size, person=b"giftcert-trace"
    )
    text = digest.hexdigest()
    # The standard has no id of zeros.
    return text if text.strip("0") else f"{text[:-1]}1"
