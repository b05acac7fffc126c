"""Which visit of the ledger is which stay of queue_log. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from telephony.calls.record import REFUSED, CallRecord, Kind, Outcome, Quality
from telephony.queuelog.stays import Stay

JOINED_APART = timedelta(seconds=2)
"""Of one stay, the ledger's second of joining and queue_log's are at most so far apart."""
PROVED_WITHIN = timedelta(seconds=1)
"""Under another id, beginning and wait must agree so well, and with nobody else's."""


@dataclass(frozen=True, slots=True)
class LedgerVisit:
    """A queue visit of the ledger, refused ones included: fields of its `VisitRecord`, and of its `CallRecord`.

    Attributes:
        rung: agents whose phones were called for it.
        phones: the numbers of these phones, as far as their devices are called after them.
    """

    call: UUID
    ordinal: int
    uniqueid: str
    queue: str
    caller: str
    arrived_at: datetime
    joined_at: datetime | None
    left_at: datetime | None
    outcome: Outcome | None
    settling: bool
    wait: timedelta | None
    agent: str
    quality: Quality
    reason: str
    rung: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """How it ended is decided."""
        return self.outcome is not None and not self.settling

    @property
    def refused(self) -> bool:
        """He was not let in."""
        return self.outcome in REFUSED

    @property
    def began_at(self) -> datetime:
        """Joined; a refused visit has no moment but its call's."""
        return self.joined_at or self.arrived_at


def of(record: CallRecord) -> list[LedgerVisit]:
    """The queue visits of a call."""
    return [
        LedgerVisit(
            call=record.id,
            ordinal=visit.ordinal,
            uniqueid=visit.uniqueid,
            queue=visit.queue,
            caller=record.caller,
            arrived_at=record.arrived_at,
            joined_at=visit.joined_at,
            left_at=visit.left_at,
            outcome=visit.outcome,
            settling=visit.settling,
            wait=visit.wait,
            agent=visit.agent or "",
            quality=visit.quality,
            reason=visit.reason,
            rung=frozenset(offer.agent for offer in visit.offers),
            phones=frozenset(number for offer in visit.offers if (number := _number(offer.interface))),
        )
        for visit in record.visits
        if visit.kind is Kind.QUEUE
    ]


def took_a_place(visit: LedgerVisit, stay: Stay, phones: Collection[str]) -> bool:
    """An agent had asked the queue for somebody; the customer was put into his place, and waited from then on."""
    return (
        visit.joined_at is not None
        and visit.left_at is not None
        and stay.left_at is not None
        and stay.caller in phones
        and stay.caller != visit.caller
        and visit.joined_at >= stay.joined_at
        and abs(visit.left_at.replace(microsecond=0) - stay.left_at) <= JOINED_APART
    )


def _number(interface: str) -> str:
    """`PJSIP/1001` and `Local/1001@phones/n` are 1001."""
    return interface.partition("/")[2].partition("@")[0]


Pairs: TypeAlias = list[tuple[LedgerVisit, Stay]]


def match(visits: Sequence[LedgerVisit], stays: Sequence[Stay]) -> tuple[Pairs, list[LedgerVisit], list[Stay]]:
    """Who is who, which visits are the ledger's alone, and which stays queue_log's alone."""
    pairs: Pairs = []
    phones = frozenset(number for visit in visits for number in visit.phones)
    ours = sorted(visits, key=lambda visit: (visit.began_at, visit.ordinal))
    theirs = sorted(stays, key=lambda stay: stay.joined_at)
    for search in (_by_name, _by_name_of_leaving, _by_proof):
        found = search(ours, theirs, phones)
        matched = {id(one) for pair in found for one in pair}
        ours = [visit for visit in ours if id(visit) not in matched]
        theirs = [stay for stay in theirs if id(stay) not in matched]
        pairs += found
    return pairs, ours, theirs


def _by_name(ours: Sequence[LedgerVisit], theirs: Sequence[Stay], phones: Collection[str]) -> Pairs:
    return _named(ours, {id(stay): stay.uniqueid for stay in theirs}, theirs, phones)


def _by_name_of_leaving(ours: Sequence[LedgerVisit], theirs: Sequence[Stay], phones: Collection[str]) -> Pairs:
    return _named(ours, {id(stay): stay.left_as for stay in theirs}, theirs, phones)


def _named(
    ours: Sequence[LedgerVisit], names: Mapping[int, str], theirs: Sequence[Stay], phones: Collection[str]
) -> Pairs:
    """Those of one caller in one queue: in their order, when as many are known to both; else who began nearest."""
    by_name: dict[Hashable, tuple[list[LedgerVisit], list[Stay]]] = defaultdict(lambda: ([], []))
    for visit in ours:
        by_name[visit.uniqueid, visit.queue, visit.refused][0].append(visit)
    for stay in theirs:
        by_name[names[id(stay)], stay.queue, stay.refused][1].append(stay)
    found: Pairs = []
    for mine, his in by_name.values():
        pairs = zip(mine, his, strict=True) if len(mine) == len(his) else ((one, two) for one in mine for two in his)
        left_ours, left_theirs = {id(one) for one in mine}, {id(two) for two in his}
        for visit, stay in sorted(pairs, key=lambda pair: _apart(pair[0], pair[1], phones)):
            if _apart(visit, stay, phones) <= JOINED_APART and id(visit) in left_ours and id(stay) in left_theirs:
                found.append((visit, stay))
                left_ours.remove(id(visit))
                left_theirs.remove(id(stay))
    return found


def _by_proof(ours: Sequence[LedgerVisit], theirs: Sequence[Stay], _: Collection[str]) -> Pairs:
    """Those whose channel was another one's when they joined: same queue, beginning and wait, and nobody else's."""
    by_second: dict[tuple[str, int], list[Stay]] = defaultdict(list)
    for stay in theirs:
        by_second[stay.queue, int(stay.joined_at.timestamp())].append(stay)
    fitting = [
        (visit, stay)
        for visit in ours
        for second in range(-1, 2)
        for stay in by_second.get((visit.queue, int(visit.began_at.timestamp()) + second), ())
        if _proves(visit, stay)
    ]
    rivals = Counter(id(one) for pair in fitting for one in pair)
    return [(visit, stay) for visit, stay in fitting if rivals[id(visit)] == rivals[id(stay)] == 1]


def _proves(visit: LedgerVisit, stay: Stay) -> bool:
    if visit.joined_at is None or visit.wait is None or stay.waited is None or stay.refused:
        return False
    return max(abs(visit.joined_at - stay.joined_at), abs(visit.wait - stay.waited)) <= PROVED_WITHIN


def _apart(visit: LedgerVisit, stay: Stay, phones: Collection[str]) -> timedelta:
    """How far their beginnings lie apart; or their ends, where the ledger did not hear him join, or another had joined.

    Of a refused visit the ledger knows no moment: it is somewhere in its call.
    """
    if visit.joined_at is None:
        return timedelta()
    apart = abs(visit.joined_at.replace(microsecond=0) - stay.joined_at)
    if visit.left_at is None or stay.left_at is None:
        return apart
    if visit.quality is Quality.LIVE and not took_a_place(visit, stay, phones):
        return apart
    return min(apart, abs(visit.left_at.replace(microsecond=0) - stay.left_at))
