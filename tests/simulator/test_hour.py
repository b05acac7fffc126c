"""An hour of calls: the simulator's own ledger against what the product makes of its wire."""

from collections import Counter
from datetime import timedelta
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.calls.record import Outcome, VisitRecord
from telephony.simulator import branch as places
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.ledger import Stay
from telephony.simulator.timeline import SECOND, Timeline
from telephony.simulator.traffic import Traffic, new_pbx
from tests.simulator.bench import START, Played, hear
from tests.simulator.following import follow
from tests.support.story import memory

MILLISECOND = timedelta(milliseconds=1)
PERIOD = 5 * SECOND


def work(seed: int, branch: Branch, seconds: float) -> Played:
    """So long a day, and until the last caller has gone."""
    timeline, rng = Timeline(START), Random(seed)
    pbx = new_pbx(timeline, "pbx1", branch, rng)
    traffic = Traffic(pbx, Dialplan(pbx, places.extensions(), places.keys()), branch, rng)
    traffic.staff()
    timeline.advance(START + SECOND)
    played, _ = hear(pbx)
    traffic.begin()
    timeline.advance(timeline.now + round(seconds * SECOND))
    traffic.end()
    while pbx.calls:
        timeline.advance(timeline.now + SECOND)
    timeline.advance(timeline.now + SECOND)
    return played


def rings(stay: Stay) -> int | None:
    if stay.outcome != "answered" or stay.alerted is None or stay.ended is None:
        return None
    return max(1, ceil((stay.ended - stay.alerted) / PERIOD))


def micro(length: timedelta | None) -> int:
    return 0 if length is None else length // timedelta(microseconds=1)


def agree(played: Played, *, hostile: bool = False) -> list[VisitRecord]:
    """Every stay of the ledger is exactly one visit, with the same outcome, wait, rings and offers.

    `hostile`: some callers' numbers break out of their lines, and only what holds one of these is put aside.
    """
    followed = follow(played, trunk=places.TRUNK)
    forged = [one for one in followed.quarantined if b"\r\nCallerIDNum: 1390000" in one.raw or b"pbx1-1.1" in one.raw]
    assert followed.quarantined == (forged if hostile else [])
    assert bool(forged) is hostile
    assert followed.irregular == []
    assert followed.tracker is not None
    assert memory(followed.tracker) == {}
    visits = followed.visits
    told = sorted(visits, key=lambda visit: (visit.uniqueid, visit.ordinal))
    known = sorted(played.pbx.stays, key=lambda stay: stay.uniqueid)  # stable: in their order of time
    assert Counter((visit.uniqueid, visit.outcome) for visit in told) == Counter(
        (stay.uniqueid, Outcome(stay.outcome)) for stay in known
    )
    for visit, stay in zip(told, known, strict=True):
        same(visit, stay)
    return visits


def same(visit: VisitRecord, stay: Stay) -> None:
    assert (visit.uniqueid, visit.kind, visit.outcome) == (stay.uniqueid, stay.kind, stay.outcome), stay
    assert visit.queue == stay.queue, stay
    assert stay.ended is not None
    waited = 0 if stay.joined is None else stay.ended - stay.joined
    assert visit.wait is not None
    assert abs(micro(visit.wait) - waited) <= 1000, (visit, stay)
    assert visit.caller_rings == rings(stay), (visit, stay)
    offers = sorted(visit.offers, key=lambda offer: offer.leg)
    calls = sorted(stay.rings, key=lambda ring: ring.leg)
    assert [(offer.leg, offer.interface, offer.result) for offer in offers] == [
        (ring.leg, ring.interface, ring.result) for ring in calls
    ], stay
    for offer, ring in zip(offers, calls, strict=True):
        alerted = 0 if ring.rang is None or ring.ended is None else ring.ended - ring.rang
        assert abs(micro(offer.alerting) - alerted) <= 1000, (offer, ring)


def test_whoever_breaks_out_of_his_number_is_measured_all_the_same_and_disturbs_nobody() -> None:
    visits = agree(work(5, Branch(hostile_number=0.1), 900), hostile=True)
    assert len(visits) > 180


def test_an_hour_of_calls_is_measured_as_it_happened() -> None:
    played = work(3, Branch(), 3600)
    visits = agree(played)
    assert len(visits) > 800
    outcomes = Counter(visit.outcome for visit in visits)
    assert outcomes[Outcome.ANSWERED] > 0.75 * len(visits)


@pytest.mark.parametrize(
    "wild",
    [
        Branch(
            gap=2.5,
            withdrawn=0.05,
            redirected=0.05,
            ended=0.05,
            keyed=0.1,
            slips=0.05,
            agent_ended=0.1,
            transfers=0.2,
            consults=0.2,
            changeover_every=120,
            late_completes=0.3,
            busy=0.1,
            rejects=0.1,
            absent=0.15,
            dead=0.05,
        )
    ],
)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_whatever_the_day_every_caller_appears_once_with_what_happened_to_him(wild: Branch, seed: int) -> None:
    agree(work(seed, wild, 300))
