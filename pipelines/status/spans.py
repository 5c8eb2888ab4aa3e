"""How long something takes, in words: the two largest units of a span."""

from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_YEAR_S: Final = 365 * 86_400
_PARTS: Final = 2


def told_span(span_s: float | None) -> str:
    """A span of time: 3 d 4 h; of more than a year that it is long; a dash where none is known."""
    if span_s is None:
        return "-"
    if span_s >= _YEAR_S:
        return "more than a year"
    if span_s < 1:
        return "less than 1 s" if span_s > 0 else "0 s"
    left = int(span_s)
    parts: list[str] = []
    for unit_s, name in _UNITS:
        count, left = divmod(left, unit_s)
        if count or parts:
            parts.append(f"{count} {name}")
    return " ".join(part for part in parts[:_PARTS] if not part.startswith("0 "))
