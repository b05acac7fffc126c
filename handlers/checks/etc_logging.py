"""asterisk.conf, logger.conf and what writes logs into a database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handlers.checks.findings import Finding, Subject, some
from telephony.ami.inspection import Inspection
from telephony.config import Pbx
from telephony.pbxfiles.grammar import is_true
from telephony.pbxfiles.tree import Section, Tree

TOLD = ("modules.conf", "logger.conf", "extconfig.conf", "cdr.conf", "cel.conf")
"""Files of which each bad line is told."""
FROZEN = "while that database hangs, no agent's phone rings"


@dataclass(frozen=True, slots=True)
class Backend:
    """A module that writes CDR or CEL into a database.

    Attributes:
        module: without `.so`.
        file: its configuration.
        sections: those that make it work when one has a setting; none named: any.
        key: the setting that must be there; empty: any.
    """

    module: str
    file: str
    sections: tuple[str, ...] = ()
    key: str = ""


CDR = (
    Backend("cdr_pgsql", "cdr_pgsql.conf", ("global",)),
    Backend("cdr_odbc", "cdr_odbc.conf", ("global",)),
    Backend("cdr_adaptive_odbc", "cdr_adaptive_odbc.conf", key="connection"),
    Backend("cdr_mysql", "cdr_mysql.conf", ("global",)),
    Backend("cdr_tds", "cdr_tds.conf", ("global",)),
)
CEL = (
    Backend("cel_pgsql", "cel_pgsql.conf", ("global",)),
    Backend("cel_odbc", "cel_odbc.conf", key="connection"),
    Backend("cel_tds", "cel_tds.conf", ("global",)),
)
FILES = (*TOLD, *(backend.file for backend in (*CDR, *CEL)))
Trees = Mapping[str, Tree]


def system_name(pbx: Pbx, tree: Tree, seen: Inspection | None) -> list[Finding]:
    """The name in asterisk.conf; a running Asterisk keeps the one with which it was started."""
    about, point = Subject(pbx.name), "systemname"
    options = tree.section("options")
    entry = options.last("systemname") if options is not None else None
    name = entry.value if entry is not None else ""
    remedy = f"systemname = {pbx.name} under [options] in asterisk.conf, then restart Asterisk"
    if seen is not None and seen.systemname is not None and seen.systemname != name:
        said, runs = name or "(nothing)", seen.systemname or "(nothing)"
        what = f"asterisk.conf says systemname = {said}, but Asterisk runs as {runs}"
        return [about.warning(point, what, "restart Asterisk, or mend the file")]
    if name == pbx.name:
        return [about.fine(point, f"{entry.place if entry else tree.name}: systemname = {name}")]
    if seen is not None and seen.systemname is not None:
        return []  # what it told by itself is told already
    if entry is None and not tree.complete:
        return [about.not_checked(point, "systemname", "perhaps it stands in what could not be read")]
    what = f"{entry.place}: systemname is {name!r}, not {pbx.name!r}" if entry else "asterisk.conf: no systemname"
    return [about.bad(point, what, remedy, only_warn=not pbx.strict)]


def judge(about: Subject, trees: Trees) -> list[Finding]:
    """Where queue_log, CDR and CEL are written to.

    Args:
        about: the PBX.
        trees: each of `FILES`.
    """
    found = [*_queue_log(about, trees)]
    cdr, cel = trees["cdr.conf"].section("general"), trees["cel.conf"].section("general")
    if cdr is None or not _is_off(cdr, "enable"):
        found += [about.fault("database-cdr", what, remedy) for what, remedy in _backends(trees, CDR)]
    if cel is not None and _is_on(cel, "enable"):
        found += [about.fault("database-cel", what, remedy) for what, remedy in _backends(trees, CEL)]
    point, unread = "database-logging", [tree.name for tree in trees.values() if not tree.complete]
    what = "whether queue_log, CDR or CEL are written into a database"
    if unread:
        found.append(about.not_checked(point, what, f"{some(unread)} could not be read; let this user, or give a copy"))
    elif not trees["modules.conf"].there:  # Asterisk has one, so this is not all that Asterisk has
        found.append(about.not_checked(point, what, "no modules.conf: the folder is not the whole one; give that"))
    elif all(each.point not in ("realtime-queue-log", "database-cdr", "database-cel") for each in found):
        found.append(about.fine(point, "queue_log, CDR and CEL are written into no database"))
    return found


def _queue_log(about: Subject, trees: Trees) -> list[Finding]:
    found = []
    settings = trees["extconfig.conf"].section("settings")
    realtime = settings.last("queue_log") if settings is not None else None
    if realtime is not None:
        what = f"{realtime.place}: queue_log is written into a database ({realtime.value}): {FROZEN}"
        remedy = "take that line out and restart Asterisk; Three Rings reads the file"
        found.append(about.fault("realtime-queue-log", what, remedy))
    general = trees["logger.conf"].section("general")
    if general is not None and _is_off(general, "queue_log"):
        entry = general.last("queue_log")
        what = f"{entry.place if entry else 'logger.conf'}: queue_log is off: the second witness is silent"
        found.append(about.fault("queue-log-off", what, "queue_log = yes, then: asterisk -rx 'logger reload'"))
    elif (
        realtime is not None
        and trees["logger.conf"].complete
        and not (general is not None and _is_on(general, "queue_log_to_file"))
    ):
        what = "logger.conf: with queue_log in a database, none is written to a file"
        remedy = "queue_log_to_file = yes, then: asterisk -rx 'logger reload'"
        found.append(about.fault("queue-log-off", what, remedy))
    return found


def _backends(trees: Trees, backends: tuple[Backend, ...]) -> Iterator[tuple[str, str]]:
    """What each one at work does, and the remedy."""
    for backend in backends:
        if not loaded(trees["modules.conf"], backend.module):
            continue
        tree = trees[backend.file]
        sections = [section for section in tree.real() if not backend.sections or section.name in backend.sections]
        active = [section for section in sections if (section.last(backend.key) if backend.key else section.entries)]
        if active:
            what = f"{active[0].place}: {backend.module} writes into a database: {FROZEN}"
            yield what, f"noload = {backend.module}.so in modules.conf and restart Asterisk; log into files"


def loaded(modules: Tree, module: str) -> bool:
    """Whether modules.conf loads a module, so far as it is installed; without the file, everything is."""
    section = modules.section("modules")
    if section is None:
        return True
    named = {module, f"{module}.so"}
    if any(entry.value in named for entry in section.all("noload")):
        return False
    if any(
        entry.value in named for key in ("load", "preload", "require", "preload-require") for entry in section.all(key)
    ):
        return True
    autoload = section.last("autoload")
    return autoload is not None and is_true(autoload.value)


def _is_on(section: Section, key: str) -> bool:
    entry = section.last(key)
    return entry is not None and is_true(entry.value)


def _is_off(section: Section, key: str) -> bool:
    entry = section.last(key)
    return entry is not None and not is_true(entry.value)
