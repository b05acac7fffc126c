"""One running Asterisk: its own folder, its own loopback addresses, its own mounts, gone when it ends.

Several may run side by side. Each has a block of loopback addresses to itself: `.0.1` is the PBX, `.0.2` the trunk that
brings callers, `.0.3` the trunk to the outside, `.0.4` where FastAGI is sought, `.0.5` callers who may vanish, `.1.N`
the phone 10NN. All mounts are made in a private namespace of the Asterisk process, so the kernel takes them away with
it, however it ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from . import install
from .ami import Ami, AmiError, Message

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "docker" / "asterisk"
INSIDE = "/srv/pbx"  # where the run folder appears within the chroot
PHONES = 40
START_LIMIT = 60.0

_ENTER = f"""
set -e
mount --make-rprivate /
mount --bind "$1" "$0{INSIDE}"
mount --bind "$1/hosts" "$0/etc/hosts"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
root="$0"; shift
exec setpriv --pdeathsig KILL chroot "$root" "$@"
"""


class Pbx:
    """A real Asterisk with the shipped configuration plus the bench's number plan.

    `systemname=None` leaves the name unset: two such PBXs started together hand out equal Uniqueids. `stamped=False`:
    its events bear no Timestamp, as by Asterisk's own default. `cel`: it writes channel events, too.
    """

    def __init__(self, systemname: str | None = "pbx1", *, stamped: bool = True, cel: bool = False) -> None:
        self.systemname, self.stamped, self.writes_cel = systemname, stamped, cel
        self.folder = Path(tempfile.mkdtemp(prefix="threerings-pbx-"))
        self.block, self._block_lock = _own_block()
        self.ami_port = 5038
        self.username, self.secret = "threerings", "change-me"
        self._root: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._admin: Ami | None = None

    # --- where things are ---------------------------------------------------------------------------------------------
    @property
    def host(self) -> str:
        """Address of SIP (port 5060) and AMI (`ami_port`)."""
        return f"{self.block}.0.1"

    @property
    def callers_host(self) -> str:
        """Address from which callers call in."""
        return f"{self.block}.0.2"

    @property
    def outside_host(self) -> str:
        """Address to which the PBX sends calls to outside numbers."""
        return f"{self.block}.0.3"

    @property
    def vanishing_host(self) -> str:
        """Address of callers who may vanish: of these the PBX lets go when it has heard nothing for four seconds."""
        return f"{self.block}.0.5"

    @property
    def agi(self) -> str:
        """Where its dialplan seeks Three Rings' FastAGI (THREERINGS_AGI)."""
        return f"{self.block}.0.4:4573"

    def phone_host(self, phone: str) -> str:
        """Address of the phone `1001` and so on."""
        return f"{self.block}.1.{int(phone) - 1000}"

    @property
    def queue_log(self) -> Path:
        """The queue_log of this PBX; it goes on across restarts."""
        return self.folder / "log" / "queue_log"

    @property
    def cel(self) -> Path:
        """Its channel events; they go on across restarts."""
        return self.folder / "log" / "cel-custom" / "threerings.csv"

    @property
    def etc(self) -> Path:
        """Its configuration files, as `check --asterisk-etc` may read them."""
        return self.folder / "etc"

    @property
    def reports(self) -> Path:
        """Where scripts of the tests write down what they saw; it is their first argument."""
        return self.folder / "reports"

    # --- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> Self:
        """Start it and wait until it is fully booted; the run folder and queue_log of an earlier life are kept."""
        self._root = await asyncio.to_thread(install.ready)
        self._write_configuration()
        output = (self.folder / "asterisk.out").open("ab")
        with output:
            self._process = await asyncio.create_subprocess_exec(
                "unshare", "-m", "sh", "-c", _ENTER, str(self._root), str(self.folder),
                "/usr/sbin/asterisk", "-f", "-n", "-C", f"{INSIDE}/etc/asterisk.conf",
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_LIMIT):
                self._admin = await self._first_login()
                while not await self._booted():
                    await asyncio.sleep(0.02)
        except BaseException:
            await self.kill()
            raise
        return self

    async def stop(self) -> None:
        """End it by SIGTERM, as a service manager does: every channel is hung up, queue_log is closed."""
        await self._end(kill=False)

    async def kill(self) -> None:
        """End it by SIGKILL: no closing event, no closing line."""
        await self._end(kill=True)

    async def wait_until_gone(self) -> None:
        """Wait for an end that was asked for otherwise (`core stop now`)."""
        if self._process is not None:
            await self._process.wait()
        await self._end(kill=True)

    def remove(self) -> None:
        """Forget the run folder and give the address block back."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._block_lock.close()

    async def __aenter__(self) -> Self:
        """Start; what could not start leaves nothing behind either."""
        try:
            return await self.start()
        except BaseException:
            self.remove()
            raise

    async def __aexit__(self, *_: object) -> None:
        """End it at once (an orderly stop takes a second) and remove what it wrote."""
        await self.kill()
        self.remove()

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id of Asterisk itself."""
        if self._process is None:
            raise RuntimeError("the PBX does not run")
        return self._process.pid

    # --- hands --------------------------------------------------------------------------------------------------------
    @property
    def admin(self) -> Ami:
        """The bench's own, all-powerful AMI line."""
        if self._admin is None:
            raise RuntimeError("the PBX does not run")
        return self._admin

    async def cli(self, line: str) -> str:
        """What the CLI says to `line`."""
        return await self.admin.command(line)

    async def action(self, name: str, /, **headers: str) -> Message:
        """One AMI action with all rights."""
        return await self.admin.action(name, **headers)

    async def channels(self, caller: str | None = None) -> list[Message]:
        """The channels that are up, or those of one caller's own call (its first channel only)."""
        found = await self.admin.listing("CoreShowChannels")
        return [
            channel
            for channel in found
            if caller is None or (channel["CallerIDNum"] == caller and channel["Channel"].startswith("PJSIP/callers-"))
        ]

    async def channel_of(self, caller: str) -> str:
        """The name of the channel on which `caller` came in; LookupError when he is gone."""
        for channel in await self.channels(caller):
            return channel["Channel"]
        raise LookupError(f"no channel of {caller}")

    async def redirect(self, caller: str, exten: str = "7000", context: str = "from-trunk") -> None:
        """Move a caller elsewhere, as an operator's panel does."""
        channel = await self.channel_of(caller)
        await self.action("Redirect", Channel=channel, Context=context, Exten=exten, Priority="1")

    async def hang_up(self, caller: str) -> None:
        """End a caller's call from outside (AMI Hangup)."""
        await self.action("Hangup", Channel=await self.channel_of(caller))

    async def channel_of_phone(self, phone: str) -> str:
        """The name of the channel on which a phone rings or talks; LookupError when there is none."""
        for channel in await self.channels():
            if channel["Channel"].startswith(f"PJSIP/{phone}-"):
                return channel["Channel"]
        raise LookupError(f"no channel of phone {phone}")

    async def hang_up_phone(self, phone: str) -> None:
        """End what a phone is doing from outside (AMI Hangup)."""
        await self.action("Hangup", Channel=await self.channel_of_phone(phone))

    async def consult(self, phone: str, number: str) -> None:
        """Let a talking phone begin an attended transfer (AMI Atxfer); it is done when that phone hangs up.

        Only while the agent speaks (`speaks` seconds from his answer): Asterisk makes the digits from what he sends.
        """
        await self.action("Atxfer", Channel=await self.channel_of_phone(phone), Exten=number, Context="from-phones")

    async def park(self, caller: str) -> None:
        """Put a caller into the parking lot (AMI Park)."""
        await self.action("Park", Channel=await self.channel_of(caller))

    async def confer(self, caller: str, phone: str) -> None:
        """Move a caller and the phone that he talks to into the conference 7500, both at once."""
        await self.action(
            "Redirect", Channel=await self.channel_of(caller), ExtraChannel=await self.channel_of_phone(phone),
            Context="from-phones", Exten="7500", Priority="1", ExtraContext="from-phones", ExtraExten="7500",
            ExtraPriority="1",
        )  # fmt: skip

    async def join(self, one: str, other: str) -> None:
        """Bridge two callers with each other (AMI Bridge)."""
        await self.action("Bridge", Channel1=await self.channel_of(one), Channel2=await self.channel_of(other))

    async def withdraw(self, caller: str, queue: str) -> None:
        """Take a caller out of a queue (QueueWithdrawCaller)."""
        await self.action("QueueWithdrawCaller", Queue=queue, Caller=await self.channel_of(caller))

    async def add_member(self, queue: str, phone: str, *, interface: str = "", paused: bool = False) -> None:
        """Put `Agent 1001` into a queue; `interface` if he is not reached at `PJSIP/1001`."""
        interface = interface or f"PJSIP/{phone}"
        await self.action(
            "QueueAdd", Queue=queue, Interface=interface, MemberName=f"Agent {phone}", Paused="yes" if paused else "no",
            StateInterface=f"PJSIP/{phone}",
        )  # fmt: skip

    async def remove_member(self, queue: str, phone: str, *, interface: str = "") -> None:
        """Take an agent out of a queue."""
        await self.action("QueueRemove", Queue=queue, Interface=interface or f"PJSIP/{phone}")

    async def pause_member(self, phone: str, *, paused: bool = True, reason: str = "") -> None:
        """Pause an agent in all his queues, or end his pause."""
        state = "true" if paused else "false"
        await self.action("QueuePause", Interface=f"PJSIP/{phone}", Paused=state, Reason=reason)

    async def quiet(self, limit: float = 10.0) -> None:
        """Wait until no channel is left; TimeoutError names those that are, and what they do."""
        left: list[Message] = []
        try:
            async with asyncio.timeout(limit):
                while left := await self.channels():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            about = (
                "Channel",
                "CallerIDNum",
                "Exten",
                "Application",
                "ApplicationData",
                "ChannelStateDesc",
                "Duration",
            )
            told = [" ".join(channel.get(name, "") for name in about) for channel in left[:5]]
            raise TimeoutError(f"{len(left)} channels are left after {limit:g} s: {told}") from None

    # --- within -------------------------------------------------------------------------------------------------------
    async def _first_login(self) -> Ami:
        while True:
            if self._process is None or self._process.returncode is not None:
                said = (self.folder / "asterisk.out").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Asterisk ended while starting: {said}")
            with suppress(OSError, AmiError):
                return await Ami.login(self.host, self.ami_port, "bench", "bench")
            await asyncio.sleep(0.02)

    async def _booted(self) -> bool:
        status = await self.action("CoreStatus")
        return "fully booted" in (await self.cli("core waitfullybooted")) and "CoreStartupTime" in status

    async def _end(self, *, kill: bool) -> None:
        if self._admin is not None:
            await self._admin.close()
            self._admin = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.kill() if kill else process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _write_configuration(self) -> None:
        for name in ("etc", "log", "run", "lib", "spool", "cache", "keys", "reports"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost {_host_name()}\n")
        values = {
            "@PBX@": self.host, "@CALLERS@": self.callers_host, "@OUTSIDE@": self.outside_host,
            "@AMI@": str(self.ami_port), "@HOST@": self.block, "@AGI@": self.agi, "@VANISHING@": self.vanishing_host,
            "@REPORTS@": str(self.reports),
        }  # fmt: skip
        for source in sorted(SHIPPED.glob("*.conf")):
            text = source.read_text()
            if not self.stamped:
                text = re.sub(r"(?m)^timestampevents *=.*$", "timestampevents = no", text)
            (self.etc / f"threerings-{source.name}").write_text(text)
        for source in sorted((HERE / "etc").glob("*.conf")):
            text = source.read_text()
            for mark, value in values.items():
                text = text.replace(mark, value)
            (self.etc / source.name).write_text(text)
        if self.writes_cel:
            self.cel.parent.mkdir(exist_ok=True)
            self.cel.touch()
            for name in ("cel", "cel_custom"):
                (self.etc / f"{name}.conf").write_text(f"#include threerings-{name}.conf\n")
            with (self.etc / "modules.conf").open("a") as modules:
                modules.write("load = res_cdrel_custom.so\nload = cel_custom.so\n")
        with (self.etc / "pjsip.conf").open("a") as pjsip:
            pjsip.writelines(_phone(f"{1000 + n}", f"{self.block}.1.{n}") for n in range(1, PHONES + 1))
        named = f"systemname = {self.systemname}" if self.systemname else ";"
        options = re.sub(r"(?m)^systemname *=.*$", named, (SHIPPED / "asterisk.conf").read_text())
        (self.etc / "asterisk.conf").write_text(_DIRECTORIES + options)


def _phone(name: str, address: str) -> str:
    return f"""[{name}](phone)
aors = {name}
callerid = "Agent {name}" <{name}>
[{name}]
type = aor
contact = sip:{name}@{address}:5060
[{name}-address]
type = identify
endpoint = {name}
match = {address}
"""


def _host_name() -> str:
    return Path("/proc/sys/kernel/hostname").read_text().strip()


def _own_block() -> tuple[str, IO[str]]:
    """A block 127.X of loopback addresses that no other PBX of the bench on this machine uses."""
    folder = install.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for second in range(100, 200):
        lock = (folder / f"loopback-{second}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return f"127.{second}", lock
    raise RuntimeError("every block of loopback addresses is taken")


_DIRECTORIES = f"""[directories]
astcachedir = {INSIDE}/cache
astetcdir = {INSIDE}/etc
astmoddir = /usr/lib/x86_64-linux-gnu/asterisk/modules
astvarlibdir = {INSIDE}/lib
astdbdir = {INSIDE}/lib
astkeydir = {INSIDE}/keys
astdatadir = /usr/share/asterisk
astagidir = /usr/share/asterisk/agi-bin
astspooldir = {INSIDE}/spool
astrundir = {INSIDE}/run
astlogdir = {INSIDE}/log
astsbindir = /usr/sbin

"""
