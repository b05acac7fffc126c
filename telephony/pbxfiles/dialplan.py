"""The dialplan of extensions.conf: contexts, and the steps of their extensions in order. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from telephony.pbxfiles.tree import Entry, Place, Tree

_WITHIN = re.compile(r"(?:^|[?:])\s*([A-Za-z_]\w*)\s*\(")
"""Applications in `ExecIf(test?Queue(support):NoOp())`, `TryExec(Queue(support))`."""
_CARRIERS = frozenset({"execif", "exec", "tryexec"})
_NO_CONTEXT = frozenset({"general", "globals"})
_JUMPS = frozenset({"goto", "gotoif", "gotoiftime", "gosub", "gosubif", "macro", "macroif"})
_MAX_STEPS = 200_000


@dataclass(frozen=True, slots=True)
class Step:
    """One priority of an extension: `application` in lower case, `data` what stands in its brackets."""

    context: str
    exten: str
    application: str
    data: str
    place: Place

    def calls(self, application: str) -> bool:
        """Whether it runs that application (in lower case), itself or by way of ExecIf and the like."""
        if self.application in _CARRIERS:
            return any(found.lower() == application for found in _WITHIN.findall(self.data))
        return self.application == application

    def targets(self, extens: Mapping[str, "Context"]) -> Iterator[str]:
        """The contexts that it may jump to, of those that there are."""
        if self.application in _JUMPS:
            for word in re.split(r"[,?:()\s]+", self.data):
                if word in extens:
                    yield word


@dataclass(slots=True)
class Context:
    """A context: its extensions with their steps, and the contexts that it includes."""

    name: str
    place: Place
    extens: dict[str, list[Step]] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)
    switches: list[str] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """All steps of all extensions."""
        return (step for steps in self.extens.values() for step in steps)


@dataclass(slots=True)
class Dialplan:
    """All contexts by name, and the `[globals]`."""

    contexts: dict[str, Context] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    complete: bool = True
    """Whether all of it was taken; a dialplan of more than 200,000 steps is not."""


def dialplan(tree: Tree) -> Dialplan:
    """The dialplan that a file and its includes make; sections of one name are one context."""
    plan, count = Dialplan(), 0
    for section in tree.real():
        if section.name.lower() == "globals":
            plan.variables |= {entry.name: entry.value for entry in section.entries}
        if section.name.lower() in _NO_CONTEXT:
            continue
        context = plan.contexts.setdefault(section.name, Context(section.name, section.place))
        exten = ""
        for entry in section.entries:
            count += 1
            if count > _MAX_STEPS:
                plan.complete = False
                return plan
            exten = _add(context, exten, entry)
    return plan


def _add(context: Context, exten: str, entry: Entry) -> str:
    """One line of a context; gives the extension that `same` would mean after it."""
    match entry.name.lower():
        case "exten":
            exten, _, rest = entry.value.partition(",")
            exten = exten.strip()
            _step(context, exten, rest, entry.place)
        case "same":
            _step(context, exten, entry.value, entry.place)
        case "include":
            context.includes.append(entry.value.split(",")[0].strip())
        case "switch" | "lswitch" | "eswitch":
            context.switches.append(entry.value)
        case _:
            pass
    return exten


def _step(context: Context, exten: str, rest: str, place: Place) -> None:
    priority, comma, call = rest.partition(",")
    if not comma or not exten or priority.strip().lower() == "hint":
        return
    application, bracket, data = call.partition("(")
    if "," in application or not bracket:
        application, _, data = call.partition(",")
    elif ")" in data:
        data = data[: data.rindex(")")]
    step = Step(context.name, exten, application.strip().lower(), data.strip(), place)
    context.extens.setdefault(exten, []).append(step)
