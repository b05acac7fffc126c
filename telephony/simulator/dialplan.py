"""What a call runs through: extensions.conf as values, and the thread that executes it. No I/O."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from telephony.simulator import dialling, queueing, wire
from telephony.simulator.calls import Call
from telephony.simulator.pbx import NONE, Pbx
from telephony.simulator.people import Caller
from telephony.simulator.ringing import PHONES
from telephony.simulator.timeline import SECOND, Running, Thread
from telephony.simulator.visits import GONE, MOVED

FROM_TRUNK = "from-trunk"
AUDIO_SECONDS = 0.0145
"""Answer() waits so long for the caller's first audio."""
AGI_SECONDS = 2.0
"""The shipped dialplan lets FastAGI have so much of the caller's time."""
REFUSED = ("FULL", "JOINEMPTY", "JOINUNAVAIL")
ALLOWED = frozenset("+0123456789*#")
"""What the shipped dialplan leaves of a caller's number."""


@dataclass(frozen=True, slots=True)
class Clean:
    """Gosub(threerings-clean,s,1)."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """Gosub(threerings-inbound,s,1(QUEUE)): FastAGI is asked."""

    queue: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer()."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Gosub(threerings-queue,s,1(QUEUE,,SECONDS)); `queue` empty: the one that FastAGI named.

    `told`: by UserEvent why it ended; else Queue() without the subroutine.
    """

    queue: str
    seconds: float
    told: bool = True


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial(A&B,SECONDS)."""

    interfaces: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait(SECONDS)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Limit:
    """Set(TIMEOUT(absolute)=SECONDS)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hangup()."""


Step: TypeAlias = Clean | Inbound | Answer | Enter | Dial | Wait | Limit | HangUp
Extensions: TypeAlias = Mapping[str, tuple[Step, ...]]
Ask: TypeAlias = Callable[[Call, str], None]
"""Puts the question to FastAGI (with the default queue) and later sets the call's variables and wakes it."""


class Dialplan:
    """The extensions of a PBX, and whoever runs through them.

    Args:
        pbx: the switch.
        extensions: `from-trunk`, which the phones' context includes.
        keys: what callers may press in queues that have keys.
        ask: puts the question of `Inbound`; None: FastAGI is away, which the dialplan learns at once.
    """

    def __init__(
        self,
        pbx: Pbx,
        extensions: Extensions,
        keys: Extensions | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.pbx, self.ask = pbx, ask
        self._extensions, self._keys = extensions, keys or {}

    def call(self, caller: Caller, trunk: str = "PJSIP/trunk") -> Call:
        """Somebody calls."""
        pbx = self.pbx
        channel = pbx.new_channel(trunk, wire.RING, caller.number, caller.name, (FROM_TRUNK, caller.dials))
        call = Call(caller, channel)
        pbx.calls[channel.uniqueid] = call
        call.thread = Thread(pbx.timeline, self._run(call))
        if caller.hangs_up_after is not None:
            pbx.timeline.after(caller.hangs_up_after, lambda: self.hangs_up(call))
        if caller.patience is not None:
            pbx.timeline.after(caller.patience, lambda: None if call.talking else self.hangs_up(call))
        if caller.presses is not None:
            after, key = caller.presses
            pbx.timeline.after(after, lambda: self.presses(call, key))
        return call

    # --- what is done to a call ---

    def hangs_up(self, call: Call) -> None:
        """The caller hangs up; before anybody answered that is a CANCEL."""
        if call.channel.ended or call.hung_up:
            return
        if call.channel.state != wire.UP:
            call.channel.cause, call.channel.tech_cause = dialling.CANCELLED, dialling.OWN_CANCEL
        call.hung_up = self.pbx.device_hangs_up(call.channel)
        call.wake()

    def presses(self, call: Call, key: str) -> None:
        """The caller presses a key, which matters in some queues."""
        waiting = call.waiting
        settings = self.pbx.queues[waiting.stay.queue].settings if waiting is not None else None
        if settings is not None and settings.keys and key in self._keys and not call.gone:
            call.key = key
            call.channel.place(settings.keys, key, 0)
            call.wake()

    def redirect(self, call: Call, exten: str) -> None:
        """AMI Redirect, of somebody who waits."""
        if not call.channel.ended and not call.gone and call.talking is None:
            call.moved = True
            call.channel.place(FROM_TRUNK, exten, 1)
            call.wake()

    def withdraw(self, call: Call) -> None:
        """QueueWithdrawCaller."""
        if call.waiting is not None and not call.gone:
            call.withdrawn = True
            call.wake()

    def end(self, call: Call) -> None:
        """AMI Hangup, or a limit: no device asked for it."""
        if not call.channel.ended and not call.gone and call.talking is None:
            call.ended = True
            call.wake()

    def end_agent(self, call: Call) -> None:
        """AMI Hangup of the phone that he talks to."""
        if call.talking is not None and not call.gone:
            call.talking.ended = True
            call.wake()

    # --- the thread ---

    def _run(self, call: Call) -> Running[None]:
        channel = call.channel
        while not call.gone:
            call.moved = False
            if (yield from self._extension(call)) is not MOVED:
                break
        self.pbx.ask_for_end(channel)
        yield self.pbx.timeline.now  # the phones that rang for him go first
        self.pbx.end(channel)

    def _extension(self, call: Call) -> Generator[int | None, bool | None, str]:
        channel = call.channel
        context, exten = channel.context, channel.exten
        table = self._extensions if context in (FROM_TRUNK, PHONES) else self._keys
        for number, step in enumerate(table[exten], start=1):
            if call.gone or call.moved:
                return GONE if call.gone else MOVED
            channel.place(context, exten, number)
            then = yield from self._step(call, step)
            if then != dialling.CONTINUE:
                return then
        return GONE

    def _step(self, call: Call, step: Step) -> Running[str]:
        match step:
            case Clean():
                self._clean(call)
            case Inbound():
                yield from self._ask(call, step)
            case Answer():
                yield from self._answer(call)
            case Enter():
                return (yield from self._enter(call, step))
            case Dial():
                return (yield from dialling.dial(self.pbx, call, step.interfaces, step.seconds))
            case Wait():
                yield from self._wait(call, step.seconds)
            case Limit():
                self.pbx.timeline.after(step.seconds, lambda: self.end(call))
            case HangUp():
                call.channel.cause = call.channel.cause or dialling.NORMAL
                return GONE
        return dialling.CONTINUE

    def _clean(self, call: Call) -> None:
        channel = call.channel
        cleaned = "".join(one for one in channel.number if one in ALLOWED)
        if cleaned != channel.number:
            channel.place("threerings-clean", "s", 1)
            self.pbx.identify(channel, cleaned, channel.caller_name)

    def _answer(self, call: Call) -> Running[None]:
        if call.channel.state != wire.UP:
            self.pbx.set_state(call.channel, wire.UP)
            yield from self._wait(call, AUDIO_SECONDS)

    def _wait(self, call: Call, seconds: float) -> Running[None]:
        until = self.pbx.timeline.now + round(seconds * SECOND)
        while self.pbx.timeline.now < until and not call.gone and not call.moved:
            yield until

    def _ask(self, call: Call, step: Inbound) -> Running[None]:
        call.variables |= {"THREERINGS_QUEUE": step.queue, "THREERINGS_CASE": "", "THREERINGS_PRIORITY": "0"}
        call.channel.place("threerings-inbound", "s", 12)
        if self.ask is None:
            return
        call.agi_answered = False
        until = self.pbx.timeline.now + round(AGI_SECONDS * SECOND)
        self.ask(call, step.queue)
        while not call.agi_answered and not call.gone and self.pbx.timeline.now < until:
            yield until

    def _enter(self, call: Call, step: Enter) -> Running[str]:
        channel, pbx = call.channel, self.pbx
        name = step.queue or call.variables.get("THREERINGS_QUEUE", "")
        name = name if name in pbx.queues else next(iter(pbx.queues))
        priority = call.variables.get("THREERINGS_PRIORITY", "0")
        if step.told:
            channel.place("threerings-queue", "s", 2)
        channel.application, channel.data = "Queue", f"{name},,,,{step.seconds:g}"
        weight = int(priority) if priority.isdecimal() else 0
        status = yield from queueing.queue(pbx, call, name, step.seconds, weight)
        channel.application = channel.data = ""
        if status in (GONE, MOVED):
            call.key = ""
            return status
        if step.told:
            channel.place("threerings-queue", "s", 4)
            told = [("UserEvent", "QueueResult"), ("Queue", name), ("Result", status)]
            pbx.tell("UserEvent", "user", channel.headers(), told)
            if status in REFUSED:
                pbx.write(channel.uniqueid, name, NONE, status, "")
        return dialling.CONTINUE
