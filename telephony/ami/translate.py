"""AMI events to facts: the only home of Asterisk's header names, states and units.

Pure. A message that the codec let through has its mandatory headers (`ACTED_UPON`) and each of them once; everything
read here besides those may be absent. Checked against recordings of Asterisk 22.10 in tests/replay.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from telephony.calls import facts
from telephony.calls.facts import (
    BridgeId,
    Channel,
    DialResult,
    HangupSide,
    Interface,
    Member,
    MemberState,
    Moment,
    Phone,
    QueueName,
    QueueResult,
    Uniqueid,
)

Headers = Mapping[str, str]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMP = re.compile(r"(\d{1,11})\.(\d{6})\Z", re.ASCII)

CAUSE = re.compile(r"\d{1,3}\Z", re.ASCII)
WHOLE = re.compile(r"\d{1,6}\Z", re.ASCII)

CHANNEL = frozenset({"Channel", "Uniqueid", "Linkedid"})
DEST = frozenset({"DestChannel", "DestUniqueid", "DestLinkedid"})
QUEUE_CALLER = CHANNEL | {"Queue"}
MEMBER = frozenset({"Queue", "MemberName", "Interface"})

ACTED_UPON: Mapping[str, frozenset[str]] = {
    "Newchannel": CHANNEL | {"ChannelState", "Exten"},
    "Newstate": CHANNEL | {"ChannelState"},
    "NewCallerid": CHANNEL | {"CallerIDNum"},
    "Rename": frozenset({"Channel", "Newname", "Uniqueid"}),
    "HangupRequest": CHANNEL,
    "SoftHangupRequest": CHANNEL,
    "Hangup": CHANNEL | {"Cause"},
    "Hold": CHANNEL,
    "Unhold": CHANNEL,
    # The caller's half is absent when the PBX originated the call.
    "DialBegin": DEST,
    "DialState": DEST | {"DialStatus"},
    "DialEnd": DEST | {"DialStatus"},
    "LocalBridge": frozenset({"LocalOneUniqueid", "LocalTwoUniqueid"}),
    "BridgeEnter": CHANNEL | {"BridgeUniqueid"},
    "BridgeLeave": CHANNEL | {"BridgeUniqueid"},
    "BlindTransfer": frozenset({"Result", "TransfererUniqueid"}),
    "AttendedTransfer": frozenset({"Result", "OrigTransfererUniqueid"}),
    "ParkedCall": frozenset({"ParkeeUniqueid"}),
    "Pickup": frozenset({"Uniqueid", "TargetUniqueid"}),
    "QueueCallerJoin": QUEUE_CALLER | {"Position"},
    "QueueCallerAbandon": QUEUE_CALLER,
    "QueueCallerLeave": QUEUE_CALLER,
    "AgentCalled": QUEUE_CALLER | DEST | MEMBER,
    "AgentConnect": QUEUE_CALLER | DEST | MEMBER,
    "AgentComplete": MEMBER,  # the caller is gone from it when he was handed over
    "AgentRingNoAnswer": QUEUE_CALLER | DEST | MEMBER,
    "UserEvent": CHANNEL | {"UserEvent"},
    "QueueMemberAdded": MEMBER | {"Status", "Paused"},
    "QueueMemberStatus": MEMBER | {"Status", "Paused"},
    "QueueMemberPause": MEMBER | {"Status", "Paused"},
    "QueueMemberRemoved": MEMBER,
    "DeviceStateChange": frozenset({"Device", "State"}),
    "FullyBooted": frozenset({"Status"}),
    "Shutdown": frozenset({"Shutdown"}),
}
"""The events that become facts, and the headers without which each is quarantined. All others are only counted."""

DISPENSABLE = frozenset({"DeviceStateChange"})
"""Without these nothing is counted wrongly: what they tell is listed once a minute, too."""

UNSTAMPED = frozenset({"FullyBooted"})
"""Sent to a new session by itself, without Timestamp and SystemName, whatever the configuration."""

RING, RINGING, UP = "4", "5", "6"  # ChannelState: the PBX is rung; the device rings; answered

DIAL_RESULTS = {
    "ANSWER": DialResult.ANSWERED,
    "NOANSWER": DialResult.NO_ANSWER,
    "BUSY": DialResult.BUSY,
    "CANCEL": DialResult.CANCELLED,
    "ABORT": DialResult.CANCELLED,
    "CHANUNAVAIL": DialResult.UNREACHABLE,
    "CONGESTION": DialResult.UNREACHABLE,
}

QUEUE_RESULTS = {
    "TIMEOUT": QueueResult.TIMEOUT,
    "FULL": QueueResult.FULL,
    "JOINEMPTY": QueueResult.JOIN_EMPTY,
    "JOINUNAVAIL": QueueResult.JOIN_EMPTY,
    "LEAVEEMPTY": QueueResult.LEAVE_EMPTY,
    "LEAVEUNAVAIL": QueueResult.LEAVE_EMPTY,
    "WITHDRAW": QueueResult.WITHDRAWN,
    "CONTINUE": QueueResult.CONTINUED,
}
"""QUEUESTATUS, as the dialplan passes it on."""

DEVICE_STATES = {
    "1": MemberState.READY,
    "2": MemberState.TALKING,
    "3": MemberState.TALKING,
    "6": MemberState.RINGING,
    "7": MemberState.RINGING,
    "8": MemberState.TALKING,
}
"""Asterisk's device states; 0 unknown, 4 invalid and 5 unavailable mean that no call will reach the agent."""
UNTOLD = "0"
"""The technology does not tell what its device does; queues call such a phone all the same."""
RINGS_IN_CALL = "7"
"""Who looks for somebody free sees it ring; whoever sits before it talks."""


GONE = frozenset({"UNAVAILABLE", "INVALID"})
"""Device states, here by name, of what no call reaches: not registered, and not there at all."""


def interface_of(channel_name: str) -> Interface:
    """`PJSIP/1001-0000002a` to `PJSIP/1001`; both halves of `Local/7@ctx-00000001;1` to `Local/7@ctx`."""
    stem, dash, suffix = channel_name.rpartition("-")
    return Interface(stem if dash and stem and len(suffix) >= 8 else channel_name)  # noqa: PLR2004 - 8 hex digits


def moment(headers: Headers, mono: timedelta, offset: timedelta) -> Moment:
    """The message's time. Without a stamp it is `EPOCH + offset + mono`, and says that it is not stamped.

    Args:
        headers: of the message.
        mono: our monotonic clock when it was read.
        offset: what the PBX's clock is ahead of `mono`, as last seen.
    """
    told = stamp(headers)
    if told is None:
        return Moment(EPOCH + offset + mono, mono, stamped=False)
    return Moment(EPOCH + told, mono)


def stamp(headers: Headers) -> timedelta | None:
    """When the PBX says that it happened, since 1970."""
    found = TIMESTAMP.match(headers.get("Timestamp", ""))
    return None if found is None else timedelta(0, int(found[1]), int(found[2]))


def channel(headers: Headers, prefix: str = "") -> Channel:
    """The channel that the headers with this prefix describe."""
    get = headers.get
    uniqueid = headers[prefix + "Uniqueid"]
    return Channel(
        uniqueid=Uniqueid(uniqueid),
        linkedid=Uniqueid(get(prefix + "Linkedid") or uniqueid),
        interface=interface_of(headers[prefix + "Channel"]),
        caller_number=known(get(prefix + "CallerIDNum", "")),
        caller_name=unescaped(known(get(prefix + "CallerIDName", ""))),
        exten=get(prefix + "Exten", ""),
        context=get(prefix + "Context", ""),
    )


def known(text: str) -> str:
    """Asterisk writes `<unknown>` where there is nothing. A caller who calls himself that is nobody, too."""
    return "" if text == "<unknown>" else text


ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def unescaped(text: str) -> str:
    """Asterisk C-escapes callers' names, and nothing else, in events and in the channel listing."""
    if "\\" not in text:
        return text
    return ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), text)


def member(headers: Headers) -> Member:
    """The queue member an event or a listing describes."""
    phone = DEVICE_STATES.get(headers.get("Status", ""), MemberState.UNAVAILABLE)
    if headers.get("InCall") == "1" and phone is MemberState.READY:
        phone = MemberState.TALKING
    paused = headers.get("Paused") == "1"
    state = MemberState.PAUSED if paused else phone
    if headers.get("Status") == UNTOLD:
        phone = MemberState.TALKING if headers.get("InCall") == "1" else MemberState.READY
    elif headers.get("Status") == RINGS_IN_CALL:
        phone = MemberState.TALKING
    # MemberName in events, Name in the QueueMember items of a listing; Interface and Location likewise.
    interface = headers.get("Interface") or headers.get("Location", "")
    return Member(
        queue=QueueName(headers["Queue"]),
        interface=Interface(interface),
        name=headers.get("MemberName") or headers.get("Name") or interface,
        state=state,
        device=Interface(headers["StateInterface"]) if headers.get("StateInterface") else None,
        phone=None if phone is state else phone,
        paused=paused,
        reason=headers.get("PausedReason", "") if paused else "",
        wrap_up=timedelta(seconds=int(own)) if WHOLE.match(own := headers.get("Wrapuptime", "")) else timedelta(),
    )


def phone(headers: Headers) -> Phone:
    """A device of an event or of a listing: any state but these is one of a device that is there."""
    told = headers["State"]
    return Phone(Interface(headers["Device"]), None if told == "UNKNOWN" else told not in GONE)


def newchannel(at: Moment, h: Headers) -> facts.Fact:
    """Incoming channels are born ringing the PBX; channels that the PBX calls out on are born down."""
    return facts.ChannelAppeared(at, channel(h), incoming=h["ChannelState"] == RING)


def newstate(at: Moment, h: Headers) -> facts.Fact | None:
    """Only two states tell anything: the device rings, and it answered."""
    if h["ChannelState"] == RINGING:
        return facts.ChannelAlerted(at, Uniqueid(h["Uniqueid"]))
    if h["ChannelState"] == UP:
        return facts.ChannelUp(at, Uniqueid(h["Uniqueid"]))
    return None


def dial_begin(at: Moment, h: Headers) -> facts.Fact:
    """The caller's half is absent for originated calls."""
    caller = channel(h) if h.get("Uniqueid") and h.get("Channel") else None
    return facts.DialBegan(at, caller, channel(h, "Dest"), h.get("DialString", ""))


def dial_state(at: Moment, h: Headers) -> facts.Fact | None:
    """RINGING, or PROGRESS where ringing comes as early media. PROCEEDING is only `100 Trying`."""
    if h["DialStatus"] in {"RINGING", "PROGRESS"}:
        return facts.ChannelAlerted(at, Uniqueid(h["DestUniqueid"]))
    return None


def dial_end(at: Moment, h: Headers) -> facts.Fact:
    """An unknown status is a leg that was not reached; 0 rings then, whatever the reason."""
    result = DIAL_RESULTS.get(h["DialStatus"], DialResult.UNREACHABLE)
    caller = h.get("Uniqueid")
    return facts.DialEnded(at, Uniqueid(h["DestUniqueid"]), result, Uniqueid(caller) if caller else None)


def bridge_enter(at: Moment, h: Headers) -> facts.Fact:
    """SwapUniqueid is there only when the channel takes another's seat."""
    swapped = h.get("SwapUniqueid")
    return facts.BridgeEntered(at, BridgeId(h["BridgeUniqueid"]), channel(h), Uniqueid(swapped) if swapped else None)


def user_event(at: Moment, h: Headers) -> facts.Fact | None:
    """`UserEvent(QueueResult,…)` from the shipped dialplan; all other user events are somebody else's."""
    if h["UserEvent"] != "QueueResult" or "Queue" not in h:
        return None
    result = QUEUE_RESULTS.get(h.get("Result", ""))
    return None if result is None else facts.QueueResultTold(at, QueueName(h["Queue"]), channel(h), result)


def blind_transfer(at: Moment, h: Headers) -> facts.Fact:
    """The transferee is absent when a whole bridge of several was transferred."""
    who = h.get("TransfereeUniqueid")
    ok = h["Result"] == "Success"
    return facts.Transferred(at, "blind", Uniqueid(h["TransfererUniqueid"]), Uniqueid(who) if who else None, ok)


def attended_transfer(at: Moment, h: Headers) -> facts.Fact:
    """Two legs of one agent become none. Target and transferee are told only of bridged channels.

    DestType App: his second leg is in no bridge but in Queue() or Dial(), where the transferee takes its place.
    """
    who, target = h.get("TransfereeUniqueid"), h.get("TransferTargetUniqueid")
    place = h.get("SecondTransfererUniqueid") if h.get("DestType") == "App" else None
    return facts.Transferred(
        at,
        "attended",
        Uniqueid(h["OrigTransfererUniqueid"]),
        Uniqueid(who) if who else None,
        succeeded=h["Result"] == "Success",
        target=Uniqueid(target) if target else None,
        place=Uniqueid(place) if place else None,
    )


def fully_booted(at: Moment, h: Headers) -> facts.Fact:
    """Uptime is whole seconds."""
    uptime = h.get("Uptime", "")
    booted = at.wall - timedelta(seconds=int(uptime)) if uptime.isdecimal() and len(uptime) < 10 else None  # noqa: PLR2004
    return facts.LinkRestored(at, booted)


def agent_called(at: Moment, h: Headers) -> facts.Fact:
    """The phone does not ring yet; and a leg that could not be created is not mentioned at all."""
    interface, name = Interface(h["Interface"]), h["MemberName"] or h["Interface"]
    return facts.AgentCalled(at, QueueName(h["Queue"]), Uniqueid(h["Uniqueid"]), channel(h, "Dest"), interface, name)


def agent_connect(at: Moment, h: Headers) -> facts.Fact:
    """Its RingTime and HoldTime are whole seconds, and the first is cumulative: neither is read."""
    interface, name = Interface(h["Interface"]), h["MemberName"] or h["Interface"]
    leg = Uniqueid(h["DestUniqueid"])
    return facts.AgentConnected(at, QueueName(h["Queue"]), Uniqueid(h["Uniqueid"]), leg, interface, name)


def agent_complete(at: Moment, h: Headers) -> facts.Fact:
    """Its HoldTime and TalkTime are whole seconds; neither is read. Comes also when the caller was handed on."""
    interface, name = Interface(h["Interface"]), h["MemberName"] or h["Interface"]
    caller = h.get("Uniqueid")
    return facts.AgentCompleted(at, QueueName(h["Queue"]), Uniqueid(caller) if caller else None, interface, name)


def queue_of(h: Headers) -> QueueName:
    """The queue an event is about."""
    return QueueName(h["Queue"])


def uniqueid_of(h: Headers) -> Uniqueid:
    """The channel an event is about."""
    return Uniqueid(h["Uniqueid"])


TRANSLATIONS: Mapping[str, Callable[[Moment, Headers], facts.Fact | None]] = {
    "Newchannel": newchannel,
    "Newstate": newstate,
    "NewCallerid": lambda at, h: facts.CallerIdentified(at, channel(h)),
    "Rename": lambda at, h: facts.ChannelRenamed(at, uniqueid_of(h), interface_of(h["Newname"])),
    # HangupRequest: the device hung up. SoftHangupRequest: AMI, a limit, a module.
    # Cause 17 (user busy) is the only trace that a queue leaves of a busy phone: its DialEnd says NOANSWER.
    "HangupRequest": lambda at, h: facts.HangupRequested(
        at, uniqueid_of(h), HangupSide.FAR_END, busy=h.get("Cause") == "17"
    ),
    "SoftHangupRequest": lambda at, h: facts.HangupRequested(at, uniqueid_of(h), HangupSide.PBX),
    "Hangup": lambda at, h: facts.ChannelEnded(at, uniqueid_of(h), int(h["Cause"]) if CAUSE.match(h["Cause"]) else 0),
    "Hold": lambda at, h: facts.Held(at, uniqueid_of(h)),
    "Unhold": lambda at, h: facts.Unheld(at, uniqueid_of(h)),
    "DialBegin": dial_begin,
    "DialState": dial_state,
    "DialEnd": dial_end,
    "LocalBridge": lambda at, h: facts.LocalJoined(
        at, Uniqueid(h["LocalOneUniqueid"]), Uniqueid(h["LocalTwoUniqueid"])
    ),
    "BridgeEnter": bridge_enter,
    "BridgeLeave": lambda at, h: facts.BridgeLeft(at, BridgeId(h["BridgeUniqueid"]), uniqueid_of(h)),
    "BlindTransfer": blind_transfer,
    "AttendedTransfer": attended_transfer,
    "ParkedCall": lambda at, h: facts.Parked(at, Uniqueid(h["ParkeeUniqueid"])),
    "Pickup": lambda at, h: facts.PickedUp(at, uniqueid_of(h), Uniqueid(h["TargetUniqueid"])),
    "QueueCallerJoin": lambda at, h: facts.CallerJoined(at, queue_of(h), channel(h)),
    "QueueCallerAbandon": lambda at, h: facts.CallerUnserved(at, queue_of(h), uniqueid_of(h)),
    "QueueCallerLeave": lambda at, h: facts.CallerLeft(at, queue_of(h), uniqueid_of(h)),
    "AgentCalled": agent_called,
    "AgentConnect": agent_connect,
    "AgentComplete": agent_complete,
    "AgentRingNoAnswer": lambda at, h: facts.AgentRangOut(at, queue_of(h), uniqueid_of(h), Uniqueid(h["DestUniqueid"])),
    "UserEvent": user_event,
    "QueueMemberAdded": lambda at, h: facts.MemberChanged(at, member(h)),
    "QueueMemberStatus": lambda at, h: facts.MemberChanged(at, member(h)),
    "QueueMemberPause": lambda at, h: facts.MemberChanged(at, member(h)),
    "QueueMemberRemoved": lambda at, h: facts.MemberRemoved(at, queue_of(h), Interface(h["Interface"])),
    "DeviceStateChange": lambda at, h: facts.PhoneTold(at, phone(h)),
    "FullyBooted": fully_booted,
    "Shutdown": lambda at, _: facts.PbxStopping(at),
}


def translate(event: str, headers: Headers, at: Moment) -> facts.Fact | None:
    """The fact that an event tells, or None when it tells nothing that the product asks for.

    Args:
        event: its name, one of `ACTED_UPON`; others give None.
        headers: as the codec let them through.
        at: `moment(…)` of the message.
    """
    make = TRANSLATIONS.get(event)
    return None if make is None else make(at, headers)
