"""A PBX that only listens to what a real one said, and can list what there is: in the middle of a recording."""

import re
from datetime import timedelta

from telephony.ami.codec import Message
from tests.support.journal import codec
from tests.support.wire import CHANNEL, lines

END = b"\r\n\r\n"
_STAMP = re.compile(rb"\r\nTimestamp: (\d{10})\.(\d{6})\r\n")
_BRIDGED = {"BridgeEnter": True, "BridgeLeave": False}


def stamp_of(raw: bytes) -> timedelta | None:
    """When the PBX says it happened, since 1970."""
    found = _STAMP.search(raw)
    return None if found is None else timedelta(seconds=int(found[1]), microseconds=int(found[2]))


class Shadow:
    """What there is on the PBX, as far as its events tell.

    Args:
        prelude: a listing that it once gave: its queues and their members.
    """

    def __init__(self, prelude: bytes) -> None:
        self.queues: dict[str, bytes] = {}
        self.members: dict[tuple[str, str], dict[str, str]] = {}
        self.channels: dict[str, dict[str, str]] = {}
        self.born: dict[str, timedelta] = {}
        self.waiting: dict[tuple[str, str], timedelta] = {}
        self.now = timedelta()
        self.knows(prelude)

    def knows(self, prelude: bytes) -> None:
        """One more listing's queues and members."""
        for told in self._understood(prelude):
            if told.get("Event") == "QueueParams":
                self.queues[told["Queue"]] = b""
            elif told.get("Event") == "QueueMember":
                self.members[told["Queue"], told["Location"]] = told

    @staticmethod
    def _understood(data: bytes) -> list[dict[str, str]]:
        """What a caller forged, the PBX itself does not believe."""
        return [item.headers for item in codec().feed(data) if isinstance(item, Message)]

    def hears(self, raw: bytes) -> None:
        """One event, or what somebody forged."""
        for told in self._understood(raw):
            self._follow(told, raw)

    def _follow(self, told: dict[str, str], raw: bytes) -> None:
        event, uniqueid = told.get("Event", ""), told.get("Uniqueid", "")
        self.now = max(self.now, stamp_of(raw) or self.now)
        if event == "Newchannel":
            self.channels[uniqueid], self.born[uniqueid] = {"BridgeId": ""}, self.now
        channel = self.channels.get(uniqueid)
        if channel is not None:
            channel |= {name: told[name] for name in CHANNEL if name in told}
            if event in _BRIDGED:
                channel["BridgeId"] = told["BridgeUniqueid"] if _BRIDGED[event] else ""
            if event == "Rename":
                channel["Channel"] = told["Newname"]
        if event == "QueueCallerJoin":
            self.waiting[told["Queue"], uniqueid] = self.now
        elif event == "QueueCallerLeave":
            self.waiting.pop((told["Queue"], uniqueid), None)
        elif event == "Hangup":
            self.channels.pop(uniqueid, None)
        elif event in {"QueueMemberAdded", "QueueMemberStatus", "QueueMemberPause"}:
            listed = {"Queue": told["Queue"], "Name": told["MemberName"], "Location": told["Interface"]}
            listed |= {name: told[name] for name in ("StateInterface", "InCall", "Status", "Paused") if name in told}
            self.members[told["Queue"], told["Interface"]] = listed
        elif event == "QueueMemberRemoved":
            self.members.pop((told["Queue"], told["Interface"]), None)

    def listing(self, queues_id: str, channels_id: str | None) -> bytes:
        """Both listings, or the queues' alone."""
        out = self._queues(queues_id)
        return out if channels_id is None else self._channels(channels_id) + out

    def _queues(self, action: str) -> bytes:
        out = lines(("Response", "Success"), ("ActionID", action), ("EventList", "start"))
        for queue in self.queues:
            out += lines(("Event", "QueueParams"), ("Queue", queue), ("Calls", "0"), ("ActionID", action))
        for (queue, location), told in self.members.items():
            named = ("StateInterface", "InCall", "Status", "Paused")
            more = [(name, told[name]) for name in named if name in told]
            who = ("Queue", queue), ("Name", told["Name"]), ("Location", location)
            out += lines(("Event", "QueueMember"), *who, *more, ("ActionID", action))
        for (queue, uniqueid), since in self.waiting.items():
            waited = str(int((self.now - since).total_seconds()))
            if uniqueid not in self.channels:
                continue  # it has hung up, and will be said to have left
            of = ("Channel", self.channels[uniqueid]["Channel"]), ("Uniqueid", uniqueid), ("Wait", waited)
            out += lines(("Event", "QueueEntry"), ("Queue", queue), *of, ("ActionID", action))
        return out + lines(("Event", "QueueStatusComplete"), ("ActionID", action), ("EventList", "Complete"))

    def _channels(self, action: str) -> bytes:
        out = lines(("Response", "Success"), ("ActionID", action), ("EventList", "start"))
        for uniqueid, told in self.channels.items():
            lived = int((self.now - self.born[uniqueid]).total_seconds())
            duration = f"{lived // 3600:02}:{lived // 60 % 60:02}:{lived % 60:02}"
            pairs = [("Event", "CoreShowChannel"), ("ActionID", action), *((name, told[name]) for name in CHANNEL)]
            pairs += [("BridgeId", told["BridgeId"]), ("Application", "Queue"), ("ApplicationData", "support")]
            out += lines(*pairs, ("Duration", duration))
        return out + lines(("Event", "CoreShowChannelsComplete"), ("ActionID", action), ("EventList", "Complete"))
