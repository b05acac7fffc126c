"""What the PBX lists when it is asked: QueueStatus, CoreShowChannels and DeviceStateList. Pure.

Entries of listings carry no Privilege, Timestamp and SystemName, and callers' names raw.
"""

from telephony.simulator import wire
from telephony.simulator.pbx import Pbx
from telephony.simulator.queues import Member, Queue, Waiting
from telephony.simulator.timeline import SECOND

RAW_UNKNOWN = "unknown"
Pairs = list[tuple[str, object]]


def queue_status(pbx: Pbx, ids: Pairs, queue: str = "", member: str = "") -> bytes:
    """All queues, or one; of their members all, or the one named. The waiting callers are always told."""
    entries: list[Pairs] = []
    for one in pbx.queues.values():
        if queue in ("", one.name):
            entries.append(_queue(one))
            entries += [_member(who) for who in one.members if member in ("", who.name, who.interface)]
            entries += [_entry(pbx, one, waiting) for waiting in one.waiting]
    return _listing(entries, ids, "Queue status will follow", "QueueStatusComplete", ids_last=True)


def core_show_channels(pbx: Pbx, ids: Pairs) -> bytes:
    """All channels."""
    entries: list[Pairs] = []
    for channel in pbx.channels.values():
        lived = (pbx.timeline.now - channel.created) // SECOND
        bridge = channel.bridge.uniqueid if channel.bridge else ""
        entries.append(
            [
                ("Event", "CoreShowChannel"),
                *ids,
                *channel.headers(),
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("Duration", f"{lived // 3600:02d}:{lived // 60 % 60:02d}:{lived % 60:02d}"),
                ("BridgeId", bridge),
            ]
        )
    return _listing(entries, ids, "Channels will follow", "CoreShowChannelsComplete", ids_last=False)


def device_state_list(pbx: Pbx, ids: Pairs) -> bytes:
    """All phones: each is registered; whether somebody talks on it is told by its channels."""
    busy = {channel.interface for channel in pbx.channels.values()}
    entries: list[Pairs] = [
        [("Event", "DeviceStateChange"), *ids, ("Device", phone), ("State", "INUSE" if phone in busy else "NOT_INUSE")]
        for phone in pbx.phones
    ]
    return _listing(entries, ids, "Device State Changes will follow", "DeviceStateListComplete", ids_last=False)


def _listing(entries: list[Pairs], ids: Pairs, said: str, complete: str, *, ids_last: bool) -> bytes:
    start: Pairs = [("Response", "Success"), *ids, ("EventList", "start"), ("Message", said)]
    end: Pairs = [("Event", complete), *ids, ("EventList", "Complete"), ("ListItems", len(entries))]
    told = [[*entry, *ids] if ids_last else entry for entry in entries]
    return b"".join(map(wire.message, [start, *told, end]))


def _queue(queue: Queue) -> Pairs:
    return [
        ("Event", "QueueParams"),
        ("Queue", queue.name),
        ("Max", queue.settings.maxlen),
        ("Strategy", queue.settings.strategy),
        ("Calls", len(queue.waiting)),
        ("Holdtime", 0),
        ("TalkTime", 0),
        ("Completed", queue.completed),
        ("Abandoned", queue.abandoned),
        ("ServiceLevel", 0),
        ("ServicelevelPerf", "0.0"),
        ("ServicelevelPerf2", "0.0"),
        ("Weight", 0),
    ]


def _member(member: Member) -> Pairs:
    named: Pairs = [("Event", "QueueMember"), ("Queue", member.queue), ("Name", member.name)]
    return [*named, ("Location", member.interface), *member.facts(), ("Wrapuptime", 0)]


def _entry(pbx: Pbx, queue: Queue, waiting: Waiting) -> Pairs:
    channel = waiting.call.channel
    return [
        ("Event", "QueueEntry"),
        ("Queue", queue.name),
        ("Position", queue.position(waiting)),
        ("Channel", channel.name),
        ("Uniqueid", channel.uniqueid),
        ("CallerIDNum", channel.number or RAW_UNKNOWN),
        ("CallerIDName", channel.caller_name or RAW_UNKNOWN),
        ("ConnectedLineNum", channel.connected_number or RAW_UNKNOWN),
        ("ConnectedLineName", channel.connected_name or RAW_UNKNOWN),
        ("Wait", (pbx.timeline.now - waiting.joined) // SECOND),
        ("Priority", waiting.priority),
    ]
