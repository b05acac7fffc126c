"""Names in the configuration that no PBX knows."""

from collections.abc import Mapping, Sequence

from handlers.checks.findings import Finding, Subject, some
from telephony.ami.inspection import Inspection, askable
from telephony.config import Config

CONFIGURATION = Subject("configuration")
POINT = "names"
JUDGED = ("PJSIP/", "SIP/", "IAX2/", "Local/")
"""Of other kinds of channel, INVALID may only mean that the driver tells no state."""


def look(config: Config, seen: Mapping[str, Inspection | None]) -> list[Finding]:
    """Queues, lines and trunks, against what the PBXs told; by their names.

    A queue or a line may be on any PBX: it is unknown only when none of them knows it, and that takes all of them.
    """
    found = [*_trunks(config, seen)]
    told = [each for each in seen.values() if each is not None and each.queues is not None]
    queues, lines = _named_queues(config), {line.interface: line.name for line in config.line}
    if len(told) < len(config.pbx) or not told:
        if queues or lines:
            what = f"whether a PBX knows {some([*queues, *lines])}"
            found.append(CONFIGURATION.not_checked(POINT, what, "not every PBX could be asked; mend that first"))
        return found
    known = {name for each in told for name in each.queues or ()}
    for name, key in queues.items():
        if name not in known and any(each.realtime for each in told):
            why = "queues in a database are listed from their first caller on; call it once and check again"
            found.append(CONFIGURATION.not_checked(POINT, f"{key} = {name!r}: no PBX lists that queue now", why))
        elif name not in known:
            what = f"{key} = {name!r}: no PBX has a queue of that name"
            remedy = f"there are {some(sorted(known))}; mind capitals" if known else "add it to queues.conf"
            found.append(CONFIGURATION.fault(POINT, what, remedy))
    found += [_line(interface, name, told) for interface, name in lines.items()]
    if all(each.point != POINT for each in found):
        found.append(CONFIGURATION.fine(POINT, "the PBXs know every queue, line and trunk"))
    return found


def _named_queues(config: Config) -> dict[str, str]:
    """Each queue named in the configuration, and the first key that names it."""
    named: dict[str, str] = {}
    for index, queue in enumerate(config.queue):
        named.setdefault(queue.name, f"queue[{index}].name")
    for index, branch in enumerate(config.branch):
        for name in branch.queues:
            named.setdefault(name, f"branch[{index}].queues")
    for index, number in enumerate(config.number):
        if number.queue is not None:
            named.setdefault(number.queue, f"number[{index}].queue")
    return named


def _line(interface: str, name: str, told: Sequence[Inspection]) -> Finding:
    where = f"line {name!r}: interface = {interface!r}"
    states = [each.devices.get(interface, "") for each in told]
    if not askable(interface):
        what, remedy = f"{where} is no device", 'write TECHNOLOGY/NAME, for example "PJSIP/8001"'
        return CONFIGURATION.fault(POINT, what, remedy)
    if any(state not in ("", "INVALID") for state in states):
        return CONFIGURATION.fine(POINT, f"{where} is known")
    if "" in states or not interface.startswith(JUDGED):
        why = "the PBX does not tell the state of such a device (func_devstate, driver); dial it and look at /metrics"
        return CONFIGURATION.not_checked(POINT, where, why)
    what = f"{where}: no PBX knows that device, so calls to this line are not its"
    return CONFIGURATION.fault(POINT, what, "write it as in: pjsip show endpoints")


def _trunks(config: Config, seen: Mapping[str, Inspection | None]) -> list[Finding]:
    found = []
    for pbx in config.pbx:
        told = seen.get(pbx.name)
        about = Subject(pbx.name)
        for trunk in pbx.trunks:
            if not askable(trunk):
                what = f"trunks: {trunk!r} is no interface, so nobody would ever call in by it"
                found.append(about.fault("trunks", what, 'write TECHNOLOGY/NAME, for example "PJSIP/trunk"'))
            elif told is not None and told.devices.get(trunk) == "INVALID" and trunk.startswith(JUDGED):
                what = (
                    f"trunks: the PBX does not know {trunk!r}: what comes in by the real one is not counted as inbound"
                )
                found.append(about.fault("trunks", what, "write it as in: pjsip show endpoints"))
            elif told is not None and told.devices.get(trunk):
                found.append(about.fine("trunks", f"{trunk} is known"))
        if told is not None and not pbx.trunks:
            what = "no trunks are named: whatever is neither member nor line counts as a caller from outside"
            found.append(about.warning("trunks", what, 'trunks = ["PJSIP/…"] in this [[pbx]]'))
    return found
