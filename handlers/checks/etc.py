"""What `--asterisk-etc DIR` shows: the configuration files of one PBX, judged."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from handlers.checks import etc_dialplan, etc_logging, etc_manager
from handlers.checks.findings import Finding, Subject
from telephony.ami.inspection import Inspection
from telephony.config import Pbx
from telephony.pbxfiles.folder import Folder
from telephony.pbxfiles.tree import Tree

WITHOUT = (
    ("writetimeout", "writetimeout, ACL, addresses and filters of manager.conf"),
    ("database-logging", "whether queue_log, CDR or CEL are written into a database"),
    ("dialplan", "whether the dialplan tells results, cleans numbers and goes on when AGI fails"),
)


def look(pbx: Pbx, root: Path, seen: Inspection | None) -> list[Finding]:
    """Judge the files of one PBX.

    Args:
        pbx: which.
        root: its configuration folder, or a copy.
        seen: what the PBX told by itself, if it did.
    """
    about, folder = Subject(pbx.name), Folder(root)
    judges: dict[str, Callable[[Tree], Iterable[Finding]]] = {
        "manager.conf": partial(etc_manager.judge, pbx),
        "asterisk.conf": partial(etc_logging.system_name, pbx, seen=seen),
        "extensions.conf": partial(etc_dialplan.judge, pbx),
    }
    found: list[Finding] = []
    for name, judge in judges.items():
        tree = folder.read(name)
        found += readable(about, tree, needed=True)
        if tree.there and tree.refused is None:
            found += judge(tree)
    logging = {name: folder.read(name) for name in etc_logging.FILES}
    for name in etc_logging.TOLD:
        found += readable(about, logging[name], needed=False)
    found += etc_logging.judge(about, logging)
    found += _other_dialplans(about, folder)
    return found


NOT_GIVEN = "only its files tell; give --asterisk-etc with its /etc/asterisk or a copy"


def without(pbx: Pbx, how: str = NOT_GIVEN) -> list[Finding]:
    """What cannot be seen without the files; `how` says why there are none, and how they can be had."""
    return [Subject(pbx.name).not_checked(point, what, how) for point, what in WITHOUT]


def readable(about: Subject, tree: Tree, *, needed: bool) -> list[Finding]:
    """What Asterisk, or we, cannot read of a file."""
    found = []
    if not tree.there and not tree.troubles and needed:
        found.append(about.not_checked("files", tree.name, "is not in the folder given by --asterisk-etc"))
    for trouble in tree.troubles:
        where = (
            f"{trouble.place}: {trouble.reason}" if trouble.place.line else f"{trouble.place.file}: {trouble.reason}"
        )
        if trouble.unread or not trouble.place.line:
            found.append(
                about.not_checked("files", where, "let this user read it, give a copy, or look there yourself")
            )
        elif trouble.refused and trouble.place.file == tree.name:
            found.append(about.fault("files", f"{where}; Asterisk refuses the whole file", "mend that line"))
        elif trouble.refused:
            found.append(about.fault("files", f"{where}; Asterisk passes over the rest of that file", "mend that line"))
        else:
            found.append(about.warning("files", where, "mend that line"))
    return found


def _other_dialplans(about: Subject, folder: Folder) -> list[Finding]:
    why = "only extensions.conf is understood; look there for the lines of docker/asterisk/extensions.conf"
    return [
        about.not_checked("dialplan-others", f"the dialplan in {name}", why)
        for name in ("extensions.ael", "extensions.lua")
        if folder.has(name)
    ]
