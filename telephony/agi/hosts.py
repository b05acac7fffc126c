"""The script hosts of the service: started, watched, replaced, and given the calls.

    pool = HostPool(scripts, HostSettings(hosts=2), ended)
    tasks.create_task(pool.run())
    …
    pool.give("pin", environment, connection.release())

Whatever happens to a script or its host, its caller goes on in the dialplan with THREERINGS_SCRIPT saying why.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import SystemRandom

import structlog

from telephony.agi.codec import Environment
from telephony.agi.conversations import Conversation, Ended, HostSettings, HostsState, NoHost
from telephony.agi.host import Host
from telephony.agi.replacing import Stage, most_draining, stubborn, talking_on, too_many
from telephony.agi.scripts import Script, fault
from telephony.agi.takeover import Takeover
from telephony.agi.wire import WireClosed, WireFull
from telephony.backoff import Backoff

WATCH = 0.05
"""Seconds between two looks at the hosts."""
LATENESS = 0.1
"""Seconds by which our own loop may be late before what it finds late is given a second chance."""
START_APART = 1.0
"""Seconds, at least, from one start of a host to that of its replacement's replacement."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 10.0
"""Seconds: ceilings of the pauses while hosts die before they are ready."""
FAREWELL = 0.5
"""Seconds that a stop gives to conversations that are being ended."""


@dataclass(slots=True, eq=False)
class _Generation:
    """Scripts as they were read at one moment, and the hosts that run them."""

    scripts: tuple[Script, ...]
    hosts: "dict[Host, asyncio.Task[None]]" = field(default_factory=dict)
    retired: bool = False
    told: str = ""


class HostPool:
    """All script hosts. Everything runs in one event loop.

    Args:
        scripts: what can be run; for none of them no process is started.
        settings: how.
        ended: told of every conversation that `give` took, once, when it is over for its script.
    """

    def __init__(self, scripts: Sequence[Script], settings: HostSettings, ended: Callable[[Ended], None]) -> None:
        self._settings, self._told = settings, ended
        self._generation = _Generation(tuple(scripts))
        self._hosts: dict[Host, None] = {}  # the oldest first
        self._takeovers: set[Takeover] = set()
        self._none_taken_over = asyncio.Event()
        self._replaced: Counter[str] = Counter()
        self._number = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._reloading = asyncio.Lock()
        self._log = structlog.get_logger(__name__)

    # --- what others ask of it ----------------------------------------------------------------------------------------
    @property
    def ready(self) -> bool:
        """Some host takes calls."""
        return any(host.stage is Stage.READY for host in self._generation.hosts)

    @property
    def conversations(self) -> int:
        """Under way, those being ended included."""
        return sum(len(host.conversations) for host in self._hosts) + len(self._takeovers)

    def knows(self, script: str) -> bool:
        """There is a script of this name."""
        return any(known.name == script for known in self._generation.scripts)

    def state(self) -> HostsState:
        """For the figures."""
        stages = Counter(host.stage.value for host in self._hosts)
        hosts = {stage.value: stages[stage.value] for stage in (Stage.READY, Stage.STARTING, Stage.DRAINING)}
        return HostsState(hosts, self.conversations, {name: self._replaced[name] for name in REASONS})

    def give(self, script: str, environment: Environment, sock: socket.socket) -> None:
        """Hand a call to the least loaded host.

        Args:
            script: its name.
            environment: already read from the socket.
            sock: of the call; ours from here on.

        Raises:
            NoHost: nobody can; the socket is still yours.
        """
        if not self.knows(script):
            raise NoHost("unknown", f"there is no script {script!r}")
        if self.conversations >= self._settings.max_calls:
            raise NoHost("busy", f"{self.conversations} conversations; the limit is {self._settings.max_calls}")
        self._number += 1
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        if not self._hand_on(Conversation(self._number, script, sock, loop.time(), environment), environment):
            raise NoHost("busy", "no script host takes calls")

    def decline(self, sock: socket.socket, result: str) -> None:
        """Tell the dialplan why nobody runs the script, and let the call go on. The socket is ours from here on."""
        self._takeovers.add(Takeover(sock, result, self._taken_over))

    async def reload(self, scripts: Sequence[Script], settings: HostSettings | None = None) -> list[str]:
        """Run these scripts, as their files are now, for every call from here on; the old calls go on in the old hosts.

        Args:
            scripts: all of them.
            settings: for calls from here on; None: as before.

        Returns:
            Faults, one line each; then nothing has changed.
        """
        async with self._reloading:
            faults = [said for script in scripts if (said := fault(script))]
            if faults:
                return faults
            fresh, before = _Generation(tuple(scripts)), self._settings
            self._settings = settings or before
            if self._tasks is not None:
                try:
                    faults = await self._try(fresh, self._tasks)
                except BaseException:
                    self._settings = before
                    raise
                if faults:
                    self._settings = before
                    return faults
            old, self._generation = self._generation, fresh
            self._retire(old)
            self._log.info("scripts_loaded", scripts=[script.name for script in scripts])
            return []

    # --- life ---------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Keep the hosts running until cancelled; then every call goes on without a script, and no process is left."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._begin(self._generation, tasks)
                try:
                    await self._watch()
                finally:
                    self._tasks = None  # from here on nothing more is started
        finally:
            await self._farewell()

    def _begin(self, generation: _Generation, tasks: asyncio.TaskGroup) -> None:
        for _ in range(self._settings.hosts if generation.scripts else 0):
            tasks.create_task(self._keep(generation, tasks, self._start(generation, tasks)))

    def _start(self, generation: _Generation, tasks: asyncio.TaskGroup) -> Host:
        host = Host(generation.scripts, self._settings.longest, self._ended, self._abandoned, self._refused)
        self._hosts[host] = None
        generation.hosts[host] = tasks.create_task(self._live(host, generation))
        return host

    async def _keep(self, generation: _Generation, tasks: asyncio.TaskGroup, host: Host) -> None:
        """One host after the other, for as long as these scripts are the ones to run."""
        pauses = Backoff(FIRST_PAUSE, LAST_PAUSE, SystemRandom())
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await host.settled.wait()
            was_ready = host.stage is Stage.READY
            if was_ready:
                pauses.reset()
                self._ready_told(host, generation)
            await host.left.wait()
            if generation.retired:
                return
            self._left(host, generation, was_ready=was_ready)
            await asyncio.sleep(max(0.0, START_APART - (loop.time() - began)) if was_ready else pauses.next())
            if generation.retired:
                return
            host = self._start(generation, tasks)

    async def _live(self, host: Host, generation: _Generation) -> None:
        try:
            await host.live()
        finally:
            generation.hosts.pop(host, None)
            self._hosts.pop(host, None)

    async def _try(self, generation: _Generation, tasks: asyncio.TaskGroup) -> list[str]:
        """Start its hosts; what keeps them from running the scripts, after which they are gone again."""
        self._begin(generation, tasks)
        hosts = list(generation.hosts)
        try:
            for host in hosts:
                await host.settled.wait()
        except asyncio.CancelledError:
            self._retire(generation)
            raise
        said = [f"script {name}: {what}" for host in hosts for name, what in host.faults.items()]
        said += [
            f"a script host {host.reason or 'died'}: {host.detail}" for host in hosts if host.stage is not Stage.READY
        ]
        if said:
            self._retire(generation)
        return list(dict.fromkeys(said))

    def _retire(self, generation: _Generation) -> None:
        generation.retired = True
        for host in list(generation.hosts):
            host.drain()
        if self._tasks is not None and any(host.conversations for host in generation.hosts):
            self._tasks.create_task(self._expire(generation))

    async def _expire(self, generation: _Generation) -> None:
        """The drain has an end."""
        await asyncio.wait(generation.hosts.values(), timeout=self._settings.drain)
        for host in list(generation.hosts):
            host.expire("timeout", f"the scripts were loaded anew {self._settings.drain:g} s ago")

    async def _watch(self) -> None:
        """Judge the hosts, by what they said and by the time that we were awake."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(WATCH)
            settings = self._settings
            before, passed = loop.time(), loop.time() - before
            # Stopped or starved for a while, we have not watched; that is nobody's silence.
            watched = min(passed, WATCH + LATENESS)
            for host in list(self._hosts):
                host.judge(watched, settings.silence, settings.start)
            self._thin_out(settings.hosts)

    def _thin_out(self, wanted: int) -> None:
        """Replace hosts full of parked scripts, and see to it that old hosts do not pile up."""
        for host in list(self._hosts):
            if stubborn(host, crowded=len(talking_on(self._hosts)) >= most_draining(wanted)):
                self._replaced["stubborn"] += 1
                remedy = "let AGIHangup through, or end the script on it"
                self._log.warning("script_host_stubborn", scripts_parked=host.parked, remedy=remedy)
                host.drain()
        for host in too_many(self._hosts, wanted):
            remedy = "reload less often, and let scripts end when their caller hangs up"
            self._log.warning("script_hosts_pile_up", callers_lost=len(host.conversations), remedy=remedy)
            host.expire("timeout", f"{most_draining(wanted)} younger hosts were replaced while it talked on")

    async def _farewell(self) -> None:
        """What is being ended has a moment; then it is closed."""
        try:
            if self._takeovers:
                self._none_taken_over.clear()
                await asyncio.wait_for(self._none_taken_over.wait(), FAREWELL)
        except TimeoutError:
            pass
        finally:
            for takeover in list(self._takeovers):
                takeover.close()

    # --- conversations ------------------------------------------------------------------------------------------------
    def _preferred(self) -> list[Host]:
        """Hosts that take calls, the best first: one that reads and was heard just now, with few conversations."""
        doubtful = self._settings.silence / 4
        return sorted(
            (host for host in self._generation.hosts if host.stage is Stage.READY),
            key=lambda host: (host.waiting > 0, host.quiet > doubtful, len(host.conversations)),
        )

    def _hand_on(self, conversation: Conversation, environment: Environment) -> bool:
        """To the first host that takes it, and see to it that it has an end; whether there is one."""
        settings, loop = self._settings, asyncio.get_running_loop()
        for host in self._preferred():
            try:
                host.take(conversation, environment)
            except (WireFull, WireClosed, ValueError):
                continue
            first, began = settings.first_command, conversation.began
            conversation.alarms = (
                loop.call_at(began + first, self._late, host, conversation, first),
                loop.call_at(began + settings.longest, self._endless, host, conversation),
            )
            return True
        return False

    def _refused(self, conversation: Conversation, detail: str) -> None:
        """Its host could not begin with it, so it is as good as new."""
        environment = conversation.environment
        if environment is None or not self.knows(conversation.script) or not self._hand_on(conversation, environment):
            self._abandoned(conversation, "busy", detail)

    def _late(self, host: Host, conversation: Conversation, allowed: float) -> None:
        """The script should have spoken by now."""
        host.hear()
        if conversation.started or host.conversations.get(conversation.number) is not conversation:
            return
        loop = asyncio.get_running_loop()
        waited = loop.time() - conversation.began
        if waited > allowed + LATENESS and waited < self._settings.longest:
            # It is we who are late, and the host may have been stopped with us.
            alarm = loop.call_later(LATENESS, self._late, host, conversation, waited + LATENESS)
            conversation.alarms = (alarm, *conversation.alarms[1:])
            return
        host.give_up(conversation, "late", f"no command within {self._settings.first_command * 1000:.0f} ms")

    def _endless(self, host: Host, conversation: Conversation) -> None:
        host.give_up(conversation, "timeout", f"still talking after {self._settings.longest:g} s")

    def _ended(self, conversation: Conversation, result: str, detail: str) -> None:
        seconds = asyncio.get_running_loop().time() - conversation.began
        self._told(Ended(conversation.script, result, detail, seconds))

    def _abandoned(self, conversation: Conversation, result: str, detail: str) -> None:
        self._takeovers.add(Takeover(conversation.sock, result, self._taken_over))
        self._ended(conversation, result, detail)

    def _taken_over(self, takeover: Takeover) -> None:
        self._takeovers.discard(takeover)
        if not self._takeovers:
            self._none_taken_over.set()

    # --- the log ------------------------------------------------------------------------------------------------------
    def _ready_told(self, host: Host, generation: _Generation) -> None:
        generation.told = ""
        if generation is self._generation:
            for name, said in host.faults.items():
                remedy = "mend it and reload; until then its callers go on without it"
                self._log.error("script_cannot_run", script=name, fault=said, remedy=remedy)

    def _left(self, host: Host, generation: _Generation, *, was_ready: bool) -> None:
        """A host is gone that should be there. A loop of deaths is told once, and counted."""
        if not host.reason or generation is not self._generation:
            return
        self._replaced[host.reason] += 1
        if was_ready or generation.told != host.detail:
            self._log.warning("script_host_lost", reason=host.reason, detail=host.detail, was_ready=was_ready)
        generation.told = "" if was_ready else host.detail


REASONS = ("silent", "died", "stubborn", "exhausted")
__all__ = ["Ended", "HostPool", "HostSettings", "HostsState", "NoHost"]
