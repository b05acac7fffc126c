"""What differs, call by call, and what of it queue_log knows better. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from handlers.unheard import Unheard
from telephony.calls.healing import Finding
from telephony.calls.healing import Stay as Told
from telephony.calls.record import CallRecord, Direction, Party, call_id
from telephony.queuelog.reconcile import Better, Difference, Kinds
from telephony.queuelog.stays import Stay, TalkEnd

PARTIES = {TalkEnd.AGENT: Party.AGENT, TalkEnd.CALLER: Party.CALLER}
HEARD = "the PBX was heard all that time: the line may be forged"
ENDS_OTHERWISE = frozenset({Kinds.MISSING, Kinds.OUTCOME})


class Doubts(Protocol):
    """What else is known of queue_log: `handlers.reconciling.logbook.Logbook`."""

    def why_doubtful(self, stay: Stay, /) -> str:
        """Why it may be forged, or lack a line; empty: it need not."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference; `healed`: it is put right."""

    of: Difference
    healed: bool


@dataclass(slots=True)
class Case:
    """What differs in one call.

    Attributes:
        call: as the ledger has it; None: it does not.
        channels: by which the tracker would know it.
        stays: those concerned.
        differences: all of them.
        findings: what is to be put right. twice: ordinals of visits that tell of what another one tells better.
    """

    call: CallRecord | None
    channels: set[str] = field(default_factory=set)
    stays: list[Stay] = field(default_factory=list)
    differences: list[Judged] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    twice: set[int] = field(default_factory=set)

    @property
    def heals(self) -> bool:
        """Something is to be put right."""
        return bool(self.findings or self.twice)


def judge(
    pbx: str, calls: Sequence[CallRecord], differences: Iterable[Difference], log: Doubts, unheard: Unheard | None
) -> list[Case]:
    """What these differences mean, call by call.

    Args:
        pbx: whose.
        calls: of the ledger, all that may be concerned.
        differences: to be told.
        log: what else is known of queue_log.
        unheard: when the PBX was not heard; None: nobody knows, and what only queue_log tells is believed.
    """
    known = {call.id: call for call in calls}
    of_channel = {visit.uniqueid: call.id for call in calls for visit in call.visits}
    of_channel |= {call.uniqueid: call.id for call in calls}
    cases: dict[UUID, Case] = {}
    for one in differences:
        names = [] if one.stay is None else [name for name in (one.stay.uniqueid, one.stay.left_as) if name]
        if one.visit is not None:
            id_ = one.visit.call
            names.append(one.visit.uniqueid)
        else:
            id_ = next((of_channel[name] for name in names if name in of_channel), call_id(pbx, names[0]))
        case = cases.setdefault(id_, Case(known.get(id_)))
        case.channels.update(names)
        case.stays += [] if one.stay is None else [one.stay]
        add(case, one, doubt(one, log, unheard))
    return list(cases.values())


def doubt(one: Difference, log: Doubts, unheard: Unheard | None) -> str:
    """Why queue_log is not believed here, though it knew better; empty: nothing."""
    stay = one.stay
    if stay is None or one.better is not Better.QUEUE_LOG:
        return ""
    if why := log.why_doubtful(stay):
        return why
    if one.kind is Kinds.MISSING and unheard and not was_unheard(stay, unheard):
        return HEARD
    return ""


def was_unheard(stay: Stay, unheard: Unheard) -> bool:
    """Whether the PBX was not heard for some of the time in which he waited."""
    return unheard.any(stay.joined_at, stay.left_at or stay.joined_at)


def add(case: Case, one: Difference, doubts: str) -> None:
    """One difference, and what it means for the call."""
    if doubts:
        one = replace(one, better=Better.NOBODY, why=f"{one.why}; {doubts}")
    over = case.call is None or (case.call.direction is Direction.INBOUND and case.call.ended_at is not None)
    heals = one.better is Better.QUEUE_LOG and over
    case.differences.append(Judged(one, heals))
    if heals and one.stay is None and one.visit is not None:
        case.twice.add(one.visit.ordinal)
    if not heals or one.stay is None:
        return
    stay, ordinal, how = told(one.stay), one.visit.ordinal if one.visit else None, one.kind in ENDS_OTHERWISE
    before = next((each for each in case.findings if (each.stay, each.ordinal) == (stay, ordinal)), None)
    if before is None:
        case.findings.append(Finding(stay, ordinal, how))
    elif how:
        case.findings[case.findings.index(before)] = replace(before, how=True)


def told(stay: Stay) -> Told:
    """The stay in the words of the core."""
    return Told(
        queue=stay.queue,
        uniqueid=stay.uniqueid,
        caller=stay.caller,
        joined_at=stay.joined_at,
        left_at=stay.left_at,
        word=stay.word,
        waited=stay.waited,
        agent=stay.agent,
        leg=stay.leg,
        talked=stay.talked,
        ended_by=PARTIES.get(stay.ended_by) if stay.ended_by else None,
    )
