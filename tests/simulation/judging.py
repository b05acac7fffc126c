"""Holds what the product says against what happened. Where an accident makes a thing unknowable, this says so, exactly.

Without any accident: every visit once, live, with its outcome, its agent, its wait and talk to the microsecond, its
rings; nothing `lost`, `exited` or `partial`; nothing irregular. The only exceptions are what no witness tells (no
queue_log is read, and the dialplan does not tell): then it is `exited`, never guessed.

With accidents a visit that was touched by one (`touched`) may be known less well: see `may_be`.
"""

from collections.abc import Iterator
from datetime import timedelta

from telephony.ami.translate import EPOCH
from telephony.calls.record import CallRecord, OfferRecord, Quality, VisitRecord
from tests.simulation.harness import Run
from tests.simulation.story import SECOND
from tests.simulation.truth import Call, Offer, Visit

CLOSE = 1_500_000
"""How far off a wait may be that was not heard to its end: queue_log and listings tell whole seconds."""
SETTLES = 6 * SECOND
"""Evidence may come so long after the wait ended."""
LISTED = 400_000
"""Until the first listing after a gap is complete, nobody is known: who is gone by then was not heard."""
DIAL_GAP = 2 * SECOND
"""Phones rung less than this apart ring for one wait."""
EXPECTED = frozenset({"link_lost"})
SAME_WORD = frozenset({"abandoned", "redirected", "ended_by_pbx"})
"""queue_log's ABANDON stands for all of these."""
GIVEN_UP = frozenset({"timeout", "busy", "unreachable"})
"""Which of these it was, the phones tell that were not heard."""


def judge(run: Run) -> list[str]:
    """Everything that is wrong, in words; empty when nothing is."""
    return list(Judge(run).faults())


class Judge:
    """One run."""

    def __init__(self, run: Run) -> None:
        self.run, self.story = run, run.world.story
        self.log = self.story.log
        self.calls = {call.uniqueid: call for call in run.disk.database.kept.values()}
        self.gaps = [(deaf.at, deaf.until + LISTED) for deaf in run.deaf[1:]]
        self.ends = [boot.over for boot in run.world.boots if boot.over is not None]
        self.clean = not [fault for fault in self.story.faults if fault.kind not in {"stall", "away"}]

    def faults(self) -> Iterator[str]:
        """All of them."""
        yield from self.of_the_process()
        known = set()
        for call in self.run.world.truth.calls:
            known.add(call.uniqueid)
            record = self.calls.get(call.uniqueid)
            if record is not None:
                yield from (f"call {call.uniqueid}: {fault}" for fault in self.of_call(call, record))
            elif not self.unheard_of(call):
                yield f"call {call.uniqueid} is missing"
        for uniqueid, record in self.calls.items():
            if record.visits and uniqueid not in known:
                yield f"call {uniqueid} never was: {[visit.outcome for visit in record.visits]}"

    def of_the_process(self) -> Iterator[str]:
        """What needs no truth."""
        run = self.run
        for number, life in enumerate(run.lives, 1):
            yield from (f"life {number}: {fault}" for fault in life.wrong)
            for what in {one.what: one for one in life.irregular if one.what not in EXPECTED}.values():
                if self.clean or what.what == "fact_failed":
                    yield f"irregular: {what.what} ({what.detail})"
            yield from (f"a case was opened {n} times: {case}" for case, n in life.cases.items() if n > 1)
            yield from (f"a call was ended {n} times: {call}" for call, n in life.ended.items() if n > 1)
        last = run.lives[-1]
        if run.disk.database.waiting:
            yield f"{len(run.disk.database.waiting)} states were never saved"
        if last.tracker.book.open:
            yield f"{len(last.tracker.book.open)} visits are open for ever"
        quiet = [(at, found) for at, found in run.residual if not self.near_a_gap(at)]
        if quiet:
            yield f"the residual was {quiet[0][1]} at {(quiet[0][0] - run.world.boots[0].pbx.began) / SECOND - 10:.3f}"
        if last.residual:
            yield f"the residual is {last.residual} in the end"

    def near_a_gap(self, at: int) -> bool:
        """Within the grace after we came to know again."""
        return any(begun <= at <= ended + 13 * SECOND for begun, ended in self.gaps)

    def unheard_of(self, call: Call) -> bool:
        """All of it was in one gap, and no log tells of it."""
        if self.log and any(visit.word for visit in call.visits if not visit.quiet):
            return False
        end = call.ended if call.ended is not None else self.end_of_boot(call)
        return any(begun <= call.born and end <= ended for begun, ended in self.gaps)

    def end_of_boot(self, call: Call) -> int:
        """When its PBX ended."""
        over = self.run.world.boots[call.boot].over
        return over if over is not None else self.run.world.ended

    def touched(self, since: int, until: int) -> bool:
        """Something was not heard between then and then."""
        return any(begun <= until and ended >= since for begun, ended in self.gaps)

    # --- one call ---

    def of_call(self, call: Call, record: CallRecord) -> Iterator[str]:
        """Its visits, one for one."""
        if record.case is None:
            yield "has no case"
        if record.ended_at is None:
            yield "never ended"
        pairs, missing, extra = matched(call.visits, list(record.visits))
        for visit in missing:
            if not self.may_be_missing(call, visit) and self.one_with(call, visit) is None:
                yield f"{name(visit)} is missing"
        for found in extra:
            yield f"has a visit that never was: {found.kind.value} {found.queue} {found.outcome} ({found.reason})"
        for visit, found in pairs:
            yield from (f"{name(visit)}: {fault}" for fault in self.of_visit(call, visit, found))
            yield from (f"{name(visit)}: {fault}" for fault in of_words(visit, found))
        yield from of_times(record)

    def may_be_missing(self, call: Call, visit: Visit) -> bool:
        """It began and ended while we heard nothing, and no log tells of it; or nobody tells of it at all."""
        if self.log and visit.kind == "queue" and visit.word and not visit.quiet:
            return False
        if visit.outcome.startswith("refused") and not visit.told and not self.log:
            return True
        left = visit.left if visit.left is not None else self.end_of_boot(call)
        if visit.kind == "direct" and visit.talks:
            left = visit.talks[-1][1]  # who still talks when we hear again is found
        return any(begun <= visit.joined and left <= ended for begun, ended in self.gaps)

    def one_with(self, call: Call, visit: Visit) -> Visit | None:
        """The direct visit of which it is a part for who did not hear for how long no phone rang between the two."""
        before = [one for one in call.visits if one.kind == visit.kind == "direct" and one.joined < visit.joined]
        ends = [(one, one.left) for one in before[-1:] if one.left is not None]
        unheard = (one for one, left in ends for b, e in self.gaps if b <= left and visit.joined <= e + DIAL_GAP)
        return next(unheard, None)

    def of_visit(self, call: Call, visit: Visit, found: VisitRecord) -> Iterator[str]:
        """One stay."""
        decided = visit.decided if visit.decided is not None else self.end_of_boot(call)
        doubtful = self.touched(call.born, decided + SETTLES)
        allowed = self.may_be(call, visit, doubtful=doubtful)
        outcome = found.outcome.value if found.outcome else "nothing"
        if outcome not in allowed:
            yield f"is {outcome} ({found.reason}), but was {visit.outcome}"
            return
        if outcome == "lost":
            yield from self.of_lost(call, visit, found)
            return
        if outcome == visit.outcome and not any(self.one_with(call, one) is visit for one in call.visits):
            yield from of_wait(visit, found, doubtful=doubtful)
        if outcome == "answered" == visit.outcome and found.agent != visit.agent and not (doubtful and not found.agent):
            yield f"was answered by {visit.agent}, not {found.agent}"
        if not doubtful and visit.outcome == outcome:
            ended = call.ended if call.ended is not None else self.end_of_boot(call)
            if not self.touched(call.born, ended) and call.ended is not None:
                yield from self.of_the_talk(visit, found)
            yield from self.of_what_was_heard(visit, found)

    def may_be(self, call: Call, visit: Visit, *, doubtful: bool) -> set[str]:
        """The outcomes that are right."""
        allowed = {visit.outcome}
        if not self.log and visit.kind == "queue":
            allowed |= without_log(visit)
        allowed |= of_the_moment(call, visit)
        for later in (one for one in call.visits if self.one_with(call, one) is visit):
            allowed |= self.may_be(call, later, doubtful=doubtful)
        if visit.outcome == "lost":
            return allowed | ({"abandoned", "ended_by_pbx"} if visit.word == "ABANDON" and doubtful else set())
        dies = call.ended is None and (visit.left or 0) + SETTLES >= self.end_of_boot(call)
        if doubtful or dies:
            if visit.word == "ABANDON":
                allowed |= SAME_WORD
            if visit.word == "CONNECT":
                allowed |= {"answered"}
            if visit.kind == "direct" or not visit.word or visit.quiet or dies:
                allowed |= {"lost", "exited"}
        if doubtful and visit.outcome in GIVEN_UP:
            allowed |= GIVEN_UP
        if dies and visit.outcome in SAME_WORD:
            allowed |= SAME_WORD
        return allowed

    def of_lost(self, call: Call, visit: Visit, found: VisitRecord) -> Iterator[str]:
        """Its wait is a lower bound."""
        end = visit.left if visit.left is not None else self.end_of_boot(call)
        if found.wait is not None and found.wait > micros(max(end, self.end_of_boot(call)) - visit.joined + CLOSE):
            yield f"is lost with a wait of {found.wait}, more than there was"

    def of_the_talk(self, visit: Visit, found: VisitRecord) -> Iterator[str]:
        """Heard from its first word to its last."""
        # Of a refusal only the dialplan's word has microseconds.
        if found.quality is not Quality.LIVE and not visit.outcome.startswith("refused"):
            yield f"is {found.quality.value} though all of it was heard"
        if visit.outcome == "answered":
            talked = sum(end - begin for begin, end in visit.talks)
            if found.talk != micros(talked):
                yield f"was a talk of {micros(talked)}, not {found.talk}"
            if found.hold != micros(visit.held):
                yield f"was held {micros(visit.held)}, not {found.hold}"
            if visit.talks and (found.hung_up_by.value if found.hung_up_by else None) != visit.hung_up_by:
                yield f"was ended by {visit.hung_up_by}, not {found.hung_up_by}"

    def of_what_was_heard(self, visit: Visit, found: VisitRecord) -> Iterator[str]:
        """Without a gap everything is exact."""
        if found.caller_rings != visit.caller_rings:
            yield f"rang {visit.caller_rings} times for the caller, not {found.caller_rings}"
        yield from of_offers(visit, found)


def micros(value: int) -> timedelta:
    """As the product counts."""
    return timedelta(microseconds=value)


def name(visit: Visit) -> str:
    """For people."""
    return f"{visit.kind} {visit.queue} at {visit.joined / SECOND % 10_000:.6f}"


def without_log(visit: Visit) -> set[str]:
    """What may be said when nobody reads queue_log."""
    if visit.word == "ABANDON" and visit.outcome != "abandoned":
        return {"exited"}
    if visit.word in {"EXITWITHTIMEOUT", "EXITEMPTY", "WITHDRAW", "SYSCOMPAT"} and not visit.told:
        return {"exited"}
    return set()


def of_the_moment(call: Call, visit: Visit) -> set[str]:
    """Who is redirected and gone within a second: that he was redirected shows only in that he lives."""
    if visit.outcome != "redirected" or call.ended is None or visit.left is None or visit.quiet:
        return set()
    return {"abandoned", "ended_by_pbx"} if call.ended - visit.left <= SECOND + 50_000 else set()


def matched(
    visits: list[Visit], records: list[VisitRecord]
) -> tuple[list[tuple[Visit, VisitRecord]], list[Visit], list[VisitRecord]]:
    """Which record tells of which visit: of the same kind and queue, the nearest first, at most 2.6 s apart."""
    apart = sorted(
        (far, place, number)
        for place, visit in enumerate(visits)
        for number, record in enumerate(records)
        if (far := distance(record, visit)) is not None
    )
    found: dict[int, int] = {}
    for _, place, number in apart:
        if place not in found and number not in found.values():
            found[place] = number
    pairs = [(visits[place], records[number]) for place, number in sorted(found.items())]
    missing = [visit for place, visit in enumerate(visits) if place not in found]
    return pairs, missing, [record for number, record in enumerate(records) if number not in found.values()]


def distance(found: VisitRecord, visit: Visit) -> timedelta | None:
    """How far apart they begin; None when the one cannot tell of the other."""
    # Who did not hear the first phone called names the visit after another one.
    names = {visit.queue} if found.quality is Quality.LIVE else {visit.queue, *(one.agent for one in visit.offers)}
    if found.kind.value != visit.kind or found.queue not in (names if visit.kind == "direct" else {visit.queue}):
        return None
    if found.joined_at is None:
        # Of two at once it is rather the one that the dialplan told.
        return micros(0 if visit.told else 1) if visit.outcome.startswith("refused") else None
    if visit.kind == "direct" and found.quality is not Quality.LIVE:
        # Whose first phones nobody heard, of him a later one is the first known; a listing tells whole seconds.
        late = found.joined_at - EPOCH - micros(visit.joined)
        return abs(late) if -micros(CLOSE) <= late <= max(micros(visit.wait), micros(CLOSE)) else None
    off = abs(found.joined_at - EPOCH - micros(visit.joined))
    return off if off <= timedelta(seconds=2.6) else None


def of_wait(visit: Visit, found: VisitRecord, *, doubtful: bool) -> Iterator[str]:
    """To the microsecond where it was heard."""
    if found.wait is None:
        if not (doubtful and visit.outcome == "answered"):
            yield "has no wait"
        return
    off = abs(found.wait - micros(visit.wait))
    if visit.kind == "direct" and doubtful and found.wait < micros(visit.wait):
        return
    exact = found.quality is Quality.LIVE
    if found.quality is Quality.RECONSTRUCTED and visit.worded is not None:
        # While something is played to the agent, the queue notices late that the caller is gone.
        off = min(off, abs(found.wait - micros(visit.worded - visit.joined)))
    if off > (timedelta() if exact else micros(CLOSE)):
        yield f"waited {micros(visit.wait)}, not {found.wait} ({found.quality.value})"


def of_times(record: CallRecord) -> Iterator[str]:
    """However it was found out: every visit lies within its call."""
    for found in record.visits:
        over = found.left_at and found.left_at + (found.talk or timedelta())
        times = [record.arrived_at, found.joined_at, found.left_at, over, record.ended_at]
        known = [at for at in times if at is not None]
        if known != sorted(known):
            yield f"visit {found.ordinal} is not within its call: {', '.join(map(str, known))} ({found.quality.value})"


def of_words(visit: Visit, found: VisitRecord) -> Iterator[str]:
    """However little was heard: what is said of a phone is right, and the one that was answered is known as such."""
    told = {offer.leg: offer.result for offer in found.offers}
    for offer in visit.offers if found.outcome is not None and found.outcome.value == visit.outcome else ():
        result = told.get(offer.leg)
        if offer.leg in told and (result is not None or offer.result == "answered" == visit.outcome):
            word = result.value if result else "nothing"
            if word not in may_be_told(offer):
                yield f"offer to {offer.agent}: is told as {word}, not {offer.result}"


def may_be_told(offer: Offer) -> set[str]:
    """Behind a Local channel the phone's own word is not heard."""
    return {offer.result} if offer.result != "busy" else {"busy", "no_answer", "unreachable"}


def of_offers(visit: Visit, found: VisitRecord) -> Iterator[str]:
    """Phone by phone."""
    told = {offer.leg: offer for offer in found.offers}
    if sorted(told) != sorted(offer.leg for offer in visit.offers):
        yield f"rang {len(visit.offers)} phones, not {len(told)}"
        return
    for offer in visit.offers:
        yield from (f"offer to {offer.agent}: {fault}" for fault in of_offer(offer, told[offer.leg]))


def of_offer(offer: Offer, found: OfferRecord) -> Iterator[str]:
    """One phone."""
    if found.agent != offer.agent:
        yield f"is said to be to {found.agent}"
    if found.rings != offer.rings:
        yield f"rang {offer.rings} times, not {found.rings}"
    if offer.rang is not None and offer.ended is not None and found.alerting != micros(offer.ended - offer.rang):
        yield f"rang for {micros(offer.ended - offer.rang)}, not {found.alerting}"
    result = found.result.value if found.result else "nothing"
    if result not in may_be_told(offer):
        yield f"ended as {result}, not {offer.result}"
