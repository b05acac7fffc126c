"""The bytes of a CSV file to its records, a line at a time, whatever wrote it. Pure; holds one record at a time.

Spreadsheets here write UTF-8 with or without a mark, or GB18030. In none of these can a line feed be a part of another
character, so lines are found first and read afterwards: one that is broken costs itself and no other.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from telephony.customers.why import Why

MOST_BYTES_OF_LINE = 32_768
MOST_LINES_OF_RECORD = 60
"""A note may have lines of its own, within quotation marks; a mark that is never closed must not swallow the file."""
SEPARATORS = ",;\t"
BROKEN = "\ufffd"
_MARK = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Encoding(StrEnum):
    """How a file's characters are written."""

    UTF8 = "utf-8"
    GB18030 = "gb18030"


class WideText(ValueError):  # noqa: N818 - what it is
    """The file is UTF-16, which no line of can be told from another."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the file.

    Attributes:
        line: number of its first line; the file's first is 1.
        cells: what stands there; of a broken one none.
        trouble: why it cannot be read.
    """

    line: int
    cells: tuple[str, ...]
    trouble: Why | None


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: bytes
    too_long: bool = False


def encoding_of(chunks: Iterable[bytes]) -> Encoding:
    """How the file is written: as most of its lines are that tell.

    What is GB18030 is hardly ever UTF-8 by chance, but every second Chinese word in UTF-8 is something in GB18030.

    Raises:
        WideText: as UTF-16.
    """
    told = {True: 0, False: 0}
    for line in _lines(chunks):
        if line.number == 1 and line.text.startswith(_WIDE):
            raise WideText("the file is UTF-16; save it as CSV UTF-8")
        if not (line.too_long or line.text.isascii()):
            told[_is_utf8(line.text)] += 1
    return Encoding.UTF8 if told[True] >= told[False] else Encoding.GB18030


def separator_of(line: str) -> str:
    """What divides the cells of a first line."""
    return max(SEPARATORS, key=line.count)


def first_line(chunks: Iterable[bytes], encoding: Encoding) -> str:
    """The first line of the file; empty when it has none, or none that can be read."""
    line = next(_lines(chunks), None)
    return "" if line is None or line.too_long else _decoded(line.text, encoding)


def records(chunks: Iterable[bytes], encoding: Encoding, separator: str) -> Iterator[Record]:
    """The records of the file, its first line included; empty lines are none."""
    lines, again, waiting = _lines(chunks), deque[_Line](), list[_Line]()
    while True:
        line = again.popleft() if again else next(lines, None)
        if line is not None:
            waiting.append(line)
        if not waiting:
            return
        if _is_whole(waiting):
            yield from _record(waiting, encoding, separator)
            waiting = []
        elif line is None or len(waiting) >= MOST_LINES_OF_RECORD:
            # Never closed: that costs the line where it was opened; those behind it are looked at anew.
            yield Record(waiting[0].number, (), Why.OPEN_QUOTE)
            again.extendleft(reversed(waiting[1:]))
            waiting = []


def _is_whole(lines: list[_Line]) -> bool:
    """Its quotation marks are closed; a line that is too long is told at once."""
    return lines[0].too_long or sum(line.text.count(b'"') for line in lines) % 2 == 0


def _record(lines: list[_Line], encoding: Encoding, separator: str) -> Iterator[Record]:
    number = lines[0].number
    if lines[0].too_long:
        yield Record(number, (), Why.LINE_TOO_LONG)
        return
    text = _decoded(b"\n".join(line.text for line in lines), encoding)
    if not text.strip(separator + " \t\r\n"):
        return
    try:
        cells = next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        yield Record(number, (), Why.OPEN_QUOTE)
        return
    yield Record(number, tuple(cells), Why.BROKEN_TEXT if BROKEN in text else None)


def _lines(chunks: Iterable[bytes]) -> Iterator[_Line]:
    """Without their ends, nor the mark at the beginning. Of one that is too long the beginning is kept."""
    number, left, lost = 0, b"", False
    for chunk in chunks:
        pieces = (left + chunk).split(b"\n")
        left = pieces.pop()
        for piece in pieces:
            number += 1
            yield _line(number, piece, lost)
            lost = False
        if len(left) > MOST_BYTES_OF_LINE:
            left, lost = left[:MOST_BYTES_OF_LINE], True
    if left:
        yield _line(number + 1, left, lost)


def _line(number: int, text: bytes, lost: bool) -> _Line:
    text = text.removeprefix(_MARK) if number == 1 else text
    return _Line(number, text.removesuffix(b"\r"), lost or len(text) > MOST_BYTES_OF_LINE)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(text: bytes, encoding: Encoding) -> str:
    return text.decode(encoding, "replace").replace("\0", BROKEN)
