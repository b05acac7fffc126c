"""Entries of what was read, as records of the journal and back. The only place that knows what stands in a record."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import IntEnum
from typing import assert_never

from handlers.reading import Asked, Began, ChannelsLogged, Claimed, Entry, ListingGivenUp, Logged, Passed
from telephony.ami.codec import Banner, Codec, Message, Quarantined, StreamBroken
from telephony.ami.feed import Batch, LinkDown, LinkUp, RequestExpired
from telephony.journal.record import Record

END = b"\r\n\r\n"


class Source(IntEnum):
    """What a record holds. Numbers are never given a new meaning: journals outlive versions."""

    AMI_UP = 1
    """The version of the manager interface."""
    AMI_DOWN = 2
    """Why."""
    AMI_READ = 3
    """Whole messages as the PBX wrote them: events that are acted upon, answers, entries of listings."""
    AMI_REFUSED = 4
    """Why in a line, then the whole message, on which nobody acts."""
    ASKED = 5
    """The ActionIDs of a listing: of the queues, of the channels or nothing, and, in a third line, of the devices."""
    EXPIRED = 6
    """The ActionID of a request that was not answered."""
    GIVEN_UP = 7
    QUEUE_LOG = 8
    """How far the file was read (`telephony.queuelog.place.Place.dump`), in a line; then whole lines of it."""
    PASSED = 9
    CLAIMED = 10
    """Uniqueid and case, a line each."""
    BEGAN = 11
    """Which process."""
    CEL = 12
    """Lines of channel events, as those of QUEUE_LOG."""


def parts(entry: Entry) -> Sequence[Entry]:
    """The entry, divided so that each part is one record."""
    if not isinstance(entry, Batch) or len(entry.items) == 1:
        return (entry,)
    if all(isinstance(item, Message) for item in entry.items):
        return (entry,)
    divided: list[list[Message | Quarantined]] = [[]]
    for item in entry.items:
        if isinstance(item, Message):
            divided[-1].append(item)
        else:
            divided += [item], []
    return [Batch(entry.mono, entry.offset, items) for items in divided if items]


def dump(part: Entry) -> tuple[Source, timedelta, timedelta, bytes]:
    """The record of an entry, or of a part where it has several."""
    source, data = _dump(part)
    return source, part.mono, part.offset, data


def _dump(part: Entry) -> tuple[Source, bytes]:  # noqa: C901, PLR0911, PLR0912 - a table
    match part:
        case Batch(items=[Quarantined() as item]):
            return Source.AMI_REFUSED, _bytes(item.reason) + b"\n" + item.raw
        case Batch():
            return Source.AMI_READ, b"".join(item.raw + END for item in part.items)
        case LinkUp():
            return Source.AMI_UP, _bytes(part.version)
        case LinkDown():
            return Source.AMI_DOWN, _bytes(part.reason)
        case RequestExpired():
            return Source.EXPIRED, _bytes(part.action_id)
        case Asked():
            more = () if part.phones_id is None else (part.phones_id,)
            return Source.ASKED, _bytes(part.queues_id, part.channels_id or "", *more)
        case ListingGivenUp():
            return Source.GIVEN_UP, b""
        case Logged():
            return Source.QUEUE_LOG, b"\n".join((part.place, *part.lines))
        case ChannelsLogged():
            return Source.CEL, b"\n".join((part.place, *part.lines))
        case Passed():
            return Source.PASSED, b""
        case Claimed():
            return Source.CLAIMED, _bytes(part.uniqueid, part.case)
        case Began():
            return Source.BEGAN, _bytes(part.told)
        case _:
            assert_never(part)


def _bytes(*lines: str) -> bytes:
    return "\n".join(" ".join(line.splitlines()) for line in lines).encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class Loader:
    """Records back into entries, in their order; of each connection the messages are read as they were then.

    Args:
        codec: makes one that begins after the banner.

    Attributes:
        unreadable: records of which nobody knows any more what they mean; passed over.
    """

    def __init__(self, codec: Callable[[], Codec]) -> None:
        self.unreadable = 0
        self._new_codec = codec
        self._codec = codec()

    def load(self, record: Record) -> Entry | None:
        """The entry; None for what this version does not know, or cannot read."""
        try:
            return self._load(record)
        except (ValueError, StreamBroken):
            self._codec = self._new_codec()
            self.unreadable += 1
            return None

    def _load(self, record: Record) -> Entry | None:  # noqa: C901, PLR0911 - a table
        mono, offset, data = record.mono, record.offset, record.data
        match Source(record.source):
            case Source.AMI_READ:
                items = [item for item in self._codec.feed(data) if not isinstance(item, Banner)]
                return Batch(mono, offset, items)
            case Source.AMI_REFUSED:
                reason, _, raw = data.partition(b"\n")
                return Batch(mono, offset, [Quarantined(raw, _text(reason))])
            case Source.AMI_UP:
                self._codec = self._new_codec()
                return LinkUp(mono, offset, _text(data))
            case Source.AMI_DOWN:
                return LinkDown(mono, offset, _text(data))
            case Source.EXPIRED:
                return RequestExpired(mono, offset, _text(data))
            case Source.ASKED:
                queues, channels, *phones = _text(data).split("\n")
                return Asked(mono, offset, queues, channels or None, *phones[:1])
            case Source.GIVEN_UP:
                return ListingGivenUp(mono, offset)
            case Source.QUEUE_LOG:
                place, *lines = data.split(b"\n")
                return Logged(mono, offset, tuple(lines), place)
            case Source.CEL:
                place, *lines = data.split(b"\n")
                return ChannelsLogged(mono, offset, tuple(lines), place)
            case Source.PASSED:
                return Passed(mono, offset)
            case Source.CLAIMED:
                uniqueid, case = _text(data).split("\n")
                return Claimed(mono, offset, uniqueid, case)
            case Source.BEGAN:
                return Began(mono, offset, _text(data))


def told_of_process(version: str, pid: int) -> str:
    """What `Began` says of a process."""
    return json.dumps({"version": version, "pid": pid})
