"""One connection to the manager interface: reads, frames, stamps and appends, and waits for nothing else."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar, cast

from telephony.ami.actions import encode
from telephony.ami.codec import Banner, Codec, Item, Kind, Message, Quarantined, StreamBroken
from telephony.ami.feed import Batch, Feed, LinkUp, RequestExpired
from telephony.ami.settings import AmiSettings, Clock

T = TypeVar("T")


class Fault(StrEnum):
    """Why there is no line; a label of metrics."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    NOT_AMI = "not_ami"
    REFUSED = "refused"
    """The login: name, secret, address (ACL), or no way to log in that keeps the secret."""
    SILENT = "silent"
    CLOSED = "closed"
    BROKEN = "broken"
    """The stream exceeded a limit of the codec."""
    OVERFLOW = "overflow"
    """The follower was slower than the PBX."""


class LinkFailed(Exception):  # noqa: N818 - what happened to the link, and often nobody's error
    """The link could not be made, or ended."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


class Line(asyncio.Protocol):
    """A connection from its first byte to its last; not reused.

    What comes before `open` is held back, because until then nobody knows the PBX's clock.

    Args:
        codec: fresh.
        clock: stamps what is read.
        feed: where the messages go.
        token: the beginning of all ActionIDs of this line, unguessable: a forged answer would need it.

    Attributes:
        closed: becomes the reason when the line is over.
        greeted: becomes the banner.
        heard_at: when the last bytes came, on the monotonic clock.
        bytes, quarantined: how many so far.
    """

    def __init__(self, codec: Codec, clock: Clock, feed: Feed, token: str) -> None:
        loop = asyncio.get_running_loop()
        self.codec = codec
        self.closed: asyncio.Future[LinkFailed] = loop.create_future()
        self.greeted: asyncio.Future[Banner] = loop.create_future()
        self.heard_at = clock.monotonic()
        self.bytes = 0
        self.quarantined = 0
        self.offset = timedelta()
        self._clock, self._feed, self._token = clock, feed, token
        self._transport: asyncio.Transport | None = None
        self._asked = 0
        self._own: dict[str, asyncio.Future[Message]] = {}
        self._requests: dict[str, timedelta] = {}
        self._held: list[Batch] | None = []

    # --- asyncio calls these ------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; Asterisk speaks first."""
        # uvloop's transports are none of asyncio's classes, but can do what theirs can.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Frame, stamp, append."""
        if self.closed.done():
            return
        self.heard_at = self._clock.monotonic()
        self.bytes += len(data)
        try:
            self._pass_on(self.codec.feed(data))
        except StreamBroken as broken:
            self._pass_on(broken.before)
            self.hang_up(Fault.BROKEN if self.greeted.done() else Fault.NOT_AMI, str(broken))

    def connection_lost(self, exc: Exception | None) -> None:
        """The PBX or the network ended it, unless we did."""
        self._close(Fault.CLOSED, "the PBX closed the line" if exc is None else f"the line broke: {exc}")

    # --- the client calls these ---------------------------------------------------------------------------------------
    def hang_up(self, fault: Fault, reason: str) -> None:
        """End it at once; what is unread or unsent is lost."""
        self._close(fault, reason)
        if self._transport is not None:
            self._transport.abort()

    def ask(self, action: str, headers: Mapping[str, str]) -> asyncio.Future[Message]:
        """Send an action of the line's own; its answer is not passed on to the follower."""
        action_id = self._next_id()
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._own[action_id] = answer
        self._send(encode(action, action_id, headers))
        return answer

    def request(self, action: str, headers: Mapping[str, str], within: timedelta) -> str:
        """Send an action of the follower's, give its ActionID; what answers it comes in the feed.

        Raises:
            ValueError: as `actions.encode`.
        """
        action_id = self._next_id()
        data = encode(action, action_id, headers)
        self._requests[action_id] = self._clock.monotonic() + within
        self._send(data)
        return action_id

    def expire(self, now: timedelta) -> list[str]:
        """Forget the requests that should have been completed by now; tell the follower; give their ActionIDs."""
        late = [action_id for action_id, due in self._requests.items() if due < now]
        for action_id in late:
            del self._requests[action_id]
            self._feed.tell(RequestExpired(now, self.offset, action_id))
        return late

    def open(self, offset: timedelta) -> None:
        """Tell `LinkUp`, then all that was held back, then everything as it comes."""
        self.offset = offset
        held, self._held = self._held or [], None
        self._feed.tell(LinkUp(self._clock.monotonic(), offset, self.greeted.result().version))
        for batch in held:
            self._append(batch.mono, batch.items)

    async def until(self, what: asyncio.Future[Any], within: timedelta) -> None:
        """Wait until `what` is there, the line ended, or the time is over; whichever comes first."""
        both = {what, self.closed}
        await asyncio.wait(both, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)

    async def wait_for(self, what: asyncio.Future[T], within: timedelta) -> T:
        """The result of `what`.

        Raises:
            LinkFailed: the line ended first, or nothing came in time.
        """
        await self.until(what, within)
        if what.done():
            return what.result()
        if self.closed.done():
            raise self.closed.result()
        raise LinkFailed(Fault.SILENT, f"the PBX said nothing for {within.total_seconds():g} s")

    # --- within -------------------------------------------------------------------------------------------------------
    def _next_id(self) -> str:
        self._asked += 1
        return f"{self._token}-{self._asked}"

    def _send(self, data: bytes) -> None:
        # After the end nothing is sent; whoever asked learns of it from `closed`. asyncio's transports drop what they
        # are given then, uvloop's raise RuntimeError.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self, fault: Fault, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(LinkFailed(fault, reason))

    def _pass_on(self, items: list[Item]) -> None:
        kept: list[Message | Quarantined] = []
        for item in items:
            if isinstance(item, Message):
                sorted_out = item if item.kind is Kind.EVENT else self._sort(item)
                if sorted_out is not None:
                    kept.append(sorted_out)
            elif isinstance(item, Quarantined):
                kept.append(item)
            else:
                self.greeted.set_result(item)
        if kept:
            self.quarantined += sum(isinstance(item, Quarantined) for item in kept)
            self._append(self.heard_at, kept)

    def _append(self, mono: timedelta, items: list[Message | Quarantined]) -> None:
        batch = Batch(mono, self.offset, items)
        if self._held is None:
            waiting, fits = self._feed.waiting, self._feed.put(batch)
        else:
            waiting = sum(len(held.items) for held in self._held)
            fits = waiting + len(items) <= self._feed.most
            self._held.append(batch)
        if not fits:
            reason = f"{waiting + len(items):,} messages wait for the follower; the limit is {self._feed.most:,}"
            self.hang_up(Fault.OVERFLOW, reason)

    def _sort(self, answer: Message) -> Message | Quarantined | None:
        """An answer of our own: None. One to the follower's request: itself. To nobody's: quarantined."""
        own = self._own.pop(answer.action_id, None)
        if own is not None:
            if not own.done():
                own.set_result(answer)
            return None
        if answer.action_id not in self._requests:
            return Quarantined(answer.raw, "answers nothing that we asked")
        if answer.ends_list or (answer.kind is Kind.RESPONSE and not answer.opens_list):
            del self._requests[answer.action_id]
        return answer


async def log_in(line: Line, settings: AmiSettings) -> None:
    """From the banner to the accepted login.

    Raises:
        LinkFailed: no manager, refused, silent or closed.
    """
    await line.wait_for(line.greeted, settings.answer_within)
    offer = await line.wait_for(line.ask("Challenge", {"AuthType": "MD5"}), settings.answer_within)
    who = {"Username": settings.username, "Events": "on" if settings.events else "off"}
    if offer.succeeded and offer.headers.get("Challenge"):
        # Asterisk knows no better digest; it keeps the secret off the wire, and nothing else.
        key = hashlib.md5((offer.headers["Challenge"] + settings.secret).encode(), usedforsecurity=False).hexdigest()
        proof = {"AuthType": "MD5", "Key": key}
    elif settings.tls or settings.plain_login:
        proof = {"Secret": settings.secret}
    else:
        raise LinkFailed(
            Fault.REFUSED,
            "the PBX offers no MD5 challenge, and the secret must not travel in clear: use TLS, or allow plain_login",
        )
    answer = await line.wait_for(line.ask("Login", who | proof), settings.answer_within)
    if not answer.succeeded:
        said = answer.headers.get("Message", "no reason given")
        raise LinkFailed(
            Fault.REFUSED,
            f"login as {settings.username!r} refused ({said}): check name, secret and permit= in manager.conf",
        )
