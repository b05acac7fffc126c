"""A story that fails, made as small as it can be while it still fails in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import structlog

from tests.simulation.harness import run
from tests.simulation.judging import judge
from tests.simulation.story import SECOND, Call, Fault, Phone, Stage, Story, Talk
from tests.simulation.timeline import timeline

TRIES = 600
"""Stories tried in search of a smaller one."""


def quietly() -> None:
    """What the product logs about accidents is expected here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def wrong(story: Story) -> list[str]:
    """What is wrong with what the product makes of a story."""
    return judge(run(story))


def kind_of(fault: str) -> str:
    """What kind of fault it is: its words, without numbers and names."""
    return " ".join(word for word in fault.split() if word.isalpha())[-60:]


def smallest(story: Story, fails: Callable[[Story], bool]) -> Story:
    """The smallest story that still fails, as far as taking away and making plain leads."""
    tries, again = TRIES, True
    while again and tries > 0:
        again = False
        for candidate in smaller(story):
            tries -= 1
            if tries <= 0:
                break
            if fails(candidate):
                story, again = candidate, True
                break
    return story


def smaller(story: Story) -> Iterator[Story]:
    """Stories with less in them, the boldest cuts first."""
    for field in ("faults", "shifts", "calls"):
        things = getattr(story, field)
        size = len(things)
        while size >= 1:
            for start in range(0, len(things), size):
                rest = things[:start] + things[start + size :]
                if rest != things and (rest or field != "calls"):
                    yield replace(story, **{field: rest})
            size //= 2
    for place, call in enumerate(story.calls):
        for plainer in plainer_call(call):
            yield replace(story, calls=(*story.calls[:place], plainer, *story.calls[place + 1 :]))
    for place, fault in enumerate(story.faults):
        for short in plainer_fault(fault):
            yield replace(story, faults=(*story.faults[:place], short, *story.faults[place + 1 :]))


def plainer_call(call: Call) -> Iterator[Call]:
    """With fewer, and plainer, stages."""
    for place in range(len(call.stages)):
        if len(call.stages) > 1:
            yield replace(call, stages=call.stages[:place] + call.stages[place + 1 :])
    usual = Call(call.number, call.at)
    for field in ("name", "lingers", "hangs_up"):
        if getattr(call, field) != getattr(usual, field):
            yield replace(call, **{field: getattr(usual, field)})
    for place, stage in enumerate(call.stages):
        for plainer in plainer_stage(stage):
            yield replace(call, stages=(*call.stages[:place], plainer, *call.stages[place + 1 :]))


def plainer_stage(stage: Stage) -> Iterator[Stage]:
    """With less that is unusual."""
    for place in range(len(stage.phones)):
        if len(stage.phones) > 1:
            yield replace(stage, phones=stage.phones[:place] + stage.phones[place + 1 :])
    usual = Stage(stage.queue, stage.rounds)
    for field in ("interrupted", "limit", "pause", "announcement", "gosub", "unsaid", "goes_on", "told", "talk"):
        if getattr(stage, field) != getattr(usual, field):
            yield replace(stage, **{field: getattr(usual, field)})
    for field in ("completes", "held", "ends", "lasts"):
        if getattr(stage.talk, field) != getattr(Talk(), field):
            yield replace(stage, talk=replace(stage.talk, **{field: getattr(Talk(), field)}))
    for place, phone in enumerate(stage.phones):
        if phone not in {Phone(), Phone("rings")}:
            for plain in (Phone(), Phone("rings")):
                yield replace(stage, phones=(*stage.phones[:place], plain, *stage.phones[place + 1 :]))


def plainer_fault(fault: Fault) -> Iterator[Fault]:
    """Shorter, and noticed at once."""
    if fault.noticed:
        yield replace(fault, noticed=0)
    if fault.keeps:
        yield replace(fault, keeps=0)
    if fault.lasts > SECOND:
        yield replace(fault, lasts=fault.lasts // 2)


def failure(story: Story) -> str:
    """All that a person needs to know of a story that fails; empty when it does not."""
    found = wrong(story)
    if not found:
        return ""
    kind = kind_of(found[0])
    small = smallest(story, lambda one: any(kind_of(fault) == kind for fault in wrong(one)))
    played = run(small)
    lines = [
        f"seed {story.seed} ({len(story.calls)} calls): {found[0]}",
        f"  and {len(found) - 1} more" if len(found) > 1 else "",
        "the smallest story that fails so, too:",
        *small.words(),
        "what it says:",
        *timeline(played),
        "what is wrong with it:",
        *judge(played),
    ]
    return "\n".join(filter(None, lines))
