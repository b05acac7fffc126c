"""The judge is worth something only if it sees what is wrong: each fault, made by hand in a right ledger, is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from telephony.calls.effects import Irregular
from telephony.calls.record import CallRecord, OfferResult, Outcome, Party, Quality, VisitRecord
from tests.simulation.checking import failure, kind_of, quietly, smallest
from tests.simulation.harness import Run, run
from tests.simulation.judging import judge
from tests.simulation.story import SECOND, Call, Fault, Phone, Stage, Story

MICROSECOND = timedelta(microseconds=1)
QUIET = Story(3, (Call(1, SECOND), Call(2, 20 * SECOND, stages=(Stage(interrupted="hangup", after=SECOND),))))


@pytest.fixture(autouse=True)
def quiet() -> None:
    quietly()


@pytest.fixture
def played() -> Run:
    return run(QUIET)


def kept(played: Run) -> list[CallRecord]:
    return sorted(played.disk.database.kept.values(), key=lambda call: call.arrived_at)


def forged(played: Run, place: int, change: Callable[[VisitRecord], VisitRecord]) -> list[str]:
    """What the judge says when the visit of the first or second call is changed so."""
    call = kept(played)[place]
    (visit,) = call.visits
    played.disk.database.kept[call.id] = replace(call, visits=(change(visit),))
    return judge(played)


def test_a_right_ledger_is_right(played: Run) -> None:
    assert [call.visits[0].outcome for call in kept(played)] == [Outcome.ANSWERED, Outcome.ABANDONED]
    assert judge(played) == []


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, lambda visit: replace(visit, outcome=Outcome.EXITED)),
        (0, lambda visit: replace(visit, outcome=Outcome.LOST)),
        (1, lambda visit: replace(visit, outcome=Outcome.ENDED_BY_PBX)),
        (0, lambda visit: replace(visit, agent="Agent 1003")),
        (0, lambda visit: replace(visit, wait=visit.wait + MICROSECOND)),
        (1, lambda visit: replace(visit, wait=visit.wait - MICROSECOND)),
        (0, lambda visit: replace(visit, caller_rings=2)),
        (0, lambda visit: replace(visit, quality=Quality.PARTIAL)),
        (0, lambda visit: replace(visit, talk=visit.talk + MICROSECOND)),
        (0, lambda visit: replace(visit, hold=MICROSECOND)),
        (0, lambda visit: replace(visit, hung_up_by=Party.AGENT)),
        (0, lambda visit: replace(visit, offers=visit.offers[1:])),
        (0, lambda visit: replace(visit, offers=(replace(visit.offers[0], rings=7), *visit.offers[1:]))),
        (0, lambda visit: replace(visit, offers=(replace(visit.offers[0], result=None), *visit.offers[1:]))),
        (
            0,
            lambda visit: replace(visit, offers=(replace(visit.offers[0], result=OfferResult.BUSY), *visit.offers[1:])),
        ),
        (0, lambda visit: replace(visit, queue="sales")),
        (1, lambda visit: replace(visit, left_at=visit.left_at + timedelta(seconds=3))),
        (0, lambda visit: replace(visit, joined_at=visit.joined_at + timedelta(seconds=3))),
    ],
)
def test_whatever_is_changed_of_a_visit_is_seen(
    played: Run, place: int, change: Callable[[VisitRecord], VisitRecord]
) -> None:
    assert forged(played, place, change)


def test_a_missing_call_and_a_call_that_never_was_are_seen(played: Run) -> None:
    first, second = kept(played)
    del played.disk.database.kept[first.id]
    played.disk.database.kept[UUID(int=1)] = replace(second, id=UUID(int=1), uniqueid="pbx1-1.1")
    assert [fault.split()[-1] for fault in judge(played)][:1] == ["missing"]
    assert any("never was" in fault for fault in judge(played))


def test_a_visit_told_twice_is_seen(played: Run) -> None:
    call = kept(played)[0]
    played.disk.database.kept[call.id] = replace(call, visits=call.visits * 2)
    assert any("never was" in fault for fault in judge(played))


def test_what_the_process_got_wrong_is_seen(played: Run) -> None:
    life = played.lives[-1]
    life.wrong.append("was revived")
    life.cases[kept(played)[0].id] += 1
    life.irregular.append(Irregular("illegal_step", "x"))
    played.residual.append((played.world.ended, {"support": 1}))
    assert len(judge(played)) == 4


def test_a_story_that_fails_is_told_small() -> None:
    calls = tuple(
        Call(number, number * SECOND, stages=(Stage(phones=(Phone("rings"),), pause=1),)) for number in range(6)
    )
    story = Story(1, calls, (), (Fault("away", SECOND, SECOND),))
    small = smallest(story, lambda one: any(call.number == 4 for call in one.calls))
    assert ([call.number for call in small.calls], small.faults) == ([4], ())
    assert small.calls[0].stages == (Stage(phones=(Phone("rings"),)),)
    assert failure(QUIET) == ""
    assert kind_of("call pbx1-1.1: is lost, not 7") == kind_of("call pbx1-2.2: is lost, not 9")
