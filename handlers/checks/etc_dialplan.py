"""extensions.conf: does the dialplan tell why callers leave a queue, clean their numbers, and survive AGI?

What jumps where depends on variables, so a jump counts when a context's name stands in it. Where something is done
nowhere at all, that is a fault; where it is done, but perhaps not on this way, a warning.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from handlers.checks.findings import Finding, Subject, some
from telephony.config import Pbx
from telephony.pbxfiles.dialplan import Context, Dialplan, Step, dialplan
from telephony.pbxfiles.folder import Tree

QUEUE, CLEAN = "threerings-queue", "threerings-clean"
OURS = "threerings-"
RELOAD = "then: asterisk -rx 'dialplan reload'"
_EXIT_ON_HANGUP = re.compile(r"AGIEXITONHANGUP\)?\s*=\s*\"?(yes|true|y|t|1|on)\b", re.IGNORECASE)
_FASTAGI = re.compile(r"\bh?agi://", re.IGNORECASE)
_READ = re.compile(r"\bAGISTATUS\b|\bTHREERINGS_\w")
"""What tells whether AGI() did what it was there for."""
_NUMBER = re.compile(r"CALLERID\((num|all)[^)]*\)\s*=.*(FILTER|REPLACE|REGEX)", re.IGNORECASE)

Is = Callable[[Step], bool]


def judge(pbx: Pbx, tree: Tree) -> list[Finding]:
    """Everything that extensions.conf shows."""
    about, plan = Subject(pbx.name), dialplan(tree)
    found = [*_results(about, pbx, plan), *_cleaning(about, plan), *_agi(about, plan)]
    for context in plan.contexts.values():
        for switch in context.switches:
            where = f"{context.place}: switch => {switch} in [{context.name}]"
            why = "what is behind a switch is not in this file; look there for what docker/asterisk/extensions.conf has"
            found.append(about.not_checked("dialplan-others", where, why))
    if not plan.complete:
        what = "the rest of a dialplan of more than 200,000 lines"
        found.append(
            about.not_checked("dialplan-others", what, "look for the lines of docker/asterisk/extensions.conf")
        )
    return found


def _results(about: Subject, pbx: Pbx, plan: Dialplan) -> Iterator[Finding]:
    point = "dialplan-result"
    telling = {context.name for context in plan.contexts.values() if any(map(_tells, context.steps()))}
    effect = "callers who find the queue full or empty are never counted"
    if pbx.queue_log is None:
        effect += ", and why the others leave stays unknown (exited)"
    remedy = f"Gosub({QUEUE},s,1(QUEUE,OPTIONS,SECONDS)) in its place, from docker/asterisk/extensions.conf, {RELOAD}"
    calls = 0
    for context in plan.contexts.values():
        untold = []
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if step.calls("queue")]
            calls += len(asked)
            after = steps[asked[-1] + 1 :] if asked else []
            if asked and not _any(plan, [*after, *context.extens.get("h", [])], _tells, telling - {QUEUE}):
                untold.append(steps[asked[-1]])
        if untold:
            what = f"{_places(context, untold)}: Queue() without telling its result: {effect}"
            yield about.bad(point, what, remedy, only_warn=_any(plan, context.steps(), _tells, telling))
            calls = -1 if calls >= 0 else calls
    if calls > 0:
        yield about.fine(point, "every Queue() tells its result")
    elif calls == 0:
        yield about.fine(point, "no Queue() in extensions.conf")


def _cleaning(about: Subject, plan: Dialplan) -> Iterator[Finding]:
    point = "dialplan-clean"
    cleaning = {context.name for context in plan.contexts.values() if any(map(_cleans, context.steps()))} - {QUEUE}
    # That the subroutine is there does not mean that anybody calls it.
    users = {step.context for step in _steps(plan) if _cleans(step) or _jumps(plan, step, cleaning)} - {CLEAN}
    cleaned_before = _reached(plan, users)
    missing: list[tuple[Context, Step]] = []
    for context in plan.contexts.values():
        if context.name == QUEUE or context.name in cleaned_before:
            continue
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if step.calls("queue") or _jumps(plan, step, {QUEUE})]
            if asked and not _any(plan, steps[: asked[0]], _cleans, cleaning):
                missing.append((context, steps[asked[0]]))
    for name in dict.fromkeys(context.name for context, _ in missing):
        steps = [step for of, step in missing if of.name == name]
        what = f"{_places(plan.contexts[name], steps)}: a caller's number is not cleaned before it comes into a queue"
        what += ": with line breaks in it, his call is not counted"
        remedy = f"Gosub({CLEAN},s,1) first of all, {RELOAD}"
        yield about.bad(point, what, remedy, only_warn=bool(users))
    if not missing:
        yield about.fine(point, "numbers are cleaned before they come into a queue")


def _agi(about: Subject, plan: Dialplan) -> Iterator[Finding]:
    point = "dialplan-agi"
    exiting = {context.name for context in plan.contexts.values() if any(map(_exits, context.steps()))}
    set_for_all = _EXIT_ON_HANGUP.search(f"AGIEXITONHANGUP={plan.variables.get('AGIEXITONHANGUP', '')}") is not None
    prepared = _reached(plan, exiting)
    asking = holding = 0
    for context in plan.contexts.values():
        unbound, unread = [], []
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if _asks_agi(step)]
            if not asked:
                continue
            asking += 1
            if not (set_for_all or context.name in prepared or any(map(_exits, steps[: asked[0]]))):
                unbound.append(steps[asked[0]])
            if not any(_READ.search(step.data) for step in [*steps[asked[-1] + 1 :], *_targets(plan, steps)]):
                unread.append(steps[asked[-1]])
        if unbound:
            holding += 1
            what = (
                f"{_places(context, unbound)}: AGI() without AGIEXITONHANGUP: the channel outlives its caller when the"
            )
            what += " server hangs"
            remedy = f"Set(AGIEXITONHANGUP=yes) before it, {RELOAD}"
            yield about.bad(point, what, remedy, only_warn=any(not name.startswith(OURS) for name in exiting))
        if unread:
            what = f"{_places(context, unread)}: nothing looks at AGISTATUS or THREERINGS_… after AGI()"
            what += ": is there a way on when it fails"
            yield about.warning("dialplan-agistatus", what, f"go by AGISTATUS, as [threerings-inbound] does, {RELOAD}")
    if asking and not holding:
        yield about.fine(point, "every AGI() ends with its caller")


def _tells(step: Step) -> bool:
    return step.calls("userevent") and "queueresult" in step.data.lower()


def _cleans(step: Step) -> bool:
    return step.application in {"set", "mset", "execif"} and _NUMBER.search(step.data) is not None


def _exits(step: Step) -> bool:
    return step.application in {"set", "mset", "execif"} and _EXIT_ON_HANGUP.search(step.data) is not None


def _asks_agi(step: Step) -> bool:
    return (step.calls("agi") or step.calls("eagi")) and _FASTAGI.search(step.data) is not None


def _steps(plan: Dialplan) -> Iterator[Step]:
    return (step for context in plan.contexts.values() for step in context.steps())


def _jumps(plan: Dialplan, step: Step, names: set[str]) -> bool:
    return any(name in names for name in step.targets(plan.contexts))


def _any(plan: Dialplan, steps: Iterable[Step], does: Is, elsewhere: set[str]) -> bool:
    """Whether one of the steps does it, or jumps to a context where it is done."""
    return any(does(step) or _jumps(plan, step, elsewhere) for step in steps)


def _targets(plan: Dialplan, steps: Iterable[Step]) -> Iterator[Step]:
    """The steps of the contexts that these jump to."""
    return (step for each in steps for name in each.targets(plan.contexts) for step in plan.contexts[name].steps())


def _reached(plan: Dialplan, starts: Iterable[str]) -> set[str]:
    """The contexts to which a way leads from these, themselves not."""
    reached: set[str] = set()
    front = set(starts)
    while front:
        nexts = {name for of in front for step in plan.contexts[of].steps() for name in step.targets(plan.contexts)}
        front = nexts - reached
        reached |= nexts
    return reached


def _places(context: Context, steps: list[Step]) -> str:
    """`extensions.conf:12: [from-trunk] 4001`, or a few of several."""
    if len(steps) == 1:
        return f"{steps[0].place}: [{context.name}] {steps[0].exten}"
    return f"{steps[0].place}: [{context.name}] {some(step.exten for step in steps)}"
