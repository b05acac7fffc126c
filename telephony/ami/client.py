"""The line to one PBX, kept up for ever: connect, log in, watch, tell, try again.

    client = AmiClient(settings, clock=SystemClock(), rng=Random())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.run())
        ...
        while True:
            for entry in await client.take():
                match entry: ...

One ordered stream comes out (`feed.Entry`). `LinkDown` becomes the fact LinkLost, FullyBooted (an event in a batch)
becomes LinkRestored; both in the follower, with `translate`. Listings are asked for by `request`, not before
FullyBooted; their entries come in the stream, between the events where the PBX put them, and end with a message that
`ends_list` and has the ActionID that `request` gave.
"""

import asyncio
import re
import secrets
import ssl
from collections import Counter, deque
from collections.abc import Callable
from datetime import timedelta
from random import Random

import structlog

from telephony.ami.codec import Codec, Message
from telephony.ami.feed import Entry, Feed, LinkDown
from telephony.ami.line import Fault, Line, LinkFailed, log_in
from telephony.ami.settings import AmiSettings, Clock
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.backoff import Backoff
from telephony.calls.facts import Moment

_STAMP = re.compile(r"([0-9]{1,11})\.([0-9]{6})")
_OFFSETS = 4
"""Of so many Pongs, the quickest tells the PBX's clock: 20 s, so that a step of its clock is soon followed."""


USER_EVENTS = ("QueueResult",)
"""The UserEvents that are acted upon."""


def codec_of(settings: AmiSettings, *, banner: bool = True) -> Codec:
    """What reads one connection; `banner`: from its first byte on, else what was kept of it."""
    return Codec(
        ACTED_UPON,
        systemname=settings.systemname,
        strict=settings.strict,
        user_events=USER_EVENTS,
        listed=LISTED,
        unstamped=UNSTAMPED,
        banner=banner,
    )


class NotConnected(Exception):  # noqa: N818 - a state, and no fault of whoever meets it
    """There is no line now: `LinkDown` is in the stream, or no `LinkUp` was yet."""


class AmiClient:
    """The line to one PBX.

    Args:
        settings: where, who, how patient.
        clock: the only one that is read.
        rng: jitter of the pauses.
        codec: makes what reads one connection.

    Attributes:
        feed: the hand-over buffer; `feed.waiting` and `feed.most` are worth a metric.
        links: how often we were logged in; minus one: the reconnects.
        failures: how often there was no line or it ended, by reason.
        stall: the longest time, since it was last set to zero, that the event loop was late, and the socket unread.
    """

    def __init__(
        self,
        settings: AmiSettings,
        *,
        clock: Clock,
        rng: Random,
        codec: Callable[[AmiSettings], Codec] = codec_of,
    ) -> None:
        self._codec = codec
        self.feed = Feed(settings.buffer_messages)
        self.links = 0
        self.failures: Counter[Fault] = Counter()
        self.stall = timedelta()
        self._settings, self._clock = settings, clock
        first, last = settings.first_delay.total_seconds(), settings.last_delay.total_seconds()
        refused = settings.refused_delay.total_seconds()
        self._pauses, self._long_pauses = Backoff(first, last, rng), Backoff(refused, refused, rng)
        self._line: Line | None = None
        self._past = _Past()
        self._offsets: deque[timedelta] = deque(maxlen=_OFFSETS)
        self._log = structlog.get_logger().bind(host=settings.host, port=settings.port)
        self._told: tuple[Fault, str] | None = None

    # --- what others ask of it ----------------------------------------------------------------------------------------
    async def take(self, most: int = 1000) -> list[Entry]:
        """Wait for the next entries of the stream, about `most` messages; never empty. For one follower only."""
        return await self.feed.take(most)

    def request(self, action: str, /, **headers: str) -> str:
        """Send an action, give its ActionID: `request("QueueStatus", Member="nobody")`.

        Its answer, and the entries of its listing, come in the stream; or `RequestExpired` or `LinkDown` does.

        Raises:
            NotConnected: there is no line.
            ValueError: a value with CR, LF or NUL, or a line of more than 1,024 bytes.
        """
        if self._line is None:
            raise NotConnected
        return self._line.request(action, headers, self._settings.request_within)

    def now(self) -> Moment:
        """This moment, by the PBX's clock as last told; by ours until then."""
        mono = self._clock.monotonic()
        return Moment(EPOCH + self.offset + mono, mono, stamped=False)

    @property
    def offset(self) -> timedelta:
        """What to add to the monotonic clock for the PBX's time since 1970."""
        # A Pong is never older than its stamp, so of several the greatest difference was the least delayed.
        return max(self._offsets) if self._offsets else self._clock.wall() - EPOCH - self._clock.monotonic()

    @property
    def connected(self) -> bool:
        """Whether we are logged in."""
        return self._line is not None

    @property
    def bytes(self) -> int:
        """Bytes read, over all connections."""
        return self._past.bytes + (self._line.bytes if self._line else 0)

    @property
    def quarantined(self) -> int:
        """Messages quarantined, over all connections."""
        return self._past.quarantined + (self._line.quarantined if self._line else 0)

    @property
    def seen(self) -> Counter[str]:
        """Events by name, over all connections, acted upon or not."""
        return self._past.seen + Counter(self._line.codec.seen if self._line else {})

    @property
    def heard_at(self) -> timedelta | None:
        """When the last bytes came, on the monotonic clock; None before the first login."""
        return self._line.heard_at if self._line else self._past.heard_at

    # --- life ---------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Keep the line up until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure_stalls())
            tasks.create_task(self._stay_connected())

    async def _stay_connected(self) -> None:
        while True:
            failed = await self._one_link()
            self.failures[failed.fault] += 1
            # A PBX that is away for a night is worth one line, not a thousand.
            if self._told != (failed.fault, str(failed)):
                self._told = (failed.fault, str(failed))
                self._log.warning("ami_link_failed", fault=failed.fault.value, reason=str(failed))
            pauses = self._long_pauses if failed.fault is Fault.REFUSED else self._pauses
            await asyncio.sleep(pauses.next())
            await self.feed.until_low()

    async def _one_link(self) -> LinkFailed:
        """One connection from dialling to its end, and why it ended."""
        settings = self._settings
        line = Line(self._codec(settings), self._clock, self.feed, secrets.token_hex(8))
        try:
            await self._connect(line)
            await log_in(line, settings)
            await self._open(line)
            return await self._keep(line)
        except LinkFailed as failed:
            return failed
        finally:
            line.hang_up(Fault.CLOSED, "we hung up")
            self._past.add(line)
            if self._line is not None:
                self._line = None
                self.feed.tell(LinkDown(self._clock.monotonic(), self.offset, str(line.closed.result())))

    async def _connect(self, line: Line) -> None:
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.tls_ca) if settings.tls else None
        except OSError as error:
            raise LinkFailed(Fault.TLS, f"cannot use tls_ca {settings.tls_ca}: {error}") from None
        try:
            async with asyncio.timeout(settings.connect_within.total_seconds()):
                await asyncio.get_running_loop().create_connection(
                    lambda: line, settings.host, settings.port, ssl=context
                )
        except ssl.SSLError as error:
            raise LinkFailed(Fault.TLS, f"no TLS with the PBX: {error}") from None
        except TimeoutError:
            waited = settings.connect_within.total_seconds()
            raise LinkFailed(Fault.UNREACHABLE, f"no connection within {waited:g} s") from None
        except (OSError, ValueError) as error:  # a name that none can have is a ValueError
            raise LinkFailed(Fault.UNREACHABLE, f"no connection: {error}") from None

    async def _open(self, line: Line) -> None:
        pong = await line.wait_for(line.ask("Ping", {}), self._settings.answer_within)
        self._offsets.clear()
        self._read_clock(pong, line)
        self._line = line
        self.links += 1
        self._told = None
        self._pauses.reset()
        self._log.info("ami_link_up", version=line.greeted.result().version)
        line.open(self.offset)

    async def _keep(self, line: Line) -> LinkFailed:
        """Ping until it ends; give why."""
        settings = self._settings
        overdue = self._clock.monotonic() + settings.booted_within
        warned = False
        while True:
            await line.until(line.closed, settings.ping_every)
            if not line.closed.done() and not await self._lives(line):
                line.hang_up(Fault.SILENT, f"no answer to {settings.pings_missed} pings")
            if line.closed.done():
                return line.closed.result()
            now = self._clock.monotonic()
            for action_id in line.expire(now):
                self._log.warning("ami_request_expired", action_id=action_id)
            if now > overdue and not warned and "FullyBooted" not in line.codec.seen:
                warned = True
                hint = "either Asterisk still starts, or the account lacks read=system"
                self._log.warning("ami_fully_booted_missing", hint=hint)

    async def _lives(self, line: Line) -> bool:
        for _ in range(self._settings.pings_missed):
            sent = self._clock.monotonic()
            pong = line.ask("Ping", {})
            await line.until(pong, self._settings.ping_patience)
            if pong.done():
                self._read_clock(pong.result(), line)
                line.offset = self.offset
                return True
            # A Pong waits its turn behind a flood of events; whoever floods us lives.
            if line.closed.done() or line.heard_at > sent:
                return True
        return False

    def _read_clock(self, pong: Message, line: Line) -> None:
        stamp = _STAMP.fullmatch(pong.headers.get("Timestamp", ""))
        if stamp is not None:
            told = timedelta(seconds=int(stamp[1]), microseconds=int(stamp[2]))
            self._offsets.append(told - line.heard_at)

    async def _measure_stalls(self) -> None:
        every = self._settings.stall_sample
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(every.total_seconds())
            self.stall = max(self.stall, self._clock.monotonic() - before - every)


class _Past:
    """The counters of the connections that are over."""

    def __init__(self) -> None:
        self.bytes = 0
        self.quarantined = 0
        self.seen: Counter[str] = Counter()
        self.heard_at: timedelta | None = None

    def add(self, line: Line) -> None:
        self.bytes += line.bytes
        self.quarantined += line.quarantined
        self.seen.update(line.codec.seen)
        if line.bytes:
            self.heard_at = line.heard_at
