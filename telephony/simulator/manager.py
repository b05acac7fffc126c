"""One session of the manager interface: what a client says, what he is answered. Pure: bytes in, bytes out."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from telephony.simulator import listings, wire
from telephony.simulator.pbx import Pbx
from telephony.simulator.timeline import SECOND

MAX_ACTION = 16_384
"""Bytes of one unfinished action; a client that says more is let go."""
MAX_HEADERS = 128
END = b"\r\n\r\n"
Pairs = list[tuple[str, object]]
Answer = Callable[[Mapping[str, str], Pairs], bytes]


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in."""

    username: str
    secret: str = field(repr=False)


class ManagerSession:
    """A client from his first byte to his last.

    Args:
        pbx: what he asks about.
        account: the only one.
        challenge: a number that nobody can guess, for the login by MD5.

    Attributes:
        logged_in: events are for him.
        over: he is to be let go once he has what `feed` gave.
    """

    def __init__(self, pbx: Pbx, account: Account, challenge: str) -> None:
        self.logged_in = self.over = False
        self._pbx, self._account, self._challenge = pbx, account, challenge
        self._challenged = False
        self._rest = b""
        self._answers: dict[str, Answer] = {
            "ping": self._ping,
            "queuestatus": self._queue_status,
            "coreshowchannels": self._core_show_channels,
            "devicestatelist": self._device_state_list,
            "coresettings": self._core_settings,
            "corestatus": self._core_status,
            "listcommands": self._list_commands,
            "events": lambda _, ids: _success(ids, "Events", "On"),
        }

    @property
    def greeting(self) -> bytes:
        """The first line."""
        return wire.BANNER

    def feed(self, data: bytes) -> bytes:
        """Take what he says, give what he is answered."""
        self._rest += data
        *actions, self._rest = self._rest.split(END)
        answers = [self._answer(action) for action in actions if not self.over]
        if len(self._rest) > MAX_ACTION:
            self.over = True
        return b"".join(answers)

    def _answer(self, raw: bytes) -> bytes:
        lines = raw.decode("utf-8", "replace").split("\r\n")[:MAX_HEADERS]
        headers = {name.lower(): value for name, colon, value in (line.partition(": ") for line in lines) if colon}
        ids: Pairs = [("ActionID", headers["actionid"])] if headers.get("actionid") else []
        action = headers.get("action", "").lower()
        if action == "logoff":
            self.over = True
            return wire.message([("Response", "Goodbye"), *ids, ("Message", "Thanks for all the fish.")])
        if action == "challenge" and headers.get("authtype", "").upper() == "MD5":
            self._challenged = True
            return _success(ids, "Challenge", self._challenge)
        if action == "login":
            return self._login(headers, ids)
        if not self.logged_in:
            return _error(ids, "Permission denied")
        answer = self._answers.get(action)
        return _error(ids, "Invalid/unknown command") if answer is None else answer(headers, ids)

    def _login(self, headers: Mapping[str, str], ids: Pairs) -> bytes:
        secret = self._account.secret
        digest = hashlib.md5((self._challenge + secret).encode(), usedforsecurity=False).hexdigest()
        proofs = [(headers.get("secret"), secret)]
        if self._challenged and headers.get("authtype", "").upper() == "MD5":
            proofs.append((headers.get("key"), digest))
        right = any(said and hmac.compare_digest(said.encode(), known.encode()) for said, known in proofs)
        if headers.get("username") != self._account.username or not right:
            self.over = True
            return _error(ids, "Authentication failed")
        self.logged_in = True
        up = (self._pbx.timeline.now - self._pbx.booted) // SECOND
        booted: Pairs = [("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", up), ("LastReload", up)]
        said = wire.message([*booted, ("Status", "Fully Booted")])
        return _success(ids, "Message", "Authentication accepted") + said

    def _ping(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        stamp = wire.stamp(self._pbx.timeline.now)
        return wire.message([("Response", "Success"), *ids, ("Ping", "Pong"), ("Timestamp", stamp)])

    def _queue_status(self, headers: Mapping[str, str], ids: Pairs) -> bytes:
        return listings.queue_status(self._pbx, ids, headers.get("queue", ""), headers.get("member", ""))

    def _core_show_channels(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        return listings.core_show_channels(self._pbx, ids)

    def _device_state_list(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        return listings.device_state_list(self._pbx, ids)

    def _core_settings(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        told: Pairs = [
            ("AMIversion", "11.0.0"),
            ("AsteriskVersion", "22.10.1"),
            ("SystemName", self._pbx.systemname),
            ("CoreMaxCalls", 0),
            ("CoreMaxLoadAvg", "0.000000"),
            ("CoreRunUser", ""),
            ("CoreRunGroup", ""),
            ("CoreMaxFilehandles", 0),
            ("CoreRealTimeEnabled", "No"),
            ("CoreCDRenabled", "No"),
            ("CoreHTTPenabled", "No"),
            ("SoundsSearchCustomDir", "No"),
        ]
        return wire.message([("Response", "Success"), *ids, *told])

    def _core_status(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        booted = datetime.fromtimestamp(self._pbx.booted // SECOND, UTC)
        day, time = f"{booted:%Y-%m-%d}", f"{booted:%H:%M:%S}"
        started: Pairs = [("CoreStartupDate", day), ("CoreStartupTime", time)]
        reloaded: Pairs = [("CoreReloadDate", day), ("CoreReloadTime", time)]
        calls: Pairs = [("CoreCurrentCalls", len(self._pbx.calls))]
        return wire.message([("Response", "Success"), *ids, *started, *reloaded, *calls])

    def _list_commands(self, _headers: Mapping[str, str], ids: Pairs) -> bytes:
        names = ["Challenge", "CoreSettings", "CoreShowChannels", "CoreStatus", "DeviceStateList", "Events"]
        names += ["ListCommands", "Login", "Logoff", "Ping", "QueueStatus"]
        told: Pairs = [(name, "(Priv: <none>)") for name in names]
        return wire.message([("Response", "Success"), *ids, *told])


def _success(ids: Pairs, name: str, value: object) -> bytes:
    return wire.message([("Response", "Success"), *ids, (name, value)])


def _error(ids: Pairs, why: str) -> bytes:
    return wire.message([("Response", "Error"), *ids, ("Message", why)])
