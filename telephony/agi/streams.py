"""The standard streams of a call: a script that prints commands and reads replies talks to its own caller.

`sys.stdin`, `sys.stdout` and `sys.stderr` of a script host stand for those of whatever call's code runs (`Standing`).
Only text goes through; there is no file number behind stdin and stdout.
"""

import contextlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TextIO, cast

MAX_SAID = 500
"""Characters of a line that a script writes to stderr; the rest is cut off."""
MAX_UNREAD = 512
"""Lines that wait for a script to read them; the oldest go first."""
MAX_LINE = 2_047
"""Characters that a script may write without a line feed. Bytes are counted when the line is sent."""


class Talk(Protocol):
    """The conversation behind stdin and stdout."""

    def send(self, line: str) -> None:
        """Send a command, without its line feed.

        Raises:
            BrokenPipeError: the caller is gone.
            AGIUsageError: longer than Asterisk takes.
        """
        ...

    def receive(self) -> str | None:
        """Wait for the next reply, without its last line feed, or for the end; None: there will be none."""
        ...


class _CallStream(io.TextIOBase):
    """What the three have in common."""

    @property
    def buffer(self) -> "Bytes":
        """The same in bytes."""
        return Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute there
        """Always."""
        return "utf-8"

    def reconfigure(self, **options: object) -> None:
        """Nothing happens: lines go at once, in UTF-8."""

    def fileno(self) -> int:
        """There is none.

        Raises:
            io.UnsupportedOperation: always; it says what to do instead.
        """
        raise io.UnsupportedOperation("fileno: no file number stands for one call; read and write it as text")

    def close(self) -> None:
        """`exit()` does this to stdin; nothing happens, as the connection is not the script's."""


class CallInput(_CallStream):
    """stdin: the environment, an empty line, then the replies."""

    def __init__(self, head: Iterable[str], talk: Talk) -> None:
        super().__init__()
        self._lines = deque(head, MAX_UNREAD)
        self._talk = talk

    def skip_head(self) -> None:
        """Somebody has read the environment."""
        self._lines.clear()

    def readable(self) -> bool:
        """It is."""
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # typeshed's own quarrel
        """A line with its line feed; empty at the end."""
        if not self._lines:
            reply = self._talk.receive()
            if reply is None:
                return ""
            self._lines.extend(f"{line}\n" for line in reply.split("\n"))
        line = self._lines.popleft()
        if size is not None and 0 <= size < len(line):
            self._lines.appendleft(line[size:])
            line = line[:size]
        return line

    def read(self, size: int | None = -1, /) -> str:
        """So many characters, or fewer at the end of a line; without a size, everything until the end."""
        if size is not None and size >= 0:
            return self.readline(size)
        return "".join(iter(self.readline, ""))

    def __next__(self) -> str:  # type: ignore[override]  # typeshed's, of bytes
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class CallOutput(_CallStream):
    """stdout: each line is a command. They are sent at once, whether flushed or not."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk
        self._begun = ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str, /) -> int:
        """Send the lines that are complete with it."""
        *lines, begun = (self._begun + text).split("\n")
        self._begun = ""
        for line in lines:
            self._talk.send(line)
        if len(begun) > MAX_LINE:
            self._talk.send(begun)  # which refuses it
            return len(text)
        self._begun = begun
        return len(text)

    def finish(self) -> None:
        """Send what has no line feed."""
        begun, self._begun = self._begun, ""
        if begun.strip():
            self._talk.send(begun)


class SaidOutput(_CallStream):
    """stderr: each line goes to the log, cut to `MAX_SAID`."""

    def fileno(self) -> int:
        """That of the host, whose stderr goes to the log, too: for a program that the script starts."""
        return 2

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell
        self._begun = ""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str, /) -> int:
        """Tell the lines that are complete with it."""
        *lines, begun = (self._begun + text).split("\n")
        for line in lines:
            self._say(line)
        self._begun = begun[: MAX_SAID + 1]
        return len(text)

    def finish(self) -> None:
        """Tell what has no line feed."""
        begun, self._begun = self._begun, ""
        self._say(begun)

    def _say(self, line: str) -> None:
        if line.strip():
            self._tell(line if len(line) <= MAX_SAID else f"{line[:MAX_SAID]}…")


class Bytes(io.BufferedIOBase):
    """The bytes of a text stream: `sys.stdin.buffer`, `sys.stdout.buffer`."""

    def __init__(self, text: io.TextIOBase) -> None:
        super().__init__()
        self._text = text

    def readable(self) -> bool:
        """As the stream."""
        return self._text.readable()

    def writable(self) -> bool:
        """As the stream."""
        return self._text.writable()

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]  # fewer kinds
        """As the stream's, in bytes."""
        self._text.write(bytes(data).decode("utf-8", "surrogateescape"))
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        """As the stream's; `size` counts characters."""
        return self._text.readline(-1 if size is None else size).encode("utf-8", "surrogateescape")

    def read(self, size: int | None = -1, /) -> bytes:
        """As the stream's; `size` counts characters."""
        return self._text.read(size).encode("utf-8", "surrogateescape")

    def read1(self, size: int = -1, /) -> bytes:
        """A line, or its beginning."""
        return self.readline(size)

    def close(self) -> None:
        """Nothing happens."""


class Standing:
    """Stands for the stream of whatever call's code runs; looked up at every use.

    A module that keeps `sys.stdout` from its import, as pyst2's does, has the right one for every call.
    """

    def __init__(self, pick: Callable[[], TextIO]) -> None:
        self.__dict__["_pick"] = pick

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._pick(), name)

    def __setattr__(self, name: str, value: object) -> None:
        with contextlib.suppress(AttributeError):
            setattr(self._pick(), name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pick())

    def __next__(self) -> str:
        return cast("str", next(self._pick()))

    def __enter__(self) -> TextIO:
        return cast("TextIO", self)

    def __exit__(self, *_: object) -> None:
        """It is not the script's to close."""
