"""What a script host's process itself writes to stdout and stderr."""

import asyncio
import os
from collections import deque
from collections.abc import Callable

MAX_KEPT = 64
"""Lines that are kept, to say what it died of."""
MAX_LINE = 500
"""Bytes of a line."""
MOST_TOLD = 20
"""So many lines are told."""
PAUSE = 0.1
"""Seconds: a beat …"""
READS = 16
"""… in which so often is read, then no more: 10 MB/s. Slower, and a host that writes much would itself stand still."""
_AT_ONCE = 65_536


class HostStderr:
    """A pipe: read, its lines cut, mostly dropped, and the last ones kept.

    Args:
        told: gets the first lines.

    Attributes:
        lines: the last ones.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        self.lines: deque[str] = deque(maxlen=MAX_KEPT)
        self._told = told
        self._left = MOST_TOLD
        self._begun = b""
        self._read_end = self._end = -1
        self._reads = 0
        self._beat: asyncio.TimerHandle | None = None

    @property
    def last(self) -> str:
        """The last line."""
        return self.lines[-1].strip() if self.lines else ""

    @property
    def closed(self) -> bool:
        """It is."""
        return self._read_end < 0

    def open(self) -> int:
        """Begin to read; gives the end for the process, ours to close with `given`."""
        self._read_end, self._end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._readable)
        return self._end

    def given(self) -> None:
        """The process has its end."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def hush(self) -> None:
        """Log no more; keep."""
        self._left = 0

    def read(self) -> None:
        """What is there, up to 64 KiB: as much as a pipe holds."""
        if self.closed:
            return
        try:
            data = os.read(self._read_end, _AT_ONCE)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._read_end)
            return
        rest = self._begun + data
        # Of a flood only the beginning and the end are looked at: its lines may be as many as its bytes.
        if self._left > 0:
            *lines, rest = rest.split(b"\n", MAX_KEPT)
            for line in lines:
                self._tell(self._keep(line))
        *lines, begun = rest.rsplit(b"\n", MAX_KEPT + 1)
        for line in lines[-MAX_KEPT:]:
            self._keep(line)
        self._begun = begun[:MAX_LINE]

    def _readable(self) -> None:
        """Read, but not so often that nobody else has his turn."""
        loop = asyncio.get_running_loop()
        if self._beat is None:
            self._beat = loop.call_later(PAUSE, self._go_on)
        self._reads += 1
        if self._reads >= READS:
            loop.remove_reader(self._read_end)
        self.read()

    def _go_on(self) -> None:
        self._beat, reads, self._reads = None, self._reads, 0
        if reads >= READS and not self.closed:
            asyncio.get_running_loop().add_reader(self._read_end, self._readable)

    def _keep(self, line: bytes) -> str:
        text = line[:MAX_LINE].decode("utf-8", "backslashreplace")
        self.lines.append(text)
        return text

    def _tell(self, text: str) -> None:
        if self._left > 0 and text.strip():
            self._left -= 1
            self._told(text)

    def close(self) -> None:
        """Read no more. Safe to repeat."""
        if self.closed:
            return
        self.read()
        self.given()
        if self._beat is not None:
            self._beat.cancel()
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1
