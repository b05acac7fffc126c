"""extensions.conf: does the dialplan tell why callers leave a queue, clean their numbers, and survive AGI?

What jumps where depends on variables, so a jump counts when a context's name stands in it. Where something is done
nowhere at all, that is a fault; where it is done, but perhaps not on this way, a warning.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from handlers.checks.findings import Finding, Result, Subject, some
from telephony.config import Pbx
from telephony.pbxfiles.dialplan import Context, Dialplan, Step, dialplan
from telephony.pbxfiles.grammar import is_true
from telephony.pbxfiles.tree import Tree

QUEUE, CLEAN = "threerings-queue", "threerings-clean"
OURS = "threerings-"
RELOAD = "then: asterisk -rx 'dialplan reload'"
_EXIT_ON_HANGUP = re.compile(r"AGIEXITONHANGUP\)?\s*=\s*\"?(\w*)", re.IGNORECASE)
_FASTAGI = re.compile(r"\bh?agi://", re.IGNORECASE)
_IN_VARIABLE = re.compile(r"(?:^|\()\s*\$\{")
"""The address itself is in a variable: `AGI(${SERVER})`."""
_LIMITED = re.compile(r"TIMEOUT\(absolute\)\s*=\s*[\d.]*[1-9]", re.IGNORECASE)
GUARDED = ("threerings-inbound", "threerings-script")
"""Of ours, those that ask by AGI under a limit."""
SETTERS = frozenset({"set", "mset", "execif"})
GOTO = ("goto", "gotoif", "gotoiftime")
_READ = re.compile(r"\bAGISTATUS\b|\bTHREERINGS_\w")
"""What tells whether AGI() did what it was there for."""
_NUMBER = re.compile(r"CALLERID\((num|all)[^)]*\)\s*=.*(FILTER|REPLACE|REGEX)", re.IGNORECASE)

Is = Callable[[Step], bool]


def judge(pbx: Pbx, tree: Tree) -> list[Finding]:
    """Everything that extensions.conf shows."""
    about, plan = Subject(pbx.name), dialplan(tree)
    # What is done nowhere may be done in what could not be read.
    sure = tree.complete and plan.complete
    found = [
        *_results(about, pbx, plan, sure=sure),
        *_cleaning(about, plan, sure=sure),
        *_agi(about, plan, sure=sure),
        *_guards(about, plan),
    ]
    if not sure:
        found = [each if each.result is not Result.OK else _so_far(about, each) for each in found]
    for context in plan.contexts.values():
        for switch in context.switches:
            # Behind the slash may be a password: IAX2/user:password@host.
            where = f"{context.place}: switch => {switch.partition('/')[0]} in [{context.name}]"
            why = "what is behind a switch is not in this file; look there for what docker/asterisk/extensions.conf has"
            found.append(about.not_checked("dialplan-others", where, why))
    if not plan.complete:
        what = "the rest of a dialplan of more than 200,000 lines"
        found.append(
            about.not_checked("dialplan-others", what, "look for the lines of docker/asterisk/extensions.conf")
        )
    return found


def _so_far(about: Subject, good: Finding) -> Finding:
    return about.not_checked(good.point, good.what, "so far as could be read; not the rest")


def _results(about: Subject, pbx: Pbx, plan: Dialplan, *, sure: bool) -> Iterator[Finding]:
    point = "dialplan-result"
    telling = {context.name for context in plan.contexts.values() if any(map(_tells, context.steps()))}
    effect = "callers who find the queue full or empty are never counted"
    if not pbx.has_queue_log:
        effect += ", and why the others leave stays unknown (exited)"
    remedy = f"Gosub({QUEUE},s,1(QUEUE,OPTIONS,SECONDS)) in its place, from docker/asterisk/extensions.conf, {RELOAD}"
    calls, silent = 0, False
    for context in plan.contexts.values():
        untold = []
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if step.calls("queue")]
            calls += len(asked)
            at_end = context.extens.get("h", [])
            for at, following in zip(asked, [*asked[1:], None], strict=False):
                after = steps[at + 1 : following]
                if following is None or any(step.calls(jump) for step in after for jump in GOTO):
                    after = [*steps[at + 1 :], *at_end]  # perhaps it jumps over the next one
                if not _any(plan, after, _tells, telling - {QUEUE}):
                    untold.append(steps[at])
        if untold:
            what = f"{_places(context, untold)}: Queue() without telling its result: {effect}"
            only_warn = not sure or _any(plan, context.steps(), _tells, telling)
            yield about.bad(point, what, remedy, only_warn=only_warn)
            silent = True
    if not silent:
        yield about.fine(point, "every Queue() tells its result" if calls else "no Queue() in extensions.conf")


def _cleaning(about: Subject, plan: Dialplan, *, sure: bool) -> Iterator[Finding]:
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
        yield about.bad(point, what, remedy, only_warn=bool(users) or not sure)
    if not missing:
        yield about.fine(point, "numbers are cleaned before they come into a queue")


def _agi(about: Subject, plan: Dialplan, *, sure: bool) -> Iterator[Finding]:
    point = "dialplan-agi"
    exiting = {context.name for context in plan.contexts.values() if any(map(_exits, context.steps()))}
    always = _exiting(f"AGIEXITONHANGUP={plan.variables.get('AGIEXITONHANGUP', '')}") is True
    prepared = _reached(plan, exiting)
    only_warn = not sure or any(not name.startswith(OURS) for name in exiting)
    asking = amiss = 0
    for context in plan.contexts.values():
        unbound, unknown, unread = [], [], []
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if _asks_agi(step)]
            asking += len(asked)
            unbound += [steps[at] for at in asked if not _bound(steps[:at], always or context.name in prepared)]
            hidden = [at for at, step in enumerate(steps) if _may_ask_agi(step)]
            unknown += [steps[at] for at in hidden if not _bound(steps[:at], always or context.name in prepared)]
            asked = [at for at in asked if not steps[at].calls("queue")]
            if asked and not any(_READ.search(step.data) for step in [*steps[asked[-1] + 1 :], *_targets(plan, steps)]):
                unread.append(steps[asked[-1]])
        amiss += len(unbound) + len(unknown)
        if unbound:
            what = f"{_places(context, unbound)}: AGI() without AGIEXITONHANGUP: the channel outlives its caller"
            remedy = f"Set(AGIEXITONHANGUP=yes) before it, {RELOAD}"
            yield about.bad(point, f"{what} when the server hangs", remedy, only_warn=only_warn)
        if unknown:
            what = f"{_places(context, unknown)}: AGI() of what a variable says, without AGIEXITONHANGUP"
            why = "if that is agi://…: Set(AGIEXITONHANGUP=yes) before it"
            yield about.not_checked("dialplan-others", what, why)
        if unread:
            what = f"{_places(context, unread)}: nothing looks at AGISTATUS or THREERINGS_… after AGI()"
            what += ": is there a way on when it fails"
            yield about.warning("dialplan-agistatus", what, f"go by AGISTATUS, as [threerings-inbound] does, {RELOAD}")
    if asking and not amiss:
        yield about.fine(point, "every AGI() ends with its caller")


def _guards(about: Subject, plan: Dialplan) -> Iterator[Finding]:
    """Our own subroutines end by TIMEOUT(absolute), and go on at `T`, when a server takes the call and then freezes."""
    for name in GUARDED:
        context = plan.contexts.get(name)
        if context is None:
            continue
        for steps in context.extens.values():
            asked = [at for at, step in enumerate(steps) if _asks_agi(step)]
            limited = asked and any(_LIMITED.search(step.data) for step in steps[: asked[0]] if step.calls("set"))
            if asked and not (limited and "T" in context.extens):
                missing = "extension T" if limited else "TIMEOUT(absolute)"
                effect = "the call ends after two seconds" if limited else "the caller waits for ever"
                what = f"{_places(context, [steps[asked[0]]])}: AGI() without {missing}: {effect}, should the server"
                remedy = f"take [{name}] anew from docker/asterisk/extensions.conf, {RELOAD}"
                yield about.fault("dialplan-guard", f"{what} take the call and then freeze", remedy)


def _tells(step: Step) -> bool:
    return step.calls("userevent") and "queueresult" in step.data.lower()


def _cleans(step: Step) -> bool:
    return step.application in SETTERS and _NUMBER.search(step.data) is not None


def _exiting(data: str) -> bool | None:
    """Whether AGIEXITONHANGUP is switched on or off there; None: neither."""
    found = _EXIT_ON_HANGUP.search(data)
    return is_true(found[1]) if found is not None else None


def _exits(step: Step) -> bool:
    return step.application in SETTERS and _exiting(step.data) is True


def _bound(before: Iterable[Step], otherwise: bool) -> bool:
    """Whether AGIEXITONHANGUP is on behind these steps: the last one that says so counts."""
    said = [_exiting(step.data) for step in before if step.application in SETTERS]
    return next((each for each in reversed(said) if each is not None), otherwise)


def _runs_agi(step: Step) -> bool:
    return step.calls("agi") or step.calls("eagi") or step.calls("deadagi")


def _asks_agi(step: Step) -> bool:
    """AGI() over the network; a Queue() has one for its agents."""
    return (_runs_agi(step) or step.calls("queue")) and _FASTAGI.search(step.data) is not None


def _may_ask_agi(step: Step) -> bool:
    if not _runs_agi(step) or _asks_agi(step):
        return False
    return _IN_VARIABLE.search(step.data) is not None


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
