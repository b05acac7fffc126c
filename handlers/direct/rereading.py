"""Channel events that an earlier process read, out of the journal."""

from collections.abc import Iterator
from pathlib import Path

from handlers.direct.witness import Begin
from handlers.journaling import Loader, Source
from handlers.reading import ChannelsLogged, moment_of
from handlers.recovery import SameClock
from telephony.calls.facts import Moment
from telephony.cel.reading import Read, read
from telephony.journal.reader import records


def channels_logged(folder: Path, until: int, loader: Loader, clock: SameClock) -> Begin:
    """Out of the journal in `folder`, up to a position."""

    def begin(since: int) -> Iterator[tuple[int, Read, Moment]]:
        for record in records(folder, since, until, {Source.CEL}):
            entry = loader.load(clock.told(record))
            if isinstance(entry, ChannelsLogged):
                yield record.position, read(entry.lines), moment_of(entry)

    return begin
