"""A list in a file: understood before anything of it is kept, then read some lines at a time. Nothing here awaits."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO

from telephony.cases.customer_imports import Batch
from telephony.config import Config
from telephony.customers.columns import Columns, NoHeader, columns_of
from telephony.customers.csvtext import Record, encoding_of, first_line, records, separator_of
from telephony.customers.rows import Row, Terms, folded, row_of
from telephony.customers.why import Refused

CHUNK = 65_536
MOST_BYTES = 256 * 1024 * 1024
MOST_LINES = 1_000_000
AT_ONCE = 500
"""Lines of a batch: some 30 ms of this, and as much of the database."""


class TooMuch(ValueError):  # noqa: N818 - what the list is
    """The list is larger than any; the message says what helps."""


class Unreadable(ValueError):  # noqa: N818 - what the file is
    """The file cannot be read; the message says why."""


class List:
    """A list.

    Args:
        file: from its beginning; whoever opened it closes it.
        terms: how it is to be understood.
        most_bytes, most_lines: it may have.
    """

    def __init__(
        self, file: IO[bytes], terms: Terms, *, most_bytes: int = MOST_BYTES, most_lines: int = MOST_LINES
    ) -> None:
        self._most_bytes, self._most_lines = most_bytes, most_lines
        self._file, self._terms = file, terms
        self._records: Iterator[Record] = iter(())
        self._columns = Columns({}, 0)
        self._lines = 0
        self.size = 0

    @property
    def ignored(self) -> int:
        """Columns that mean nothing here."""
        return self._columns.ignored

    def begin(self) -> None:
        """Find out how it is written, and what its columns are. Reads the file once.

        Raises:
            TooMuch, WideText, NoHeader: it cannot be taken. Unreadable: it cannot be read.
        """
        with _told():
            self.size = self._file.seek(0, 2)
        if self.size > self._most_bytes:
            raise TooMuch(f"the file has more than {self._most_bytes:,} bytes; divide it")
        encoding = encoding_of(self._chunks())
        separator = separator_of(first_line(self._chunks(), encoding))
        self._records = records(self._chunks(), encoding, separator)
        header = next(self._records, None)
        if header is None or header.trouble is not None:
            raise NoHeader("the first line does not say what the columns are; write 姓名,电话 or name,phone there")
        self._columns = columns_of(header.cells)

    def next(self) -> Batch | None:
        """Some more lines; None: there are none.

        Raises:
            TooMuch: there are more lines than any list has. Unreadable: it cannot be read.
        """
        told = [row_of(one, self._columns, self._terms) for one in islice(self._records, AT_ONCE)]
        if not told:
            return None
        self._lines += len(told)
        if self._lines > self._most_lines:
            raise TooMuch(f"the list has more than {self._most_lines:,} lines; divide it")
        rows = [one for one in told if isinstance(one, Row)]
        return Batch(rows, [one for one in told if isinstance(one, Refused)], self._file.tell())

    def _chunks(self) -> Iterator[bytes]:
        with _told():
            self._file.seek(0)
        return iter(self._chunk, b"")

    def _chunk(self) -> bytes:
        with _told():
            return self._file.read(CHUNK)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from None


def terms_of(config: Config, branch: str = "", only: frozenset[str] | None = None) -> Terms:
    """How lists are to be understood in this house.

    Args:
        config: checked.
        branch: of lines that name none.
        only: the branches of whoever brings the list; None: all.
    """
    named = {folded(one.title): one.name for one in config.branch if one.title}
    named |= {folded(one.name): one.name for one in config.branch}
    return Terms(config.customers.numbering, named, branch, only)
