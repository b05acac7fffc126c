"""Listings to facts: what there is on a PBX at one instant. Pure.

Two listings make a snapshot: `QueueStatus` (queues, who waits in them, who serves them) and `CoreShowChannels`. The
first has no linked ids, so the second lends them. A third, `DeviceStateList`, tells which phones are there; a PBX that
does not give it (its module is not loaded) is listed without. Between full snapshots a light one (`QueueStatus` for a
member who does not exist) lists the waiting callers only, for comparison.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from telephony.ami.translate import Headers, channel, interface_of, known, member, phone
from telephony.calls.facts import (
    BridgeId,
    Channel,
    LiveChannel,
    Member,
    Moment,
    Phone,
    QueueName,
    SnapshotTaken,
    Uniqueid,
    WaitingCaller,
)

NOBODY = "nobody"
"""A member filter that matches none: QueueStatus then lists queues and callers only."""

LISTED: Mapping[str, frozenset[str]] = {
    "QueueParams": frozenset({"Queue", "Calls"}),
    "QueueMember": frozenset({"Queue", "Name", "Location", "Status", "Paused"}),
    "QueueEntry": frozenset({"Queue", "Channel", "Uniqueid", "Wait"}),
    "CoreShowChannel": frozenset({"Channel", "Uniqueid", "Linkedid", "ChannelState", "Duration"}),
    "DeviceStateChange": frozenset({"Device", "State"}),
}
"""The entries that a snapshot is made of, and what each must have."""

UP = "6"
RINGING = "5"
DURATION = re.compile(r"(\d{1,5}):(\d\d):(\d\d)\Z", re.ASCII)


class Listing:
    """Gathers the entries of one snapshot until all of its listings are complete.

    Args:
        asked_at: when they were asked for.
        queues_id: ActionID of QueueStatus.
        channels_id: ActionID of CoreShowChannels; None for a light snapshot.
        phones_id: ActionID of DeviceStateList; None where nobody asks for it.
    """

    def __init__(self, asked_at: Moment, queues_id: str, channels_id: str | None, phones_id: str | None = None) -> None:
        self.asked_at = asked_at
        self.open = {one for one in (queues_id, channels_id, phones_id) if one}
        self.full = channels_id is not None
        self.phones_id = phones_id
        self.phones: list[Phone] | None = None if phones_id is None else []
        self.queues: list[QueueName] = []
        self.entries: list[Headers] = []
        self.members: list[Member] = []
        self.channels: list[LiveChannel] = []

    def add(self, event: str, headers: Headers) -> None:
        """One entry. Entries that no snapshot needs are passed over."""
        match event:
            case "QueueParams":
                self.queues.append(QueueName(headers["Queue"]))
            case "QueueEntry":
                self.entries.append(headers)
            case "QueueMember":
                self.members.append(member(headers))
            case "CoreShowChannel":
                self.channels.append(live_channel(headers))
            case "DeviceStateChange" if self.phones is not None:
                self.phones.append(phone(headers))
            case _:
                pass

    def completed(self, action_id: str) -> bool:
        """One listing has ended; whether it was the last."""
        self.open.discard(action_id)
        return not self.open

    def dispensable(self, action_id: str) -> bool:
        """Whether this one was refused or is late, and the snapshot does without it."""
        if action_id != self.phones_id:
            return False
        self.phones = None
        return True

    def taken(self, at: Moment) -> SnapshotTaken:
        """The fact."""
        linked = {live.channel.uniqueid: live.channel for live in self.channels}
        return SnapshotTaken(
            at=at,
            asked_at=self.asked_at,
            queues=tuple(self.queues),
            waiting=tuple(waiting_caller(headers, linked) for headers in self.entries),
            members=tuple(self.members) if self.full else None,
            channels=tuple(self.channels) if self.full else None,
            phones=None if self.phones is None else tuple(self.phones),
        )


def waiting_caller(headers: Headers, linked: Mapping[Uniqueid, Channel]) -> WaitingCaller:
    """A QueueEntry; the channel listing knows more about its channel. Names are raw here, C-escaped elsewhere."""
    uniqueid = Uniqueid(headers["Uniqueid"])
    found = linked.get(uniqueid) or Channel(
        uniqueid=uniqueid,
        linkedid=uniqueid,
        interface=interface_of(headers["Channel"]),
        caller_number=known(headers.get("CallerIDNum", "")),
        caller_name=known(headers.get("CallerIDName", "")),
    )
    return WaitingCaller(QueueName(headers["Queue"]), found, seconds(headers["Wait"]))


def live_channel(headers: Headers) -> LiveChannel:
    """A CoreShowChannel; Duration is `HH:MM:SS`, and counts as none when it is not."""
    bridge = headers.get("BridgeId") or None
    duration = DURATION.match(headers["Duration"])
    hours, minutes, rest = map(int, duration.groups()) if duration else (0, 0, 0)
    return LiveChannel(
        channel=channel(headers),
        bridge=BridgeId(bridge) if bridge else None,
        up=headers["ChannelState"] == UP,
        lived=timedelta(hours=hours, minutes=minutes, seconds=rest),
        application=headers.get("Application", ""),
        ringing=headers["ChannelState"] == RINGING,
        data=headers.get("ApplicationData", ""),
    )


def seconds(text: str) -> timedelta:
    """Whole seconds; what is no number counts as none."""
    return timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() and len(text) < 9 else timedelta()  # noqa: PLR2004
