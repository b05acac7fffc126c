"""AMI messages as Asterisk writes them, to feed to the codec and to be twisted."""

CHANNEL = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)  # fmt: skip
USUAL = {
    "Channel": "PJSIP/trunk-00000001", "ChannelState": "4", "ChannelStateDesc": "Ring", "CallerIDNum": "02112345678",
    "CallerIDName": "<unknown>", "ConnectedLineNum": "<unknown>", "ConnectedLineName": "<unknown>", "Language": "en",
    "AccountCode": "", "Context": "from-trunk", "Exten": "4001", "Priority": "1", "Uniqueid": "pbx1-1700000000.1",
    "Linkedid": "pbx1-1700000000.1",
}  # fmt: skip
SYSTEM = "pbx1"
BANNER = b"Asterisk Call Manager/11.0.0\r\n"

ACTED_UPON = {
    "Newchannel": frozenset({"Channel", "Uniqueid", "Linkedid"}),
    "BridgeEnter": frozenset({"Channel", "Uniqueid", "Linkedid", "BridgeUniqueid"}),
    "DialBegin": frozenset({"DestUniqueid", "DestLinkedid"}),
    "Hold": frozenset({"Channel", "Uniqueid", "Linkedid"}),
    "QueueCallerJoin": frozenset({"Channel", "Uniqueid", "Linkedid", "Queue", "Position"}),
    "QueueMemberStatus": frozenset({"Queue", "Interface"}),
    "UserEvent": frozenset({"UserEvent", "Uniqueid"}),
    "FullyBooted": frozenset({"Status"}),
    "Shutdown": frozenset({"Shutdown"}),
}
LISTED = {"QueueEntry": frozenset({"Queue", "Channel", "Uniqueid", "Wait"})}


def lines(*pairs: tuple[str, str]) -> bytes:
    """Lines as they are, with the empty one at the end."""
    return "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("utf-8", "surrogateescape") + b"\r\n"


def opening(event: str, privilege: str = "call,all") -> list[tuple[str, str]]:
    return [
        ("Event", event), ("Privilege", privilege), ("Timestamp", "1700000000.000001"), ("SystemName", SYSTEM),
    ]  # fmt: skip


def channel(prefix: str = "", /, **changes: str) -> list[tuple[str, str]]:
    """The fourteen headers of a channel."""
    return [(prefix + name, changes.get(name, USUAL[name])) for name in CHANNEL]


def event(name: str, *more: tuple[str, str], **changes: str) -> bytes:
    """An event about one channel."""
    return lines(*opening(name), *channel(**changes), *more)


def queue_entry(**changes: str) -> bytes:
    """A waiting caller, as QueueStatus lists him."""
    usual = {
        "Event": "QueueEntry", "Queue": "support", "Position": "1", "Channel": "PJSIP/trunk-00000001",
        "Uniqueid": "pbx1-1700000000.1", "CallerIDNum": "1", "CallerIDName": "unknown", "ConnectedLineNum": "unknown",
        "ConnectedLineName": "unknown", "Wait": "1", "Priority": "0", "ActionID": "a-1",
    }  # fmt: skip
    return lines(*(usual | changes).items())
