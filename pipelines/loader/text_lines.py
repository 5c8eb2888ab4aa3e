"""The lines of a text file, one at a time and counted, whatever wrote it.

Owns which encodings are read: UTF-8, with or without a byte order mark, and UTF-16 with one, as
spreadsheets write it. What is no text at all is named for what it is. Knows nothing of columns.
"""

import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from pipelines.loader.row import LoadFileFault

LONGEST_LINE: Final = 64 * 1024
"""In characters. A line of a load file has a hundred; a file without lines is no load file."""

LOOKED_AT: Final = 4096
"""How many bytes from the beginning of a file are enough to tell what it is."""

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SAVE_AS: Final = 'save it as "CSV UTF-8"'
_FOREIGN: Final = {
    b"PK\x03\x04": f"is a workbook or a zip archive: {_SAVE_AS}",
    b"\xd0\xcf\x11\xe0": f"is an old Excel workbook: {_SAVE_AS}",
    b"\x1f\x8b": "is compressed (gzip): unpack it first",
    b"BZh": "is compressed (bzip2): unpack it first",
    b"\xfd7zXZ": "is compressed (xz): unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd): unpack it first",
    b"%PDF": "is a PDF: ask for the numbers as CSV",
}


class TextLines:
    """An iterator over the lines, their ends included. `number` is that of the last one given."""

    def __init__(self, path: Path, file: BinaryIO, beginning: bytes) -> None:
        self._path = path
        encoding, self._inside = _encodings(path, beginning)
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="")
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            raise self._no_text(error) from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise LoadFileFault(
                f"{self._path} line {self.number} has more than {LONGEST_LINE:,} characters: "
                "a load file has one number on a line"
            )
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The file is closed by whoever opened it.
        self._text.detach()

    def _no_text(self, error: UnicodeDecodeError) -> LoadFileFault:
        """Which line it is follows from the bytes before it: those that were read in advance."""
        before = error.object[: error.start].decode(self._inside, errors="replace")
        line = self.number + 1 + len(_LINE_END.findall(before))
        shown = "UTF-8" if self._inside == "utf-8" else "UTF-16"
        return LoadFileFault(f"{self._path} line {line} is not {shown}: {_SAVE_AS} and load that")


def _encodings(path: Path, beginning: bytes) -> tuple[str, str]:
    """How to read the file from its start, and how a part of it. LoadFileFault: it is no text."""
    for mark, what in _FOREIGN.items():
        if beginning.startswith(mark):
            raise LoadFileFault(f"{path} {what}")
    if beginning.startswith(BOM_UTF16_LE):
        return "utf-16", "utf-16-le"
    if beginning.startswith(BOM_UTF16_BE):
        return "utf-16", "utf-16-be"
    if b"\0" in beginning:
        line = beginning[: beginning.index(b"\0")].count(b"\n") + 1
        raise LoadFileFault(f"{path} line {line} holds a zero byte and is no text: {_SAVE_AS}")
    return "utf-8-sig" if beginning.startswith(BOM_UTF8) else "utf-8", "utf-8"
