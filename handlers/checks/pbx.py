"""One PBX as it tells about itself over AMI, judged."""

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

from handlers.build import ami_settings_of
from handlers.checks.findings import Finding, Subject, some
from telephony.ami.inspection import FellSilent, Heard, Inspection, QueueMember, inspect
from telephony.ami.line import Fault, LinkFailed
from telephony.ami.settings import AmiSettings, Clock
from telephony.config import Address, Config, Pbx

CLOCK_APART = timedelta(seconds=2)
"""As far as stamps may stray before a visit is `approximate` (docs/definitions.md). Waits do not suffer, being
differences of one clock's stamps; but calls are put into quarter hours and days by the PBX's clock, and what they are
compared with (other PBXs, opening hours, this machine's windows) goes by others."""
ANSWER_WITHIN = timedelta(seconds=5)
FLOOR = 18, 12
NEWEST = 22
SUPPORTED = "18.12, 20, 21 and 22"
READ = frozenset({"agent", "call", "system", "user"})
WRITE = frozenset({"reporting"})
DANGEROUS = (
    "Originate", "Command", "Redirect", "Hangup", "Atxfer", "BlindTransfer", "Setvar", "UpdateConfig", "GetConfig",
    "ModuleLoad", "Reload", "QueueAdd", "QueueRemove", "QueuePause", "DBPut", "DBDel", "UserEvent", "AGI", "Filter",
)  # fmt: skip
"""What is named first of all that a login may do."""
INVALID, UNAVAILABLE = "4", "5"
"""AST_DEVICE_INVALID, AST_DEVICE_UNAVAILABLE."""
_VERSION = re.compile(r"(?:certified[-/])?(\d{1,3})\.(\d{1,4})(.*)", re.DOTALL)
_LOGGED_IN = "everything that the PBX tells itself"

_REMEDIES = {
    Fault.UNREACHABLE: "does Asterisk run, with enabled = yes in manager.conf, and bindaddr and port as here?",
    Fault.TLS: "with tls = true, port is that of tlsbindaddr (tlsenable = yes), host is in the certificate, and tls_ca"
    " signed it",
    Fault.NOT_AMI: "name the port of Asterisk's manager interface (5038), not of another service",
    Fault.SILENT: "is this the manager interface, and not its TLS port (then tls = true), SIP or HTTP?",
    Fault.CLOSED: "Asterisk's log says why; authlimit in manager.conf may be too low, or a firewall is between",
    Fault.BROKEN: "what answers there is no Asterisk manager that can be followed",
    Fault.OVERFLOW: "ask again when the PBX is less busy",
}

_STUCK = "is Asterisk overloaded, stopped or stuck? On the PBX: asterisk -rx 'core show uptime'"


async def look(config: Config, pbx: Pbx, clock: Clock, listen: timedelta) -> tuple[list[Finding], Inspection | None]:
    """Log in to one PBX and judge it.

    Args:
        config: all of it: lines and agi are asked about, too.
        pbx: which.
        clock: ours.
        listen: how long to wait for an event.

    Returns:
        The findings, and what the PBX told; None when it told nothing.
    """
    about = Subject(pbx.name)
    devices = dict.fromkeys([line.interface for line in config.line] + list(pbx.trunks))
    try:
        seen = await inspect(settings_of(pbx), clock, devices=devices, listen=listen)
    except LinkFailed as failed:
        return [
            _no_line(pbx, failed),
            about.not_checked("ami-inside", _LOGGED_IN, "no line to it; mend that first"),
        ], None
    return judge(config, pbx, seen, listen), seen


def settings_of(pbx: Pbx) -> AmiSettings:
    """As the service logs in, but less patient."""
    return replace(ami_settings_of(pbx), answer_within=ANSWER_WITHIN)


def judge(config: Config, pbx: Pbx, seen: Inspection, listen: timedelta) -> list[Finding]:
    """What a PBX told, against what we need."""
    about = Subject(pbx.name)
    found = [about.fine("ami-line", f"logged in to {Address(pbx.host, pbx.port)} as {pbx.username}")]
    found.append(_tls(pbx, seen))
    found.append(version(about, seen.version))
    found += _rights(about, seen)
    found.append(_system_name(about, pbx, seen))
    found += _events(about, pbx, seen.heard, listen)
    found.append(_clock(about, seen))
    found += _queues(about, seen)
    found += _members(about, seen.members)
    found += _agi(about, config, seen)
    if seen.realtime is False:
        found.append(about.fine("realtime-queue-log", "nothing is realtime on this PBX"))
    return found


def _no_line(pbx: Pbx, failed: LinkFailed) -> Finding:
    about, place = Subject(pbx.name), Address(pbx.host, pbx.port)
    if isinstance(failed, FellSilent):
        return about.fault("ami-line", f"no line to {place}: {failed}", _STUCK)
    if failed.fault is not Fault.REFUSED:
        remedy = _REMEDIES[failed.fault]
        return about.fault("ami-line", f"no line to {place}: {failed}", remedy)
    what, _, remedy = str(failed).partition(": ")
    if "in use" in what.lower():
        remedy = (
            "allowmultiplelogin = no lets in one at a time: fine if that is Three Rings, else give it its own account"
        )
    remedy = f"{remedy}; on the PBX: manager show user {pbx.username}" if "check name" in remedy else remedy
    return about.fault("ami-login", f"{place}: {what}", remedy or "check the account in manager.conf")


def _tls(pbx: Pbx, seen: Inspection) -> Finding:
    about = Subject(pbx.name)
    if pbx.tls or is_loopback(seen.peer):
        return about.fine("ami-tls", "the line is encrypted" if pbx.tls else "the line stays on this machine")
    what = f"the line to {seen.peer} is not encrypted: numbers of callers cross the network in clear"
    return about.warning("ami-tls", what, "tls = true (tlsenable in manager.conf), unless a VPN carries it")


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def version(about: Subject, told: str | None) -> Finding:
    """Before 16.26, 18.12 and 20.0, events of a slow reader vanished without a disconnect."""
    point = "asterisk-version"
    if told is None:
        return about.not_checked(point, "version of Asterisk", "CoreSettings is refused: write = reporting is missing")
    number = _VERSION.match(told)
    if number is None:
        return about.not_checked(point, f"version of Asterisk {told!r}", f"is no release; supported are {SUPPORTED}")
    major, minor = int(number[1]), int(number[2])
    if "cert" in told and (major, minor) < FLOOR and major == FLOOR[0]:
        what = f"Asterisk {told}: a certified branch, of which is not known whether it loses events in silence"
        return about.warning(point, what, f"supported are {SUPPORTED}")
    if (major, minor) < FLOOR or major == FLOOR[0] + 1:
        what = f"Asterisk {told} is below the floor: it may lose events in silence, and the numbers with them"
        return about.fault(point, what, f"upgrade; supported are {SUPPORTED}")
    if major > NEWEST:
        what = f"Asterisk {told} is newer than this version of Three Rings was tested with"
        return about.warning(point, what, f"supported are {SUPPORTED}; look for a newer Three Rings")
    return about.fine(point, f"Asterisk {told}")


def _rights(about: Subject, seen: Inspection) -> list[Finding]:
    found = []
    if seen.booted:
        found.append(about.fine("booted", "has started, and read includes system"))
    elif seen.started:
        what = "the login lacks read = system: restarts and shutdowns of the PBX would go unnoticed"
        found.append(about.fault("booted", what, "read = agent,call,system,user in manager.conf"))
    else:
        what = "did not say FullyBooted: it is still starting, or the login lacks read = system"
        found.append(
            about.fault("booted", what, "ask again in a minute; read = agent,call,system,user in manager.conf")
        )
    if seen.channels:
        found.append(about.fine("ami-write", "may list channels"))
    else:
        what = "the login may not list channels (CoreShowChannels): calls that go on when we connect would be lost"
        found.append(about.fault("ami-write", what, "write = reporting in manager.conf"))
    found.append(_too_much(about, seen))
    return found


def _too_much(about: Subject, seen: Inspection) -> Finding:
    if seen.actions is None:
        return about.not_checked("ami-too-much", "what else the login may do", "ListCommands is not answered")
    more = [name for name, classes in seen.actions.items() if classes and not classes & WRITE]
    if not more:
        return about.fine("ami-too-much", "the login may do no more than it must")
    ordered = [name for name in DANGEROUS if name in more] + sorted(name for name in more if name not in DANGEROUS)
    what = f"the login may do more than it must: whoever has its secret can also {some(ordered)}"
    return about.fault("ami-too-much", what, "write = reporting and nothing else in manager.conf")


def _system_name(about: Subject, pbx: Pbx, seen: Inspection) -> Finding:
    point = "systemname"
    if seen.systemname is None:
        return about.not_checked(point, "systemname", "CoreSettings is refused: write = reporting is missing")
    if seen.systemname == pbx.name:
        return about.fine(point, f"systemname = {pbx.name}")
    remedy = f"systemname = {pbx.name} under [options] in asterisk.conf, then restart Asterisk"
    if not seen.systemname:
        what = "has no systemname: Uniqueids of several PBXs, and of two boots, could be the same"
        what += ", and visits are approximate" if not pbx.strict else ", and every event is refused"
        return about.bad(point, what, remedy, only_warn=not pbx.strict)
    what = f"its systemname is {seen.systemname!r}, not {pbx.name!r}"
    what += "" if not pbx.strict else ": every event is refused"
    return about.bad(point, what, f"{remedy}; or name this [[pbx]] {seen.systemname!r}", only_warn=not pbx.strict)


def _events(about: Subject, pbx: Pbx, heard: Heard, listen: timedelta) -> list[Finding]:
    point, found = "timestampevents", []
    if heard.unstamped:
        what = "events carry no Timestamp: " + ("every one is refused" if pbx.strict else "visits are approximate")
        remedy = "timestampevents = yes under [general] in manager.conf, then: manager reload"
        found.append(about.bad(point, what, remedy, only_warn=not pbx.strict))
    elif heard.stamped:
        found.append(about.fine(point, "events carry a Timestamp"))
    else:
        why = f"no event came within {listen.total_seconds():g} s" if listen else "not listened (--wait 0)"
        found.append(
            about.not_checked(point, "timestampevents", f"{why}; make a call meanwhile, or give --asterisk-etc")
        )
    foreign = heard.classes - READ
    if foreign:
        what = f"the login also reads {', '.join(sorted(foreign))}: traffic that nobody needs"
        found.append(about.warning("ami-read", what, "read = agent,call,system,user and nothing else in manager.conf"))
    unseen = READ - heard.classes - {"system"}
    if unseen:
        why = "events of these kinds did not come meanwhile; give --asterisk-etc"
        found.append(about.not_checked("ami-read", f"whether the login reads {', '.join(sorted(unseen))}", why))
    elif not foreign:
        found.append(about.fine("ami-read", "the login reads what it must"))
    return found


def _clock(about: Subject, seen: Inspection) -> Finding:
    if seen.ahead is None:
        return about.not_checked("clock", "its clock against ours", "its answer to Ping has no Timestamp")
    if abs(seen.ahead) - seen.doubt <= CLOCK_APART:
        return about.fine("clock", f"its clock and ours agree to {abs(seen.ahead).total_seconds():.3f} s")
    word = "ahead of" if seen.ahead > timedelta() else "behind"
    what = f"its clock is {abs(seen.ahead).total_seconds():.1f} s {word} ours: calls fall into the wrong hour or day"
    return about.fault("clock", what, "run NTP (chrony, slewing) on both machines")


def _queues(about: Subject, seen: Inspection) -> list[Finding]:
    if seen.queues is None:
        if seen.actions is not None and "QueueStatus" not in seen.actions:
            what = "knows no queues: app_queue is not loaded, or Asterisk still starts"
            return [about.fault("queues", what, "load = app_queue.so in modules.conf")]
        return [about.fault("queues", "does not answer QueueStatus", "is Asterisk overloaded, or does it still start?")]
    if not seen.queues:
        return [about.warning("queues", "has no queue: only calls to phones are measured", "add queues to queues.conf")]
    manned = {member.queue for member in seen.members}
    empty = [name for name in seen.queues if name not in manned]
    found = [about.fine("queues", f"has {len(seen.queues)} queue{'s' if len(seen.queues) > 1 else ''}")]
    if empty:
        word = "queue has" if len(empty) == 1 else f"{len(empty)} queues have"
        remedy = "fine if agents log in later; else member => in queues.conf"
        found.append(about.warning("queue-members", f"{word} no member now: {some(empty)}", remedy))
    return found


def _members(about: Subject, members: tuple[QueueMember, ...]) -> list[Finding]:
    point, found = "queue-members", []
    unknown: dict[str, list[QueueMember]] = {}
    for member in members:
        if member.status == INVALID:
            unknown.setdefault(member.interface, []).append(member)
    for interface, places in unknown.items():
        queues = some(member.queue for member in places)
        what = f"{places[0].name} in {queues} is {interface}, which the PBX does not know: that phone never rings"
        remedy = (
            "mend the interface in queues.conf (or where agents are added), or load and configure its channel driver"
        )
        found.append(about.fault(point, what, remedy))
    away = [f"{member.name} ({member.interface})" for member in members if member.status == UNAVAILABLE]
    if away:
        remedy = "is the phone switched on and registered? (pjsip show endpoints)"
        found.append(about.warning(point, f"unavailable: {some(away)}", remedy))
    forged = [member.name for member in members if "|" in member.name]
    if forged:
        what = f"names of members hold |, which separates the fields of queue_log: {some(forged)}"
        found.append(about.fault(point, what, "name them without it in queues.conf"))
    if not found:
        found.append(about.fine(point, f"{len(members)} memberships, every interface known and available"))
    return found


def _agi(about: Subject, config: Config, seen: Inspection) -> list[Finding]:
    """Whether what its dialplan asks by FastAGI comes to us, and is let in; by the address of its AMI."""
    point, listen = "agi-allow", config.agi.listen
    try:
        address = ip_address(seen.peer.partition("%")[0])
    except ValueError:
        return []
    if listen.loopback and not address.is_loopback:
        what = f"its address is {address}, and agi.listen = {str(listen)!r} is reached from this machine alone"
        remedy = "listen on an address that the PBX reaches, and allow it; fine if its dialplan asks nothing"
        return [about.warning(point, f"{what}: what its dialplan asks by FastAGI comes to nobody", remedy)]
    if address.is_loopback:  # whoever asks on one machine has the address that he asks
        address = _as_address(listen.host) or address
    if any(address in network for network in config.agi.allow):
        return [about.fine(point, f"{address} may ask by FastAGI")]
    what = f"{address} is not in agi.allow: what its dialplan asks by FastAGI is refused"
    remedy = f'add "{address}/{address.max_prefixlen}" to agi.allow'
    return [about.bad(point, what, remedy, only_warn=not listen.loopback)]


def _as_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, where it is one of a machine; None for names and for all addresses."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return None if address.is_unspecified else address
