"""The FastAGI side put together: the listener, the route `inbound`, and the processes that run users' scripts."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from handlers.agi import inbound
from handlers.agi.claims import Claims
from handlers.agi.directory import Directory
from handlers.agi.inbound import Asker, Inbound
from telephony.agi.codec import Environment
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIException
from telephony.agi.hosts import Ended, HostPool, HostSettings, NoHost
from telephony.agi.scripts import Script, fault, parse_run
from telephony.agi.server import FastAgiServer, Limits
from telephony.config import Agi, Config, ConfigFaults
from telephony.logs import Seldom
from telephony.metrics import Measures

GOOD = ("ok", "hung_up")
TOLD_EVERY = 1.0
"""Seconds between log lines about one script and one bad end: callers decide how many there are."""
EXPIRE_EVERY = 10.0
"""Seconds between looks at claims that nobody confirmed."""


@dataclass(frozen=True, slots=True)
class AgiState:
    """What there is to know at one instant; see `telephony.metrics.AgiGauges`."""

    listening: bool
    conversations: int
    hosts: Mapping[str, int]
    replaced: Mapping[str, int]


def limits_of(agi: Agi) -> Limits:
    """What peers may do."""
    return Limits(
        allow=tuple(agi.allow),
        deadline=agi.deadline_ms / 1000,
        requests=agi.max_calls,
        per_second=float(agi.calls_per_second),
    )


def scripts_of(config: Config) -> list[Script]:
    """The `[[script]]`s.

    Raises:
        ConfigFaults: one cannot be run; every fault.
    """
    scripts, faults = [], []
    for index, script in enumerate(config.script):
        try:
            parsed = parse_run(script.name, script.run, config.agi.scripts)
            wrong = fault(parsed)
        except ValueError as error:
            wrong = str(error)
        else:
            scripts.append(parsed)
        if wrong:
            faults.append(f"script[{index}].run = {script.run!r}: {wrong}")
    if faults:
        raise ConfigFaults(tuple(faults))
    return scripts


def host_settings_of(agi: Agi) -> HostSettings:
    """How many processes, how patient."""
    return HostSettings(
        hosts=agi.hosts,
        silence=agi.host_silence_ms / 1000,
        first_command=agi.deadline_ms / 1000,
        longest=agi.longest_minutes * 60,
        max_calls=agi.max_calls,
    )


class ScriptSide:
    """Users' scripts, as the listener needs them.

    Args:
        scripts: those configured.
        agi: how many processes, how patient.
        ended: is told of every conversation that is over.
    """

    def __init__(self, scripts: Sequence[Script], agi: Agi, ended: Callable[[Ended], None]) -> None:
        self._ended = ended
        self.pool = HostPool(scripts, host_settings_of(agi), ended)
        self.names = frozenset(script.name for script in scripts)

    @property
    def conversations(self) -> int:
        """So many scripts talk with a caller."""
        return self.pool.conversations

    @property
    def ready(self) -> bool:
        """A script that is asked for would run."""
        return not self.names or self.pool.ready

    def knows(self, name: str) -> bool:
        """It is configured."""
        return name in self.names

    def hand_on(self, name: str, environment: Environment, connection: AgiConnection) -> bool:
        """To the least busy process; False when there is none, or the caller is gone already."""
        if not self.pool.ready:
            return False
        try:
            sock = connection.release()
        except (AGIException, RuntimeError):
            return False
        try:
            self.pool.give(name, environment, sock)
        except NoHost as nobody:
            self.pool.decline(sock, nobody.result)
            self._ended(Ended(name, nobody.result, str(nobody), 0.0))
        return True

    async def reload(self, scripts: Sequence[Script], agi: Agi) -> list[str]:
        """New code and settings for new calls; gives the faults for which nothing was changed."""
        faults = await self.pool.reload(scripts, host_settings_of(agi))
        if not faults:
            self.names = frozenset(script.name for script in scripts)
        return faults


class AgiSide:
    """Everything that PBXs ask.

    Args:
        config: checked.
        pbxs: by name.
        claims: is told of every case named.
        measures: counts.

    Raises:
        ConfigFaults: a script cannot be run.
    """

    def __init__(self, config: Config, pbxs: Mapping[str, Asker], claims: Claims, measures: Measures) -> None:
        self._measures, self._claims = measures, claims
        self.inbound = Inbound(pbxs, Directory.of(config), claims, _wall_clock)
        scripts = scripts_of(config)
        self.scripts = ScriptSide(scripts, config.agi, self._ended)
        listen = (config.agi.listen.host, config.agi.listen.port)
        routes = {inbound.NAME: self.inbound}
        self.server = FastAgiServer(listen, limits_of(config.agi), routes, self.scripts, measures.agi_served)
        measures.scripts_known([inbound.NAME, *sorted(self.scripts.names)])
        measures.observe_agi(self.state)
        self._seldom = Seldom(TOLD_EVERY, time.monotonic)
        self._log = structlog.get_logger(__name__)

    def state(self) -> AgiState:
        """Now."""
        hosts = self.scripts.pool.state()
        return AgiState(self.server.listening, hosts.conversations, hosts.hosts, hosts.replaced)

    async def run(self) -> None:
        """Serve until cancelled: first the listener ends, then the conversations."""
        async with asyncio.TaskGroup() as tasks:
            hosts = tasks.create_task(self.scripts.pool.run(), name="script hosts")
            expiring = tasks.create_task(self._expire(), name="claims")
            try:
                await self.server.run()
            finally:
                expiring.cancel()
                hosts.cancel()

    async def reload(self, config: Config, scripts: Sequence[Script]) -> bool:
        """Take over what may change while calls go on; False: something is at fault, is told, and nothing changes.

        Args:
            config: checked.
            scripts: its `scripts_of`, which reads files and is best called where nobody waits.
        """
        faults = await self.scripts.reload(scripts, config.agi)
        if faults:
            self._log.error("not_reloaded", faults=faults, remedy="mend them and send SIGHUP again")
            return False
        self.inbound.directory = Directory.of(config)
        self.server.limits = limits_of(config.agi)
        self._measures.scripts_known(sorted(self.scripts.names))
        self._log.info("reloaded", scripts=sorted(self.scripts.names), numbers=len(config.number))
        return True

    def _ended(self, ended: Ended) -> None:
        self._measures.agi_served(ended.script, ended.result, ended.seconds)
        if ended.result in GOOD:
            return
        more = self._seldom.may(f"{ended.result} {ended.script}")
        if more is not None:
            self._log.warning(
                "script_ended_badly", script=ended.script, result=ended.result, detail=ended.detail, more=more
            )

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY)
            self._claims.expire()


def _wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - opening hours are by the clock on the wall


__all__ = ["AgiSide", "AgiState", "Asker"]
