"""queue_log, read by the bench for itself: one line, one entry, nothing interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FIELDS = 4  # bars before the first datum


@dataclass(frozen=True)
class QueueLogLine:
    """`epoch|callid|queue|agent|EVENT|data…` as written."""

    epoch: int
    uniqueid: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]


def parse(text: str) -> list[QueueLogLine]:
    """All lines that look like Asterisk's. Others there are: a caller's number may break a line (`hostile_raw`)."""
    return [_line(line) for line in text.split("\n") if line.count("|") >= FIELDS and line.split("|")[0].isdigit()]


def read(path: Path, offset: int = 0) -> list[QueueLogLine]:
    """The lines of a file from a byte offset on; none when it does not exist."""
    if not path.exists():
        return []
    with path.open("rb") as log:
        log.seek(offset)
        return parse(log.read().decode("utf-8", "replace"))


def _line(line: str) -> QueueLogLine:
    epoch, uniqueid, queue, agent, event, *data = line.split("|")
    return QueueLogLine(int(epoch), uniqueid, queue, agent, event, tuple(data))
