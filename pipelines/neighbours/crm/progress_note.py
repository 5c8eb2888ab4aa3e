"""The note beside a committed offset: which messages before the place read to are still open.

Messages end in another order than they were asked for. A group's committed offset alone could only
say "all before this is done", so one that waits for its gateway would have every later one done
again after a restart. Kafka keeps a short text with each committed offset; this module owns that
text.

Layout: `1:` and, in URL-safe base64 without padding, a row of variable-length integers (seven bits
a byte, the lowest first, the high bit set on all but the last):

    how far the partition was read, beyond the committed offset
    for each open message, in order: twice its distance to the one before (the first one's to the
    committed offset), plus one when a send of it had begun

An empty text means that nothing before the committed offset is open. Must not know what is at an
offset.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_NOTE: Final = 4_000
"""Characters. A broker keeps 4,096 with each offset unless it is told otherwise."""

MOST_OPEN: Final = 500
"""Open messages of one partition that a note names. At two characters each in a busy stream, and
five where there is a million events between one and the next, they fit."""

_MARK: Final = "1:"


class UnknownNote(ValueError):
    """A text that this version did not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlace:
    """The offset of a message that is not done. `begun`: a send of it may be under way."""

    offset: int
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a partition is: all before `read_to` is done, but for what is open."""

    read_to: int
    open: tuple[OpenPlace, ...] = ()

    @property
    def offset(self) -> int:
        """What to commit: the first record that a restart has to read again."""
        return self.open[0].offset if self.open else self.read_to


def note_of(progress: Progress) -> str:
    """The text to commit beside `progress.offset`."""
    if not progress.open:
        return ""
    numbers = [progress.read_to - progress.offset]
    before = progress.offset
    for place in progress.open:
        numbers.append((place.offset - before) * 2 + place.begun)
        before = place.offset
    packed = b"".join(_packed(number) for number in numbers)
    return _MARK + base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def progress_of(offset: int, note: str | None) -> Progress:
    """What was committed. UnknownNote for a text of another version, or of nobody's."""
    if not note:
        return Progress(read_to=offset)
    if not note.startswith(_MARK):
        raise UnknownNote("the note is of another version")
    text = note.removeprefix(_MARK)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UnknownNote("the note is not base64") from None
    numbers = list(_unpacked(packed))
    if len(numbers) < 2:
        raise UnknownNote("the note names nothing")
    return _checked(Progress(read_to=offset + numbers[0], open=_places(offset, numbers[1:])))


def _places(offset: int, numbers: Sequence[int]) -> tuple[OpenPlace, ...]:
    places = []
    for number in numbers:
        offset += number >> 1
        places.append(OpenPlace(offset=offset, begun=bool(number & 1)))
    return tuple(places)


def _checked(progress: Progress) -> Progress:
    offsets = [place.offset for place in progress.open]
    if offsets != sorted(set(offsets)) or offsets[-1] >= progress.read_to:
        raise UnknownNote("the note contradicts itself")
    return progress


def _packed(number: int) -> bytes:
    assert number >= 0, "offsets grow"
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _unpacked(packed: bytes) -> Iterator[int]:
    number, shift = 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            yield number
            number, shift = 0, 0
    if shift:
        raise UnknownNote("the note is cut")
