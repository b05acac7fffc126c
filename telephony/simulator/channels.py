"""Channels and bridges: what an event says of them. Values and their headers; pure."""

from dataclasses import dataclass, field

from telephony.simulator import wire
from telephony.simulator.wire import UNKNOWN


@dataclass(eq=False, slots=True, kw_only=True)
class Channel:
    """One leg of one call.

    Attributes:
        name: `PJSIP/1001-0000002a`.
        linkedid: the uniqueid of the oldest channel of the call.
        state: see `wire.STATES`.
        number, caller_name: whose channel it is; hostile where it is a caller's.
        connected_number, connected_name: the other side.
        context, exten, priority: where in the dialplan it is.
        created: when, in microseconds.
        cause: the hang-up cause so far; 0: none.
        tech_cause: the SIP status behind it; empty: none.
        final_tech_cause: the SIP status that it is only given at its end.
        application, data: what it runs.
        bridge: the one it is in.
        ended: there was a Hangup.
    """

    name: str
    uniqueid: str
    linkedid: str
    state: int
    number: str
    caller_name: str
    context: str
    exten: str
    created: int
    priority: int = 1
    connected_number: str = ""
    connected_name: str = ""
    cause: int = 0
    tech_cause: str = ""
    final_tech_cause: str = ""
    application: str = ""
    data: str = ""
    bridge: "Bridge | None" = None
    ended: bool = False

    @property
    def interface(self) -> str:
        """`PJSIP/1001`."""
        return self.name.rpartition("-")[0]

    def place(self, context: str, exten: str, priority: int) -> None:
        """Where in the dialplan it is from now on."""
        self.context, self.exten, self.priority = context, exten, priority

    def headers(self, prefix: str = "") -> list[tuple[str, object]]:
        """The fourteen headers that describe it in every event."""
        return [
            (prefix + "Channel", self.name),
            (prefix + "ChannelState", self.state),
            (prefix + "ChannelStateDesc", wire.STATES[self.state]),
            (prefix + "CallerIDNum", self.number or UNKNOWN),
            (prefix + "CallerIDName", wire.escaped(self.caller_name) or UNKNOWN),
            (prefix + "ConnectedLineNum", self.connected_number or UNKNOWN),
            (prefix + "ConnectedLineName", wire.escaped(self.connected_name) or UNKNOWN),
            (prefix + "Language", "en"),
            (prefix + "AccountCode", ""),
            (prefix + "Context", self.context),
            (prefix + "Exten", self.exten),
            (prefix + "Priority", self.priority),
            (prefix + "Uniqueid", self.uniqueid),
            (prefix + "Linkedid", self.linkedid),
        ]


@dataclass(eq=False, slots=True)
class Bridge:
    """Where channels hear each other.

    Attributes:
        technology: two SIP channels that only talk are soon bridged natively.
    """

    uniqueid: str
    technology: str = "simple_bridge"
    channels: list[Channel] = field(default_factory=list)

    def headers(self, prefix: str = "") -> list[tuple[str, object]]:
        """The seven headers that describe it."""
        return [
            (prefix + "BridgeUniqueid", self.uniqueid),
            (prefix + "BridgeType", "basic"),
            (prefix + "BridgeTechnology", self.technology),
            (prefix + "BridgeCreator", UNKNOWN),
            (prefix + "BridgeName", UNKNOWN),
            (prefix + "BridgeNumChannels", len(self.channels)),
            (prefix + "BridgeVideoSourceMode", "none"),
        ]
