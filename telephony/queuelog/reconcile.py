"""The ledger against queue_log, visit by visit: what differs, and whom to believe. Pure.

What the two tell differently and both rightly is no difference (docs/definitions.md, "Witnesses").
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from telephony.calls.facts import QueueResult
from telephony.calls.record import Outcome, Quality
from telephony.queuelog.boots import BootEnd, hung_up_himself
from telephony.queuelog.matching import LedgerVisit, match, took_a_place
from telephony.queuelog.stays import ENTRY_UNSEEN, Stay

WAIT_APART = timedelta(seconds=1.5)
"""queue_log's waits are differences of whole seconds, and so a second off at most."""

_SAID = {
    QueueResult.CONNECTED: Outcome.ANSWERED,
    QueueResult.ABANDONED: Outcome.ABANDONED,
    QueueResult.TIMEOUT: Outcome.TIMEOUT,
    QueueResult.KEY: Outcome.KEY_EXIT,
    QueueResult.LEAVE_EMPTY: Outcome.EMPTY,
    QueueResult.WITHDRAWN: Outcome.WITHDRAWN,
    QueueResult.INCOMPATIBLE: Outcome.INCOMPATIBLE,
    QueueResult.FULL: Outcome.REFUSED_FULL,
    QueueResult.JOIN_EMPTY: Outcome.REFUSED_EMPTY,
}
_ALSO: Mapping[QueueResult, frozenset[Outcome]] = {
    # He had hung up, or was hung up, before the agent could hear him: queue_log does not look.
    QueueResult.CONNECTED: frozenset({Outcome.ABANDONED, Outcome.ENDED_BY_PBX}),
    # The queue gave him up: queue_log does not know whether he lived on, or who ended the channel.
    QueueResult.ABANDONED: frozenset({Outcome.REDIRECTED, Outcome.ENDED_BY_PBX}),
}
_HEARD = frozenset({Quality.LIVE, Quality.APPROXIMATE})
_UNSTORED = re.compile("[\x00\ud800-\udfff]")
# The tracker's words for two ends of which it knows more than queue_log.
_NOBODY_BRIDGED = "phone answered, nobody was bridged"
_SHUT_DOWN = "the PBX was shut down"
_RESTARTED = "the PBX restarted"


class Kinds(StrEnum):
    """What differs: the label of `ledger_mismatch_total`."""

    MISSING = "missing"
    EXTRA = "extra"
    OUTCOME = "outcome"
    WAIT = "wait"
    AGENT = "agent"


class Better(StrEnum):
    """Whom to believe."""

    LEDGER = "ledger"
    QUEUE_LOG = "queue_log"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two tell differently.

    Attributes:
        kind: what.
        visit: the ledger's; None when it has none.
        stay: queue_log's; None when it has none.
        better: whom to believe.
        why: in a few words, for a person.
    """

    kind: Kinds
    visit: LedgerVisit | None
    stay: Stay | None
    better: Better
    why: str

    @property
    def began_at(self) -> datetime:
        """When he joined; of a refused visit that queue_log does not have, when its call came."""
        began = [one.joined_at for one in (self.visit, self.stay) if one is not None and one.joined_at is not None]
        return began[0] if began or self.visit is None else self.visit.arrived_at


def compare(
    visits: Sequence[LedgerVisit],
    stays: Sequence[Stay],
    *,
    others: Collection[str] = (),
    damaged: bool = False,
    ends: Collection[BootEnd] = (),
) -> list[Difference]:
    """What differs, in the order of time.

    Give whoever began in a span, of both, and some seconds more at either end; take what began in the span. Who still
    waits, in the ledger or in the log, is to be among them: he is matched, and compared when both have ended.

    Args:
        visits: of the ledger, of one PBX.
        stays: of its queue_log.
        others: Uniqueids of calls that are not inbound: they have stays in queue_log, and no visits. An agent who asks
            a queue for somebody while his customer holds is known by his number, where his phone rang for a visit.
        damaged: lines of that span were quarantined: queue_log may lack one, or have one that somebody forged, and
            is believed in nothing.
        ends: of the lives of the PBX, as its queue_log shows them, in their order.
    """
    pairs, only_ours, only_theirs = match(visits, stays)
    phones = frozenset(number for visit in visits for number in visit.phones)
    placed = {id(stay) for visit, stay in pairs if took_a_place(visit, stay, phones)}
    found = [one for visit, stay in pairs if (one := _outcome(visit, stay, ends)) is not None]
    told = {id(one.stay) for one in found} | placed
    found += [one for visit, stay in pairs if id(stay) not in told and (one := _wait(visit, stay)) is not None]
    found += [one for visit, stay in pairs if (one := _agent(visit, stay)) is not None]
    extra = [_extra(visit, visits) for visit in only_ours if visit.ended]
    told_twice = {id(one.visit) for one in extra if one.better is Better.QUEUE_LOG}
    found = [one for one in found if id(one.visit) not in told_twice] + extra
    found += [
        _missing(stay)
        for stay in only_theirs
        if _is_over(stay) and stay.uniqueid not in others and stay.caller not in phones
    ]
    if damaged:
        found = [replace(one, better=Better.NOBODY, why=f"{one.why}; queue_log is damaged") for one in found]
    return sorted(found, key=lambda one: one.began_at)


def _is_over(stay: Stay) -> bool:
    return stay.word is not None or stay.cut


# --- what differs ---


def _extra(visit: LedgerVisit, visits: Sequence[LedgerVisit]) -> Difference:
    both = next(((visit, other) for other in visits if _tells_the_same(visit, other)), None)
    if both is not None:
        unheard = both[both[0].quality in _HEARD]
        return Difference(Kinds.EXTRA, unheard, None, Better.QUEUE_LOG, "told twice; once it was heard as it happened")
    if visit.refused:
        why = "refused; the dialplan wrote no line into queue_log"
    else:
        why = f"{visit.outcome}; queue_log has no such stay"
    heard = visit.quality in _HEARD and visit.outcome is not Outcome.LOST
    return Difference(Kinds.EXTRA, visit, None, Better.LEDGER if heard else Better.NOBODY, why)


def _tells_the_same(one: LedgerVisit, other: LedgerVisit) -> bool:
    """One caller, at one time in one queue, once as it was heard and once as it was found out."""
    if (one.call, one.uniqueid, one.queue) != (other.call, other.uniqueid, other.queue):
        return False
    if (one.quality in _HEARD) == (other.quality in _HEARD) or not other.ended:
        return False
    if one.joined_at is None or one.left_at is None or other.joined_at is None or other.left_at is None:
        return False
    shorter = min(one.left_at - one.joined_at, other.left_at - other.joined_at)
    return min(one.left_at, other.left_at) - max(one.joined_at, other.joined_at) > shorter / 2


def _missing(stay: Stay) -> Difference:
    how = "nobody knows how it ended" if stay.word is None else f"queue_log says {stay.word}"
    why = f"{how}; the ledger has no such visit"
    better = Better.NOBODY if stay.doubt == ENTRY_UNSEEN else Better.QUEUE_LOG
    return Difference(Kinds.MISSING, None, stay, better, f"{why}; {stay.doubt}" if stay.doubt else why)


def _outcome(visit: LedgerVisit, stay: Stay, ends: Collection[BootEnd]) -> Difference | None:
    if not visit.ended or stay.word is None or _ended_with_the_pbx(visit, stay, ends):
        return None
    said, ours = _SAID[stay.word], visit.outcome
    allowed = (
        ours is said
        or ours in _ALSO.get(stay.word, ())
        or (said is Outcome.ANSWERED and visit.reason == _NOBODY_BRIDGED)
    )
    if allowed:
        return None
    unknown = ours in {Outcome.LOST, Outcome.EXITED}
    better = Better.QUEUE_LOG if unknown or visit.quality not in _HEARD else Better.LEDGER
    heard = "nobody heard why he left" if unknown else _how_heard(visit)
    return Difference(Kinds.OUTCOME, visit, stay, better, f"{heard}; queue_log says {stay.word}")


def _ended_with_the_pbx(visit: LedgerVisit, stay: Stay, ends: Collection[BootEnd]) -> bool:
    """An orderly shutdown hangs up everybody, and then queue_log says that they gave up."""
    if visit.outcome is not Outcome.LOST or stay.left_at is None:
        return False
    unsure = stay.word is QueueResult.ABANDONED and not hung_up_himself(stay.left_at, ends)
    return visit.reason == _SHUT_DOWN or (visit.reason == _RESTARTED and unsure)


def _wait(visit: LedgerVisit, stay: Stay) -> Difference | None:
    if not visit.ended or stay.waited is None or visit.outcome is Outcome.LOST or _gave_up_late(visit, stay):
        return None
    if visit.wait is None:
        why = f"the ledger does not know how long; queue_log says {stay.waited.total_seconds():.0f} s"
        return Difference(Kinds.WAIT, visit, stay, Better.QUEUE_LOG, why)
    if abs(visit.wait - stay.waited) <= WAIT_APART:
        return None
    better = Better.LEDGER if visit.quality is Quality.LIVE else Better.QUEUE_LOG
    if visit.quality is Quality.APPROXIMATE:
        better = Better.NOBODY  # the clock that was stepped is queue_log's, too
    waits = f"{visit.wait.total_seconds():.1f} s, queue_log says {stay.waited.total_seconds():.0f} s"
    return Difference(Kinds.WAIT, visit, stay, better, f"{_how_heard(visit)}: {waits}")


def _gave_up_late(visit: LedgerVisit, stay: Stay) -> bool:
    """He had hung up already; the queue, or an agent to whom something was played, noticed it later."""
    unserved = stay.word is QueueResult.CONNECTED and visit.outcome is not Outcome.ANSWERED
    heard_sooner = visit.wait is not None and stay.waited is not None and visit.wait < stay.waited
    return heard_sooner and (unserved or bool(stay.announced_to))


def _agent(visit: LedgerVisit, stay: Stay) -> Difference | None:
    if visit.outcome is not Outcome.ANSWERED or not stay.agent or _plain(visit.agent) == _plain(stay.agent):
        return None
    rung = {_plain(name) for name in visit.rung}
    if visit.agent and _plain(visit.agent) not in rung and _plain(stay.agent) in rung:
        return None  # picked up: queue_log names him whose phone had rung
    if not visit.agent:
        return Difference(Kinds.AGENT, visit, stay, Better.QUEUE_LOG, "the ledger does not know which agent")
    better = Better.LEDGER if visit.quality in _HEARD else Better.QUEUE_LOG
    return Difference(Kinds.AGENT, visit, stay, better, f"{_how_heard(visit)}; queue_log names another agent")


def _how_heard(visit: LedgerVisit) -> str:
    return {
        Quality.LIVE: "heard as it happened",
        Quality.APPROXIMATE: "heard, but the PBX's clock was doubtful",
        Quality.PARTIAL: "not heard from beginning to end",
        Quality.RECONSTRUCTED: "not heard as it happened",
    }[visit.quality]


def _plain(name: str) -> str:
    """As a database can keep it."""
    return _UNSTORED.sub("\ufffd", name)
