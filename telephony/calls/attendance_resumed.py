"""What an earlier process stored of the agents' time, and what this one has heard, made one: nothing twice."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from telephony.calls.attendance import Attendance
from telephony.calls.facts import Moment
from telephony.calls.record import Quality
from telephony.calls.spells import AgentState, Spell

SET_BACK = timedelta(minutes=1)


def resume(attendance: Attendance, stored: Iterable[Spell], until: datetime) -> None:
    """Go on from what is stored; once, before anything is taken.

    What this process heard of the time before `until`, out of the journal, is stored already. Whoever then did what he
    did still, does it since he did. Where nobody heard anything between, that is `unknown`; where a listing then shows
    him as he was, it is carried on.

    Args:
        attendance: of the PBX; it has heard a listing.
        stored: the spells that had no end.
        until: everything up to then is stored.
    """
    heard = attendance.heard_from
    if heard is None:
        raise ValueError("nothing was listed yet")
    now = attendance.heard or heard
    # Of a PBX whose clock was set back, what is heard from now on was not heard before.
    from_ = heard.wall if until - now.wall > SET_BACK else until
    before = {spell.agent: spell for spell in stored}
    ours: dict[str, list[Spell]] = {name: [] for name in before}
    for key in sorted(attendance.changed):
        ours.setdefault(key[0], []).append(attendance.changed[key])
    attendance.changed = {}
    for name, spells in ours.items():
        later = [_from(spell, from_) for spell in spells if spell.ended_at is None or spell.ended_at > from_]
        made = _joined(before.get(name), later, until, _begin(attendance, heard, until))
        attendance.changed |= {(name, spell.began_at): spell for spell in made}
        _go_on(attendance, name, made)


def _begin(attendance: Attendance, heard: Moment, until: datetime) -> tuple[datetime, bool]:
    """Since when this process hears, and whether it is the PBX that was heard before."""
    booted = attendance.booted_at
    return heard.wall, booted is None or booted <= until


def _from(spell: Spell, until: datetime) -> Spell:
    """What of it comes later."""
    return spell if spell.began_at >= until else replace(spell, began_at=until, quality=Quality.LIVE)


def _joined(old: Spell | None, later: Sequence[Spell], until: datetime, begin: tuple[datetime, bool]) -> list[Spell]:
    """What he did when it was stored, and what is known of later."""
    heard, same_boot = begin
    if old is None:
        return list(later)
    first = later[0] if later else None
    carries = first is not None and first.same(old) and same_boot
    if first is not None and carries and first.began_at == until and first.queues == old.queues:
        return [
            replace(first, began_at=old.began_at, since=old.since, quality=old.quality),
            *_since(later[1:], first, old),
        ]
    gap = max(until, old.began_at)
    made = [replace(old, ended_at=gap)]
    if heard > gap:
        unknown = Spell(old.pbx, old.agent, AgentState.UNKNOWN, "", old.queues, gap, gap, heard, Quality.PARTIAL)
        made.append(unknown)
    if first is not None and carries and first.began_at == max(heard, gap):
        return [*made, *_since(later, first, old)]
    return [*made, *later]


def _since(spells: Sequence[Spell], first: Spell, old: Spell) -> list[Spell]:
    """Those that go on with the first one do so since the old one began."""
    return [replace(spell, since=old.since) if spell.since == first.since else spell for spell in spells]


def _go_on(attendance: Attendance, name: str, made: Sequence[Spell]) -> None:
    """What goes on is what came of it."""
    agent = attendance.agents.get(name)
    if agent is None or agent.open is None or agent.began is None or not made:
        return
    newest = made[-1]
    shift = agent.began.wall - newest.began_at
    agent.began = Moment(newest.began_at, agent.began.mono - shift, agent.began.stamped)
    agent.open = newest
    agent.last = made[-2] if len(made) > 1 else None
