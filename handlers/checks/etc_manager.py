"""manager.conf: how our login is set up."""

import re
from collections.abc import Iterable

from handlers.checks.acl import Reach, reach
from handlers.checks.findings import Finding, Result, Subject, some
from handlers.checks.pbx import READ, WRITE
from telephony.ami.translate import ACTED_UPON, DISPENSABLE
from telephony.config import Pbx
from telephony.pbxfiles.grammar import is_true
from telephony.pbxfiles.tree import Entry, Section, Tree

WRITETIMEOUT = 5_000
DEFAULT_WRITETIMEOUT = 100
"""Milliseconds; Asterisk takes none below it."""
RELOAD = "then: asterisk -rx 'manager reload'"
ANY = ("0.0.0.0", "::", "[::]", "")  # noqa: S104 - what others bind
UNREAD = "perhaps it stands in what could not be read; let this user read all of it, or give a copy"
SETTINGS = {
    "ami-enabled": ("enabled",),
    "timestampevents": ("timestampevents",),
    "ami-bind": ("bindaddr",),
    "writetimeout": ("writetimeout",),
    "ami-acl": ("deny", "permit", "acl"),
    "ami-read": ("read",),
    "ami-too-much": ("write",),
}
"""The settings from which a point is judged."""

_OPTION = re.compile(r"(\w+)\(([^()]*)\)")


def judge(pbx: Pbx, tree: Tree) -> list[Finding]:
    """Everything that manager.conf says about us."""
    about = Subject(pbx.name)
    general, user = tree.section("general"), _user(tree, pbx.username)
    found = _general(about, pbx, general or Section("general", tree.sections[0].place)) if tree.sections else []
    if user is None:
        found = _sure(about, tree, general, user, found)
        what = f"manager.conf has no account [{pbx.username}]"
        if not tree.complete:
            return [*found, about.not_checked("ami-account", f"the account [{pbx.username}]", UNREAD)]
        return [*found, about.fault("ami-account", what, f"take docker/asterisk/manager.conf, {RELOAD}")]
    found.append(_writetimeout(about, user))
    found.append(_acl(about, user))
    found.append(_rights(about, user, "read", READ, "ami-read"))
    found.append(_rights(about, user, "write", WRITE, "ami-too-much"))
    found += _filters(about, general, user)
    return _sure(about, tree, general, user, found)


def _sure(
    about: Subject, tree: Tree, general: Section | None, user: Section | None, found: list[Finding]
) -> list[Finding]:
    """What is said of a setting that is missing is not known where not everything could be read."""
    if tree.complete:
        return found
    there = {entry.name.lower() for section in (general, user) if section is not None for entry in section.entries}
    return [
        each
        if each.result is Result.OK or each.point not in SETTINGS or there.intersection(SETTINGS[each.point])
        else about.not_checked(each.point, f"{SETTINGS[each.point][0]} in manager.conf", UNREAD)
        for each in found
    ]


def _user(tree: Tree, name: str) -> Section | None:
    """The account; of sections with one name, Asterisk adds up the settings."""
    sections = tree.named(name)
    if not sections or name.lower() == "general":
        return None
    return Section(name, sections[0].place, entries=[entry for section in sections for entry in section.entries])


def _general(about: Subject, pbx: Pbx, general: Section) -> list[Finding]:
    found = []
    enabled, stamps = general.last("enabled"), general.last("timestampevents")
    if enabled is None or not is_true(enabled.value):
        what = f"{_at(enabled, general)}: the manager interface is off (enabled)"
        found.append(about.fault("ami-enabled", what, f"enabled = yes under [general], {RELOAD}"))
    if stamps is not None and is_true(stamps.value):
        found.append(about.fine("timestampevents", f"{stamps.place}: timestampevents = {stamps.value}"))
    else:
        what = f"{_at(stamps, general)}: timestampevents is off: " + (
            "every event is refused" if pbx.strict else "visits are approximate"
        )
        remedy = f"timestampevents = yes under [general], {RELOAD}"
        found.append(about.bad("timestampevents", what, remedy, only_warn=not pbx.strict))
    bind, tls = general.last("bindaddr"), general.last("tlsenable", "sslenable")
    address = bind.value if bind is not None else ""
    if address in ANY and not (tls is not None and is_true(tls.value)):
        what = f"{_at(bind, general)}: AMI listens on every address, without TLS"
        remedy = "bindaddr = 127.0.0.1, or a VPN's address, or tlsenable = yes; and a firewall"
        found.append(about.warning("ami-bind", what, remedy))
    else:
        found.append(about.fine("ami-bind", f"AMI listens on {address}" if address not in ANY else "AMI has TLS"))
    return found


def _writetimeout(about: Subject, user: Section) -> Finding:
    entry = user.last("writetimeout")
    digits = re.match(r"\s*(\d{1,9})", entry.value) if entry is not None else None
    value = int(digits[1]) if digits else 0
    if value >= WRITETIMEOUT:
        return about.fine("writetimeout", f"writetimeout = {value}")
    told = f"is {value} ms" if value >= DEFAULT_WRITETIMEOUT else f"is the default of {DEFAULT_WRITETIMEOUT} ms"
    what = (
        f"{_at(entry, user)}: writetimeout {told}: after the first hiccup of so long the line and its events are lost"
    )
    return about.fault("writetimeout", what, f"writetimeout = {WRITETIMEOUT} under [{user.name}], {RELOAD}")


def _acl(about: Subject, user: Section) -> Finding:
    if user.last("acl") is not None:
        return about.fine("ami-acl", "the account has an ACL")
    remedy = f"deny = 0.0.0.0/0.0.0.0, then permit = ADDRESS/255.255.255.255 of this machine, {RELOAD}"
    match reach(user.entries):
        case Reach.EVERYWHERE:
            what = f"{user.place}: the account [{user.name}] may log in from everywhere, or nearly"
            return about.warning("ami-acl", what, remedy)
        case Reach.NOWHERE:
            what = f"{user.place}: the account [{user.name}] may log in from nowhere: the last deny or permit that fits"
            return about.fault("ami-acl", f"{what} an address counts", remedy)
        case Reach.UNKNOWN:
            what = f"from where the account [{user.name}] may log in"
            return about.not_checked("ami-acl", what, "only the networks of IPv4 are gone through; look at its deny")
        case Reach.SOMEWHERE:
            return about.fine("ami-acl", "the account has deny and permit")


def _rights(about: Subject, user: Section, key: str, wanted: frozenset[str], point: str) -> Finding:
    entry = user.last(key)
    has = frozenset(word.strip() for word in entry.value.lower().split(",") if word.strip()) if entry else frozenset()
    right = f"{key} = {','.join(sorted(wanted))} under [{user.name}], {RELOAD}"
    what = f"{_at(entry, user)}: {key} = {entry.value if entry else ''}"
    if has == wanted:
        return about.fine(point, what)
    missing = wanted - has if "all" not in has else frozenset()
    if missing:
        effect = (
            "events are missing, and with them calls" if key == "read" else "calls that go on when we connect are lost"
        )
        return about.fault(point, f"{what} lacks {', '.join(sorted(missing))}: {effect}", right)
    more = ", ".join(sorted(has - wanted))
    if key == "read":
        return about.warning(point, f"{what} has more than it needs ({more}): traffic that nobody reads", right)
    return about.fault(point, f"{what} allows more than it must ({more}) to whoever has the secret", right)


def _filters(about: Subject, general: Section | None, user: Section) -> list[Finding]:
    point, found = "event-filter", []
    disabled = general.last("disabledevents") if general is not None else None
    if disabled is not None:
        gone = {word.strip().lower() for word in disabled.value.split(",")}
        found += _gone(about, disabled, (name for name in ACTED_UPON if name.lower() in gone))
    filters = [entry for entry in user.entries if entry.name.lower().startswith("eventfilter")]
    excluded = [entry for entry in filters if _excludes(entry)]
    included = [entry for entry in filters if not _excludes(entry)]
    for entry in excluded:
        found += _gone(about, entry, (name for name in ACTED_UPON if _matches(entry, name)))
    if included:
        lost = [name for name in ACTED_UPON if not any(_matches(entry, name) for entry in included)]
        found += _gone(about, included[0], lost)
    legacy = [entry for entry in filters if entry.name.lower() == "eventfilter"]
    if legacy:
        places = some(str(entry.place) for entry in legacy)
        what = f"{places}: filters that match the text of events, which callers write, too"
        remedy = "write them as eventfilter(action(exclude),name(EVENT)) = (20.11, 22.1 and later), or take them out"
        found.append(about.warning(point, what, remedy))
    if not found:
        found.append(about.fine(point, "the filters drop nothing that is needed"))
    return found


def _gone(about: Subject, entry: Entry, names: Iterable[str]) -> list[Finding]:
    names = frozenset(names)
    lost = [name for name in ACTED_UPON if name in names - DISPENSABLE]
    if lost:
        what = f"{entry.place}: {entry.name} drops what the numbers are made of: {some(lost)}"
        return [about.fault("event-filter", what, f"take it out, {RELOAD}")]
    if names and not _picks(entry):
        what = f"{entry.place}: {entry.name} drops {some(names)}: that the phone of a line went, or came, is known late"
        return [about.warning("event-filter", what, f"take it out, or let it drop = Queue: only, {RELOAD}")]
    return []


def _picks(entry: Entry) -> bool:
    """It drops some of these events, and lets others through."""
    return bool(_options(entry)) and bool(entry.value.strip())


def _options(entry: Entry) -> dict[str, str]:
    """`eventfilter(action(exclude),name(VarSet))` as {"action": "exclude", "name": "VarSet"}."""
    return dict(_OPTION.findall(entry.name.partition("(")[2]))


def _excludes(entry: Entry) -> bool:
    options = _options(entry)
    return options.get("action", "").lower() == "exclude" or (not options and entry.value.startswith("!"))


def _matches(entry: Entry, event: str) -> bool:
    """Whether a filter matches some event of that name for certain (excluding), or at all (including)."""
    options = _options(entry)
    if options or "(" in entry.name:
        named = options.get("name")
        if named is not None and named.lower() != event.lower():
            return False
        # With a header or a value to match, some are dropped: that is too many.
        return named is not None or not _excludes(entry)
    try:
        return re.search(entry.value.removeprefix("!"), f"Event: {event}\r\nPrivilege: call,all\r\n") is not None
    except re.error:
        return False


def _at(entry: Entry | None, section: Section) -> str:
    return str(entry.place if entry is not None else section.place)
