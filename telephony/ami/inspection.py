"""What a PBX tells about itself and about our login: for `threerings check`.

Logs in as the service does, asks, listens for a while, hangs up. Asks only what `write = reporting` allows and what
costs the PBX nothing: no `ShowDialPlan`, because Asterisk writes that to the socket under the lock that every call's
next step needs.
"""

import asyncio
import re
import secrets
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from telephony.ami.codec import Codec, Kind, Message
from telephony.ami.feed import Batch, Feed
from telephony.ami.line import Fault, Line, LinkFailed, log_in
from telephony.ami.settings import AmiSettings, Clock
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, TIMESTAMP
from telephony.unreachable import reason

PINGS = 3
LISTING_WITHIN = timedelta(seconds=10)
MAX_ENTRIES = 50_000
"""So many entries of one listing are kept."""
DEVICES_AT_ONCE = 50
NEVER_STARTED = "1970-01-01"
"""CoreStartupDate while Asterisk still starts."""

_PRIVILEGES = re.compile(r"\(Priv: ([a-z_,<>]+)\)\s*\Z")
_DEVICE = re.compile(r"[A-Za-z0-9]+/[^\s()${}\x00-\x1f\x7f]{1,120}")
_OTHERS = (
    "VarSet", "Newexten", "RTCPSent", "RTCPReceived", "Cdr", "CEL", "DTMFBegin", "DTMFEnd", "SuccessfulAuth",
    "ChallengeSent", "InvalidPassword", "PeerStatus", "ContactStatus", "ContactStatusDetail",
    "ExtensionStatus", "Registry", "BridgeCreate", "BridgeDestroy", "NewConnectedLine", "MusicOnHoldStart",
    "MusicOnHoldStop", "QueueCallerAbandon", "AgentComplete", "Reload",
)  # fmt: skip
"""Events that we act upon nowhere, but that also tell whether events are stamped, and what the login may read."""
_EVENTS = dict.fromkeys((*ACTED_UPON, *_OTHERS), frozenset[str]())


@dataclass(slots=True)
class Heard:
    """What the events of the time of listening had in common.

    Attributes:
        stamped, unstamped: how many with and without a Timestamp; FullyBooted never counts as unstamped.
        systemnames: those that they carried; "" for none.
        classes: the privilege classes by which we got them.
    """

    stamped: int = 0
    unstamped: int = 0
    systemnames: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class QueueMember:
    """A member of a queue as QueueStatus lists it; `status` is Asterisk's device state, 4 an invalid device."""

    queue: str
    name: str
    interface: str
    status: str


@dataclass(slots=True)
class Inspection:
    """What one PBX told. `None`: it would not, or could not.

    Attributes:
        peer: the address we were connected to.
        version: of Asterisk, as it writes it.
        systemname: "" when it has none.
        realtime: whether anything at all is configured as realtime.
        started: whether Asterisk says that it has started.
        booted: whether FullyBooted came, which takes read=system.
        actions: what this login may do: action to the privilege classes of which one suffices; none for anybody's.
        queues: name to the most callers that may wait; 0 for no limit.
        members: of all queues.
        channels: whether CoreShowChannels is answered.
        devices: state of each device asked for, in Asterisk's words; "" when it could not be told.
        ahead: how far its clock is before ours, give or take `doubt`.
        heard: the events.
    """

    peer: str = ""
    version: str | None = None
    systemname: str | None = None
    realtime: bool | None = None
    started: bool | None = None
    booted: bool = False
    actions: Mapping[str, frozenset[str]] | None = None
    queues: Mapping[str, int] | None = None
    members: tuple[QueueMember, ...] = ()
    channels: bool | None = None
    devices: dict[str, str] = field(default_factory=dict)
    ahead: timedelta | None = None
    doubt: timedelta = timedelta()
    heard: Heard = field(default_factory=Heard)


class FellSilent(LinkFailed):
    """What answered was a manager interface, and then it said nothing more."""


async def inspect(
    settings: AmiSettings, clock: Clock, *, devices: Iterable[str] = (), listen: timedelta = timedelta()
) -> Inspection:
    """Log in and ask.

    Args:
        settings: as the service has them.
        clock: ours, to compare with.
        devices: interfaces to ask the state of.
        listen: for how long to wait for the first event.

    Raises:
        LinkFailed: there is no line, or it ended before everything was asked.
    """
    codec = Codec(_EVENTS, systemname=None, strict=False, listed=LISTED)
    feed = Feed(settings.buffer_messages)
    line = Line(codec, clock, feed, secrets.token_hex(8))
    examination = _Examination(line, feed, clock, settings.answer_within)
    try:
        examination.seen.peer = await _connect(line, settings)
        await log_in(line, settings)
        failed = await examination.run(devices, listen)
    except LinkFailed as error:
        failed = error
    finally:
        line.hang_up(Fault.CLOSED, "we hung up")
        await asyncio.sleep(0)  # lets the loop close the socket
    if failed is not None and failed.fault is Fault.SILENT and line.greeted.done():
        raise FellSilent(failed.fault, f"this is a manager interface, but one which does not answer: {failed}")
    if failed is not None:
        raise failed
    return examination.seen


def privileges(text: str) -> frozenset[str]:
    """What ListCommands says behind an action: `… (Priv: call,reporting,all)`, without `all` and `<none>`."""
    found = _PRIVILEGES.search(text)
    return frozenset(found[1].split(",")) - {"all", "<none>"} if found else frozenset()


def commands(raw: bytes) -> dict[str, frozenset[str]] | None:
    """The answer to ListCommands: each action, and the privilege classes of which one suffices; None for a no."""
    first, *lines = raw.decode("utf-8", "surrogateescape").split("\r\n")
    if first != "Response: Success":
        return None
    named = [line.partition(": ") for line in lines]
    return {name: privileges(text) for name, _, text in named if "(Priv: " in text}


def askable(interface: str) -> bool:
    """Whether it can be put into `DEVICE_STATE(…)` as it is."""
    return _DEVICE.fullmatch(interface) is not None


async def _connect(line: Line, settings: AmiSettings) -> str:
    """Connect; give the address. Says more exactly than the service needs to why there is no connection."""
    limit = settings.connect_within.total_seconds()
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca) if settings.tls else None
    except OSError as error:
        raise LinkFailed(Fault.TLS, f"cannot use tls_ca {settings.tls_ca}: {error.strerror or error}") from None
    try:
        async with asyncio.timeout(limit):
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: line, settings.host, settings.port, ssl=context
            )
    except ssl.SSLCertVerificationError as error:
        raise LinkFailed(Fault.TLS, f"its certificate is not trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise LinkFailed(Fault.TLS, f"no TLS: {(error.reason or str(error)).replace('_', ' ').lower()}") from None
    except TimeoutError:
        raise LinkFailed(Fault.UNREACHABLE, f"no connection within {limit:g} s") from None
    except OSError as error:
        raise LinkFailed(Fault.UNREACHABLE, reason(error)) from None
    return str((transport.get_extra_info("peername") or ("",))[0])


class _Examination:
    """One line's: a task reads the feed, `run` asks and waits."""

    def __init__(self, line: Line, feed: Feed, clock: Clock, patience: timedelta) -> None:
        self.seen = Inspection()
        self._line, self._feed, self._clock, self._patience = line, feed, clock, patience
        self._lists: dict[str, list[Message]] = {}
        self._ends: dict[str, asyncio.Future[bool]] = {}
        self._raw: dict[str, asyncio.Future[bytes]] = {}
        loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] = loop.create_future()
        self._booted: asyncio.Future[None] = loop.create_future()

    async def run(self, devices: Iterable[str], listen: timedelta) -> LinkFailed | None:
        self._line.open(timedelta())
        failed = None
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read())
            try:
                await self._ask_all(devices)
                await self._line.until(self._first if self.seen.started else self._booted, listen)
                if self._line.closed.done():
                    raise self._line.closed.result()
            except LinkFailed as error:  # a TaskGroup would wrap it
                failed = error
            reading.cancel()
        return failed

    async def _ask_all(self, devices: Iterable[str]) -> None:
        seen = self.seen
        await self._read_clock()
        # By its place in the stream: FullyBooted comes right behind the yes to the login, so before the first Pong.
        seen.booted = "FullyBooted" in self._line.codec.seen
        core = await self._answer("CoreSettings")
        if core is not None:
            seen.version = core.get("AsteriskVersion")
            seen.systemname = core.get("SystemName")
            seen.realtime = core.get("CoreRealTimeEnabled", "No") == "Yes"
        status = await self._answer("CoreStatus")
        if status is not None:
            seen.started = status.get("CoreStartupDate", NEVER_STARTED) != NEVER_STARTED
        seen.actions = await self._commands()
        await self._list_queues()
        seen.channels = await self._listing("CoreShowChannels") is not None
        await self._ask_devices([device for device in devices if askable(device)])

    async def _commands(self) -> dict[str, frozenset[str]] | None:
        """ListCommands; taken as it is, because some descriptions hold a tab, which no caller can have put there."""
        number = self._line.request("ListCommands", {}, self._patience)
        answer = self._raw[number] = asyncio.get_running_loop().create_future()
        return commands(await self._line.wait_for(answer, self._patience))

    async def _list_queues(self) -> None:
        entries = await self._listing("QueueStatus")
        if entries is None:
            return
        limits: dict[str, int] = {}
        members = []
        for entry in entries:
            told = entry.headers
            if entry.event == "QueueParams":
                limits[told["Queue"]] = int(told["Max"]) if told.get("Max", "").isdecimal() else 0
            elif entry.event == "QueueMember":
                members.append(QueueMember(told["Queue"], told["Name"], told["Location"], told["Status"]))
        self.seen.queues, self.seen.members = limits, tuple(members)

    async def _ask_devices(self, devices: list[str]) -> None:
        for start in range(0, len(devices), DEVICES_AT_ONCE):
            asked = {
                device: self._line.ask("Getvar", {"Variable": f"DEVICE_STATE({device})"})
                for device in devices[start : start + DEVICES_AT_ONCE]
            }
            for device, answer in asked.items():
                await self._line.until(answer, self._patience)
                told = answer.result().headers if answer.done() else {}
                self.seen.devices[device] = told.get("Value", "")

    async def _read_clock(self) -> None:
        best: timedelta | None = None
        for _ in range(PINGS):
            sent, wall = self._clock.monotonic(), self._clock.wall()
            told = await self._answer("Ping") or {}
            stamp = TIMESTAMP.match(told.get("Timestamp", ""))
            took = self._line.heard_at - sent
            if stamp is not None and (best is None or took < best):
                best = took
                here = wall - EPOCH + took / 2
                self.seen.ahead = timedelta(seconds=int(stamp[1]), microseconds=int(stamp[2])) - here
                self.seen.doubt = took / 2

    async def _answer(self, action: str) -> Mapping[str, str] | None:
        """The headers of a yes; None for a no.

        Raises:
            LinkFailed: the line ended, or nothing came.
        """
        answer = await self._line.wait_for(self._line.ask(action, {}), self._patience)
        return answer.headers if answer.succeeded else None

    async def _listing(self, action: str) -> list[Message] | None:
        """The entries of a listing; None for a no, and for one that does not end."""
        number = self._line.request(action, {}, LISTING_WITHIN)
        self._lists[number] = []
        end = self._ends[number] = asyncio.get_running_loop().create_future()
        await self._line.until(end, LISTING_WITHIN)
        if self._line.closed.done():
            raise self._line.closed.result()
        return self._lists.pop(number) if end.done() and end.result() else None

    async def _read(self) -> None:
        while True:
            batches = [entry for entry in await self._feed.take() if isinstance(entry, Batch)]
            for item in (item for batch in batches for item in batch.items):
                for number, answer in self._raw.items():
                    if f"\r\nActionID: {number}\r\n".encode() in item.raw and not answer.done():
                        answer.set_result(item.raw)
                if isinstance(item, Message):
                    self._note(item)

    def _note(self, message: Message) -> None:
        if message.kind is Kind.EVENT:
            self._note_event(message)
            return
        end = self._ends.get(message.action_id)
        if end is None or end.done():
            return
        if message.ends_list or (message.kind is Kind.RESPONSE and not message.opens_list):
            end.set_result(message.ends_list)
        elif message.kind is Kind.LISTED and len(self._lists[message.action_id]) < MAX_ENTRIES:
            self._lists[message.action_id].append(message)

    def _note_event(self, message: Message) -> None:
        headers, heard = message.headers, self.seen.heard
        if message.event == "FullyBooted":
            self.seen.booted = True
            if not self._booted.done():
                self._booted.set_result(None)
            if "Timestamp" not in headers:
                return
        heard.stamped += "Timestamp" in headers
        heard.unstamped += "Timestamp" not in headers
        heard.systemnames.add(headers.get("SystemName", ""))
        heard.classes |= set(headers["Privilege"].split(",")) - {"all"}
        if not self._first.done():
            self._first.set_result(None)
