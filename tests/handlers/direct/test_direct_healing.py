"""Direct visits that are known, but not all: what channel events complete, and what stays as it was heard."""

from dataclasses import replace

import pytest

from telephony.calls.record import Kind, Outcome, Party, Quality
from tests.support.calls import visit
from tests.support.direct import NAMED, PHONE, Stage, known, tells
from tests.support.story import START, TRUNK, seconds


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_lost_visit_gets_its_outcome_and_keeps_the_beginning_that_was_heard(stage: Stage) -> None:
    heard = seconds(120.02)
    lost = known(Outcome.LOST, joined=120.02, wait=1, quality=Quality.PARTIAL, agent=None, talk=None)
    stage.ledger.put(lost)
    stage.reads(*tells(), at=201)
    await stage.round(211)
    one, told = stage.only()
    assert (told.outcome, told.joined_at, told.left_at) == (Outcome.ABANDONED, START + heard, START + seconds(125))
    assert (told.wait, told.quality) == (seconds(4.98), Quality.RECONSTRUCTED)
    assert told.reason == "CEL said so: we had lost"
    assert (one.ended_at, one.hung_up_by) == (START + seconds(125), Party.CALLER)
    assert stage.ledger.adopted == [lost.id]
    assert stage.counted("ledger_healed_total", kind="outcome") == 1
    await stage.round(216)
    assert len(stage.ledger.written) == 2


async def test_of_an_answered_visit_wait_and_talk_are_completed(stage: Stage) -> None:
    partial = known(
        Outcome.ANSWERED, joined=121, wait=None, quality=Quality.PARTIAL, agent="Agent 1", talk=None, hung_up_by=None,
        reason="found in a bridge", caller_rings=None, answered_at=START + seconds(200),
    )  # fmt: skip
    stage.ledger.put(partial)
    stage.reads(*tells(says="ANSWER", talk=90), at=215)
    await stage.round(225)
    _, told = stage.only()
    assert (told.outcome, told.agent, told.wait, told.talk) == (Outcome.ANSWERED, "Agent 1", seconds(5), seconds(90))
    assert (told.joined_at, told.hung_up_by) == (START + seconds(120), Party.CALLER)
    assert told.reason == "found in a bridge; the rest by CEL"
    assert stage.counted("ledger_healed_total", kind="wait") == 1
    await stage.round(230)
    assert len(stage.ledger.written) == 2


async def test_who_was_found_talking_after_the_gap_is_completed_in_the_same_visit(stage: Stage) -> None:
    story = stage.story.at(200).line_restored()
    story.caller = "C"
    story.make("C", interface=TRUNK)
    story.make("C2", linked="C", interface=PHONE)
    both, data = ("C", "C2"), {"C": f"{PHONE},30"}
    story.listing(
        channels=both, bridges=dict.fromkeys(both, "b"), dials=data, answered=["C2"], lived={"C": 81, "C2": 80}
    )
    story.at(210).hangs_up().unbridged("C", bridge="b").gone().gone("C2").passes(211)
    stage.performer.perform(story.effects, stage.at(211))
    found = stage.only()[1]
    assert (found.outcome, found.quality, found.wait, found.talk) == (Outcome.ANSWERED, Quality.PARTIAL, None, None)

    stage.reads(*tells(says="ANSWER", talk=85), at=211)
    await stage.round(222)
    one, told = stage.only()
    assert (told.outcome, told.agent, told.wait, told.talk) == (Outcome.ANSWERED, NAMED, seconds(5), seconds(85))
    assert (told.answered_at, told.quality) == (START + seconds(125), Quality.RECONSTRUCTED)
    assert (told.reason, one.dialled) == ("found in a bridge with the agent; the rest by CEL", "")
    assert stage.counted("visits_entered_total", queue=NAMED, kind="direct") == 1
    assert stage.counted("ledger_mismatch_total", kind="missing") == 0
    await stage.round(240)
    assert stage.only()[1] == told


async def test_whose_first_phone_was_not_heard_has_one_visit_also_when_the_next_answered_at_once(stage: Stage) -> None:
    late = known(
        Outcome.ANSWERED, joined=125.9, wait=None, quality=Quality.PARTIAL, agent=NAMED, talk=None, hung_up_by=None,
        left_at=START + seconds(200), answered_at=START + seconds(200), caller_rings=None,
    )  # fmt: skip
    stage.ledger.put(late)
    stage.reads(*tells(says="ANSWER", talk=90), at=215)
    await stage.round(225)
    _, told = stage.only()
    assert (told.joined_at, told.wait, told.talk) == (START + seconds(120), seconds(5), seconds(90))


@pytest.mark.parametrize(("says", "quality"), [("CANCEL", Quality.LIVE), ("DONTCALL", Quality.PARTIAL)])
async def test_what_was_heard_or_what_cel_does_not_know_either_stays(stage: Stage, says: str, quality: Quality) -> None:
    stage.ledger.put(known(Outcome.TIMEOUT, quality=quality))
    stage.reads(*tells(says=says), at=201)
    await stage.round(211)
    assert len(stage.ledger.written) == 1


async def test_an_outcome_that_was_wrong_takes_with_it_what_belonged_to_it(stage: Stage) -> None:
    stage.ledger.put(known(Outcome.ANSWERED, quality=Quality.PARTIAL))
    stage.reads(*tells(), at=201)
    await stage.round(211)
    _, told = stage.only()
    assert (told.outcome, told.agent, told.talk, told.hung_up_by) == (Outcome.ABANDONED, None, None, None)


async def test_a_visit_goes_in_where_it_belongs_among_those_that_are_known(stage: Stage) -> None:
    before = known(Outcome.TIMEOUT, joined=90, quality=Quality.LIVE)
    queue = visit(Outcome.ABANDONED, uniqueid="C", joined_at=START + seconds(126), left_at=START + seconds(130))
    refused = visit(Outcome.REFUSED_FULL, uniqueid="C", left_at=START + seconds(89))
    stage.ledger.put(replace(before, visits=(refused, *before.visits, queue)))
    stage.reads(*tells(says="NOANSWER"), at=201)
    await stage.round(211)
    (one,) = stage.ledger.kept.values()
    assert [(told.ordinal, told.kind) for told in one.visits] == [
        (1, Kind.QUEUE), (2, Kind.DIRECT), (3, Kind.DIRECT), (4, Kind.QUEUE)
    ]  # fmt: skip
